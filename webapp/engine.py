"""The database's connections as the site needs them, on SQLite and on PostgreSQL (docs/decisions/0008)."""

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg.waiting
from psycopg.waiting import READY_R, READY_RW, READY_W, WAIT_R, WAIT_RW, WAIT_W
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import InvalidatePoolError

WRITES = "rdv_writes"
"""Execution option of a connection that begins a transaction that writes."""
WRITING: dict[str, dict[str, Any]] = {
    "sqlite": {WRITES: True},
    "postgresql": {WRITES: True, "isolation_level": "READ COMMITTED"},
}
"""Options that begin a transaction. On PostgreSQL a connection is otherwise in autocommit: pages read statement by
statement, which is all that READ COMMITTED promises, without a BEGIN and a ROLLBACK to wait for."""

POSTGRESQL = ("lock_timeout=3000", "timezone=UTC", "plan_cache_mode=force_generic_plan")
"""A statement is planned once for each connection, not each time: planning took ten times what running it does. What
few rows have (a message that waits) must then be written in the statement, not given as a value."""
BUSY_SQLITE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
WRITER_TIMEOUT, WRITER_PAUSE = 10.0, 0.005  # seconds another process may keep SQLite's writer, between two attempts
SQLITE_TIMEOUT_MS = 5000  # for what SQLite waits for itself: opening a database another process is recovering


def options(sqlite: bool, pool: int) -> dict[str, Any]:
    """What the engine is created with. SQLite waits for its one writer; PostgreSQL gives up a row lock after 3 s rather
    than let a person wait. The connection used last is used next: it has the most statements prepared."""
    common = {"hide_parameters": True, "pool_size": pool}  # an error message must not carry personal data
    if sqlite:
        return {**common, "connect_args": {"timeout": 30}, "max_overflow": 64}
    return {
        **common,
        "max_overflow": 0,
        "pool_use_lifo": True,
        "isolation_level": "AUTOCOMMIT",
        "connect_args": {"options": " ".join(f"-c {setting}" for setting in POSTGRESQL), "connect_timeout": 5},
    }


def insert(table: Any, dialect: str) -> Any:
    """An INSERT that may say ON CONFLICT, for this database. Give it its rows with `execute`: a statement that holds
    them (`values`) is compiled each time."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


def prepare(engine: Engine) -> None:
    """Set up what happens when this engine connects, lends a connection, and begins."""
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    else:
        _prepare_postgresql(engine)


def _prepare_sqlite(engine: Engine) -> None:
    """WAL, durable, foreign keys checked, and BEGIN IMMEDIATE for what writes; BEGIN is ours to send."""

    @event.listens_for(engine, "connect")
    def connect(connection, _record):  # type: ignore[no-untyped-def]
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={SQLITE_TIMEOUT_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection):  # type: ignore[no-untyped-def]
        if connection.get_execution_options().get(WRITES):
            begin_writing(connection)
        else:
            connection.connection.driver_connection.execute("BEGIN")


def begin_writing(connection: Connection) -> None:
    """Become SQLite's writer. Another process may hold it; SQLite's own wait would stall every greenlet of this one,
    those that only read included."""
    raw = connection.connection.driver_connection
    assert raw is not None
    deadline = time.monotonic() + WRITER_TIMEOUT
    raw.execute("PRAGMA busy_timeout=0")
    try:
        while time.monotonic() < deadline:
            try:
                raw.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in BUSY_SQLITE:
                    break
            time.sleep(WRITER_PAUSE)
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # SQLAlchemy says why not
    finally:
        raw.execute(f"PRAGMA busy_timeout={SQLITE_TIMEOUT_MS}")


@contextmanager
def tables_made_again(connection: Connection) -> Iterator[None]:
    """One transaction that may drop a table others refer to: to change a table SQLite copies it, drops it and renames
    the copy (https://sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes").

    Foreign keys would refuse the drop or, ON DELETE CASCADE, empty the tables that refer to it. They are off until the
    end, where a row that refers to nothing undoes it all (RuntimeError). PostgreSQL alters its tables in place, and
    Alembic begins and commits."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute("PRAGMA foreign_keys=OFF")  # SQLite ignores it inside a transaction
    try:
        with connection.begin():
            yield
            if orphans := raw.execute("PRAGMA foreign_key_check").fetchall():
                found = ", ".join(sorted({f"{table} -> {parent}" for table, _row, parent, _key in orphans}))
                raise RuntimeError(f"{len(orphans)} rows refer to nothing ({found}): nothing was changed")
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def _prepare_postgresql(engine: Engine) -> None:
    """A connection the server has closed is noticed before it is used, without asking the server."""

    @event.listens_for(engine, "checkout")
    def checkout(connection, _record, _proxy):  # type: ignore[no-untyped-def]
        try:
            connection.pgconn.consume_input()  # its last words, if it was told to stop
            connection.pgconn.consume_input()  # then the end of the stream
        except psycopg.OperationalError as error:
            raise InvalidatePoolError("the server closed the connection") from error

    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("select"):
        psycopg.waiting.wait = wait


def wait(gen: Any, fileno: int, interval: float = 0.0, timeout: float | None = None) -> Any:
    """`psycopg.waiting.wait` for a greenlet: the event loop watches the socket. psycopg's own choice under gevent goes
    through an emulated `poll` object, ten times the work. `interval` lets a main thread see Ctrl-C: not needed here."""
    if timeout is not None:
        return psycopg.waiting.wait_poll(gen, fileno, interval, timeout)
    from gevent import get_hub  # only where gevent runs

    hub = get_hub()
    try:
        wanted = next(gen)
        while True:
            watcher = hub.loop.io(fileno, _EVENTS[wanted])
            try:
                hub.wait(watcher)
            finally:
                watcher.close()
            wanted = gen.send(_READY[wanted])
    except StopIteration as done:
        return done.value


_EVENTS = {WAIT_R: 1, WAIT_W: 2, WAIT_RW: 3}  # libev's READ, WRITE
_READY = {WAIT_R: READY_R, WAIT_W: READY_W, WAIT_RW: READY_RW}
