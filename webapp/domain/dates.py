"""French words for moments, days and durations, as people read them in one organisation's time zone.

Names of days and months come from Babel (CLDR). Screens and e-mails write "14 h" with a non-breaking space; texts write
"14h", in GSM 03.38 characters only (`docs/notifications.md`, SMS). Reading what people type is the forms' work.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

FRENCH = Locale("fr")
NBSP = "\u00a0"

Zone = str | tzinfo
"""An IANA name ("Europe/Paris") or a zone already looked up."""


def zone(tz: Zone) -> tzinfo:
    """The zone of this IANA name."""
    return ZoneInfo(tz) if isinstance(tz, str) else tz


def local(dt: datetime, tz: Zone | None = None) -> datetime:
    """The same moment on the wall clock of `tz` (or of its own zone); a naive datetime is refused."""
    if dt.tzinfo is None:
        raise ValueError("naive datetime: a moment needs its time zone")
    return dt if tz is None else dt.astimezone(zone(tz))


def _day(moment: date, tz: Zone | None) -> date:
    return local(moment, tz).date() if isinstance(moment, datetime) else moment


@lru_cache(2048)
def _words(day: date, pattern: str) -> str:
    """The day in a CLDR pattern, where `D` stands for the day of the month as French says it (1er, 2, 3…)."""
    number = "1er" if day.day == 1 else str(day.day)
    return " ".join(number if part == "D" else format_date(day, part, locale=FRENCH) for part in pattern.split())


def long_date(moment: date, tz: Zone | None = None) -> str:
    """mardi 3 mars 2026, the day and its month on one line (non-breaking space)."""
    day = _day(moment, tz)
    return f"{_words(day, 'EEEE D')}{NBSP}{_words(day, 'MMMM y')}"


def full_date(moment: date, tz: Zone | None = None) -> str:
    """3 mars 2026."""
    return _words(_day(moment, tz), "D MMMM y")


def weekday_date(moment: date, tz: Zone | None = None) -> str:
    """mardi 3 mars: where the year goes without saying."""
    return _words(_day(moment, tz), "EEEE D MMMM")


def day_month(moment: date, tz: Zone | None = None) -> str:
    """3 mars."""
    return _words(_day(moment, tz), "D MMMM")


def month_year(moment: date, tz: Zone | None = None) -> str:
    """mars 2027."""
    return _words(_day(moment, tz), "MMMM y")


def hour(moment: datetime | time, tz: Zone | None = None) -> str:
    """14 h, 9 h 30 (non-breaking spaces): a wall-clock time as it is, a moment in `tz`."""
    wall = local(moment, tz).time() if isinstance(moment, datetime) else moment
    return f"{wall.hour}{NBSP}h" + (f"{NBSP}{wall.minute:02d}" if wall.minute else "")


def long_moment(dt: datetime, tz: Zone | None = None) -> str:
    """mardi 3 mars 2026 à 14 h."""
    return f"{long_date(dt, tz)} à {hour(dt, tz)}"


def span(start: datetime, end: datetime, tz: Zone | None = None) -> str:
    """14 h à 16 h; past midnight the day of the end is said: 22 h à 1 h (mercredi 4 mars)."""
    first, last = local(start, tz), local(end, tz)
    if last.date() == first.date():
        return f"{hour(first)} à {hour(last)}"
    if last.time() == time() and last.date() - first.date() == timedelta(days=1):
        return f"{hour(first)} à minuit"
    return f"{hour(first)} à {hour(last)} ({weekday_date(last)})"


def duration(minutes: int) -> str:
    """45 minutes, 1 heure, 2 heures, 1 h 30."""
    if minutes < 0:
        raise ValueError("a duration is never negative")
    hours, rest = divmod(minutes, 60)
    if hours and rest:
        return f"{hours}{NBSP}h{NBSP}{rest:02d}"
    number, noun = (hours, "heure") if hours else (rest, "minute")
    return f"{number}{NBSP}{noun}" + ("s" if number > 1 else "")


def sms_moment(dt: datetime, tz: Zone | None = None) -> str:
    """mar. 3 mars à 14h, sam. 1er aout à 9h30: short, and GSM 03.38 only (û is not there, é and à are)."""
    moment = local(dt, tz)
    day = _words(moment.date(), "EEE D MMM").replace("û", "u")
    return f"{day} à {moment.hour}h" + (f"{moment.minute:02d}" if moment.minute else "")


def relative_day(dt: datetime, now: datetime, tz: Zone) -> str | None:
    """aujourd’hui or demain on the calendar of `tz`; None for any other day."""
    distance = local(dt, tz).date() - local(now, tz).date()
    return {0: "aujourd’hui", 1: "demain"}.get(distance.days)


def end_of_week(now: datetime, tz: Zone) -> datetime:
    """The first moment of next Monday on the wall clock of `tz`."""
    today = local(now, tz).date()
    return _midnight(today + timedelta(days=7 - today.weekday()), tz)


def end_of_month(now: datetime, tz: Zone) -> datetime:
    """The first moment of next month on the wall clock of `tz`."""
    return _midnight((local(now, tz).date().replace(day=1) + timedelta(days=31)).replace(day=1), tz)


def _midnight(day: date, tz: Zone) -> datetime:
    return datetime.combine(day, time(), zone(tz)).astimezone(UTC)
