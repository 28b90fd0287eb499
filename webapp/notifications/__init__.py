"""Who is told what (`docs/notifications.md`). Importing this package registers every kind of message."""

from . import (
    acces,
    annulation,
    budget_sms,
    contact_modifie,
    desistement,
    inscription,
    invitation_agent,
    message,
    messages_bloques,
    minimum,
    modification,
    mot_de_passe,
    prescription,
    rappel,
    recapitulatif,
    retrait,
)

__all__ = [
    "acces",
    "annulation",
    "budget_sms",
    "contact_modifie",
    "desistement",
    "inscription",
    "invitation_agent",
    "message",
    "messages_bloques",
    "minimum",
    "modification",
    "mot_de_passe",
    "prescription",
    "rappel",
    "recapitulatif",
    "retrait",
]
