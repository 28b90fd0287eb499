"""What becomes of each session of a series, as tables; and what must hold whatever the series."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.serie import Choix, Decision, Etape, Question, Seance, Sort, plan, shown

D1, D8, D15 = (date(2026, 12, day) for day in (1, 8, 15))
MOVE = Choix(ou_quand=Decision.DEPLACER)
CANCEL = Choix(sans_date=Decision.ANNULER)


def one(jour: date = D1, ou: str = "matin", number: int = 1, **fields: object) -> Seance:
    fields.setdefault("connue", bool(fields.get("inscrits")))
    return Seance(number, jour, ou, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seance", "voulues", "choix", "sort", "question"),
    [
        (one(), {D1: "matin"}, Choix(), Sort.INCHANGEE, Question.AUCUNE),
        (one(), {D1: "soir"}, Choix(), Sort.DEPLACEE, Question.AUCUNE),
        (one(), {D8: "matin"}, Choix(), Sort.RETIREE, Question.AUCUNE),
        # Somebody gave their place up: they may come back, so the session is not removed, but it may move.
        (one(connue=True), {D1: "soir"}, Choix(), Sort.DEPLACEE, Question.AUCUNE),
        (one(connue=True), {}, Choix(), Sort.GARDEE, Question.SANS_DATE),
        (one(connue=True), {}, CANCEL, Sort.ANNULEE, Question.SANS_DATE),
        (one(inscrits=(7,)), {D1: "matin"}, MOVE, Sort.INCHANGEE, Question.AUCUNE),
        (one(inscrits=(7,)), {D1: "soir"}, Choix(), Sort.GARDEE, Question.OU_QUAND),
        (one(inscrits=(7,)), {D1: "soir"}, MOVE, Sort.DEPLACEE, Question.OU_QUAND),
        (one(inscrits=(7,)), {}, MOVE, Sort.GARDEE, Question.SANS_DATE),
        (one(inscrits=(7,)), {}, CANCEL, Sort.ANNULEE, Question.SANS_DATE),
        (one(inscrits=(7,), presents=True), {}, CANCEL, Sort.GARDEE, Question.SANS_DATE),
        (one(inscrits=(7,), detachee=True), {D1: "soir"}, MOVE, Sort.INCHANGEE, Question.AUCUNE),
        (one(inscrits=(7,), detachee=True), {}, CANCEL, Sort.INCHANGEE, Question.AUCUNE),
        # Who waits is told as well: nothing is done before it was read.
        (one(attendent=(7,)), {D1: "soir"}, Choix(), Sort.GARDEE, Question.OU_QUAND),
        (one(attendent=(7,)), {D1: "soir"}, MOVE, Sort.DEPLACEE, Question.OU_QUAND),
        (one(attendent=(7,)), {}, Choix(), Sort.GARDEE, Question.SANS_DATE),
        # Exceptions, and answers that answer nothing.
        (one(inscrits=(7,)), {D1: "soir"}, Choix(Decision.DEPLACER, exceptions={1: Decision.GARDER}), Sort.GARDEE,
         Question.OU_QUAND),
        (one(inscrits=(7,)), {D1: "soir"}, Choix(exceptions={1: Decision.DEPLACER}), Sort.DEPLACEE, Question.OU_QUAND),
        (one(inscrits=(7,)), {D1: "soir"}, Choix(exceptions={1: Decision.ANNULER}), Sort.GARDEE, Question.OU_QUAND),
        (one(inscrits=(7,)), {}, Choix(exceptions={1: Decision.ANNULER}), Sort.ANNULEE, Question.SANS_DATE),
        (one(inscrits=(7,)), {}, Choix(Decision.ANNULER, Decision.DEPLACER), Sort.GARDEE, Question.SANS_DATE),
    ],
)  # fmt: skip
def test_what_becomes_of_one_session(
    seance: Seance, voulues: dict[date, str], choix: Choix, sort: Sort, question: Question
) -> None:
    steps = [step for step in plan([seance], voulues, choix) if step.seance]
    assert [(step.sort, step.question) for step in steps] == [(sort, question)]


def test_a_stop_takes_those_kept_apart_with_it() -> None:
    apart = one(inscrits=(7,), detachee=True)
    stays = one(D8, number=2, detachee=True)
    steps = plan([apart, stays], {D8: "matin"}, CANCEL, detachees=True)
    assert [step.sort for step in steps] == [Sort.ANNULEE, Sort.INCHANGEE]


def test_days_without_a_session_are_created_unless_theirs_is_past_or_cancelled() -> None:
    steps = plan([one()], {D1: "matin", D8: "matin", D15: "matin"}, Choix(), prises={D8})
    assert [(step.sort, step.jour) for step in steps] == [(Sort.INCHANGEE, D1), (Sort.CREEE, D15)]


@pytest.mark.parametrize(
    ("before", "after", "people", "over"),
    [(12, 8, 9, True), (12, 8, 8, False), (8, 8, 9, False), (None, 8, 9, True), (12, None, 13, False)],
)
def test_fewer_places_than_people_is_to_be_read(before: int | None, after: int | None, people: int, over: bool) -> None:
    seance = one(inscrits=tuple(range(people)), capacite=before, capacite_voulue=after)
    (step,) = plan([seance], {D1: "matin"}, Choix())
    assert step.sort is Sort.INCHANGEE and step.deborde is step.a_voir is over


def test_what_was_shown_is_known_by_its_people_and_its_place_not_by_what_is_decided() -> None:
    def keys(choix: Choix = MOVE, to: str = "soir", **fields: object) -> frozenset[str]:
        return shown(plan([one(**{"inscrits": (7,), **fields})], {D1: to}, choix))

    assert keys() == keys(Choix()) != frozenset()
    others = [
        keys(inscrits=(7, 8)),
        keys(inscrits=(8,)),
        keys(attendent=(7,)),
        keys(to="nuit"),
        keys(ou="midi"),
        keys(presents=True),
    ]
    assert keys() not in others and len(set(others)) == len(others)
    assert keys(to="matin") == keys(inscrits=()) == frozenset()


DAYS = st.integers(0, 6).map(lambda n: D1 + timedelta(weeks=n))
SEANCES = st.lists(
    st.builds(
        one,
        DAYS,
        st.sampled_from(["matin", "soir"]),
        inscrits=st.sampled_from([(), (1,), (1, 2)]),
        attendent=st.sampled_from([(), (), (3,)]),
        detachee=st.booleans(),
        presents=st.booleans(),
    ),
    unique_by=lambda seance: seance.jour,
    max_size=7,
).map(lambda found: [replace(s, id=n) for n, s in enumerate(found)])
DECISIONS = st.sampled_from(list(Decision))
CHOIX = st.builds(Choix, DECISIONS, DECISIONS, st.dictionaries(st.integers(0, 6), DECISIONS))


def carried_out(steps: list[Etape]) -> list[Seance]:
    """The sessions that are there afterwards."""
    left = []
    for number, step in enumerate(steps):
        old = step.seance
        if old is None:
            left.append(Seance(1000 + number, step.jour, step.vers))
        elif step.sort in (Sort.INCHANGEE, Sort.DEPLACEE, Sort.GARDEE):
            where = step.vers if step.sort is Sort.DEPLACEE else old.ou
            apart = old.detachee or step.sort is Sort.GARDEE
            left.append(replace(old, ou=where, detachee=apart))
    return left


@given(SEANCES, st.dictionaries(DAYS, st.sampled_from(["matin", "soir"])), CHOIX, st.sets(DAYS), st.booleans())
def test_whatever_the_series(
    seances: list[Seance], voulues: dict[date, str], choix: Choix, prises: set[date], stop: bool
) -> None:
    prises -= {seance.jour for seance in seances}
    steps = plan(seances, voulues, choix, prises=prises, detachees=stop)
    assert sorted(step.seance.id for step in steps if step.seance) == [seance.id for seance in seances]
    for step in steps:
        people = step.seance is not None and step.seance.concerne
        if step.sort is Sort.RETIREE or step.sort is Sort.CREEE:
            assert not people
        if people and step.sort in (Sort.DEPLACEE, Sort.ANNULEE):  # never without having been read and decided
            assert step.a_voir and step.seance is not None
            wanted = Decision.DEPLACER if step.sort is Sort.DEPLACEE else Decision.ANNULER
            assert choix.of(step.question, step.seance.id) is wanted
        if step.sort is Sort.ANNULEE:
            assert step.seance is not None and not step.seance.presents
    left = carried_out(steps)
    follow = {seance.jour: seance.ou for seance in left if not seance.detachee}
    apart = {seance.jour for seance in left if seance.detachee}
    assert set(follow) <= set(voulues) and all(voulues[day] == ou for day, ou in follow.items())
    assert set(voulues) <= set(follow) | apart | prises
    again = plan(left, voulues, choix, prises=prises)
    gone = {step.jour for step in steps if step.sort is Sort.ANNULEE} - prises
    assert {step.sort for step in again if step.jour not in gone} <= {Sort.INCHANGEE}
