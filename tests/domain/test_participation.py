"""Who may move whom, from what to what, and when (docs/domain.md rules 10, 11 and 20), as tables of examples."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from webapp.domain.errors import Refus
from webapp.domain.participation import (
    EN_LOT,
    OCCUPENT,
    RETOUR,
    Acteur,
    Etat,
    Statut,
    check_retour,
    check_transition,
    etat,
    first_statut,
    seat_delta,
    seconds_left,
)

# Ten in the evening in Cayenne is already the next day in Paris.
START = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)  # 3 March, 22:00 in Cayenne
CAYENNE = "America/Cayenne"
VEILLE = datetime(2026, 3, 3, 2, 59, tzinfo=UTC)  # 2 March, 23:59 there
MINUIT = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)  # 3 March, 0:00 there
JUSTE_AVANT = START - timedelta(seconds=1)
APRES = START + timedelta(days=400)
MOMENTS = (VEILLE, MINUIT, JUSTE_AVANT, START, APRES)
N, P, A, E, X = Statut.INSCRIT, Statut.PRESENT, Statut.ABSENT, Statut.EXCUSE, Statut.ANNULE
ALL, NEVER = "oui oui oui oui oui", "non non non non non"
DAY, BEGUN, BEFORE = "non oui oui oui oui", "non non non oui oui", "oui oui oui non non"

# actor, from, to → the day before, at midnight, just before, at the start, long after
RULE_10 = {
    (Acteur.USAGER, N, E): BEFORE,
    (Acteur.USAGER, E, N): BEFORE,
    **{(Acteur.AGENT, one, N): ALL for one in (P, A, E, X)},
    **{(Acteur.AGENT, one, E): ALL for one in (N, P, A, X)},
    **{(Acteur.AGENT, one, X): ALL for one in (N, P, A, E)},
    **{(Acteur.AGENT, one, P): DAY for one in (N, A, E, X)},
    **{(Acteur.AGENT, one, A): BEGUN for one in (N, P, E, X)},
    (Acteur.SYSTEME, N, X): ALL,
}


@pytest.mark.parametrize(("acteur", "before", "after"), list(product(Acteur, Statut, Statut)))
def test_each_move_at_each_moment(acteur: Acteur, before: Statut, after: Statut) -> None:
    """What is not in the table is refused, whenever."""
    found = []
    for now in MOMENTS:
        try:
            check_transition(acteur, before, after, now=now, starts_at=START, tz=CAYENNE)
            found.append("oui")
        except Refus as refusal:
            assert refusal.message.endswith((".", "!"))
            found.append("non")
    assert " ".join(found) == RULE_10.get((acteur, before, after), NEVER)


def test_who_left_by_the_service_is_told_who_can_take_them_back() -> None:
    with pytest.raises(Refus, match="seul un agent"):
        check_transition(Acteur.USAGER, X, N, now=MINUIT, starts_at=START, tz=CAYENNE)


def test_the_day_is_the_session_s_own() -> None:
    """At 3:30 UTC it is the 3rd in Cayenne, where the session is that evening; in Paris it is not its day yet."""
    now = datetime(2026, 3, 3, 3, 30, tzinfo=UTC)
    check_transition(Acteur.AGENT, N, P, now=now, starts_at=START, tz=CAYENNE)
    with pytest.raises(Refus, match="à partir du jour"):
        check_transition(Acteur.AGENT, N, P, now=now, starts_at=START, tz="Europe/Paris")


@pytest.mark.parametrize(
    ("before", "after", "delta"),
    [(None, N, 1), (None, P, 1), (N, P, 0), (P, A, 0), (N, E, -1), (A, X, -1), (E, N, 1), (X, P, 1), (E, X, 0)],
)
def test_seats_a_move_takes(before: Statut | None, after: Statut, delta: int) -> None:
    assert seat_delta(before, after) == delta


def test_one_click_on_everybody_takes_back_nobody_who_left() -> None:
    """Rule 20, whoever decided it; nor does it take or free a seat."""
    for after, befores in EN_LOT.items():
        assert befores <= OCCUPENT - {after} and after in OCCUPENT
    assert EN_LOT[P] == {N}  # « Tous présents » leaves alone who is noted already
    assert not {E, X} & set(EN_LOT)


@pytest.mark.parametrize(
    ("acteur", "now", "statut"),
    [
        (Acteur.AGENT, JUSTE_AVANT, N),
        (Acteur.AGENT, START, P),
        (Acteur.AGENT, APRES, P),
        (Acteur.USAGER, START, N),
        (Acteur.PRESCRIPTEUR, APRES, N),
    ],
)
def test_who_is_added_during_the_session_is_there(acteur: Acteur, now: datetime, statut: Statut) -> None:
    assert first_statut(acteur, now=now, starts_at=START) is statut


@pytest.mark.parametrize(
    ("seconds", "left", "possible"), [(0, 10, True), (9.5, 0, True), (11, 0, True), (13, 0, False)]
)
def test_a_change_is_taken_back_for_ten_seconds(seconds: float, left: int, possible: bool) -> None:
    now = START + timedelta(seconds=seconds)
    assert seconds_left(START, now) == left and timedelta(seconds=10) == RETOUR
    if possible:
        check_retour(START, now)
    else:
        with pytest.raises(Refus, match="trop tard"):
            check_retour(START, now)


@pytest.mark.parametrize(
    ("hours", "cancelled", "statuts", "expected"),
    [
        (-1, False, [], Etat.A_VENIR),
        (-1, False, [P], Etat.A_VENIR),
        (-1, True, [X], Etat.ANNULE),
        (0, False, [N], Etat.EN_COURS),
        (1.99, False, [P, A], Etat.EN_COURS),
        (2, False, [P, N], Etat.A_RENSEIGNER),
        (2, False, [P, A, E, X], Etat.CLOS),
        (2, False, [A, A], Etat.CLOS),  # 0 présent is not annulé
        (2, False, [X, E], Etat.CLOS),
        (2, False, [], Etat.CLOS),
        (900, False, [N], Etat.A_RENSEIGNER),
        (900, True, [N], Etat.ANNULE),
    ],
)
def test_the_session_s_own_state(hours: float, cancelled: bool, statuts: list[Statut], expected: Etat) -> None:
    found = etat(
        now=START + timedelta(hours=hours),
        starts_at=START,
        ends_at=START + timedelta(hours=2),
        cancelled=cancelled,
        statuts=statuts,
    )
    assert found is expected
