"""Sessions to come an agent may give somebody a seat in: those of a service, or those that fit what somebody on the
phone asks for."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.extensions import db
from webapp.models import Lieu, Motif, PlageOuverture, Rdv

from .agenda import Services, in_services


def _coming(now: datetime) -> Select[tuple[Rdv]]:
    """Sessions people are booked in, with what lists show of them; an entrée libre is not one."""
    return (
        select(Rdv)
        .join(Rdv.motif)
        .outerjoin(Rdv.plage_ouverture)
        .where(Rdv.starts_at > now, Rdv.cancelled_at.is_(None), _opening() != ReservablePar.ENTREE_LIBRE)
        .options(
            contains_eager(Rdv.motif),
            contains_eager(Rdv.plage_ouverture),
            joinedload(Rdv.organisation),
            joinedload(Rdv.lieu),
            joinedload(Rdv.salle),
            selectinload(Rdv.agents),
        )
    )


def _opening() -> ColumnElement[ReservablePar]:
    return func.coalesce(Rdv.reservable_par, PlageOuverture.reservable_par, Motif.reservable_par)


def targets(rdv: Rdv, now: datetime, limit: int) -> Sequence[Rdv]:
    """The other sessions to come of its service, those of its own motif first, soonest first: two statements."""
    return db.session.scalars(
        _coming(now)
        .where(
            Rdv.organisation_id == rdv.organisation_id,
            Motif.service_id == rdv.motif.service_id,
            Rdv.id != rdv.id,
        )
        .order_by((Rdv.motif_id != rdv.motif_id), Rdv.starts_at, Rdv.id)
        .limit(limit)
    ).all()


def with_room(
    organisation_id: int,
    services: Services,
    now: datetime,
    *,
    limit: int,
    until: datetime | None = None,
    since: datetime | None = None,
    motif_id: int | None = None,
    lieu_id: int | None = None,
) -> Sequence[Rdv]:
    """Sessions where there is a seat, or a waitlist to join, soonest first: two statements."""
    free = Rdv.capacite_max - Rdv.places_prises - Rdv.places_proposees > 0
    waits = and_(Motif.liste_attente, Motif.visibilite == Visibilite.VISIBLE_NOTIFIE, _opening() == ReservablePar.TOUS)
    question = _coming(now).where(Rdv.organisation_id == organisation_id, in_services(services), or_(free, waits))
    if since is not None:
        question = question.where(Rdv.starts_at >= since)
    if until is not None:
        question = question.where(Rdv.starts_at < until)
    if motif_id:
        question = question.where(Rdv.motif_id == motif_id)
    if lieu_id:
        question = question.where(Rdv.lieu_id == lieu_id)
    return db.session.scalars(question.order_by(Rdv.starts_at, Rdv.id).limit(limit)).all()


def lieux(organisation_id: int, services: Services, now: datetime) -> Sequence[Lieu]:
    """Where those services hold sessions to come, by name."""
    held = (
        select(Rdv.lieu_id)
        .join(Rdv.motif)
        .where(
            Rdv.organisation_id == organisation_id,
            in_services(services),
            Rdv.starts_at > now,
            Rdv.cancelled_at.is_(None),
        )
    )
    return db.session.scalars(select(Lieu).where(Lieu.id.in_(held)).order_by(Lieu.name, Lieu.id)).all()
