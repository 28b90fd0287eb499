"""Date, time, place, room or video link changed: everybody booked, or waiting, is told what was and what is.

What was is what the reader was last told (`queries.notifications.Batch.known`); a change that a newer one follows, or
that the reader knows already, does not leave.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Notification, Participation, Rdv
from webapp.queries import attente
from webapp.queries import notifications as queries

from .base import GroupNotice


class Modification(GroupNotice, event=events.Modification):
    calendar = "REQUEST"

    def people(self, rdv_ids: Collection[int]) -> Mapping[int, Sequence[Participation]]:
        return queries.concerned(rdv_ids)

    def among(self, event: Any, people: Mapping[int, Sequence[Participation]]) -> Sequence[Participation]:
        return people.get(event.rdv_id, ())

    def waiting(self, event: Any) -> Any:
        rdv = db.session.get_one(Rdv, event.rdv_id)
        return attente.with_people(rdv) if rdv.places_attente else ()

    def rows_of(self, events: Sequence[Any], now: datetime) -> list[dict[str, Any]]:
        before = {event.rdv_id: dict(event.avant) for event in events}
        return [{**row, "avant": before[row["rdv_id"]]} for row in super().rows_of(events, now)]

    def starts(self, avant: Mapping[str, str] | None) -> list[datetime]:
        return [datetime.fromisoformat(avant["debut"])] if avant else []

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        return None if participation.statut is Statut.INSCRIT else "La personne n’est plus inscrite."

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        return "La séance est annulée." if rdv.cancelled_at else None
