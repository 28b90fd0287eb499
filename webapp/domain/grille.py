"""Where things stand on a day's grid: days on a wall clock cut in quarters of an hour, and lanes for what overlaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from .dates import Zone, local
from .intervals import Interval

QUARTERS = 96
SHORTEST = 2
"""Quarters of an hour: what lasts less still has room for its words."""
MOST_LANES = 24
"""Side by side; what would need one more is only counted."""
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Tranche:
    """The part of something that is on one day, in minutes of that day's wall clock."""

    jour: date
    debut: int
    fin: int

    @property
    def entiere(self) -> bool:
        """Does it take the whole day?"""
        return self.debut == 0 and self.fin == _DAY

    @property
    def quarts(self) -> tuple[int, int]:
        """The quarters of an hour it fills, the second one not included: two at least, all inside the day."""
        first = min(round(self.debut / 15), QUARTERS - SHORTEST)
        return first, max(first + SHORTEST, round(self.fin / 15))


@dataclass(frozen=True, slots=True)
class Place:
    """Which columns of its day something takes, the first one is 1."""

    colonne: int
    largeur: int


def tranches(quand: Interval, tz: Zone) -> Iterator[Tranche]:
    """Day by day where clocks show `tz`. What ends at midnight is not of the next day; in the night when clocks go back
    it lasts as long as it does."""
    first, last = local(quand.start, tz), local(quand.end, tz)
    day = first.date()
    while day <= last.date():
        begins = first.hour * 60 + first.minute if day == first.date() else 0
        ends = last.hour * 60 + last.minute if day == last.date() else _DAY
        if day == first.date() == last.date() and ends <= begins:
            ends = min(begins + round((quand.end - quand.start).total_seconds() / 60), _DAY)
        if ends > begins:
            yield Tranche(day, begins, ends)
        day += timedelta(days=1)


def lanes(spans: Sequence[tuple[int, int]]) -> tuple[list[Place | None], int]:
    """A place for each span of a day, in the order given, and how many columns the day has.

    What overlaps stands side by side, in the first free lane; each group of things that overlap shares the whole width
    of the day, and each thing goes on to the right as far as it meets nothing. None: there was no lane left.
    """
    chosen: list[int | None] = [None] * len(spans)
    groups: list[list[int]] = []
    until = -1
    for index in sorted(range(len(spans)), key=lambda i: (spans[i][0], -spans[i][1], i)):
        start, end = spans[index]
        if start >= until:
            groups.append([])
        until = max(until, end)
        taken = {chosen[other] for other in groups[-1] if spans[other][1] > start}
        chosen[index] = next((lane for lane in range(MOST_LANES) if lane not in taken), None)
        groups[-1].append(index)
    widths = [1 + max((lane for i in group if (lane := chosen[i]) is not None), default=0) for group in groups]
    columns = max(widths, default=1)
    found: list[Place | None] = [None] * len(spans)
    for group, width in zip(groups, widths, strict=True):
        for index in group:
            lane = chosen[index]
            if lane is None:
                continue
            beside = [
                other
                for i in group
                if (other := chosen[i]) is not None and other > lane and _meet(spans[i], spans[index])
            ]
            first, after = lane * columns // width, min(beside, default=width) * columns // width
            found[index] = Place(first + 1, after - first)
    return found, columns


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return max(one[0], other[0]) < min(one[1], other[1])
