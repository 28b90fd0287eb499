"""How a use case writes: one transaction, and one door to a seat."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from flask import Flask, current_app
from sqlalchemy import Select, Table, bindparam, select
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.orm import Session, make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from webapp import aftercommit, engine
from webapp.domain.errors import Introuvable, Occupe
from webapp.extensions import db
from webapp.models import Rdv

from . import webhook_outbox

_BUSY_SQLSTATES = {"55P03", "40P01", "40001"}  # lock_not_available, deadlock_detected, serialization_failure
_READ_ONLY = "25006"
_AWAY_CLASSES = {"08", "53", "57"}  # connection lost, disk or memory full, stopped by its operator
_AWAY_SQLITE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN}
SLOT_TIMEOUT = 20.0
WRITTEN = "written"
"""What a session's running transaction inserted by `written`."""

UNWRITABLE = "Nous n’arrivons pas à enregistrer en ce moment. Rien n’est perdu : réessayez dans un instant."

log = logging.getLogger(__name__)
Row = TypeVar("Row", bound=Any)


def init_app(app: Flask) -> None:
    """Write transactions of one process take turns: one on SQLite, a few on PostgreSQL.

    Under gevent a greenlet that waited for SQLite's writer inside a transaction would stall every other one.
    """
    app.extensions["write_slots"] = threading.BoundedSemaphore(app.config["WRITE_SLOTS"])
    with app.app_context():
        engine.prepare(db.engine)


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
    return state in _BUSY_SQLSTATES or code & 0xFF in engine.BUSY_SQLITE


@contextmanager
def transaction(look: Callable[[], None] = lambda: None) -> Iterator[Session]:
    """One use case, one transaction: commits on the way out (with what webhooks are to be told), rolls back on any
    error, then runs what waits for the commit. Ends the read transaction the request had open; refuses to nest. `look`
    is a last look, once it is this one's turn to write: what it raises is raised before anything begins. Raises
    `Occupe` when a row stays locked longer than `lock_timeout` (3 s), or the database can't be written to at all."""
    session = db.session()
    if session.info.get(engine.WRITES):
        raise RuntimeError("a use case does not open a transaction inside another")
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("unsaved changes before the transaction began")
    session.commit()  # the reads that came before must not be the snapshot we decide on
    slots = current_app.extensions["write_slots"]
    if not slots.acquire(timeout=SLOT_TIMEOUT):
        raise Occupe
    try:
        look()
        session.commit()
        session.info[engine.WRITES] = True
        session.connection(execution_options=engine.WRITING[session.get_bind().dialect.name])
        yield session
        webhook_outbox.write()
        session.commit()
    except SQLAlchemyError as error:
        _rollback(session)
        if _busy(error):
            raise Occupe from error
        if out_of_reach(error):
            log.error("the database can't be written to: %s", type(getattr(error, "orig", error)).__name__)
            raise Occupe(UNWRITABLE) from error
        raise
    except BaseException:
        if session.info.get(engine.WRITES):  # what `look` raises leaves what was read as it is
            _rollback(session)
        raise
    finally:
        session.info.pop(engine.WRITES, None)
        session.info.pop(WRITTEN, None)
        slots.release()
    for hook in aftercommit.take():
        hook()


def _rollback(session: Session) -> None:
    """Nothing of it stays: neither what waited for the commit, nor objects whose number SQLite will give again."""
    session.rollback()
    aftercommit.take()
    webhook_outbox.forget()
    for row in session.info.pop(WRITTEN, ()):
        if row in session:
            session.expunge(row)


def written(row: Row, **related: Any) -> Row:
    """Insert this object at once, in one statement, and make it the session's as if it had been read: it has its id,
    nothing is left to flush. Give every column a value; `related` are its relationships that are known already."""
    values = {name: value for name, value in vars(row).items() if name != "_sa_instance_state"}
    row.id = db.session.execute(_insert(type(row).__table__), values).scalar_one()
    make_transient_to_detached(row)
    db.session.add(row)
    db.session().info.setdefault(WRITTEN, []).append(row)
    for name, value in related.items():
        set_committed_value(row, name, value)
    return row


@cache
def _insert(table: Table) -> Any:
    return table.insert().returning(table.c.id)


@cache
def _locked() -> Select[Rdv]:
    return (
        select(Rdv)
        .where(Rdv.id.in_(bindparam("wanted", expanding=True)))
        .order_by(Rdv.id)
        .with_for_update(key_share=True)  # who writes a row that refers to the session does not wait for its seats
        .execution_options(populate_existing=True)
    )


def seat_lock(*rdv_ids: int) -> list[Rdv]:
    """The sessions' rows, locked in ascending id and read afresh: take it late, once, and look again before counting.
    Only what a newcomer's booking writes may come before. Raises `Introuvable` when one of them is gone."""
    wanted = sorted(set(rdv_ids))
    rows = list(db.session.scalars(_locked(), {"wanted": wanted}))
    if len(rows) != len(wanted):
        raise Introuvable("Cette séance n’existe pas ou n’existe plus.")
    return rows
