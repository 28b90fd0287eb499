"""How a use case writes: nothing half done, hooks after the commit, rows locked in order, greenlets that wait."""

import os
import subprocess
import sys
import textwrap
import threading
import time

import psycopg
import pytest
from flask import Flask
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from tests import factories as make
from tests.databases import Base, build, forget_connections
from webapp import engine
from webapp.aftercommit import after_commit
from webapp.domain.errors import Introuvable, Occupe
from webapp.extensions import db
from webapp.models import Rdv
from webapp.services.transaction import out_of_reach, seat_lock, transaction


@pytest.fixture
def inside(app: Flask):
    with app.app_context():
        yield


def test_an_error_undoes_everything_and_forgets_the_hooks(inside: None) -> None:
    rdv = make.rdv()
    db.session.commit()
    done: list[str] = []
    with pytest.raises(ZeroDivisionError), transaction():
        (row,) = seat_lock(rdv.id)
        row.places_prises = 5
        after_commit("x", lambda: done.append("x"))
        db.session.flush()
        raise ZeroDivisionError
    assert db.session.scalar(select(Rdv.places_prises)) == 0
    with transaction():
        pass
    assert done == []


def test_hooks_run_once_per_key_after_the_commit(inside: None) -> None:
    done: list[object] = []
    with transaction():
        after_commit("a", lambda: done.append(db.session.info.get("rdv_writes")))
        after_commit("a", lambda: done.append("last wins"))
        assert done == []
    assert done == ["last wins"]


def test_a_use_case_does_not_open_a_transaction_inside_another(inside: None) -> None:
    with transaction(), pytest.raises(RuntimeError), transaction():
        pass


def test_locking_what_is_gone_is_refused(inside: None) -> None:
    with pytest.raises(Introuvable), transaction():
        seat_lock(987654)


def test_two_that_lock_the_same_sessions_in_opposite_order_don_t_deadlock(app: Flask, inside: None) -> None:
    one, two = make.rdv(), make.rdv()
    db.session.commit()
    ids, errors = (one.id, two.id), []

    def move(first: int, second: int) -> None:
        with app.app_context():
            try:
                for _ in range(15):
                    with transaction():
                        for row in seat_lock(first, second):
                            row.version += 1
            except Exception as error:
                errors.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=move, args=order) for order in (ids, ids[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    db.session.expire_all()
    assert {row.version for row in db.session.scalars(select(Rdv))} == {31}


def test_a_row_locked_for_too_long_is_said_plainly(app: Flask, inside: None) -> None:
    if db.engine.dialect.name != "postgresql":
        app.extensions["write_slots"].acquire()
        from webapp.services import transaction as module

        usual, module.SLOT_TIMEOUT = module.SLOT_TIMEOUT, 0.2
        try:
            with pytest.raises(Occupe), transaction():
                pass
        finally:
            module.SLOT_TIMEOUT = usual
            app.extensions["write_slots"].release()
        return
    rdv = make.rdv()
    db.session.commit()
    with db.engine.connect().execution_options(**engine.WRITING["postgresql"]) as other:
        other.execute(select(Rdv).where(Rdv.id == rdv.id).with_for_update())
        began = time.monotonic()
        with pytest.raises(Occupe), transaction():
            seat_lock(rdv.id)
        assert 2.5 < time.monotonic() - began < 30


def said(script: str, *arguments: str) -> list[str]:
    """The words a script prints, in a process of its own."""
    answer = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        check=True,
    )
    return answer.stdout.split()


YIELDING = textwrap.dedent(
    """
    from gevent import monkey; monkey.patch_all()
    import sys, threading, time
    import gevent
    from sqlalchemy import event, select
    from tests.databases import build
    from webapp.extensions import db
    from webapp.models import Rdv
    from webapp import engine
    from webapp.services.transaction import seat_lock, transaction

    app = build(sys.argv[1])
    failures = []
    with app.app_context():
        event.listen(db.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=300"))
    if sys.argv[2] == "without":
        app.extensions["write_slots"] = threading.BoundedSemaphore(64)
        engine.begin_writing = lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE")

    def write():
        with app.app_context():
            try:
                with transaction() as session:
                    (row,) = seat_lock(session.scalar(select(Rdv.id)))
                    row.places_prises += 1
                    session.flush()
                    time.sleep(0.05)  # what must never stand in a transaction: it yields
            except Exception as error:
                failures.append(type(error).__name__)
            finally:
                db.session.remove()

    gevent.joinall([gevent.spawn(write) for _ in range(6)])
    with app.app_context():
        print(len(failures), db.session.scalar(select(Rdv.places_prises)))
    """
)


@pytest.mark.parametrize("slots", ["with", "without"])
def test_greenlets_that_yield_while_they_write_take_turns(sqlite_base: Base, slots: str) -> None:
    """Taking turns all six write; left to SQLite's own wait (the negative control) the process stalls."""
    sqlite_base.empty()
    app = build(sqlite_base.url)
    with app.app_context():
        make.rdv()
        db.session.commit()
    forget_connections(app)
    failed, seats = map(int, said(YIELDING, sqlite_base.url, slots))
    assert (failed, seats) == (0, 6) if slots == "with" else failed > 0


WAITING = textwrap.dedent(
    """
    from gevent import monkey; monkey.patch_all()
    import sqlite3, sys, time
    import gevent
    from tests.databases import build
    from webapp.domain.errors import Occupe
    from webapp.extensions import db
    from webapp import engine
    from webapp.services import transaction as transactions

    app = build(sys.argv[1])
    if sys.argv[2] == "too long":
        engine.WRITER_TIMEOUT = 0.3
    if sys.argv[2] == "stalled":
        engine.begin_writing = lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE")
        engine.SQLITE_TIMEOUT_MS = 700
    other = sqlite3.connect(app.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ticks, ended = [], []

    def write():
        with app.app_context():
            try:
                with transactions.transaction():
                    ended.append("written")
            except Occupe:
                ended.append("busy")
            finally:
                db.session.remove()

    def tick():
        while not ended:
            ticks.append(1)
            time.sleep(0.01)
            if len(ticks) == 50:
                other.execute("ROLLBACK")

    gevent.joinall([gevent.spawn(write), gevent.spawn(tick)])
    print(len(ticks), *ended)
    """
)


@pytest.mark.parametrize("case", ["let go", "too long", "stalled"])
def test_another_process_that_writes_stalls_nobody(sqlite_base: Base, case: str) -> None:
    """The process goes on while one of its greenlets waits for SQLite's writer, which another process holds; left to
    SQLite's own wait (the negative control) nothing moves."""
    sqlite_base.empty()
    ticks, ended = said(WAITING, sqlite_base.url, case)
    assert ended == ("written" if case == "let go" else "busy")
    assert int(ticks) < 5 if case == "stalled" else int(ticks) > 10


def test_a_database_that_can_t_be_written_to_is_said_plainly(inside: None) -> None:
    rdv = make.rdv()
    db.session.commit()
    sqlite = db.engine.dialect.name == "sqlite"
    try:
        with pytest.raises(Occupe) as refusal, transaction() as session:
            session.execute(text("PRAGMA query_only=1" if sqlite else "SET TRANSACTION READ ONLY"))
            seat_lock(rdv.id)[0].version += 1
    finally:
        if sqlite:
            db.session.execute(text("PRAGMA query_only=0"))
    assert refusal.value.status == 503 and "Rien n’est perdu" in refusal.value.message
    with transaction():
        seat_lock(rdv.id)[0].version += 1


def test_what_is_the_database_s_fault_and_what_is_ours(inside: None) -> None:
    with pytest.raises(DBAPIError) as ours:
        db.session.execute(text("SELECT nothing FROM nowhere"))
    db.session.rollback()
    assert not out_of_reach(ours.value) and not out_of_reach(ZeroDivisionError())
    refused = psycopg.OperationalError("connection refused")
    full, stopped = psycopg.errors.DiskFull(), psycopg.errors.AdminShutdown()
    for error in (refused, full, stopped):
        assert out_of_reach(OperationalError("SELECT 1", {}, error))
    assert out_of_reach(PoolExhausted())


def test_a_database_that_goes_during_the_last_look_is_said_plainly(app: Flask, inside: None) -> None:
    """As anywhere in a transaction; and what a refusal found there leaves what was read as it was."""

    def gone() -> None:
        raise OperationalError("SELECT 1", {}, psycopg.OperationalError("the connection is closed"))

    def refuse() -> None:
        raise Introuvable

    rdv = make.rdv()
    db.session.commit()
    with pytest.raises(Occupe), transaction(gone):
        raise AssertionError("nothing began")
    with pytest.raises(Introuvable), transaction(refuse):
        raise AssertionError("nothing began")
    assert not inspect(rdv).expired
    with transaction():  # its turn was given back both times
        seat_lock(rdv.id)


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_a_connection_the_server_closed_is_not_lent(app: Flask) -> None:
    """After PostgreSQL restarts, or ends an idle connection, the next page must not be the one that finds out."""
    with app.app_context():
        pid = db.session.scalar(text("SELECT pg_backend_pid()"))
        db.session.remove()
        address = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        # A transaction would see who is connected as its first look did, for ever.
        with psycopg.connect(address, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (pid,))
            deadline = time.monotonic() + 5
            while other.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone():
                assert time.monotonic() < deadline
        assert db.session.scalar(text("SELECT pg_backend_pid()")) != pid
        db.session.remove()
