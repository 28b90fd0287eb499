"""Who waits for a seat, in order, and where somebody does."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import contains_eager, joinedload

from webapp.domain.waitlist import ATTENDENT, EtatAttente
from webapp.extensions import db
from webapp.models import FileAttente, Motif, Participation, Rdv, Usager

LOOK_BACK = timedelta(days=2)
"""How long after its start a session is still looked at: an outage may have left offers there."""


def live(rdv_id: int) -> list[FileAttente]:
    """Who waits for a seat of that session, offers included, in order, read afresh."""
    return list(
        db.session.scalars(
            select(FileAttente)
            .where(FileAttente.rdv_id == rdv_id, FileAttente.etat.in_(ATTENDENT))
            .order_by(FileAttente.rang, FileAttente.id)
            .execution_options(populate_existing=True)
        )
    )


def with_people(rdv: Rdv) -> Sequence[FileAttente]:
    """The same with their names and who answers for them: one statement."""
    return db.session.scalars(
        _with_readers().where(FileAttente.rdv_id == rdv.id, FileAttente.etat.in_(ATTENDENT))
    ).all()


def waiting_in(rdv_ids: Collection[int]) -> Sequence[FileAttente]:
    """Who waits for a seat of these sessions, and is told with those booked when one changes: one statement."""
    question = _with_readers().where(FileAttente.rdv_id.in_(rdv_ids), FileAttente.etat.in_(ATTENDENT))
    return db.session.scalars(question).all() if rdv_ids else []


def to_tell(ids: Collection[int]) -> Sequence[FileAttente]:
    """These entries, with their session, their readers."""
    return db.session.scalars(_with_readers().where(FileAttente.id.in_(ids))).all() if ids else []


def _with_readers() -> Select[FileAttente]:
    return (
        select(FileAttente)
        .options(joinedload(FileAttente.usager).joinedload(Usager.responsable))
        .order_by(FileAttente.rang, FileAttente.id)
        .execution_options(populate_existing=True)
    )


def smallest_waiting(rdv_id: int) -> int | None:
    """The fewest seats somebody asks for who waits there without an offer."""
    return db.session.scalar(
        select(func.min(FileAttente.places)).where(
            FileAttente.rdv_id == rdv_id, FileAttente.etat == EtatAttente.EN_ATTENTE
        )
    )


def entry_of(rdv_id: int, usager_id: int) -> FileAttente | None:
    """That person's entry there, whatever became of it, read afresh."""
    return db.session.scalars(
        select(FileAttente)
        .where(FileAttente.rdv_id == rdv_id, FileAttente.usager_id == usager_id)
        .execution_options(populate_existing=True)
    ).first()


def last_rank(rdv_id: int) -> int:
    """The rank of the last who joined."""
    return db.session.scalar(select(func.max(FileAttente.rang)).where(FileAttente.rdv_id == rdv_id)) or 0


def people_before(entry: FileAttente) -> int:
    """How many people stand before this one there, those of a family counted."""
    return (
        db.session.scalar(
            select(func.sum(FileAttente.places)).where(
                FileAttente.rdv_id == entry.rdv_id, FileAttente.etat.in_(ATTENDENT), FileAttente.rang < entry.rang
            )
        )
        or 0
    )


def changed_since(rdv: Rdv, version: int) -> bool:
    """Did anything change in that waitlist after the session's `version`?"""
    return bool(
        db.session.scalar(
            select(FileAttente.id).where(FileAttente.rdv_id == rdv.id, FileAttente.rdv_version > version).limit(1)
        )
    )


def by_hash(lien_hash: str) -> FileAttente | None:
    """The entry a personal link opens, with its session: never that of a place."""
    if not lien_hash:
        return None
    return db.session.scalars(with_session().where(FileAttente.lien_hash == lien_hash)).first()


def with_session() -> Select[FileAttente]:
    """Entries with all that a page says of their session."""
    return (
        select(FileAttente)
        .join(FileAttente.rdv)
        .join(Rdv.motif)
        .outerjoin(Rdv.plage_ouverture)
        .options(
            joinedload(FileAttente.usager),
            contains_eager(FileAttente.rdv).options(
                contains_eager(Rdv.motif).joinedload(Motif.service),
                contains_eager(Rdv.plage_ouverture),
                joinedload(Rdv.organisation),
                joinedload(Rdv.lieu),
                joinedload(Rdv.salle),
            ),
        )
    )


def place_given(entry: FileAttente) -> Participation | None:
    """The seat that person has, or had, in that session, however they got it: maybe not by this wait."""
    return db.session.scalars(
        select(Participation)
        .where(Participation.rdv_id == entry.rdv_id, Participation.usager_id == entry.usager_id)
        .options(joinedload(Participation.usager).joinedload(Usager.responsable))
    ).first()


def in_organisation(organisation_id: int, rdv_id: int, attente_id: int) -> FileAttente | None:
    """That entry of that session of the organisation."""
    return db.session.scalars(
        select(FileAttente)
        .join(FileAttente.rdv)
        .options(joinedload(FileAttente.usager), contains_eager(FileAttente.rdv))
        .where(FileAttente.id == attente_id, FileAttente.rdv_id == rdv_id, Rdv.organisation_id == organisation_id)
    ).first()


def sessions_with_somebody_waiting(now: datetime) -> Sequence[Rdv]:
    """Sessions to come, or that began lately, where somebody waits; with what decides."""
    return db.session.scalars(
        select(Rdv)
        .where(Rdv.places_attente > 0, Rdv.cancelled_at.is_(None), Rdv.starts_at > now - LOOK_BACK)
        .options(joinedload(Rdv.motif), joinedload(Rdv.plage_ouverture), joinedload(Rdv.organisation))
        .order_by(Rdv.id)
    ).all()


def files(rdv_ids: Collection[int]) -> dict[int, list[Any]]:
    """Session → who waits there, in order: id, places, jusqua, ouverte_le."""
    found: dict[int, list[Any]] = {rdv_id: [] for rdv_id in rdv_ids}
    for row in db.session.execute(
        select(FileAttente.rdv_id, FileAttente.id, FileAttente.places, FileAttente.jusqua, FileAttente.ouverte_le)
        .where(FileAttente.rdv_id.in_(rdv_ids), FileAttente.etat.in_(ATTENDENT))
        .order_by(FileAttente.rdv_id, FileAttente.rang, FileAttente.id)
    ):
        found[row.rdv_id].append(row)
    return found
