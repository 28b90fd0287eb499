"""The first answer to a write of the API is kept for a day: the same key gets it again (docs/domain.md rule 19)."""

import hashlib
import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, select, update

from webapp.clock import utcnow
from webapp.domain.errors import Occupe
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Jeton, ReponseApi

from .transaction import transaction

LIFE = timedelta(hours=24)
CLAIM = timedelta(seconds=60)
"""How long a request that never came back keeps its key to itself."""
WAIT, STEP = 3.0, 0.05
"""Seconds the second of two that are sent at once waits for the answer of the first, and between two looks."""
OTHER: Final = "other"
BUSY: Final = "busy"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer to give again."""

    statut: int
    corps: str
    entetes: dict[str, Any]


def key_of(jeton: Jeton, key: str) -> str:
    """A key belongs to its token: two programs may choose the same."""
    return hashlib.sha256(repr(("api", jeton.id, key)).encode()).hexdigest()


def claim(cle: str, jeton: Jeton, empreinte: str) -> Kept | str | None:
    """What this key was answered; `OTHER` when another request had it, `BUSY` when the same one is still being
    answered. None: it is for the caller to answer, then to `keep` or `release`."""
    for _ in range(int(WAIT / STEP)):
        found = _claim(cle, jeton, empreinte)
        if found != BUSY:
            return found
        time.sleep(STEP)
    return BUSY


def _claim(cle: str, jeton: Jeton, empreinte: str) -> Kept | str | None:
    now = utcnow()
    with transaction() as session:
        mine = {"jeton_id": jeton.id, "empreinte": empreinte, "claimed_until": now + CLAIM, "cree_le": now}
        blank: dict[str, Any] = {"statut": None, "corps": "", "entetes": {}, "participation_id": None}
        table: Any = ReponseApi.__table__
        made = insert(table, session.get_bind().dialect.name).on_conflict_do_nothing(index_elements=["cle"])
        if session.execute(made.returning(table.c.cle), {"cle": cle, **mine, **blank}).first():
            return None
        row = session.scalars(
            select(ReponseApi).where(ReponseApi.cle == cle).with_for_update().execution_options(populate_existing=True)
        ).first()
        if row is None:  # given up at this very moment
            return BUSY
        lost = row.statut is None and row.claimed_until < now
        if row.cree_le < now - LIFE or (lost and row.empreinte == empreinte):
            for name, value in {**mine, **blank}.items():
                setattr(row, name, value)
            return None
        if row.empreinte != empreinte:
            return OTHER
        return BUSY if row.statut is None else Kept(row.statut, row.corps, row.entetes)


def keep(cle: str, statut: int, corps: str, entetes: dict[str, str], participation_id: int | None) -> None:
    """Remember the answer. When that can't be written, the write itself stands: the same request is recognised by what
    it did."""
    values = {"statut": statut, "corps": corps, "entetes": entetes, "participation_id": participation_id}
    try:
        with transaction() as session:
            session.execute(
                update(ReponseApi)
                .where(ReponseApi.cle == cle)
                .values(**values)
                .execution_options(synchronize_session=False)
            )
    except Occupe:
        log.warning("an answer of the API could not be kept")


def release(cle: str) -> None:
    """Nothing was answered for good: the key is free again."""
    db.session.rollback()
    try:
        with transaction() as session:
            session.execute(
                delete(ReponseApi)
                .where(ReponseApi.cle == cle, ReponseApi.statut.is_(None))
                .execution_options(synchronize_session=False)
            )
    except Occupe:
        log.warning("a key of the API stays taken for a minute")
