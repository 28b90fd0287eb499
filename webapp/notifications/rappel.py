"""A reminder, some hours before the start, to each person who is booked and wants it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.participation import Statut
from webapp.domain.reminders import Skip, due, next_opening
from webapp.models import Notification, Participation, Rdv
from webapp.queries.notifications import MOVED

from .base import GroupNotice


def changement(delai: int, starts_at_utc: str) -> str:
    """A moved session is reminded again: the start is part of the key."""
    return f"{delai}h {starts_at_utc}"


class Rappel(GroupNotice, event=events.Rappel):
    again = True
    needs_notified_motif = True
    tells_agents = False

    def changement(self, event: Any) -> str:
        return changement(event.delai, event.starts_at_utc)

    def concerns(self, participation: Participation, rdv: Rdv) -> bool:
        return participation.rappeler and super().concerns(participation, rdv)

    def rows_of(self, events: Sequence[Any], now: datetime) -> list[dict[str, Any]]:
        # The promise is kept once per person, not once per session: late joiners have later reminders of their own.
        rows = super().rows_of(events, now)
        return [{**row, "sujet_type": "participation", "sujet_id": row["participation_ids"][0]} for row in rows]

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        if rdv.cancelled_at:
            return "La séance est annulée."
        if notification.changement.partition("h ")[2] != rdv.starts_at.isoformat():
            return MOVED
        return None

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        if participation.statut is not Statut.INSCRIT:
            return "La personne n’est plus inscrite."
        rdv, delay = participation.rdv, int(notification.changement.partition("h ")[0])
        state = due(rdv.starts_at, delay, participation.inscrit_le, now, rdv.organisation.timezone)
        return state.reason_fr if isinstance(state, Skip) else None

    def not_before(self, rdv: Rdv, now: datetime) -> datetime | None:
        opening = next_opening(now, rdv.organisation.timezone)
        return opening if opening > now else None
