"""What agents are told by the clock: a session under its minimum, the day to come, messages that do not leave.

Pure rules over a moment: "is it due at `now`?". The outbox's unique keys make each of them leave once.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from .dates import Zone, local
from .feries import ferie

STUCK_AFTER = timedelta(minutes=10)
MINIMUM_CAUGHT_UP = timedelta(hours=12)
DIGEST_FROM, DIGEST_UNTIL = time(7), time(12)
"""The digest of a morning is of no use in the afternoon: an outage is caught up until noon."""


def stuck(oldest_due: datetime | None, now: datetime) -> bool:
    """Whether a message that should have left at `oldest_due` waits for too long."""
    return oldest_due is not None and now - oldest_due > STUCK_AFTER


def under_minimum(
    *, prises: int, minimum: int | None, heures: int, starts_at: datetime, cree_le: datetime, now: datetime
) -> bool:
    """Whether agents are to be told now that too few people are booked, `heures` (elapsed) before the start.

    Not about a session made later than that: whoever opens tomorrow's session knows that it is empty. Nor long after
    that delay, when somebody gives up at the last moment.
    """
    alert_at = starts_at - timedelta(hours=heures)
    until = min(starts_at, alert_at + MINIMUM_CAUGHT_UP)
    return minimum is not None and prises < minimum and cree_le <= alert_at <= now < until


def to_decide(*, minimum: int | None, prises: int, heures: int, starts_at: datetime, now: datetime) -> bool:
    """Whether a session is to be kept or cancelled: too few people are booked, and its motif's delay has come."""
    return minimum is not None and prises < minimum and starts_at - timedelta(hours=heures) <= now < starts_at


def digest_due(now: datetime, tz: Zone) -> date | None:
    """The local day whose digest may leave now: a working morning from 7:00 to noon; None at any other time."""
    wall = local(now, tz)
    if not DIGEST_FROM <= wall.time() < DIGEST_UNTIL or not working_day(wall.date(), tz):
        return None
    return wall.date()


def working_day(day: date, tz: Zone) -> bool:
    """Monday to Friday, but for the public holidays of that part of France."""
    return day.weekday() < 5 and ferie(day, tz) is None
