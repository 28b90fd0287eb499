"""The service cancelled the session: everybody who was booked is told once, with whom to call and other dates."""

from datetime import datetime

from webapp.domain import events
from webapp.models import Notification, Rdv

from .base import GroupNotice


class Annulation(GroupNotice, event=events.Annulation):
    calendar = "CANCEL"

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        return None if rdv.cancelled_at else "La séance n’est pas annulée."
