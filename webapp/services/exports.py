"""Files of sessions and participations: written at once when they are small, by a worker when they are not."""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from webapp.aftercommit import after_commit
from webapp.broker import Unavailable, broker
from webapp.clock import utcnow
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import Refus
from webapp.engine import insert
from webapp.exports import FICHIERS
from webapp.extensions import db
from webapp.models import Agent, EtatExport, Export, FormatExport, GenreExport, Organisation
from webapp.notifications import wake
from webapp.queries.exports import Choix

from . import journal
from .transaction import transaction

DIRECT_ROWS = 2000
"""Rows that are written while the person waits: less than a second."""
KEPT = timedelta(days=7)
AT_ONCE = 3
"""Files one agent may be waiting for."""
PRODUCE = "webapp.jobs.exports.produce"
PRODUCE_SECONDS = 3600


def note_export(
    organisation: Organisation, genre: GenreExport, format: FormatExport, choix: Choix, rows: int, *, agent: Agent
) -> None:
    """Somebody took a file away: the journal says which sessions, how many rows."""
    with transaction():
        _note(organisation, genre, format, choix, rows, agent)


def _note(
    organisation: Organisation, genre: GenreExport, format: FormatExport, choix: Choix, rows: int, agent: Agent
) -> None:
    journal.note(
        organisation.id,
        "export",
        organisation,
        agent=agent,
        genre=genre.value,
        format=format.value,
        lignes=rows,
        choix=choix.kept(),
    )


def ask(genre: GenreExport, format: FormatExport, choix: Choix, *, agent: Agent, envoi: str) -> Export:
    """Ask a worker for a file. The same form sent twice asks once.

    Raises `Refus` while `AT_ONCE` files of this agent are being written.
    """
    organisation = agent.organisation
    content = repr((agent.id, envoi, genre, format, choix))
    cle = hashlib.sha256(content.encode()).hexdigest()
    total = FICHIERS[genre].count(organisation.id, choix)
    with transaction():
        values = {
            "organisation_id": organisation.id,
            "agent_id": agent.id,
            "cle": cle,
            "genre": genre,
            "format": format,
            "choix": choix.kept(),
            "total": total,
        }
        new = insert(Export.__table__, db.session.get_bind().dialect.name)
        made = db.session.execute(new.on_conflict_do_nothing(index_elements=["cle"]).returning(Export.id), values)
        first = made.scalar()
        if first is not None:
            waiting = select(Export.id).where(
                Export.agent_id == agent.id, Export.etat.in_((EtatExport.A_FAIRE, EtatExport.EN_COURS))
            )
            if len(db.session.scalars(waiting).all()) > AT_ONCE:
                raise Refus(f"{AT_ONCE} fichiers se préparent déjà pour vous : attendez qu’ils soient prêts.")
            _note(organisation, genre, format, choix, total, agent)
            hint_after_commit(first)
        return db.session.scalars(select(Export).where(Export.cle == cle)).one()


def hint_after_commit(export_id: int) -> None:
    """Wake a worker; losing it costs a minute (the clock asks again)."""

    def give() -> None:
        try:
            broker().call(lambda client: enqueue(client, export_id))
        except Unavailable:
            return  # the broker has logged it, the clock asks again

    after_commit(("export", export_id), give)


def enqueue(client: object, export_id: int) -> None:
    """One job for this file."""
    wake.enqueue(client, PRODUCE, export_id, queue=wake.MASS, seconds=PRODUCE_SECONDS)


def may_read(agent: Agent, export: Export) -> bool:
    """Only who asked may read it, as long as they may still export all it holds."""
    if export.agent_id != agent.id or not agent.actif:
        return False
    return covers(services_with(agent.octrois(), Droit.EXPORTER, export.organisation_id), Choix.read(export.choix))


def covers(allowed: Collection[int] | None, choix: Choix) -> bool:
    """Are the services of these sessions among those one may export (None: all of them)?"""
    return allowed is None or (choix.services is not None and set(choix.services) <= set(allowed))


def forget(export: Export) -> None:
    """Its owner no longer wants it; a worker that writes it notices and stops."""
    with transaction():
        db.session.execute(delete(Export).where(Export.id == export.id))


def purge(now: datetime | None = None) -> int:
    """Delete files that have been kept for seven days. Answers how many."""
    with transaction():
        gone = db.session.execute(delete(Export).where(Export.cree_le < (now or utcnow()) - KEPT))
        return gone.rowcount  # type: ignore[attr-defined]
