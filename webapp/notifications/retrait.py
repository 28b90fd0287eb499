"""The service removed one person: the words say their place, never the workshop, never "à votre demande"."""

from datetime import datetime

from webapp.domain import events
from webapp.domain.participation import Statut
from webapp.models import Notification, Participation

from .base import NEWER, SeanceNotice


class Retrait(SeanceNotice, event=events.Retrait):
    calendar = "CANCEL"

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        if participation.statut is not Statut.ANNULE:
            return "La personne a retrouvé sa place."
        return NEWER if participation.statut_le > notification.cree_le else None
