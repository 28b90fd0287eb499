"""When a plage d'ouverture comes back, and the moments its wall-clock times stand for (`docs/domain.md` rule 4).

The rules are a subset of RFC 5545's RRULE, expanded by dateutil on local dates; a count includes the excluded dates
(EXDATE). This is the one place where wall-clock times become moments (`docs/house.md`, law 5).
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

from babel.dates import get_day_names
from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrulestr

from webapp.domain.dates import NBSP, Zone, full_date, local, zone
from webapp.domain.intervals import Interval, overlaps

MAX_INTERVAL = 52
MAX_COUNT = 500
MAX_YEARS = 5
HORIZON_MONTHS = (6, 24)
FAR = date(2200, 1, 1)
"""Later than any date a form accepts: a rule that counts its days is read whole."""
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_RRULE = re.compile(
    r"(?:RRULE:)?FREQ=(?P<freq>WEEKLY|MONTHLY)(?:;INTERVAL=(?P<interval>\d{1,4}))?"
    r";(?:BYMONTHDAY=(?P<month_day>\d{1,2})|BYDAY=(?P<days>(?:-?\d)?[A-Z]{2}(?:,[A-Z]{2})*))"
    r"(?:;UNTIL=(?P<until>\d{8})|;COUNT=(?P<count>\d{1,4}))?"
)


class RecurrenceError(ValueError):
    """A rule nobody can follow; `message_fr` says what to mend, `field` names the field it belongs to."""

    def __init__(self, message_fr: str, field: str = "") -> None:
        super().__init__(message_fr)
        self.message_fr = message_fr
        self.field = field


class Frequency(Enum):
    """How a plage comes back."""

    NONE = "none"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True)
class Recurrence:
    """None; every n weeks on days; every n months on the nth weekday or on a day of the month. Weekdays: Monday = 0.

    Built only if it makes sense by itself; `check` holds it against the first day.
    """

    frequency: Frequency = Frequency.NONE
    interval: int = 1
    weekdays: tuple[int, ...] = ()
    nth: int | None = None
    """With one weekday of a month: 1 to 4, or -1 for the last one."""
    month_day: int | None = None
    """1 to 31; a month without that day is skipped (RFC 5545)."""
    until: date | None = None
    """The last possible day, included."""
    count: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "weekdays", tuple(sorted(set(self.weekdays))))
        if self.frequency is Frequency.NONE:
            others = (self.interval - 1, self.weekdays, self.nth, self.month_day, self.until, self.count)
            if any(others):
                raise RecurrenceError("Une date unique n’a ni jours, ni fin de répétition.", "frequency")
            return
        if not 1 <= self.interval <= MAX_INTERVAL:
            raise RecurrenceError(f"L’intervalle va de 1 à {MAX_INTERVAL}.", "interval")
        if self.frequency is Frequency.WEEKLY:
            self._check_weekly()
        else:
            self._check_monthly()
        if self.until is not None and self.count is not None:
            raise RecurrenceError("Choisissez une date de fin ou un nombre de fois, pas les deux.", "until")
        if self.count is not None and not 1 <= self.count <= MAX_COUNT:
            raise RecurrenceError(f"Le nombre de fois va de 1 à {MAX_COUNT}.", "count")

    def _check_weekly(self) -> None:
        if not self.weekdays:
            raise RecurrenceError("Choisissez au moins un jour de la semaine.", "weekdays")
        if not set(self.weekdays) <= set(range(7)) or self.nth is not None or self.month_day is not None:
            raise RecurrenceError("Ces jours de la semaine ne vont pas ensemble.", "weekdays")

    def _check_monthly(self) -> None:
        if (self.month_day is None) == (self.nth is None):
            raise RecurrenceError("Choisissez un jour du mois, ou par exemple « le 2e mardi ».", "month_day")
        if self.nth is not None and (self.nth not in (1, 2, 3, 4, -1) or len(self.weekdays) != 1):
            raise RecurrenceError("Choisissez un jour de la semaine, du premier au quatrième ou le dernier.", "nth")
        if not set(self.weekdays) <= set(range(7)) or (self.month_day is not None and self.weekdays):
            raise RecurrenceError("Ces jours ne vont pas ensemble.", "weekdays")
        if self.month_day is not None and not 1 <= self.month_day <= 31:
            raise RecurrenceError("Le jour du mois va de 1 à 31.", "month_day")

    def check(self, first_day: date) -> None:
        """Raise RecurrenceError when the end does not fit the first day."""
        if self.until is None:
            return
        if self.until < first_day:
            raise RecurrenceError("La date de fin est avant le premier jour.", "until")
        if self.until > first_day + relativedelta(years=MAX_YEARS):
            raise RecurrenceError(f"La date de fin est à plus de {MAX_YEARS} ans du premier jour.", "until")

    def to_rrule(self) -> str:
        """The RFC 5545 text, "" for a single date: FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;UNTIL=20270630."""
        if self.frequency is Frequency.NONE:
            return ""
        days = ",".join(_DAYS[day] for day in self.weekdays)
        parts = [f"FREQ={self.frequency.name}", f"INTERVAL={self.interval}"]
        parts.append(f"BYMONTHDAY={self.month_day}" if self.month_day else f"BYDAY={self.nth or ''}{days}")
        if self.until is not None:
            parts.append(f"UNTIL={self.until:%Y%m%d}")
        if self.count is not None:
            parts.append(f"COUNT={self.count}")
        return ";".join(parts)

    @classmethod
    def from_rrule(cls, text: str | None) -> Recurrence:
        """The rule of a text that `to_rrule` wrote; RecurrenceError for any other."""
        if not text:
            return cls()
        read = _RRULE.fullmatch(text)
        try:
            if read is None:
                raise ValueError(text)
            days = (read["days"] or "").lstrip("-0123456789")
            nth = (read["days"] or "").removesuffix(days)
            return cls(
                Frequency[read["freq"]],
                interval=int(read["interval"] or 1),
                weekdays=tuple(_DAYS.index(day) for day in days.split(",") if day),
                nth=int(nth) if nth else None,
                month_day=int(read["month_day"]) if read["month_day"] else None,
                until=datetime.strptime(read["until"], "%Y%m%d").date() if read["until"] else None,
                count=int(read["count"]) if read["count"] else None,
            )
        except RecurrenceError:
            raise
        except ValueError as error:
            raise RecurrenceError("Cette répétition n’est pas prise en charge.", "frequency") from error

    def in_words(self) -> str:
        """toutes les 2 semaines, le mardi et le jeudi, jusqu’au 30 juin 2027."""
        if self.frequency is Frequency.NONE:
            return "une seule fois"
        every = f"tous les {self.interval} mois" if self.interval > 1 else "tous les mois"
        if self.frequency is Frequency.WEEKLY:
            words = self._weeks_in_words()
        elif self.nth is None:
            words = f"{every}, le {'1er' if self.month_day == 1 else self.month_day}"
            words += " (sauf les mois plus courts)" if (self.month_day or 0) > 28 else ""
        else:
            rank = {1: "1er ", -1: "dernier "}.get(self.nth, f"{self.nth}e ")
            day = f"le {rank}{_day_name(self.weekdays[0])}"
            words = f"{every}, {day}" if self.interval > 1 else f"{day} du mois"
        return words + self._end_in_words()

    def _weeks_in_words(self) -> str:
        every = f"toutes les {self.interval} semaines" if self.interval > 1 else "toutes les semaines"
        if len(self.weekdays) == 7:
            return f"{every}, tous les jours" if self.interval > 1 else "tous les jours"
        if self.weekdays == (0, 1, 2, 3, 4):
            return f"{every}, du lundi au vendredi"
        *most, last = (f"le {_day_name(day)}" for day in self.weekdays)
        return f"{every}, " + (f"{', '.join(most)} et {last}" if most else last)

    def _end_in_words(self) -> str:
        if self.until is not None:
            return f", jusqu’au {full_date(self.until)}"
        return f", {self.count}{NBSP}fois" if self.count else ""


def _day_name(weekday: int) -> str:
    return str(get_day_names("wide", locale="fr")[weekday])


def occurrences(first_day: date, recurrence: Recurrence, excluded: Set[date], start: date, end: date) -> list[date]:
    """The local dates from `start` to `end`, both included, on which the plage is held, in order.

    A first day off the rule is no occurrence (dateutil); a single date always is. The list is finite: `end` is asked.
    """
    if recurrence.frequency is Frequency.NONE:
        days = [first_day] if start <= first_day <= end else []
    else:
        midnight = datetime.combine(first_day, time())
        rule = rrulestr(recurrence.to_rrule(), dtstart=midnight)
        found = rule.between(datetime.combine(start, time()), datetime.combine(end, time()), inc=True)
        days = [moment.date() for moment in found]
    return [day for day in days if day not in excluded]


def ended_before(first_day: date, recurrence: Recurrence, day: date) -> tuple[Recurrence, frozenset[date]]:
    """The rule that is over before `day`, and the dates it then has to skip: a rule has at least its first day."""
    skipped = frozenset({first_day} if first_day >= day else ())
    if recurrence.frequency is Frequency.NONE:
        return recurrence, skipped
    last = day - timedelta(days=1)
    if recurrence.until is not None and recurrence.until <= last:
        return recurrence, frozenset()
    if recurrence.count is not None and not occurrences(first_day, recurrence, frozenset(), day, FAR):
        return recurrence, frozenset()
    return replace(recurrence, until=max(last, first_day), count=None), skipped


def going_on(first_day: date, recurrence: Recurrence, day: date) -> tuple[date, Recurrence]:
    """The first day and the rule of what follows from `day` on, in the same rhythm; a single date when nothing does."""
    later = occurrences(first_day, recurrence, frozenset(), day, day + relativedelta(years=2))
    if not later or recurrence.frequency is Frequency.NONE:
        return (later[0] if later else day), Recurrence()
    if recurrence.count is None:
        return later[0], recurrence
    held = len(occurrences(first_day, recurrence, frozenset(), first_day, day - timedelta(days=1)))
    return later[0], replace(recurrence, count=recurrence.count - held)


def to_utc(day: date, wall_time: time, tz: Zone) -> datetime:
    """The moment when clocks in `tz` show this time: skipped by DST, as much later (2:30 is 3:30); twice, the first."""
    if wall_time.tzinfo is not None:
        raise ValueError("a wall-clock time has no zone of its own")
    return datetime.combine(day, wall_time.replace(fold=0), tzinfo=zone(tz)).astimezone(UTC)


def interval_utc(day: date, start: time, end: time, tz: Zone) -> tuple[datetime, datetime]:
    """The moments of a session; one that starts in a skipped hour moves whole. Plages do not cross midnight."""
    if end <= start:
        raise RecurrenceError("L’heure de fin doit être après l’heure de début.", "end_time")
    opens, closes = to_utc(day, start, tz), to_utc(day, end, tz)
    if opens.astimezone(zone(tz)).time() != start:
        closes = opens + (datetime.combine(day, end) - datetime.combine(day, start))
    return opens, closes


def absences_utc(
    first_day: date,
    last_day: date,
    hours: tuple[time, time] | None,
    recurrence: Recurrence,
    window: Interval,
    tz: Zone,
) -> list[Interval]:
    """The moments of an absence that touch the window, in order: whole days from the first to the last, or from an hour
    of the first to one of the last; each time it comes back it lasts as many days."""
    length = last_day - first_day
    begins = local(window.start, tz).date() - length - timedelta(days=1)
    found = [
        _absence_utc(day, day + length, hours, tz)
        for day in occurrences(first_day, recurrence, set(), begins, local(window.end, tz).date())
    ]
    return [one for one in found if overlaps(one, window)]


def _absence_utc(first: date, last: date, hours: tuple[time, time] | None, tz: Zone) -> Interval:
    if hours is None:
        return Interval(to_utc(first, time(), tz), to_utc(last + timedelta(days=1), time(), tz))
    if first == last:
        return Interval(*interval_utc(first, *hours, tz))
    return Interval(to_utc(first, hours[0], tz), to_utc(last, hours[1], tz))


def horizon(now: datetime, motif_max_delay_days: int, tz: Zone = UTC) -> date:
    """The last local day for which sessions are prepared: the motif's booking delay, at least 6 months, at most 24."""
    today = local(now, tz).date()
    nearest, farthest = (today + relativedelta(months=months) for months in HORIZON_MONTHS)
    return min(max(today + timedelta(days=motif_max_delay_days), nearest), farthest)
