"""Who is told what (`docs/notifications.md`). Importing this package registers every kind of message."""

from . import (
    annulation,
    budget_sms,
    desistement,
    inscription,
    message,
    messages_bloques,
    minimum,
    modification,
    mot_de_passe,
    rappel,
    recapitulatif,
    retrait,
)

__all__ = [
    "annulation",
    "budget_sms",
    "desistement",
    "inscription",
    "message",
    "messages_bloques",
    "minimum",
    "modification",
    "mot_de_passe",
    "rappel",
    "recapitulatif",
    "retrait",
]
