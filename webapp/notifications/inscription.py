"""A participation became `inscrit`, online, by an agent or by coming back; or the person asked again (`deja`)."""

from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.participation import Statut
from webapp.models import Notification, Participation, Rdv

from .base import USAGER, SeanceNotice
from .people import Lecteur

DEJA = " deja "


class Inscription(SeanceNotice, event=events.Inscription):
    needs_notified_motif = True
    by_form = True
    calendar = "REQUEST"

    def changement(self, event: Any) -> str:
        again = f"{DEJA}{event.deja_le}" if event.deja_le else ""
        return f"v{event.version}{again}"[:80]

    def by_sms(self, reader: Lecteur, rdv: Rdv, now: datetime) -> bool:
        return rdv.organisation.confirms_by_sms(has_email=bool(reader.courriel), starts_at=rdv.starts_at, now=now)

    def destinations(self, event: Any, rdv: Rdv, participations: Any, now: datetime) -> Any:
        found = super().destinations(event, rdv, participations, now)
        # Asking again changes nothing for agents: the seat was taken already.
        return [d for d in found if d.type == USAGER] if event.deja_le else found

    def deja(self, notification: Notification) -> bool:
        return DEJA in notification.changement

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        if participation.statut is not Statut.INSCRIT:
            return "La personne n’est plus inscrite."
        if participation.inscrit_le > notification.cree_le:
            return "Remplacée par une inscription plus récente."
        return None
