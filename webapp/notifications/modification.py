"""Date, time, place, room or video link changed: everybody booked, or waiting, is told what was and what is.

What was is what the reader was last told (`queries.notifications.Batch.known`); a change that a newer one follows, or
that the reader knows already, does not leave.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Notification, Participation, Rdv
from webapp.queries import attente
from webapp.queries import notifications as queries

from .base import SeanceNotice


class Modification(SeanceNotice, event=events.Modification):
    calendar = "REQUEST"

    def participations(self, event: Any) -> Any:
        return queries.active_participations(event.rdv_id)

    def waiting(self, event: Any) -> Any:
        rdv = db.session.get_one(Rdv, event.rdv_id)
        return attente.with_people(rdv) if rdv.places_attente else ()

    def rdv(self, event: Any, participations: Any) -> Rdv | None:
        return db.session.get(Rdv, event.rdv_id)

    def sujet(self, event: Any) -> tuple[str, int]:
        return "rdv", event.rdv_id

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        return [{**row, "avant": dict(event.avant)} for row in super().rows(event, now)]

    def starts(self, avant: Mapping[str, str] | None) -> list[datetime]:
        return [datetime.fromisoformat(avant["debut"])] if avant else []

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        return None if participation.statut is Statut.INSCRIT else "La personne n’est plus inscrite."

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        return "La séance est annulée." if rdv.cancelled_at else None
