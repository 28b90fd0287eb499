"""The service cancelled the session: everybody who was booked is told once, with whom to call and other dates."""

from datetime import datetime

from webapp.domain import events
from webapp.models import Notification, Participation

from .base import GroupNotice


class Annulation(GroupNotice, event=events.Annulation):
    calendar = "CANCEL"

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        return None if participation.rdv.cancelled_at else "La séance n’est pas annulée."
