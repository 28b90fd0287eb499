"""Places and rooms as those who set them up see them, and the coming sessions held there."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Lieu, Participation, PlageOuverture, Rdv, Salle

from .notifications import with_readers


def lieux(organisation_id: int) -> Sequence[Lieu]:
    """All of them by name with their rooms, those no longer proposed and those typed for one session included."""
    return db.session.scalars(
        select(Lieu)
        .where(Lieu.organisation_id == organisation_id)
        .options(selectinload(Lieu.salles))
        .order_by(func.lower(Lieu.name), Lieu.id)
    ).all()


def lieu(organisation_id: int, lieu_id: int) -> Lieu | None:
    """That place with its rooms, if it is the organisation's."""
    return db.session.scalars(
        select(Lieu)
        .where(Lieu.organisation_id == organisation_id, Lieu.id == lieu_id)
        .options(selectinload(Lieu.salles))
        .execution_options(populate_existing=True)
    ).first()


def salle(organisation_id: int, lieu_id: int, salle_id: int) -> Salle | None:
    """That room of that place, if it is the organisation's."""
    return db.session.scalars(
        select(Salle)
        .join(Salle.lieu)
        .where(Lieu.organisation_id == organisation_id, Lieu.id == lieu_id, Salle.id == salle_id)
        .options(contains_eager(Salle.lieu))
        .execution_options(populate_existing=True)
    ).first()


def held(where: Lieu | Salle) -> ColumnElement[bool]:
    """The sessions held in that place, or in that room."""
    return Rdv.lieu_id == where.id if isinstance(where, Lieu) else Rdv.salle_id == where.id


def to_come(now: datetime) -> ColumnElement[bool]:
    """The sessions that have not started and are not cancelled."""
    return (Rdv.starts_at > now) & Rdv.cancelled_at.is_(None)


def coming_by_lieu(organisation_id: int, now: datetime) -> dict[int, int]:
    """Place id → how many coming sessions are held there."""
    rows = db.session.execute(
        select(Rdv.lieu_id, func.count())
        .where(Rdv.organisation_id == organisation_id, Rdv.lieu_id.is_not(None), to_come(now))
        .group_by(Rdv.lieu_id)
    )
    return {row[0]: row[1] for row in rows}


def coming_by_salle(organisation_id: int, lieu_id: int, now: datetime) -> dict[int, int]:
    """Room id → how many coming sessions are held there, for the rooms of one place."""
    rows = db.session.execute(
        select(Rdv.salle_id, func.count())
        .where(Rdv.organisation_id == organisation_id, Rdv.lieu_id == lieu_id, Rdv.salle_id.is_not(None), to_come(now))
        .group_by(Rdv.salle_id)
    )
    return {row[0]: row[1] for row in rows}


def coming_sessions(organisation_id: int, where: Lieu | Salle, now: datetime) -> Sequence[Rdv]:
    """The coming sessions held there with their motif and room, soonest first."""
    return db.session.scalars(
        select(Rdv)
        .where(Rdv.organisation_id == organisation_id, held(where), to_come(now))
        .options(joinedload(Rdv.motif), joinedload(Rdv.salle))
        .order_by(Rdv.starts_at, Rdv.id)
    ).all()


def booked(organisation_id: int, where: Lieu | Salle, now: datetime) -> Sequence[Participation]:
    """Who is booked in the coming sessions held there, with their readers: one statement."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.rdv)
        .where(
            Rdv.organisation_id == organisation_id, held(where), to_come(now), Participation.statut == Statut.INSCRIT
        )
        .options(with_readers())
        .order_by(Rdv.starts_at, Participation.rdv_id, Participation.id)
    ).all()


def uses(salle: Salle) -> tuple[int, int]:
    """(sessions, past and cancelled ones included, plages) that name that room."""
    sessions = select(func.count()).select_from(Rdv).where(Rdv.salle_id == salle.id).scalar_subquery()
    plages = (
        select(func.count()).select_from(PlageOuverture).where(PlageOuverture.salle_id == salle.id).scalar_subquery()
    )
    row = db.session.execute(select(sessions, plages)).one()
    return row[0], row[1]
