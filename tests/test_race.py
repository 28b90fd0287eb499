"""The last seat is sold once: real processes, real databases, a crowd; and the control that proves the race is one."""

from collections import Counter
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from tests.crowd import book_at_once, person
from tests.servers import Site
from webapp.extensions import db
from webapp.models import Notification, Participation, Rdv, Usager
from webapp.services.checks import broken

CROWD = 300
SEATS = 30
# What is lost without a lock, and what is found twice, is tried on SQLite with what is long.
mostly_postgresql = pytest.mark.parametrize(
    "base", ["postgresql", pytest.param("sqlite", marks=pytest.mark.volume)], indirect=True
)


@pytest.fixture
def rdv_id(app: Flask) -> int:
    with app.app_context():
        motif = make.motif(capacite_max=SEATS)
        rdv = make.rdv(motif)
        make.rdv(motif, starts_at=rdv.starts_at.replace(hour=9, day=1) if rdv.starts_at.day > 1 else None)
        db.session.commit()
        found = rdv.id
        db.session.remove()
        return found


def seated(rdv_id: int) -> tuple[int, int]:
    """Seats counted, and the counter."""
    counted = db.session.scalar(select(func.count()).where(Participation.rdv_id == rdv_id))
    return counted or 0, db.session.scalar(select(Rdv.places_prises).where(Rdv.id == rdv_id)) or 0


def test_300_people_for_30_seats(app: Flask, live_server: Callable[..., Site], rdv_id: int) -> None:
    site = live_server(processes=("web",), env={"WEB_CONCURRENCY": "3"})
    answers = book_at_once(site.url, rdv_id, [person(n) for n in range(CROWD)])
    assert Counter(answer.status for answer in answers) == {303: SEATS, 409: CROWD - SEATS}
    refused = next(answer for answer in answers if answer.status == 409)
    assert "Prénom" in refused.text  # what was typed is kept
    with app.app_context():
        assert seated(rdv_id) == (SEATS, SEATS)
        assert db.session.scalar(select(func.count()).select_from(Usager)) == SEATS
        assert list(broken()) == []


@mostly_postgresql
def test_without_the_lock_the_same_crowd_oversells(app: Flask, live_server: Callable[..., Site], rdv_id: int) -> None:
    """The negative control: were this to pass with the lock's own figures, the race above would prove nothing."""
    site = live_server(processes=("web",), env={"WEB_CONCURRENCY": "3"}, app="tests.unlocked:app")
    book_at_once(site.url, rdv_id, [person(n) for n in range(4 * SEATS)])
    with app.app_context():
        counted, counter = seated(rdv_id)
        assert counted > SEATS or counted != counter
        assert list(broken()) != []


@mostly_postgresql
def test_the_same_person_20_times_at_once(app: Flask, live_server: Callable[..., Site], rdv_id: int) -> None:
    site = live_server(processes=("web",), env={"WEB_CONCURRENCY": "3"})
    answers = book_at_once(site.url, rdv_id, [person(7)] * 20)
    assert {answer.status for answer in answers} == {303}
    assert len({answer.location for answer in answers}) == 1
    with app.app_context():
        assert seated(rdv_id) == (1, 1)
        assert db.session.scalar(select(func.count()).select_from(Usager)) == 1
        assert db.session.scalar(select(func.count()).select_from(Notification)) <= 2
        assert list(broken()) == []
