"""Stretches of time, and which of them overlap."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

What = TypeVar("What")


class Interval(NamedTuple):
    """From `start`, included, to `end`, not included: two aware moments."""

    start: datetime
    end: datetime


def overlaps(one: Interval, other: Interval) -> bool:
    """Do they share a moment? What begins when the other ends does not, nor does what lasts no time."""
    return max(one.start, other.start) < min(one.end, other.end)


def clashes(wanted: Sequence[Interval], taken: Iterable[tuple[Interval, What]]) -> Iterator[tuple[Interval, What]]:
    """(what is wanted, by what it is taken) for each two that overlap, without comparing all of them."""
    ordered = sorted(wanted)
    starts = [one.start for one in ordered]
    longest = max((one.end - one.start for one in ordered), default=None)
    if longest is None:
        return
    for interval, what in taken:
        near = ordered[bisect_right(starts, interval.start - longest) : bisect_left(starts, interval.end)]
        for one in near:
            if overlaps(one, interval):
                yield one, what
