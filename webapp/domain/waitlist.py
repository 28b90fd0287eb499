"""The waitlist: who is offered a freed seat, until when, and from when seats are open to all (docs/domain.md rule 12).

Hours are counted from 8:00 to 20:00 on the organisation's clocks, every day. Nothing here reads a clock: "what is due
at `now`?".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from .dates import Zone, local
from .recurrence import to_utc

OPENS, CLOSES = time(8), time(20)
LEAST, MOST = timedelta(hours=2), timedelta(hours=24)
"""How long an offer lasts, in counted hours."""
TOO_LITTLE = timedelta(hours=4)
"""Under that many counted hours no offer is made any more: last-minute mode."""
LAST_ANSWER = timedelta(hours=2)
"""An answer comes at least that long before the start."""


class EtatAttente(StrEnum):
    EN_ATTENTE = "en_attente"
    PROPOSEE = "proposee"
    ACCEPTEE = "acceptee"
    REFUSEE = "refusee"
    EXPIREE = "expiree"
    RETIREE = "retiree"


ATTENDENT = frozenset({EtatAttente.EN_ATTENTE, EtatAttente.PROPOSEE})
"""Who still waits, offers included (rule 7)."""


@dataclass(frozen=True, slots=True)
class Attente:
    """One waiting entry: how many seats it asks for, until when an offer made to it holds (None: none was), and whether
    it was told that the seats are open to all."""

    id: int
    places: int
    jusqua: datetime | None = None
    prevenue: bool = False


@dataclass(frozen=True, slots=True)
class Quand:
    """When a session is, as its waitlist sees it. `ferme_avant`: how long before the start its last seat is taken
    online."""

    starts_at: datetime
    tz: Zone
    ferme_avant: timedelta = LAST_ANSWER

    @property
    def closes(self) -> datetime:
        """After that nobody can answer an offer."""
        return self.starts_at - max(LAST_ANSWER, self.ferme_avant)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a waitlist needs now; ids of entries, in its order."""

    expirees: tuple[int, ...] = ()
    reprises: tuple[int, ...] = ()
    """Offers that end although their time was not over: back to waiting, at the same rank."""
    proposees: tuple[int, ...] = ()
    jusqua: datetime | None = None
    """Until when the new offers hold."""
    ouvertes: tuple[int, ...] = ()
    """Who is told that seats are free and open to all."""


def _window(wall: datetime, tz: Zone, days: int = 0) -> tuple[datetime, datetime]:
    """When that day's counted hours begin and end (UTC)."""
    day = wall.date() + timedelta(days=days)
    return to_utc(day, OPENS, tz), to_utc(day, CLOSES, tz)


def counted(start: datetime, end: datetime, tz: Zone) -> timedelta:
    """The counted hours between two moments: none when the second is not after the first."""
    first, total = local(start, tz), timedelta()
    for day in range((local(end, tz).date() - first.date()).days + 1):
        opens, closes = _window(first, tz, day)
        total += max(timedelta(), min(end, closes) - max(start, opens))
    return total


def later(start: datetime, hours: timedelta, tz: Zone) -> datetime:
    """The moment (UTC) by which that many counted hours have gone by."""
    wall, day = local(start, tz), 0
    while True:
        opens, closes = _window(wall, tz, day)
        opens = max(opens, start)
        if opens < closes:
            if hours <= closes - opens:
                return (opens + hours).astimezone(UTC)
            hours -= closes - opens
        day += 1


def earlier(end: datetime, hours: timedelta, tz: Zone) -> datetime:
    """The last moment (UTC) at which that many counted hours are still to go by before `end`."""
    wall, day = local(end, tz), 0
    while True:
        opens, closes = _window(wall, tz, day)
        closes = min(closes, end)
        if opens < closes:
            if hours <= closes - opens:
                return (closes - hours).astimezone(UTC)
            hours -= closes - opens
        day -= 1


def open_to_all_from(quand: Quand) -> datetime:
    """When last-minute mode begins: after that no offer is made, and those that were made end."""
    return min(earlier(quand.starts_at, TOO_LITTLE, quand.tz), earlier(quand.closes, LEAST, quand.tz))


def last_minute(now: datetime, quand: Quand) -> bool:
    """Is it too late for an offer? Under 4 counted hours, or when 2 h to answer don't fit."""
    return now > open_to_all_from(quand)


def deadline(now: datetime, quand: Quand) -> datetime:
    """Until when an offer made now holds: half of the counted hours left, between 2 and 24, never later than 2 h before
    the start. Only asked before last-minute mode."""
    half = counted(now, quand.starts_at, quand.tz) / 2
    return min(later(now, min(max(half, LEAST), MOST), quand.tz), quand.closes)


def reserved_until(jusqua: datetime, quand: Quand) -> datetime:
    """Until when nobody else can have a seat offered until `jusqua`: last-minute mode may come first."""
    return min(jusqua, open_to_all_from(quand))


def first_that_fit(waiting: Sequence[Attente], free: int) -> list[Attente]:
    """Who gets the free seats: in order, each one they fit."""
    found = []
    for entry in waiting:
        if entry.places <= free:
            found.append(entry)
            free -= entry.places
    return found


def withheld(now: datetime, quand: Quand, smallest: int | None, free: int) -> bool:
    """Are free seats not for the public? `smallest`: the fewest seats somebody asks for who waits without an offer."""
    return smallest is not None and 0 < smallest <= free and not last_minute(now, quand)


def decide(
    file: Sequence[Attente],
    *,
    capacite: int,
    prises: int,
    now: datetime,
    quand: Quand,
    ouverte: bool,
    en_ligne: bool,
) -> Decision:
    """What the waitlist `file`, in its order, needs now. `ouverte`: the list still makes offers; `en_ligne`: seats can
    be booked online at this moment."""
    expired = [entry for entry in file if entry.jusqua is not None and entry.jusqua <= now]
    held = [entry for entry in file if entry.jusqua is not None and entry.jusqua > now]
    free, late = capacite - prises, last_minute(now, quand)
    if late:
        open_seats = en_ligne and free > 0
        told = [entry for entry in file if entry not in expired] if open_seats else []
        return Decision(_ids(expired), _ids(held), ouvertes=_ids(told))
    kept = first_that_fit(held, free)
    free -= sum(entry.places for entry in kept)
    back = [entry for entry in held if entry not in kept]
    offered = first_that_fit([entry for entry in file if entry.jusqua is None], free) if ouverte else []
    return Decision(_ids(expired), _ids(back), _ids(offered), deadline(now, quand) if offered else None)


def due(file: Sequence[Attente], decision: Decision) -> bool:
    """Is there something to do that was not done yet?"""
    untold = {entry.id for entry in file if not entry.prevenue}
    return bool(decision.expirees or decision.reprises or decision.proposees or untold.intersection(decision.ouvertes))


class Besoin(StrEnum):
    """Why a waitlist needs an agent: nothing more happens there by itself, or not in time."""

    A_DONNER = "a_donner"
    """Seats are free that somebody waits for, and no offer is made."""
    TROP_PEU = "trop_peu"
    """Seats are free, fewer than anybody asks for."""
    SANS_REPONSE = "sans_reponse"
    """The session is soon, and offers have no answer yet."""
    COMPLET = "complet"
    """The session is soon, full, and people wait."""


SOON = timedelta(hours=48)
"""Elapsed hours before the start from which people who wait are to be looked after."""


def needs_agent(
    *, libres: int, proposees: int, smallest: int | None, offered: bool, now: datetime, quand: Quand
) -> Besoin | None:
    """What an agent should look at there, if anything. `smallest`: the fewest seats somebody asks for who waits without
    an offer (None: everybody has one); `offered`: the list makes offers, as long as there is time for an answer."""
    if now >= quand.starts_at:
        return None
    if smallest is not None and libres >= smallest:
        return None if offered and not last_minute(now, quand) else Besoin.A_DONNER
    if smallest is not None and libres:
        return Besoin.TROP_PEU
    if quand.starts_at - now > SOON:
        return None
    return Besoin.SANS_REPONSE if proposees else Besoin.COMPLET


def position(before: int) -> str:
    """A place in the queue in words, from how many people stand before."""
    if not before:
        return "Vous êtes la première personne en attente"
    return f"{before} personne{'s' if before > 1 else ''} avant vous sur la liste d’attente"


def _ids(entries: Sequence[Attente]) -> tuple[int, ...]:
    return tuple(entry.id for entry in entries)
