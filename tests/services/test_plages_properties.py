"""Whatever is done to a plage, in whatever order, or all at once: nothing booked is lost, nothing is sold twice."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from tests.services.test_plages import NOW, Place, book, sessions, snapshot
from webapp.domain.errors import Introuvable
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur
from webapp.domain.recurrence import Frequency, Recurrence
from webapp.domain.serie import Choix, Decision
from webapp.extensions import db
from webapp.models import Agent, Notification, Participation, PlageOuverture, Rdv
from webapp.services import plages
from webapp.services.booking import Booking, book_seat
from webapp.services.checks import broken
from webapp.services.motifs import save_motif
from webapp.services.plages import Accord, days_of, extend_horizons, materialise, save_plage
from webapp.services.rdvs import cancel_rdv
from webapp.services.suites import Portee, cancel_rdvs, split_plage, stop_plage

BOUNDED = settings(max_examples=15)

RULES = st.one_of(
    st.just(Recurrence()),
    st.builds(
        Recurrence,
        st.just(Frequency.WEEKLY),
        st.integers(1, 3),
        weekdays=st.sets(st.integers(0, 6), min_size=1, max_size=2).map(tuple),
        count=st.integers(1, 12),
    ),
    st.builds(Recurrence, st.just(Frequency.MONTHLY), month_day=st.integers(1, 31), until=st.just(date(2027, 6, 30))),
)
CHANGES = st.fixed_dictionaries(
    {
        "recurrence": RULES,
        "first_day": st.dates(date(2026, 11, 23), date(2026, 12, 20)),
        "start_time": st.sampled_from([time(9), time(14)]),
        "excluded": st.sets(st.dates(date(2026, 12, 1), date(2027, 1, 31)), max_size=3).map(tuple),
        "capacite_max": st.sampled_from([None, 3, 20]),
    }
)
STEPS = st.lists(st.tuples(CHANGES, st.sampled_from(["", "book", "cancel", "move"]), st.integers(0, 50)), max_size=4)


@pytest.fixture(autouse=True)
def quiet_sunday(app: Flask) -> Iterator[Any]:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield


@BOUNDED
@given(STEPS)
def test_sessions_are_the_recurrence_minus_exclusions_plus_the_detached(steps: list[Any]) -> None:
    place = Place()
    plage = place.save().plage
    booked: dict[int, tuple[Any, ...]] = {}
    for change, action, pick in steps:
        live = [r for r in sessions(plage) if r.cancelled_at is None]
        rdv = live[pick % len(live)] if live else None
        if rdv and action == "book":
            book(rdv)
            booked[rdv.id] = (rdv.starts_at, rdv.ends_at, rdv.lieu_id)
        elif rdv and action == "cancel":
            cancel_rdv(rdv.id, agent=place.agent, prevenir=False)
        elif rdv and action == "move" and rdv.id not in booked:
            rdv.starts_at, rdv.ends_at, rdv.detache = (
                rdv.starts_at + timedelta(hours=1),
                rdv.ends_at + timedelta(hours=1),
                True,
            )
            db.session.commit()
        place.save(plage, **change)
        db.session.expire_all()
        rows = sessions(plage)
        apart = {r.occurrence_le for r in rows if r.detache or r.cancelled_at}
        assert {r.occurrence_le for r in rows} - apart == set(days_of(plage)) - apart
        assert set(days_of(plage)) <= {r.occurrence_le for r in rows}
        for rdv_id, where in booked.items():
            kept = db.session.get(Rdv, rdv_id)
            assert kept is not None and (kept.starts_at, kept.ends_at, kept.lieu_id) == where
    assert list(broken()) == []


DECISIONS = st.builds(Choix, st.sampled_from(list(Decision)), st.sampled_from(list(Decision)))
KINDS = st.sampled_from(["save", "split", "stop", "one", "cancel"])
EDITS = st.lists(st.tuples(KINDS, CHANGES, DECISIONS, st.integers(0, 50), st.booleans()), max_size=3)


def edit_plage(place: Place, plage: PlageOuverture, live: list[Rdv], day: date, edit: Any) -> Any:
    """One of the things that may be done to a plage and its sessions, from that day on where it matters."""
    kind, change, choix, _, tell = edit
    accord = Accord(choix, prevenir=tell)
    if kind == "save":
        return save_plage(plage.id, place.data(**change), place.agent, accord=accord)
    if kind == "split":
        data = place.data(**{**change, "first_day": max(day, change["first_day"]), "title": f"dès {day}"})
        return split_plage(plage.id, day, data, place.agent, accord=accord)
    if kind == "cancel":
        return cancel_rdvs([rdv.id for rdv in live[:3]], place.agent, accord=accord)
    return stop_plage(plage.id, Portee.UNE if kind == "one" else Portee.SUIVANTES, day, place.agent, accord=accord)


@BOUNDED
@given(EDITS)
def test_whatever_is_decided_people_are_told_once_of_what_changes_and_nothing_else(edits: list[Any]) -> None:
    """Saved, split, stopped, a date taken out, sessions cancelled: each time somebody books first."""
    place = Place()
    current = place.save().plage
    plages_made = {current.id}
    for edit in edits:
        kind, _, choix, pick, tell = edit
        live = [rdv for rdv in sessions(current) if rdv.cancelled_at is None]
        for rdv in live[pick % 7 :: 5][:2]:
            book(rdv)
        db.session.expire_all()
        everything = select(Rdv).where(Rdv.plage_ouverture_id.in_(plages_made))
        before = {rdv.id: (rdv.starts_at, rdv.ends_at, rdv.lieu_id) for rdv in db.session.scalars(everything)}
        booked = select(Participation.rdv_id).where(Participation.rdv_id.in_(before), Participation.statut == "inscrit")
        people = list(db.session.scalars(booked))
        sent = db.session.scalar(select(func.max(Notification.id))) or 0
        day = (live[pick % len(live)].occurrence_le if live else None) or date(2026, 12, 8)
        done, again = (edit_plage(place, current, live, day, edit) for _ in range(2))
        if kind == "split":
            current = done.plage
            plages_made.add(current.id)
            assert again.plage.id == current.id
        db.session.expire_all()
        after = {rdv.id: rdv for rdv in db.session.scalars(everything)}
        if kind == "split":
            after |= {rdv.id: rdv for rdv in sessions(current)}
        told = Counter(
            (row.rdv_id, row.event) for row in db.session.query(Notification).filter(
                Notification.id > sent, Notification.destinataire_type == "usager"
            )
        )  # fmt: skip
        expected: Counter[tuple[int, str]] = Counter()
        for rdv_id in people:
            rdv = after[rdv_id]  # booked sessions are never lost
            if rdv.cancelled_at is not None:
                expected[rdv_id, "annulation"] += tell
            elif (rdv.starts_at, rdv.ends_at, rdv.lieu_id) != before[rdv_id]:  # nor silently moved
                assert choix.ou_quand is Decision.DEPLACER
                expected[rdv_id, "modification"] += tell
        assert told == +expected
        rows = sessions(current)
        apart = {r.occurrence_le for r in rows if r.detache or r.cancelled_at}
        assert {r.occurrence_le for r in rows} - apart == set(days_of(current)) - apart
        assert set(days_of(current)) <= {r.occurrence_le for r in rows}
        frozen = {plage_id: snapshot(db.session.get_one(PlageOuverture, plage_id)) for plage_id in plages_made}
        assert extend_horizons() == 0
        for plage_id, rows_before in frozen.items():
            assert snapshot(db.session.get_one(PlageOuverture, plage_id)) == rows_before
    assert list(broken()) == []


@BOUNDED
@given(CHANGES, CHANGES, st.integers(0, 200))
def test_doing_it_twice_changes_nothing(first: Any, second: Any, days: int) -> None:
    place = Place()
    plage = place.save(**first).plage
    place.save(plage, **second)
    with time_machine.travel(NOW + timedelta(days=days), tick=False):
        extend_horizons()
        before = snapshot(plage)
        assert materialise(plage.id) == extend_horizons() == 0
        assert snapshot(plage) == before


def test_edits_and_bookings_at_once_neither_block_each_other_nor_break_a_rule(app: Flask) -> None:
    place = Place()
    weekly = Recurrence(Frequency.WEEKLY, weekdays=(1,), count=20)
    plage_ids = [place.save(recurrence=weekly, title=title).plage.id for title in ("un", "deux")]
    rdv_ids = [r.id for r in db.session.query(Rdv).order_by(Rdv.id)]
    agent_id, motif_id, data = place.agent.id, place.motif.id, place.data
    db.session.commit()
    failures: list[BaseException] = []

    def hand(work: Callable[[int, Agent], Any]) -> threading.Thread:
        def run() -> None:
            with app.app_context():
                agent = db.session.get(Agent, agent_id)
                assert agent is not None
                for turn in range(8):
                    try:
                        work(turn, agent)
                    except BaseException as error:
                        failures.append(error)

        return threading.Thread(target=run)

    def edit(index: int) -> Callable[[int, Agent], Any]:
        def work(turn: int, agent: Agent) -> None:
            hour = time(9 + (turn + index) % 3)
            save_plage(
                plage_ids[(turn + index) % 2],
                data(recurrence=weekly, start_time=hour, end_time=time(17), title=("un", "deux")[(turn + index) % 2]),
                agent,
            )

        return work

    def reserve(offset: int) -> Callable[[int, Agent], Any]:
        def work(turn: int, agent: Agent) -> None:
            person = Identity(f"Awa{offset}{turn}", "Diallo", telephone=f"+336399810{offset}{turn}")
            rdv_id = rdv_ids[(offset * 7 + turn * 5) % len(rdv_ids)]
            book_seat(rdv_id, person, by=Acteur.AGENT, envoi=f"{offset}-{turn}", agent=agent, prevenir=False)

        return work

    picked = {(offset * 7 + turn * 5) % 40 for offset in (1, 2) for turn in range(8)}
    free = [index for index in range(40) if index not in picked]  # sessions nobody books here
    to_cancel, to_stop = free[:8], free[8:16]

    def stop_a_date(turn: int, agent: Agent) -> None:
        plage, week = divmod(to_stop[turn], 20)
        stop_plage(plage_ids[plage], Portee.UNE, date(2026, 12, 1) + timedelta(weeks=week), agent)

    def cancel_some(turn: int, agent: Agent) -> None:
        ids = [rdv_ids[to_cancel[(turn + step) % 8]] for step in (0, 3, 5)]
        cancel_rdvs(ids, agent, accord=Accord(Choix(sans_date=Decision.ANNULER)))

    hands = [
        hand(edit(0)),
        hand(edit(1)),
        hand(stop_a_date),
        hand(cancel_some),
        hand(lambda turn, agent: save_motif(motif_id, {"capacite_max": 10 + turn}, agent)),
        hand(reserve(1)),
        hand(reserve(2)),
    ]
    for one in hands:
        one.start()
    for one in hands:
        one.join(60)
    assert failures == []
    db.session.rollback()
    db.session.expire_all()
    assert db.session.query(Participation).count() == 16
    assert {r.capacite_max for r in db.session.query(Rdv) if r.cancelled_at is None} == {17}
    assert {r.id for r in db.session.query(Rdv) if r.cancelled_at} == {rdv_ids[index] for index in to_cancel}
    assert list(broken()) == []


def test_a_session_somebody_is_being_booked_in_is_kept_and_nobody_waits_for_the_other(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person's row is written and waits for the session's lock, which the plage holds when it wants it removed."""
    place = Place()
    plage = place.save().plage
    gone = sessions(plage)[1]
    rdv_id, day = gone.id, gone.occurrence_le
    db.session.commit()
    answers: list[Any] = []

    def visitor() -> None:
        with app.app_context():
            try:
                person = Identity("Awa", "Diallo", telephone="+33639981001")
                answers.append(book_seat(rdv_id, person, by=Acteur.USAGER, envoi="un"))
            except Exception as error:
                answers.append(error)
            finally:
                db.session.remove()

    booking = threading.Thread(target=visitor)

    def looks(*asked: Any, **more: Any) -> list[date]:
        if not booking.is_alive() and not answers:
            booking.start()
            booking.join(0.5)  # on PostgreSQL it waits for the lock, on SQLite for its turn
        return days_of(*asked, **more)

    monkeypatch.setattr(plages, "days_of", looks)
    saved = place.save(plage, excluded=(day,))
    booking.join(20)
    db.session.expire_all()
    if db.session.get_bind().dialect.name == "postgresql":
        assert isinstance(answers[0], Booking) and (saved.retirees, saved.gardees) == (0, 1)
        assert db.session.get_one(Rdv, rdv_id).detache
    else:
        assert isinstance(answers[0], Introuvable) and (saved.retirees, saved.gardees) == (1, 0)
    assert list(broken()) == []
