"""Somebody joined a waitlist, or asked again although they wait already (`deja`)."""

from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.waitlist import EtatAttente
from webapp.models import FileAttente, Notification, Rdv
from webapp.queries import attente as queries

from .base import NO_LONGER_WAITS, AttenteNotice
from .people import Lecteur

DEJA = " deja "


class Attente(AttenteNotice, event=events.Attente):
    def changement_of(self, entry: FileAttente, event: Any) -> str:
        return f"v{entry.version}{DEJA}{event.deja_le}" if event.deja_le else f"v{entry.version}"

    def by_sms(self, reader: Lecteur, rdv: Rdv, now: datetime) -> bool:
        return not reader.courriel

    def deja(self, notification: Notification) -> bool:
        return DEJA in notification.changement

    def stale_attente(self, entry: FileAttente, notification: Notification, now: datetime) -> str | None:
        if entry.etat is EtatAttente.PROPOSEE:
            return "Une place est déjà proposée."
        if entry.etat is not EtatAttente.EN_ATTENTE:
            return NO_LONGER_WAITS
        return "Remplacée par une demande plus récente." if entry.inscrit_le > notification.cree_le else None

    def words_attente(self, entry: FileAttente, notification: Notification) -> dict[str, Any]:
        return {"avant": queries.people_before(entry), "places": entry.places}
