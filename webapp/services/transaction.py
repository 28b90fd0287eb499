"""How a use case writes: one transaction, and one door to a seat."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app
from sqlalchemy import Connection, Engine, event, select
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm import Session

from webapp import aftercommit
from webapp.domain.errors import Introuvable, Occupe
from webapp.extensions import db
from webapp.models import Rdv

# A connection that must write at once says so here; SQLite's BEGIN is ours to send (see `prepare_engine`).
_WRITES = "rdv_writes"
_BUSY_SQLSTATES = {"55P03", "40P01", "40001"}  # lock_not_available, deadlock_detected, serialization_failure
_READ_ONLY = "25006"
_AWAY_CLASSES = {"08", "53", "57"}  # connection lost, disk or memory full, stopped by its operator
_BUSY_SQLITE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_AWAY_SQLITE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}
SLOT_TIMEOUT = 20.0
WRITER_TIMEOUT, WRITER_PAUSE = 10.0, 0.005  # seconds another process may keep SQLite's writer, between two attempts
SQLITE_TIMEOUT_MS = 5000  # for what SQLite waits for itself: opening a database another process is recovering

UNWRITABLE = "Nous n’arrivons pas à enregistrer en ce moment. Rien n’est perdu : réessayez dans un instant."

log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Write transactions of one process take turns: one on SQLite, a few on PostgreSQL.

    Under gevent a greenlet that waited for SQLite's writer inside a transaction would stall every other one.
    """
    app.extensions["write_slots"] = threading.BoundedSemaphore(app.config["WRITE_SLOTS"])
    with app.app_context():
        prepare_engine(db.engine)


def prepare_engine(engine: Engine) -> None:
    """SQLite as we need it: WAL, durable, foreign keys checked, and BEGIN IMMEDIATE for what writes."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connect(connection, _record):  # type: ignore[no-untyped-def]
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={SQLITE_TIMEOUT_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection):  # type: ignore[no-untyped-def]
        if connection.get_execution_options().get(_WRITES):
            begin_writing(connection)
        else:
            connection.exec_driver_sql("BEGIN")


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
                if error.sqlite_errorcode & 0xFF not in _BUSY_SQLITE:
                    break
            time.sleep(WRITER_PAUSE)
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # SQLAlchemy says why not
    finally:
        raw.execute(f"PRAGMA busy_timeout={SQLITE_TIMEOUT_MS}")


def out_of_reach(error: BaseException) -> bool:
    """Is it the database that can't answer now (busy, full, read-only, stopped), rather than our question?"""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolExhausted)
    if _busy(error):
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _AWAY_SQLITE
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # no server to say one
        return isinstance(error, OperationalError)
    return state == _READ_ONLY or state[:2] in _AWAY_CLASSES


def _busy(error: SQLAlchemyError) -> bool:
    """Is it only that others are writing?"""
    orig = getattr(error, "orig", None)
    state, code = getattr(orig, "sqlstate", None), getattr(orig, "sqlite_errorcode", 0)
    return state in _BUSY_SQLSTATES or code & 0xFF in _BUSY_SQLITE


@contextmanager
def transaction() -> Iterator[Session]:
    """One use case, one transaction: commits on the way out, rolls back on any error, then runs what waits for the
    commit. Ends the read transaction the request had open; refuses to nest. Raises `Occupe` when a row stays locked
    longer than `lock_timeout` (3 s), or the database can't be written to at all."""
    session = db.session()
    if session.info.get(_WRITES):
        raise RuntimeError("a use case does not open a transaction inside another")
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("unsaved changes before the transaction began")
    session.commit()  # ends the reads that came before: they must not be the snapshot we decide on
    slots = current_app.extensions["write_slots"]
    if not slots.acquire(timeout=SLOT_TIMEOUT):
        raise Occupe
    session.info[_WRITES] = True
    try:
        session.connection(execution_options={_WRITES: True})
        yield session
        session.commit()
    except SQLAlchemyError as error:
        session.rollback()
        aftercommit.take()
        if _busy(error):
            raise Occupe from error
        if out_of_reach(error):
            log.error("the database can't be written to: %s", type(getattr(error, "orig", error)).__name__)
            raise Occupe(UNWRITABLE) from error
        raise
    except BaseException:
        session.rollback()
        aftercommit.take()
        raise
    finally:
        session.info.pop(_WRITES, None)
        slots.release()
    for hook in aftercommit.take():
        hook()


def seat_lock(*rdv_ids: int) -> list[Rdv]:
    """The sessions' rows, locked in ascending id and read afresh: take it late, once, before any other write, and look
    again before writing. Raises `Introuvable` when one of them is gone."""
    wanted = sorted(set(rdv_ids))
    rows = list(
        db.session.scalars(
            select(Rdv)
            .where(Rdv.id.in_(wanted))
            .order_by(Rdv.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )
    if len(rows) != len(wanted):
        raise Introuvable("Cette séance n’existe pas ou n’existe plus.")
    return rows
