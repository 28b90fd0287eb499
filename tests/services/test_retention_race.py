"""Somebody comes back while the purge forgets them: two real transactions on PostgreSQL, in either order."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy
from flask import Flask
from sqlalchemy import func, select, text

from tests import factories as make
from tests.databases import Base
from webapp.clock import utcnow
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Participation, Rdv, Usager
from webapp.services.booking import book_seat
from webapp.services.checks import broken
from webapp.services.retention import purge

ELODIE = Identity("Élodie", "Martin", "+33639980001")


@pytest.fixture(name="base")
def postgresql_only(postgresql_base: Base) -> Base:
    """SQLite has one writer at a time: there the two can't meet."""
    postgresql_base.empty()
    return postgresql_base


@pytest.fixture
def rdv_id(app: Flask) -> Iterator[int]:
    """A session in ten days, and Élodie, whom nobody has seen for two years."""
    with app.app_context():
        rdv = make.rdv()
        known = {"first_name": ELODIE.prenom, "last_name": ELODIE.nom, "phone": ELODIE.telephone}
        make.usager(rdv.organisation_id, cree_le=utcnow() - timedelta(days=800), **known)
        db.session.commit()
        yield rdv.id
        assert list(broken()) == []


@pytest.fixture
def pause(app: Flask) -> Iterator[Callable[[str, str], tuple[threading.Event, threading.Event]]]:
    """Stops the named thread just before the statement that begins so: an event to wait for, one to let it go on."""
    listeners = []

    def make_pause(thread: str, beginning: str) -> tuple[threading.Event, threading.Event]:
        there, go_on = threading.Event(), threading.Event()

        def stop(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if threading.current_thread().name == thread and statement.startswith(beginning):
                there.set()
                assert go_on.wait(20)

        with app.app_context():
            sqlalchemy.event.listen(db.engine, "before_cursor_execute", stop)
        listeners.append(stop)
        return there, go_on

    yield make_pause
    with app.app_context():
        for stop in listeners:
            sqlalchemy.event.remove(db.engine, "before_cursor_execute", stop)


def run(app: Flask, name: str, action: Callable[[], object], errors: list[Exception]) -> threading.Thread:
    def inside() -> None:
        with app.app_context():
            try:
                action()
            except Exception as error:
                errors.append(error)
            finally:
                db.session.remove()

    thread = threading.Thread(target=inside, name=name)
    thread.start()
    return thread


def until_it_waits(thread: threading.Thread) -> None:
    """Until that thread has ended, or a connection waits for another's lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    deadline = time.monotonic() + 2.5  # lock_timeout is 3 s
    while thread.is_alive() and time.monotonic() < deadline:
        with db.engine.connect() as connection:
            if connection.scalar(waiting):
                return
        time.sleep(0.02)


@pytest.mark.parametrize("first", ["booking", "purge"])
def test_who_comes_back_while_they_are_forgotten_has_a_seat_and_a_name(
    app: Flask, rdv_id: int, pause: Callable[[str, str], tuple[threading.Event, threading.Event]], first: str
) -> None:
    actions: dict[str, Callable[[], object]] = {
        "booking": lambda: book_seat(rdv_id, ELODIE, by=Acteur.USAGER, envoi="un"),
        "purge": purge,
    }
    errors: list[Exception] = []
    there, go_on = pause(first, {"booking": "INSERT INTO journal", "purge": "UPDATE participations"}[first])
    one = run(app, first, actions.pop(first), errors)
    assert there.wait(20)
    ((name, action),) = actions.items()
    other = run(app, name, action, errors)
    until_it_waits(other)
    go_on.set()
    one.join(20)
    other.join(20)
    assert errors == []
    person = db.session.scalars(select(Usager).join(Participation)).one()
    assert (person.nom_complet, person.phone, person.anonymise_le) == ("Élodie Martin", ELODIE.telephone, None)
    assert db.session.scalar(select(Rdv.places_prises)) == 1
    forgotten = db.session.scalar(select(func.count()).where(Usager.anonymise_le.is_not(None)))
    assert forgotten == (1 if first == "purge" else 0)
