"""Who is told what (`docs/notifications.md`). Importing this package registers every kind of message."""

from . import (
    acces,
    annulation,
    budget_sms,
    desistement,
    inscription,
    invitation,
    invitation_agent,
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
    "acces",
    "annulation",
    "budget_sms",
    "desistement",
    "inscription",
    "invitation",
    "invitation_agent",
    "message",
    "messages_bloques",
    "minimum",
    "modification",
    "mot_de_passe",
    "rappel",
    "recapitulatif",
    "retrait",
]
