"""Until when an offer holds, who gets it, when it is too late: docs/domain.md rule 12, by examples and in general."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.waitlist import (
    LEAST,
    MOST,
    TOO_LITTLE,
    Attente,
    Besoin,
    Decision,
    Quand,
    counted,
    deadline,
    decide,
    due,
    earlier,
    first_that_fit,
    last_minute,
    later,
    needs_agent,
    open_to_all_from,
    position,
    reserved_until,
    withheld,
)

PARIS, MARTINIQUE, REUNION = "Europe/Paris", "America/Martinique", "Indian/Reunion"


def at(text: str, tz: str = PARIS) -> datetime:
    """2026-03-03 14:00 on the wall clock of that zone."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(tz))


@pytest.mark.parametrize(
    ("start", "end", "hours", "tz"),
    [
        ("2026-03-03 09:00", "2026-03-03 14:00", 5, PARIS),
        ("2026-03-03 06:00", "2026-03-03 09:30", 1.5, PARIS),
        ("2026-03-03 18:00", "2026-03-04 10:00", 4, PARIS),  # the night does not count
        ("2026-03-03 20:00", "2026-03-04 08:00", 0, PARIS),
        ("2026-03-06 19:00", "2026-03-09 14:00", 31, PARIS),  # Saturday and Sunday do
        ("2026-03-28 18:00", "2026-03-29 10:00", 4, PARIS),  # clocks go forward in the night
        ("2026-10-24 18:00", "2026-10-25 10:00", 4, PARIS),  # and back
        ("2026-03-03 18:00", "2026-03-04 10:00", 4, MARTINIQUE),
        ("2026-03-03 18:00", "2026-03-04 10:00", 4, REUNION),
        ("2026-03-03 14:00", "2026-03-03 09:00", 0, PARIS),
    ],
)
def test_hours_are_counted_by_day_every_day(start: str, end: str, hours: float, tz: str) -> None:
    assert counted(at(start, tz), at(end, tz), tz) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("now", "starts_at", "until", "tz"),
    [
        ("2026-03-03 09:00", "2026-03-20 14:00", "2026-03-05 09:00", PARIS),  # far: 24 counted hours, two days
        ("2026-03-03 09:00", "2026-03-04 14:00", "2026-03-03 17:30", PARIS),  # 17 h left: half of them
        ("2026-03-03 18:00", "2026-03-04 14:00", "2026-03-04 10:00", PARIS),  # evening: 2 h tonight, 2 h tomorrow
        ("2026-03-03 22:00", "2026-03-04 14:00", "2026-03-04 11:00", PARIS),  # night: from 8:00
        ("2026-03-04 08:00", "2026-03-04 14:00", "2026-03-04 11:00", PARIS),  # 6 h left: 3
        ("2026-03-04 10:00", "2026-03-04 14:00", "2026-03-04 12:00", PARIS),  # 4 h left: 2, two hours before
        ("2026-03-06 19:00", "2026-03-09 14:00", "2026-03-08 10:30", PARIS),  # Friday evening to Sunday
        (
            "2026-03-28 18:00",
            "2026-03-29 14:00",
            "2026-03-29 10:00",
            PARIS,
        ),  # 8 h counted, an hour less that night
        ("2026-10-24 18:00", "2026-10-25 14:00", "2026-10-25 10:00", PARIS),
        (
            "2026-03-03 15:00",
            "2026-03-04 07:00",
            "2026-03-03 17:30",
            PARIS,
        ),  # an early session: 5 h left, all today
        ("2026-03-03 18:00", "2026-03-04 14:00", "2026-03-04 10:00", MARTINIQUE),
        ("2026-03-03 18:00", "2026-03-04 14:00", "2026-03-04 10:00", REUNION),
    ],
)
def test_until_when_an_offer_holds(now: str, starts_at: str, until: str, tz: str) -> None:
    quand = Quand(at(starts_at, tz), tz)
    assert not last_minute(at(now, tz), quand)
    assert deadline(at(now, tz), quand) == at(until, tz)


@pytest.mark.parametrize(
    ("now", "starts_at", "late"),
    [
        ("2026-03-04 10:00", "2026-03-04 14:00", False),  # exactly 4 counted hours
        ("2026-03-04 10:01", "2026-03-04 14:00", True),
        ("2026-03-03 17:00", "2026-03-04 09:00", False),
        ("2026-03-03 17:01", "2026-03-04 09:00", True),
        ("2026-03-03 23:00", "2026-03-04 09:00", True),
        ("2026-03-08 19:00", "2026-03-09 10:00", True),  # Sunday evening, Monday morning: 3 h
        ("2026-03-08 18:00", "2026-03-09 10:00", False),
        ("2026-03-04 15:00", "2026-03-04 21:00", False),  # an evening session: 5 h counted, 2 h to answer fit
        ("2026-03-04 17:00", "2026-03-04 21:00", True),
        ("2026-03-04 14:00", "2026-03-04 14:00", True),
        ("2026-03-04 15:00", "2026-03-04 14:00", True),
    ],
)
def test_when_it_is_too_late_for_an_offer(now: str, starts_at: str, late: bool) -> None:
    assert last_minute(at(now), Quand(at(starts_at), PARIS)) is late


def test_a_motif_that_closes_early_has_its_last_minute_early() -> None:
    """Booked online until the day before: nobody can answer after that."""
    quand = Quand(at("2026-03-04 14:00"), PARIS, timedelta(hours=24))
    assert quand.closes == at("2026-03-03 14:00")
    assert open_to_all_from(quand) == at("2026-03-03 12:00")
    assert deadline(at("2026-03-03 09:00"), quand) == at("2026-03-03 14:00")  # half of 17 h, but never after it closes
    assert last_minute(at("2026-03-03 12:01"), quand)


def test_what_is_said_never_outlasts_what_is_kept() -> None:
    """5 h left: 2 h 30 to answer, but the seats are everybody's in an hour."""
    quand = Quand(at("2026-03-04 14:00"), PARIS)
    until = deadline(at("2026-03-04 09:00"), quand)
    assert until == at("2026-03-04 11:30") and reserved_until(until, quand) == at("2026-03-04 10:00")


W = Attente
FREE = Quand(at("2026-03-20 14:00"), PARIS)
NOW = at("2026-03-03 09:00")
SOON, PAST = at("2026-03-04 09:00"), at("2026-03-03 08:59")
NEAR = Quand(at("2026-03-03 12:00"), PARIS)


@pytest.mark.parametrize(
    ("file", "free", "offered"),
    [
        ([], 3, []),
        ([W(1, 1), W(2, 1)], 1, [1]),
        ([W(1, 1), W(2, 1)], 5, [1, 2]),
        ([W(1, 2), W(2, 1)], 1, [2]),  # the first it fits
        ([W(1, 2), W(2, 1), W(3, 1)], 3, [1, 2]),
        ([W(1, 3), W(2, 2)], 1, []),
        ([W(1, 1)], 0, []),
        ([W(1, 1)], -2, []),
    ],
)
def test_who_is_offered(file: list[Attente], free: int, offered: list[int]) -> None:
    assert [entry.id for entry in first_that_fit(file, free)] == offered


@pytest.mark.parametrize(
    ("file", "prises", "quand", "expected"),
    [
        ([W(1, 1), W(2, 1)], 2, FREE, Decision(proposees=(1,), jusqua=at("2026-03-05 09:00"))),
        ([W(1, 1, SOON), W(2, 1)], 2, FREE, Decision()),  # the seat is held already
        ([W(1, 1, PAST), W(2, 1)], 2, FREE, Decision(expirees=(1,), proposees=(2,), jusqua=at("2026-03-05 09:00"))),
        ([W(1, 1, NOW)], 2, FREE, Decision(expirees=(1,))),  # over at its very moment
        ([W(1, 1, SOON), W(2, 1, SOON)], 2, FREE, Decision(reprises=(2,))),  # one seat less: the last offer ends
        ([W(1, 1, SOON)], 3, FREE, Decision(reprises=(1,))),
        ([W(1, 1)], 5, FREE, Decision()),  # overbooked
        ([W(1, 1, SOON), W(2, 1)], 2, NEAR, Decision(reprises=(1,), ouvertes=(1, 2))),
        ([W(1, 1, PAST), W(2, 1)], 2, NEAR, Decision(expirees=(1,), ouvertes=(2,))),
        ([W(1, 1)], 3, NEAR, Decision()),  # nothing is free: nothing to say
    ],
)
def test_what_a_waitlist_of_three_seats_needs(
    file: list[Attente], prises: int, quand: Quand, expected: Decision
) -> None:
    given = {"capacite": 3, "now": NOW, "quand": quand, "ouverte": True, "en_ligne": True}
    assert decide(file, prises=prises, **given) == expected  # type: ignore[arg-type]


def test_a_list_that_is_closed_makes_no_offer_but_keeps_its_word() -> None:
    file = [W(1, 1, SOON), W(2, 1)]
    found = decide(file, capacite=3, prises=1, now=NOW, quand=FREE, ouverte=False, en_ligne=True)
    assert found == Decision()


def test_nobody_is_told_that_seats_are_open_when_they_can_not_be_booked() -> None:
    found = decide([W(1, 1, SOON)], capacite=3, prises=0, now=NOW, quand=NEAR, ouverte=True, en_ligne=False)
    assert found == Decision(reprises=(1,))


def test_what_was_said_once_is_not_due_again() -> None:
    told, untold = W(1, 1, prevenue=True), W(2, 1)
    assert not due([told], Decision(ouvertes=(1,)))
    assert due([told, untold], Decision(ouvertes=(1, 2)))
    assert not due([told, untold], Decision())
    assert due([told], Decision(expirees=(1,)))


@pytest.mark.parametrize(
    ("smallest", "free", "quand", "kept"),
    [(1, 1, FREE, True), (2, 1, FREE, False), (None, 3, FREE, False), (1, 0, FREE, False), (1, 1, NEAR, False)],
)
def test_what_the_public_does_not_get(smallest: int | None, free: int, quand: Quand, kept: bool) -> None:
    assert withheld(NOW, quand, smallest, free) is kept


def test_a_rank_in_words() -> None:
    assert position(0) == "Vous êtes la première personne en attente"
    assert position(1) == "1 personne avant vous sur la liste d’attente"
    assert position(3) == "3 personnes avant vous sur la liste d’attente"


# --- in general ------------------------------------------------------------------------------------------------------

ZONES = st.sampled_from([PARIS, MARTINIQUE, REUNION, "Pacific/Noumea", "America/Miquelon"])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda naive: naive.replace(tzinfo=UTC))
AHEAD = st.timedeltas(timedelta(minutes=1), timedelta(days=40))
CLOSE_BEFORE = st.sampled_from([timedelta(minutes=30), timedelta(hours=2), timedelta(hours=24), timedelta(days=3)])


@given(MOMENTS, AHEAD, ZONES, CLOSE_BEFORE)
def test_an_offer_leaves_time_to_answer(now: datetime, ahead: timedelta, tz: str, before: timedelta) -> None:
    quand = Quand(now + ahead, tz, before)
    if last_minute(now, quand):
        return
    until = deadline(now, quand)
    assert LEAST <= counted(now, until, tz) <= MOST
    assert now + LEAST <= until <= quand.closes <= quand.starts_at - timedelta(hours=2)
    assert now <= reserved_until(until, quand) <= until
    assert counted(now, quand.starts_at, tz) >= TOO_LITTLE


@given(MOMENTS, AHEAD, ZONES, CLOSE_BEFORE)
def test_last_minute_mode_begins_once(now: datetime, ahead: timedelta, tz: str, before: timedelta) -> None:
    quand = Quand(now + ahead, tz, before)
    begins = open_to_all_from(quand)
    assert last_minute(now, quand) is (now > begins)
    second = timedelta(seconds=1)
    assert not last_minute(begins, quand) and last_minute(begins + second, quand)
    too_little = counted(now, quand.starts_at, tz) < TOO_LITTLE
    assert last_minute(now, quand) is (too_little or later(now, LEAST, tz) > quand.closes)


@given(MOMENTS, st.timedeltas(timedelta(minutes=1), timedelta(hours=40)), ZONES)
def test_counting_forward_and_back(now: datetime, hours: timedelta, tz: str) -> None:
    assert counted(now, later(now, hours, tz), tz) == hours
    assert counted(earlier(now, hours, tz), now, tz) == hours


ENTRIES = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from([None, None, SOON, PAST]), st.booleans()), max_size=8
).map(lambda rows: [Attente(n, places, until, told) for n, (places, until, told) in enumerate(rows, 1)])


@given(ENTRIES, st.integers(1, 8), st.integers(0, 9), st.booleans(), st.booleans())
def test_seats_are_offered_once_and_none_that_fits_is_left(
    file: list[Attente], capacite: int, prises: int, near: bool, ouverte: bool
) -> None:
    given = {"capacite": capacite, "prises": prises, "now": NOW, "quand": NEAR if near else FREE}
    found = decide(file, ouverte=ouverte, en_ligne=True, **given)  # type: ignore[arg-type]
    by_id = {entry.id: entry for entry in file}
    over = {*found.expirees, *found.reprises}
    held = [e for e in file if e.jusqua is not None and e.id not in over] + [by_id[i] for i in found.proposees]
    assert len({e.id for e in held}) == len(held)
    assert all(by_id[i].jusqua is None for i in found.proposees)
    assert all(by_id[i].jusqua == PAST for i in found.expirees)
    seats = sum(e.places for e in held)
    assert seats == 0 or prises + seats <= capacite
    assert (found.jusqua is not None) is bool(found.proposees)
    if near:
        assert held == [] and set(found.ouvertes) <= set(by_id) - set(found.expirees)
        assert bool(found.ouvertes) is (prises < capacite and len(found.expirees) < len(file))
        return
    assert found.ouvertes == ()
    free = capacite - prises - seats
    waits = [e for e in file if e.id not in found.expirees and e not in held and e.id not in found.reprises]
    assert not ouverte or all(e.places > free for e in waits)
    for entry in waits:  # who was passed over was too many for what was left at their turn
        before = sum(e.places for e in held if e.jusqua is not None or e.id < entry.id)
        assert not ouverte or entry.places > capacite - prises - before


@pytest.mark.parametrize(
    ("now", "libres", "proposees", "smallest", "offered", "need"),
    [
        ("2026-03-01 10:00", 1, 0, 1, True, None),  # an offer is about to leave by itself
        ("2026-03-01 10:00", 1, 0, 1, False, Besoin.A_DONNER),  # the list makes no offers
        ("2026-03-05 11:00", 1, 0, 1, True, Besoin.A_DONNER),  # nor does it so late
        ("2026-03-01 10:00", 1, 0, 3, True, Besoin.TROP_PEU),
        ("2026-03-01 10:00", 0, 0, 1, True, None),  # full, and there is time
        ("2026-03-03 14:00", 0, 0, 1, True, Besoin.COMPLET),
        ("2026-03-03 14:00", 0, 2, 1, True, Besoin.SANS_REPONSE),
        ("2026-03-01 10:00", 0, 2, None, True, None),
        ("2026-03-04 14:00", 1, 2, None, True, Besoin.SANS_REPONSE),
        ("2026-03-05 14:00", 3, 0, 1, False, None),  # it has begun
    ],
)
def test_when_a_waitlist_needs_an_agent(
    now: str, libres: int, proposees: int, smallest: int | None, offered: bool, need: Besoin | None
) -> None:
    quand = Quand(at("2026-03-05 14:00"), PARIS)
    asked = {"libres": libres, "proposees": proposees, "smallest": smallest, "offered": offered}
    assert needs_agent(**asked, now=at(now), quand=quand) is need  # type: ignore[arg-type]
