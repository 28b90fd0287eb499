"""Long files: claimed, written page by page with their progress, kept in pieces, announced.

A worker that dies leaves a claim that expires: the clock asks again, the file is written from its beginning. Between
two pages, messages that are due leave first: nobody waits for a code behind a file.
"""

import logging
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from typing import IO

from sqlalchemy import delete, or_, select, update

from webapp.broker import Unavailable, broker
from webapp.clock import utcnow
from webapp.domain.dates import zone
from webapp.domain.events import ExportPret
from webapp.exports import FICHIERS
from webapp.exports.columns import Vue
from webapp.exports.writers import csv_pieces, write_xlsx
from webapp.extensions import db
from webapp.models import EtatExport, Export, ExportMorceau, FormatExport, Organisation
from webapp.notifications.base import emit
from webapp.queries.exports import Choix
from webapp.services import exports as service
from webapp.services.transaction import transaction

from .messages import let_messages_go

log = logging.getLogger(__name__)

CLAIM = timedelta(minutes=2)
ATTEMPTS = 3
PIECE = 512 * 1024
"""Bytes of the file in one row."""


class Lost(Exception):
    """The file is no longer this run's to write: deleted, taken over, or not for this agent any more."""


def produce(export_id: int) -> bool:
    """Write one file; False when it is not to be written, or not by this run. Safe to run twice: one run claims it."""
    attempt = _claim(export_id)
    if attempt is None:
        return False
    try:
        with tempfile.TemporaryFile() as file:
            done = 0
            for rows in _write(export_id, file):
                done += rows
                _advance(export_id, attempt, done)
                let_messages_go()
            _keep(export_id, attempt, file, done)
    except Lost:
        log.info("export %d: no longer ours", export_id)
        return False
    finally:
        db.session.remove()
    log.info("export %d: %d rows", export_id, done)
    return True


def resume_due() -> int:
    """Ask again for files nobody writes: the hint was lost, or their worker died. Answers how many."""
    now = utcnow()
    free = or_(Export.etat == EtatExport.A_FAIRE, Export.claimed_until < now)
    with transaction():
        db.session.execute(
            update(Export)
            .where(Export.etat == EtatExport.EN_COURS, Export.claimed_until < now, Export.tentatives >= ATTEMPTS)
            .values(etat=EtatExport.ECHEC)
        )
        open_ = Export.etat.in_((EtatExport.A_FAIRE, EtatExport.EN_COURS))
        ids = db.session.scalars(select(Export.id).where(open_, free).order_by(Export.id)).all()
    for export_id in ids:
        try:
            broker().call(lambda client, one=export_id: service.enqueue(client, one))
        except Unavailable:
            break
    return len(ids)


def _claim(export_id: int) -> int | None:
    """The number of this attempt, or None when there is nothing to do."""
    now = utcnow()
    with transaction():
        taken = db.session.execute(
            update(Export)
            .where(
                Export.id == export_id,
                Export.tentatives < ATTEMPTS,
                or_(
                    Export.etat == EtatExport.A_FAIRE,
                    (Export.etat == EtatExport.EN_COURS) & (Export.claimed_until < now),
                ),
            )
            .values(etat=EtatExport.EN_COURS, tentatives=Export.tentatives + 1, claimed_until=now + CLAIM, faits=0)
            .returning(Export.tentatives)
        ).scalar()
        return taken


def _write(export_id: int, file: IO[bytes]) -> Iterator[int]:
    """Write the whole file; answers after each page how many rows it had."""
    export = db.session.get(Export, export_id)
    if export is None:
        raise Lost
    if not service.may_read(export.agent, export):
        with transaction():
            db.session.execute(update(Export).where(Export.id == export_id).values(etat=EtatExport.ECHEC))
        raise Lost
    organisation = db.session.get_one(Organisation, export.organisation_id)
    kind, vue = FICHIERS[export.genre], Vue(zone(organisation.timezone), utcnow())
    pages = kind.rows(organisation.id, Choix.read(export.choix))
    if export.format is FormatExport.XLSX:
        yield from write_xlsx(file, kind.columns, pages, vue)
        return
    for piece, rows in csv_pieces(kind.columns, pages, vue):
        file.write(piece)
        yield rows


def _advance(export_id: int, attempt: int, done: int) -> None:
    """Say how far it is, and that it is still being written."""
    with transaction():
        told = db.session.execute(
            update(Export)
            .where(Export.id == export_id, Export.tentatives == attempt)
            .values(faits=done, claimed_until=utcnow() + CLAIM)
            .returning(Export.id)
        ).scalar()
    if told is None:
        raise Lost


def _keep(export_id: int, attempt: int, file: IO[bytes], rows: int) -> None:
    """Put the file in the database, a piece at a time, then say that it is ready."""
    size = file.tell()
    file.seek(0)
    with transaction():
        db.session.execute(delete(ExportMorceau).where(ExportMorceau.export_id == export_id))
    number = 0
    while piece := file.read(PIECE):
        _advance(export_id, attempt, rows)
        with transaction():
            db.session.execute(
                ExportMorceau.__table__.insert(), {"export_id": export_id, "numero": number, "contenu": piece}
            )
        number += 1
    with transaction():
        ready = db.session.execute(
            update(Export)
            .where(Export.id == export_id, Export.tentatives == attempt, Export.etat == EtatExport.EN_COURS)
            .values(etat=EtatExport.PRET, total=rows, taille=size, pret_le=utcnow(), claimed_until=None)
            .returning(Export.agent_id)
        ).scalar()
        if ready is None:
            raise Lost
        emit(ExportPret(agent_id=ready, export_id=export_id))
