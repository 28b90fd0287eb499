"""Stretches of time: a table of those that overlap, and the moments of an absence where clocks change."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.intervals import Interval, clashes, overlaps
from webapp.domain.recurrence import Frequency, Recurrence, absences_utc

DAY = datetime(2026, 3, 3, tzinfo=UTC)


def at(start: float, end: float) -> Interval:
    return Interval(DAY + timedelta(hours=start), DAY + timedelta(hours=end))


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (at(14, 16), at(9, 12), False),
        (at(14, 16), at(12, 14), False),  # it begins as the other ends
        (at(14, 16), at(16, 18), False),
        (at(14, 16), at(13, 14.5), True),
        (at(14, 16), at(15.5, 17), True),
        (at(14, 16), at(14.5, 15), True),
        (at(14, 16), at(13, 17), True),
        (at(14, 16), at(14, 16), True),
        (at(14, 16), at(14, 15), True),
        (at(14, 16), at(15, 16), True),
        (at(14, 16), at(15, 15), False),  # what lasts no time is nowhere
        (at(15, 15), at(15, 15), False),
        (at(14, 16), at(38, 40), False),  # the same hours of another day
        (at(0, 24), at(24, 48), False),
        (at(22, 26), at(24, 30), True),
    ],
)
def test_what_overlaps_what(one: Interval, other: Interval, together: bool) -> None:
    assert overlaps(one, other) is overlaps(other, one) is together


HOURS = st.builds(lambda start, length: at(start, start + length), st.integers(0, 60), st.integers(0, 12))


@given(st.lists(HOURS, max_size=12), st.lists(HOURS, max_size=12))
def test_clashes_are_those_one_would_find_by_comparing_all(wanted: list[Interval], taken: list[Interval]) -> None:
    found = sorted(clashes(wanted, [(one, number) for number, one in enumerate(taken)]))
    assert found == sorted((a, n) for a in wanted for n, b in enumerate(taken) if overlaps(a, b))


YEAR = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def moments(
    first: date,
    last: date,
    hours: tuple[time, time] | None = None,
    rule: Recurrence | None = None,
    tz: str = "Europe/Paris",
) -> list[tuple[str, str]]:
    found = absences_utc(first, last, hours, rule or Recurrence(), YEAR, tz)
    return [(f"{one.start:%d/%m %H:%M}", f"{one.end:%d/%m %H:%M}") for one in found]


@pytest.mark.parametrize(
    ("tz", "first", "last", "hours", "utc"),
    [
        ("Europe/Paris", date(2026, 3, 3), date(2026, 3, 3), None, ("02/03 23:00", "03/03 23:00")),
        ("Europe/Paris", date(2026, 3, 3), date(2026, 3, 5), None, ("02/03 23:00", "05/03 23:00")),
        ("Europe/Paris", date(2026, 3, 29), date(2026, 3, 29), None, ("28/03 23:00", "29/03 22:00")),  # 23 hours
        ("Europe/Paris", date(2026, 10, 25), date(2026, 10, 25), None, ("24/10 22:00", "25/10 23:00")),  # 25 hours
        ("Europe/Paris", date(2026, 3, 27), date(2026, 3, 30), (time(14), time(12)), ("27/03 13:00", "30/03 10:00")),
        # 2:30 does not exist that night: the absence moves whole, as a session does.
        ("Europe/Paris", date(2026, 3, 29), date(2026, 3, 29), (time(2, 30), time(3)), ("29/03 01:30", "29/03 02:00")),
        ("Europe/Paris", date(2026, 10, 25), date(2026, 10, 25), (time(2), time(4)), ("25/10 00:00", "25/10 03:00")),
        ("America/Martinique", date(2026, 3, 29), date(2026, 3, 29), None, ("29/03 04:00", "30/03 04:00")),
        ("America/Martinique", date(2026, 7, 1), date(2026, 7, 1), (time(8), time(12)), ("01/07 12:00", "01/07 16:00")),
        ("Indian/Reunion", date(2026, 10, 25), date(2026, 10, 26), None, ("24/10 20:00", "26/10 20:00")),
        ("Pacific/Tahiti", date(2026, 3, 3), date(2026, 3, 3), (time(18), time(20)), ("04/03 04:00", "04/03 06:00")),
    ],
)
def test_an_absence_follows_the_clocks_of_its_organisation(
    tz: str, first: date, last: date, hours: tuple[time, time] | None, utc: tuple[str, str]
) -> None:
    assert moments(first, last, hours, tz=tz) == [utc]


def test_an_absence_that_comes_back_lasts_as_many_days_each_time() -> None:
    """Every other Saturday, two days: 14:00 stays 14:00 when the clocks change."""
    rule = Recurrence(Frequency.WEEKLY, 2, weekdays=(5,), count=3)
    assert moments(date(2026, 3, 14), date(2026, 3, 15), (time(14), time(10)), rule) == [
        ("14/03 13:00", "15/03 09:00"),
        ("28/03 13:00", "29/03 08:00"),
        ("11/04 12:00", "12/04 08:00"),
    ]


def test_an_absence_that_began_before_is_still_there_and_what_is_over_is_not() -> None:
    week = Recurrence(Frequency.WEEKLY, weekdays=(0,))
    window = Interval(datetime(2026, 3, 4, 12, tzinfo=UTC), datetime(2026, 3, 9, 6, tzinfo=UTC))
    found = absences_utc(date(2026, 1, 5), date(2026, 1, 7), None, week, window, "Europe/Paris")
    assert [f"{one.start:%d/%m}" for one in found] == ["01/03", "08/03"]  # Monday to Wednesday, then the next Monday
    assert absences_utc(date(2026, 3, 1), date(2026, 3, 3), None, Recurrence(), window, "Europe/Paris") == []
