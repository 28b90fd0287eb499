"""The session is under its minimum of participants at the delay its motif says: its agents decide what to do."""

from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.models import Notification, Rdv
from webapp.queries.notifications import MOVED

from .base import GroupNotice


class Minimum(GroupNotice, event=events.Minimum):
    again = True
    tells_usagers = False

    def changement(self, event: Any) -> str:
        return str(event.starts_at_utc)

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        if rdv.cancelled_at:
            return "La séance est annulée."
        if notification.changement != rdv.starts_at.isoformat():
            return MOVED
        if rdv.maintenu_pour == rdv.starts_at:
            return "Un agent a décidé de maintenir la séance."
        if rdv.places_prises >= (rdv.motif.capacite_min or 0):
            return "La séance a maintenant assez d’inscrits."
        return None
