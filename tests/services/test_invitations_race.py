"""One invitation in many browsers at once: one seat, whatever each chose; and the control that proves it is a race."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.errors import DomainError
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Agent, Invitation, Motif, Participation, Rdv, Usager
from webapp.queries import invitations as queries
from webapp.services import booking, invitations
from webapp.services.checks import broken


@pytest.fixture(autouse=True)
def in_context(app: Flask):  # type: ignore[no-untyped-def]
    with app.app_context():
        yield


@pytest.fixture
def motif() -> Motif:
    return make.motif(reservable_par=ReservablePar.INVITES)


@pytest.fixture
def person(motif: Motif) -> Usager:
    return make.usager(motif.organisation_id)


def session(motif: Motif, days: int) -> Rdv:
    return make.rdv(motif, starts_at=utcnow() + timedelta(days=days))


def at_once(app: Flask, actions: list[Callable[[], object]]) -> list[object]:
    """Each in a thread of its own; a refusal is an answer."""
    found: list[object] = []

    def run(action: Callable[[], object]) -> None:
        with app.app_context():
            try:
                found.append(action())
            except DomainError as refusal:
                found.append(refusal)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    db.session.rollback()
    return found


def race(app: Flask, motif: Motif, person: Usager) -> list[object]:
    """One invitation in six browsers: each chooses another session, all at the same moment."""
    row = make.invitation(motif, person)
    wanted = [session(motif, days).id for days in range(4, 10)]
    row_id, usager_id = row.id, person.id
    db.session.commit()
    db.session.remove()
    start = threading.Barrier(len(wanted))

    def choose(rdv_id: int) -> object:
        start.wait(30)
        return booking.book_seat(
            rdv_id, None, by=Acteur.USAGER, envoi=f"f{rdv_id}", usager_id=usager_id, invitation_id=row_id
        )

    return at_once(app, [lambda rdv_id=rdv_id: choose(rdv_id) for rdv_id in wanted])  # type: ignore[misc]


def test_one_invitation_in_six_browsers_at_once_books_one_seat(app: Flask, motif: Motif, person: Usager) -> None:
    answers = race(app, motif, person)
    assert sorted(type(answer).__name__ for answer in answers) == ["AutreSeance"] * 5 + ["Booking"]
    assert db.session.scalar(select(func.sum(Rdv.places_prises))) == 1
    assert db.session.scalar(select(func.count()).select_from(Participation)) == 1
    assert list(broken()) == []


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_without_its_lock_the_same_race_books_more_and_the_recount_says_so(
    app: Flask, motif: Motif, person: Usager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: nobody takes turns."""
    looked = threading.Barrier(6)

    def no_lock(invitation_id: int) -> Invitation | None:
        return db.session.get(Invitation, invitation_id)

    def late_look(row: Invitation, *, but: int = 0) -> None:
        looked.wait(30)

    monkeypatch.setattr(queries, "hold", no_lock)
    monkeypatch.setattr(queries, "seat_of", late_look)
    app.extensions["write_slots"], slots = threading.BoundedSemaphore(6), app.extensions["write_slots"]
    try:
        race(app, motif, person)
    finally:
        app.extensions["write_slots"] = slots
    assert db.session.scalar(select(func.count()).select_from(Participation)) == 6
    assert any("live seats" in line for line in broken())


def test_changes_that_cross_leave_one_seat(app: Flask, motif: Motif, person: Usager) -> None:
    """Two browsers change to different sessions, again and again: nobody waits for ever, nothing is lost."""
    row = make.invitation(motif, person)
    ids = [session(motif, days).id for days in range(4, 8)]
    row_id, usager_id = row.id, person.id
    db.session.commit()
    db.session.remove()

    def wander(order: list[int]) -> None:
        for number, rdv_id in enumerate(order * 3):
            booking.book_seat(
                rdv_id,
                None,
                by=Acteur.USAGER,
                envoi=f"{order}-{number}",
                usager_id=usager_id,
                invitation_id=row_id,
                changer=True,
            )

    assert at_once(app, [lambda: wander(ids), lambda: wander(ids[::-1])]) == [None, None]
    assert db.session.scalar(select(func.sum(Rdv.places_prises))) == 1 and list(broken()) == []


def test_two_agents_who_invite_at_once_send_one_invitation(app: Flask, motif: Motif, person: Usager) -> None:
    ids = [make.agent(motif.service).id for _ in range(2)]
    motif_id, usager_id = motif.id, person.id
    db.session.commit()
    db.session.remove()

    def one(agent_id: int) -> object:
        found, by = db.session.get_one(Motif, motif_id), db.session.get_one(Agent, agent_id)
        return invitations.invite(usager_id, found, by, envoi=f"f{agent_id}").version

    assert sorted(map(str, at_once(app, [lambda one_id=one_id: one(one_id) for one_id in ids]))) == ["1", "2"]  # type: ignore[misc]
    assert db.session.scalar(select(func.count()).select_from(Invitation)) == 1
