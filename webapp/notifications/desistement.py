"""The person can't come: they said so themselves, or an agent who was phoned did."""

from datetime import datetime

from webapp.domain import events
from webapp.domain.participation import Statut
from webapp.models import Notification, Participation, Rdv

from .base import NEWER, SeanceNotice
from .people import Lecteur


class Desistement(SeanceNotice, event=events.Desistement):
    # A motif that tells nobody about their booking does not tell them about their own giving up either.
    needs_notified_motif = True
    by_form = True
    calendar = "CANCEL"

    def by_sms(self, reader: Lecteur, rdv: Rdv, now: datetime) -> bool:
        return not reader.courriel

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        if participation.statut is not Statut.EXCUSE:
            return "La personne n’est plus excusée."
        return NEWER if participation.statut_le > notification.cree_le else None
