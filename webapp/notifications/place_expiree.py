"""What was offered no longer is: nobody answered in time, or the seat is gone and they keep their rank."""

from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.reminders import next_opening
from webapp.domain.waitlist import EtatAttente
from webapp.models import FileAttente, Notification, Rdv

from .base import AttenteNotice
from .people import Lecteur


class PlaceExpiree(AttenteNotice, event=events.PlaceExpiree):
    def by_sms(self, reader: Lecteur, rdv: Rdv, now: datetime) -> bool:
        return not reader.courriel

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        return "La séance est annulée." if rdv.cancelled_at else None

    def stale_attente(self, entry: FileAttente, notification: Notification, now: datetime) -> str | None:
        over = entry.etat in (EtatAttente.EXPIREE, EtatAttente.EN_ATTENTE)
        if not over or notification.changement != f"v{entry.version}":
            return "La situation a changé depuis."
        return None

    def not_before(self, rdv: Rdv, now: datetime) -> datetime | None:
        opening = next_opening(now, rdv.organisation.timezone)
        return opening if opening > now else None

    def words_attente(self, entry: FileAttente, notification: Notification) -> dict[str, Any]:
        return {"attend": entry.attend, "places": entry.places}
