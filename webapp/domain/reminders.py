"""When a reminder leaves (`docs/notifications.md`: the row `rappel`, and clock-sent messages).

A delay is elapsed hours before the start. Messages sent by the clock leave from 8:00 to 20:00 on the organisation's
clocks; a reminder due at night leaves at 19:00 before. Nothing here reads a clock: "what is due at `now`?".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from webapp.domain.dates import Zone, local
from webapp.domain.recurrence import to_utc

OPENS, CLOSES, EVENING = time(8), time(20), time(19)
LAST_MINUTE = timedelta(hours=2)
"""Closer to the start than this, a reminder is no help."""


@dataclass(frozen=True)
class Due:
    """Send it now."""


@dataclass(frozen=True)
class NotYet:
    """Look again at `at` (UTC)."""

    at: datetime


@dataclass(frozen=True)
class Skip:
    """It will never leave, and agents read why."""

    reason_fr: str


def may_leave(now: datetime, tz: Zone) -> bool:
    """Whether the clock may send at this moment: from 8:00 to 20:00 in `tz`."""
    return OPENS <= local(now, tz).time() < CLOSES


def next_opening(now: datetime, tz: Zone) -> datetime:
    """`now` itself by day; at night the next 8:00 in `tz` (UTC)."""
    wall = local(now, tz)
    if may_leave(now, tz):
        return now.astimezone(UTC)
    return to_utc(wall.date() + timedelta(days=wall.time() >= CLOSES), OPENS, tz)


def send_at(starts_at: datetime, delay_hours: int, tz: Zone) -> datetime:
    """The moment (UTC) the reminder is meant to leave: `delay_hours` before, or 19:00 before that night."""
    moment = starts_at.astimezone(UTC) - timedelta(hours=delay_hours)
    if may_leave(moment, tz):
        return moment
    wall = local(moment, tz)
    return to_utc(wall.date() - timedelta(days=wall.time() < OPENS), EVENING, tz)


def due(starts_at: datetime, delay_hours: int, inscrit_le: datetime, now: datetime, tz: Zone) -> Due | NotYet | Skip:
    """What to do at `now` about one reminder of one participation.

    Late joiners get the later reminders only; after an outage what is still useful is caught up, by day.
    """
    delay = timedelta(hours=delay_hours)
    if inscrit_le > starts_at - delay:
        return Skip("Inscription après l’heure prévue de ce rappel.")
    leaves = next_opening(max(now, send_at(starts_at, delay_hours, tz)), tz)
    if leaves >= starts_at - delay / 2:
        return Skip("La moitié du délai de ce rappel est passée.")
    if starts_at - leaves < LAST_MINUTE:
        return Skip("Le rendez-vous commence dans moins de deux heures.")
    return Due() if leaves <= now else NotYet(leaves)
