"""Messages in words, as agents and admins read them: which, by what, what became of them, without anybody's contact."""

import re
from collections.abc import Iterable

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.contacts import mask_email
from webapp.domain.dates import local
from webapp.models import Canal, EtatNotification, Organisation
from webapp.queries.messages import texts_sent
from webapp.queries.suivi import Depart

MESSAGES = {
    "inscription": "Confirmation",
    "desistement": "Désistement",
    "retrait": "Place retirée",
    "annulation": "Annulation",
    "rappel": "Rappel",
    "modification": "Changement",
    "deplacement": "Changement de séance",
    "attente": "Liste d’attente",
    "proposition": "Place proposée",
    "place_expiree": "Place qui n’est plus proposée",
    "message": "Message d’un agent",
    "invitation": "Invitation à choisir une date",
    "minimum": "Alerte : peu d’inscrits",
    "recapitulatif": "Récapitulatif du matin",
    "messages_bloques": "Alerte : messages bloqués",
    "budget_sms": "Alerte : budget de SMS atteint",
    "acces": "Code d’accès",
    "prescription": "Réponse à un professionnel",
    "contact_modifie": "Coordonnées changées",
    "mot_de_passe": "Mot de passe oublié",
    "compte_modifie": "Sécurité du compte d’un agent",
    "invitation_agent": "Invitation d’un agent",
    "export_pret": "Fichier prêt",
    "webhook_suspendu": "Alerte : webhook suspendu",
}
CANAUX = {Canal.SMS: "SMS", Canal.COURRIEL: "courriel"}
ETATS = {
    EtatNotification.A_ENVOYER: ("en attente", "info"),
    EtatNotification.EN_COURS: ("en cours d’envoi", "info"),
    EtatNotification.ENVOYEE: ("envoyé", "ok"),
    EtatNotification.ECHEC: ("en échec", "bad"),
    EtatNotification.IGNOREE: ("pas envoyé", "flat"),
}
"""State → its word, and the tone of its tag."""

_EMAIL = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_NUMBER = re.compile(r"(?<![\w.-])(?:\+|00?)\d(?:[ .-]?\d){7,}")


def message_name(event: str) -> str:
    """What kind of message it is; the event's own word for one this version does not know."""
    return MESSAGES.get(event, event.replace("_", " ").capitalize())


def to_many(departs: Iterable[Depart]) -> list[tuple[str, Depart]]:
    """(what in words, how far) of the messages to more than one person."""
    return [(message_name(depart.event), depart) for depart in departs if depart.total > 1]


def texts_left(organisation: Organisation) -> int:
    """How many texts it can still send today."""
    day = local(utcnow(), organisation.timezone).date()
    return max(0, organisation.budget_sms_jour - texts_sent(organisation.id, day))


def masked(address: str) -> str:
    """A number or an address as somebody recognises their own, no more; nothing for nothing."""
    if not address:
        return ""
    return phones.masked(address) if address.startswith("+") else mask_email(address)


def without_contacts(reason: str) -> str:
    """A provider's reason, without the addresses and numbers it may repeat."""
    return _NUMBER.sub("••••", _EMAIL.sub(lambda found: mask_email(found[0]), reason))
