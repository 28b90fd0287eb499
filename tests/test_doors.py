"""Every door to a seat, pushed at random by real processes: whatever happens, every seat is accounted for.

`DOORS_SEED=…` throws the same dice again: a failure says the command.
"""

import os
import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import storm
from tests.databases import Base
from tests.doors import DONE, DOORS, NO_SEATS, new_seed
from tests.servers import Site
from tests.told import untold
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import Rdv

pytestmark = pytest.mark.xdist_group("doors")  # `--dist loadgroup` gives it a worker of its own
SECONDS, CHANCES = 6, 5
ROUNDS, ROUND_SECONDS = 13, 20  # ten minutes for both databases


def seed_of(request: pytest.FixtureRequest) -> tuple[int, str]:
    """The dice, and how to throw them again."""
    seed = int(os.environ.get("DOORS_SEED") or new_seed())
    again = f'DOORS_SEED={seed} .venv/bin/pytest -n 0 "{request.node.nodeid}"'
    print(f"to replay: {again}")
    return seed, again


def started(live_server: Callable[..., Site], **options: str) -> Site:
    """Three web processes on PostgreSQL, the one there is on SQLite; worker and clock."""
    return live_server(env={"WEB_CONCURRENCY": "3", "LINK_KEY": storm.LINK_KEY}, **options)


def accounted_for(app: Flask, site: Site, outcome: storm.Outcome, again: str) -> set[str]:
    """Nothing broken, nothing unexpected, and what started is frozen. Answers the doors nobody pushed (some need a
    session in a certain state), or nobody got through, which should have opened."""
    print(outcome)
    story = f"\nto replay: {again}\n{outcome}"
    assert outcome.said == "", outcome.said + story
    bad = storm.bad_lines(site)
    assert outcome.faults == [] and bad == "", f"{outcome.faults[:5]}\n{bad}{story}"
    assert set(outcome.answers) <= {door.push.__name__ for door in DOORS}, story
    assert (wrong := untold(app)) == [], f"{wrong[:5]}{story}"
    with app.app_context():
        begun = utcnow()
        thawed = select(func.count()).where(Rdv.starts_at < begun, Rdv.fige.is_(None), Rdv.ends_at > begun)
        until = time.monotonic() + 30
        storm.freeze(app)
        while db.session.scalar(thawed) and time.monotonic() < until:
            db.session.rollback()
            time.sleep(0.1)
        assert db.session.scalar(thawed) == 0
    opened = {name for name, answers in outcome.answers.items() if DONE & set(answers)}
    return {
        door.push.__name__ for door in DOORS if door.push.__name__ not in (opened if door.opens else outcome.answers)
    }


def test_a_storm_at_every_door(app: Flask, live_server: Callable[..., Site], request: pytest.FixtureRequest) -> None:
    seed, again = seed_of(request)
    site = started(live_server)
    closed = accounted_for(app, site, storm.rage(app, site, seed, SECONDS), again)
    for number in range(1, CHANCES):  # few are pushed on a busy machine, and some open by chance only
        if closed:
            closed &= accounted_for(app, site, storm.rage(app, site, seed, SECONDS, number=number), again)
    assert closed == set(), f"nobody got through {closed}\nto replay: {again}"


@pytest.mark.volume
def test_a_storm_that_lasts(app: Flask, live_server: Callable[..., Site], request: pytest.FixtureRequest) -> None:
    """Round after round on the same site: the figures of one are the history of the next."""
    seed, again = seed_of(request)
    site = started(live_server)
    closed = {door.push.__name__ for door in DOORS}
    for number in range(ROUNDS):
        closed &= accounted_for(app, site, storm.rage(app, site, seed, ROUND_SECONDS, number=number), again)
    assert closed == set(), f"nobody got through {closed}\nto replay: {again}"


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_without_the_lock_the_storm_leaves_traces(
    app: Flask, live_server: Callable[..., Site], base: Base, request: pytest.FixtureRequest
) -> None:
    """The negative control: the same storm on a site that does not lock is caught by `flask check` within a minute."""
    seed, again = seed_of(request)
    site = started(live_server, app="tests.unlocked:app")
    for number in range(6):
        outcome = storm.rage(app, site, seed, 5, number=number, each=False)
        if outcome.said:
            print(outcome.said)
            return
    pytest.fail(f"the recount saw nothing\nto replay: {again}\n{outcome}")


def test_every_post_is_a_door_or_has_no_seats(app: Flask) -> None:
    writes = {"POST", "PUT", "PATCH", "DELETE"}
    posts = {rule.endpoint for rule in app.url_map.iter_rules() if writes & (rule.methods or set())}
    doors = {door.endpoint for door in DOORS}
    assert doors & set(NO_SEATS) == set()
    assert len({door.push.__name__ for door in DOORS}) == len(DOORS), "two doors of one name are counted as one"
    assert posts - doors - set(NO_SEATS) == set(), "a new door: add it to DOORS in tests/doors.py"
    assert doors | set(NO_SEATS) <= posts, "a door that is gone: take it out of tests/doors.py"
