"""The real worker and clock, started from the Procfile, with a real Redis that stops and processes that are killed."""

import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from dev.servers import Valkey
from tests import factories as make
from tests.noise import noise
from tests.servers import Site, SmsSink, SmtpSink
from webapp.clock import utcnow
from webapp.domain.events import Inscription
from webapp.extensions import db
from webapp.models import Notification, Participation
from webapp.notifications.base import emit
from webapp.services.transaction import transaction

Start = Callable[..., Site]
# What Redis does to a process is the same whatever the database.
one_database = pytest.mark.parametrize("base", ["sqlite"], indirect=True)


def wait_for(what: Callable[[], bool], seconds: float = 15) -> float:
    """How long it took to become true."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - began


@pytest.fixture(autouse=True)
def _context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def start(live_server: Start, sms: SmsSink, smtp: SmtpSink) -> Start:
    """Starts those processes with both providers configured."""

    def started(*processes: str) -> Site:
        env = {"SMS_URL": sms.url, "MAIL_SERVER": smtp.host, "MAIL_PORT": str(smtp.port)}
        site = live_server(processes=processes, env=env)
        wait_for(lambda: all(f"{name} ready" in site.output() for name in processes))
        return site

    return started


@pytest.fixture
def seat() -> Participation:
    """A booking by somebody with a mobile and an e-mail."""
    rdv = make.rdv()
    found = make.participation(rdv, make.usager(rdv.organisation_id, email="yasmina@exemple.fr"))
    db.session.commit()
    return found


def booked(seat: Participation, version: int = 1) -> None:
    with transaction():
        emit(Inscription(participation_id=seat.id, version=version))


def states() -> list[str]:
    db.session.rollback()
    rows = db.session.execute(select(Notification.etat).order_by(Notification.id))
    return [row.etat.value for row in rows]


def horse_of(worker: int) -> int | None:
    """The process a worker forked for its job."""
    children = pathlib.Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    return int(children[0]) if children else None


def test_messages_leave_within_a_second_of_the_commit(
    seat: Participation, start: Start, sms: SmsSink, smtp: SmtpSink
) -> None:
    site = start("worker")
    booked(seat)
    took = wait_for(lambda: bool(sms.requests and smtp.mails))
    assert took < 1.0 * noise()
    wait_for(lambda: states() == ["envoyee", "envoyee"])
    assert seat.usager.phone not in site.output()
    assert "yasmina" not in site.output()
    assert "Traceback" not in site.output()


def test_a_worker_killed_while_sending_loses_nothing_and_repeats_only_with_the_same_key(
    seat: Participation, start: Start, sms: SmsSink, smtp: SmtpSink
) -> None:
    site = start("worker")
    sms.delay_seconds = 3
    booked(seat)
    wait_for(lambda: bool(sms.requests))  # the provider has it, the worker does not know yet
    horse = horse_of(site.children["worker"].pid)
    site.kill("worker", signal.SIGKILL)
    assert horse is not None
    os.kill(horse, signal.SIGKILL)
    assert states() == ["en_cours", "en_cours"]

    sms.delay_seconds = 0
    db.session.execute(update(Notification).values(claimed_until=utcnow() - timedelta(seconds=1)))  # its time is over
    db.session.commit()
    start("worker", "clock")
    wait_for(lambda: states() == ["envoyee", "envoyee"])
    keys = [request.headers["Idempotency-Key"] for request in sms.requests]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(smtp.mails) == 1


@one_database
def test_what_was_booked_while_redis_was_away_leaves_when_it_is_back(
    seat: Participation, start: Start, sms: SmsSink, valkey: Valkey
) -> None:
    site = start("worker", "clock")
    valkey.stop()
    began = time.monotonic()
    booked(seat)
    assert time.monotonic() - began < noise()
    assert states() == ["a_envoyer", "a_envoyer"]
    time.sleep(1)
    assert not sms.requests
    valkey.start()
    wait_for(lambda: states() == ["envoyee", "envoyee"], 20)
    assert len(sms.requests) == 1
    assert all(child.alive() for child in site.children.values())
    assert "Traceback" not in site.output()


@one_database
def test_a_frozen_redis_costs_a_booking_less_than_a_second(
    seat: Participation, start: Start, sms: SmsSink, valkey: Valkey
) -> None:
    start("worker", "clock")
    valkey.freeze()
    began = time.monotonic()
    booked(seat)
    assert time.monotonic() - began < noise()
    time.sleep(0.5)
    valkey.thaw()
    wait_for(lambda: states() == ["envoyee", "envoyee"], 20)
    assert len(sms.requests) == 1


@one_database
@pytest.mark.parametrize("away", [False, True])
def test_worker_and_clock_stop_cleanly(start: Start, valkey: Valkey, away: bool) -> None:
    site = start("worker", "clock")
    if away:
        valkey.stop()
        time.sleep(1.5)
    for child in site.children.values():
        child.terminate()
    for name, child in site.children.items():
        try:
            assert child.process.wait(8) == 0, f"{name}:\n{site.output()}"
        except subprocess.TimeoutExpired:
            pytest.fail(f"{name} did not stop:\n{site.output()}")
    assert "Traceback" not in site.output()


@one_database
def test_a_worker_asked_to_stop_finishes_what_it_sends(seat: Participation, start: Start, sms: SmsSink) -> None:
    site = start("worker")
    sms.delay_seconds = 1
    booked(seat)
    wait_for(lambda: bool(sms.requests))
    site.children["worker"].terminate()
    assert site.children["worker"].process.wait(10) == 0
    assert states()[0] == "envoyee"
    assert set(states()) <= {"envoyee", "a_envoyer"}
    assert len(sms.requests) == 1
