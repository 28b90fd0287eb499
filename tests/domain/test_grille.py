"""Where things stand on a day's grid: cut by day on the wall clock, side by side when they overlap."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.grille import MOST_LANES, QUARTERS, Place, Tranche, lanes, tranches
from webapp.domain.intervals import Interval

PARIS, REUNION = "Europe/Paris", "Indian/Reunion"


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("start", "end", "tz", "expected"),
    [
        (utc(2026, 12, 1, 13), utc(2026, 12, 1, 15), PARIS, [(1, 14 * 60, 16 * 60)]),
        (utc(2026, 12, 1, 13), utc(2026, 12, 1, 15), REUNION, [(1, 17 * 60, 19 * 60)]),
        (utc(2026, 12, 1, 21), utc(2026, 12, 1, 23), PARIS, [(1, 22 * 60, 1440)]),  # ends at midnight
        (utc(2026, 12, 1, 21), utc(2026, 12, 2, 5), PARIS, [(1, 22 * 60, 1440), (2, 0, 6 * 60)]),
        (utc(2026, 12, 1, 19), utc(2026, 12, 1, 21), REUNION, [(1, 23 * 60, 1440), (2, 0, 60)]),
        # Clocks skip 2:00 to 3:00 on March 28th 2027, and show it twice on October 25th 2026.
        (utc(2027, 3, 27, 23), utc(2027, 3, 28, 22), PARIS, [(28, 0, 1440)]),
        (utc(2027, 3, 28, 0, 30), utc(2027, 3, 28, 1, 30), PARIS, [(28, 90, 210)]),
        (utc(2026, 10, 24, 22), utc(2026, 10, 25, 23), PARIS, [(25, 0, 1440)]),
        (utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 15), PARIS, [(25, 150, 195)]),
    ],
)  # fmt: skip
def test_days_are_those_of_the_wall_clock(
    start: datetime, end: datetime, tz: str, expected: list[tuple[int, int, int]]
) -> None:
    found = list(tranches(Interval(start, end), tz))
    assert [(one.jour.day, one.debut, one.fin) for one in found] == expected
    assert [one.entiere for one in found] == [one[1:] == (0, 1440) for one in expected]


@pytest.mark.parametrize(
    ("debut", "fin", "quarts"),
    [(840, 960, (56, 64)), (850, 970, (57, 65)), (0, 1440, (0, 96)), (600, 605, (40, 42)), (1435, 1440, (94, 96))],
)
def test_quarters_have_room_for_words(debut: int, fin: int, quarts: tuple[int, int]) -> None:
    assert Tranche(date(2026, 12, 1), debut, fin).quarts == quarts


@pytest.mark.parametrize(
    ("spans", "expected", "columns"),
    [
        ([], [], 1),
        ([(40, 48)], [(1, 1)], 1),
        ([(40, 48), (48, 56)], [(1, 1), (1, 1)], 1),  # one after the other
        ([(40, 48), (44, 52)], [(1, 1), (2, 1)], 2),
        ([(44, 52), (40, 48)], [(2, 1), (1, 1)], 2),  # in the order given
        ([(40, 48), (40, 48), (40, 48), (60, 64)], [(1, 1), (2, 1), (3, 1), (1, 3)], 3),  # alone: the whole width
        ([(40, 60), (40, 44), (44, 48), (44, 46)], [(1, 1), (2, 2), (2, 1), (3, 1)], 3),  # as far as it meets nothing
        ([(1, 5)] * 4 + [(8, 9), (8, 9)], [(1, 1), (2, 1), (3, 1), (4, 1), (1, 2), (3, 2)], 4),  # shared equally
    ],
)  # fmt: skip
def test_what_overlaps_stands_side_by_side(
    spans: list[tuple[int, int]], expected: list[tuple[int, int]], columns: int
) -> None:
    assert lanes(spans) == ([Place(*one) for one in expected], columns)


@given(st.lists(st.tuples(st.integers(0, QUARTERS - 2), st.integers(2, 20)), max_size=60))
def test_nothing_hides_anything(drawn: list[tuple[int, int]]) -> None:
    spans = [(start, min(start + length, QUARTERS)) for start, length in drawn]
    found, columns = lanes(spans)
    assert columns <= MOST_LANES
    cells: set[tuple[int, int]] = set()
    for (start, end), place in zip(spans, found, strict=True):
        if place is None:
            assert sum(s <= start < e for s, e in spans) > MOST_LANES
            continue
        assert place.colonne >= 1 and place.largeur >= 1 and place.colonne + place.largeur - 1 <= columns
        mine = {
            (q, c) for q in range(start, end) for c in range(place.colonne, place.colonne + place.largeur)
        }  # fmt: skip
        assert not cells & mine
        cells |= mine


def test_one_too_many_at_once_is_counted() -> None:
    found, columns = lanes([(40, 48)] * (MOST_LANES + 1))
    assert columns == MOST_LANES and found.count(None) == 1


def test_a_week_of_absence_is_seven_whole_days() -> None:
    """The week clocks go back, too: 169 hours."""
    week = Interval(utc(2026, 10, 18, 22), utc(2026, 10, 25, 23))
    assert week.end - week.start == timedelta(hours=169)
    assert [one.entiere for one in tranches(week, PARIS)] == [True] * 7
