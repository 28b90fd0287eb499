"""The clock: each thing once a period, whoever ticks, whatever Redis does."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import redis
import time_machine
from flask import Flask
from rq import Queue

from dev.processes import procfile
from dev.servers import Valkey
from tests import factories as make
from webapp.broker import broker
from webapp.domain.events import Inscription
from webapp.extensions import db
from webapp.jobs import reminders, schedule
from webapp.jobs.schedule import PERIODIC, Clock, run_alone, sweep
from webapp.notifications import wake
from webapp.notifications.base import emit
from webapp.services.transaction import transaction

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite"])
def base(request: pytest.FixtureRequest):
    """The clock does not depend on the database."""
    found = request.getfixturevalue("sqlite_base")
    found.empty()
    return found


@pytest.fixture(autouse=True)
def _context(app: Flask) -> Iterator[None]:
    with app.app_context():
        broker()._closed_until = 0.0
        yield
        broker()._closed_until = 0.0


def queued(valkey: Valkey) -> list[str]:
    """What waits in the default queue: what each job is to run."""
    client = redis.Redis.from_url(valkey.url)
    return [job.args[0] for job in Queue("default", connection=client).jobs]


def test_two_clocks_enqueue_each_thing_once_a_period(valkey: Valkey) -> None:
    names = [periodic.function for periodic in PERIODIC]
    with time_machine.travel(NOON, tick=False):
        for clock in (Clock(), Clock()):
            clock.tick()
            clock.tick()
    assert queued(valkey) == names
    with time_machine.travel(NOON + timedelta(minutes=1), tick=False):
        Clock().tick()
    assert sorted(queued(valkey)) == sorted(names + [p.function for p in PERIODIC if p.every == 60])


def test_what_redis_missed_is_done_when_it_is_back(valkey: Valkey) -> None:
    clock = Clock()
    valkey.stop()
    with time_machine.travel(NOON, tick=False):
        clock.tick()
        assert not clock.done
        valkey.start()
        broker()._closed_until = 0.0  # its five seconds
        clock.tick()
    assert len(queued(valkey)) == len(PERIODIC)


def test_jobs_do_not_pile_up_while_there_is_no_worker(valkey: Valkey) -> None:
    clock = Clock()
    with time_machine.travel(NOON, tick=False):
        clock.tick()
    client = redis.Redis.from_url(valkey.url)
    [minute, *_] = Queue("default", connection=client).jobs
    assert 50 < client.ttl(minute.key) <= 60


def test_the_sweeper_hints_what_is_due(valkey: Valkey) -> None:
    seat = make.participation(make.rdv())
    db.session.commit()
    valkey.stop()
    with transaction():
        emit(Inscription(participation_id=seat.id, version=1))
    valkey.start()
    assert queued(valkey) == []
    broker()._closed_until = 0.0
    assert sweep()
    assert queued(valkey) == ["default"]
    assert sweep()  # already on its way
    assert queued(valkey) == ["default"]


def test_nothing_due_hints_nothing(valkey: Valkey) -> None:
    assert sweep()
    assert redis.Redis.from_url(valkey.url).dbsize() == 0


def test_a_periodic_job_runs_alone(monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    started, go_on, runs = threading.Event(), threading.Event(), []

    def slow() -> None:
        runs.append(1)
        started.set()
        go_on.wait(5)

    monkeypatch.setattr(reminders, "emit_due", slow)
    function = "webapp.jobs.reminders.emit_due"

    def elsewhere() -> None:
        with app.app_context():
            run_alone(function)

    first = threading.Thread(target=elsewhere)
    first.start()
    assert started.wait(5)
    run_alone(function)
    assert runs == [1]
    go_on.set()
    first.join()
    run_alone(function)
    assert runs == [1, 1]


def test_only_what_the_clock_knows_runs() -> None:
    with pytest.raises(ValueError, match="not a periodic job"):
        run_alone("os.getcwd")


@pytest.mark.parametrize("periodic", PERIODIC, ids=lambda p: p.function)
def test_every_periodic_function_exists_and_runs_on_an_empty_database(periodic: schedule.Periodic) -> None:
    run_alone(periodic.function)


def test_the_worker_listens_to_every_queue_and_starts_from_the_procfile() -> None:
    assert wake.QUEUES == ("urgent", "default", "mass", "webhooks")
    commands = procfile()
    assert commands["worker"].endswith(" worker")
    assert commands["clock"].endswith(" clock")
