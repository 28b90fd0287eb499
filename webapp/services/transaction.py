"""How a use case writes: one transaction, and one door to a seat."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app
from sqlalchemy import Engine, event, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from webapp import aftercommit
from webapp.domain.errors import Introuvable, Occupe
from webapp.extensions import db
from webapp.models import Rdv

# A connection that must write at once says so here; SQLite's BEGIN is ours to send (see `prepare_engine`).
_WRITES = "rdv_writes"
_BUSY_SQLSTATES = {"55P03", "40P01", "40001"}  # lock_not_available, deadlock_detected, serialization_failure
SLOT_TIMEOUT = 20.0


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
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection):  # type: ignore[no-untyped-def]
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def transaction() -> Iterator[Session]:
    """One use case, one transaction: commits on the way out, rolls back on any error, then runs what waits for the
    commit. Ends the read transaction the request had open; refuses to nest. Raises `Occupe` when a row stays locked
    longer than `lock_timeout` (3 s)."""
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
    except OperationalError as error:
        session.rollback()
        aftercommit.take()
        if getattr(error.orig, "sqlstate", None) in _BUSY_SQLSTATES or "database is locked" in str(error.orig):
            raise Occupe from error
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
