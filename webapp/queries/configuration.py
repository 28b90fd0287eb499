"""What admins and agents set up: motifs and plages of the services where they may, with what their sessions say."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, and_, exists, false, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from webapp.domain.settings import HERITABLES
from webapp.extensions import db
from webapp.models import Agent, Lieu, Motif, PlageOuverture, Rdv, Service, TypeMotif
from webapp.models.rdv import rdv_agents

Services = Collection[int] | None
"""Ids of services, or None for all those of the organisation (what `domain.droits.services_with` answers)."""


@dataclass(frozen=True, slots=True)
class Venir:
    """The coming sessions of a motif or of a plage."""

    seances: int = 0
    reservees: int = 0  # sessions somebody has booked
    prochaine: datetime | None = None


def services(organisation_id: int, among: Services) -> Sequence[Service]:
    """Those services, by name."""
    question = select(Service).where(Service.organisation_id == organisation_id).order_by(Service.name)
    return db.session.scalars(question if among is None else question.where(Service.id.in_(among))).all()


def motifs(organisation_id: int, among: Services) -> Sequence[Motif]:
    """Collective motifs of those services, archived ones included, by name."""
    question = (
        select(Motif)
        .where(Motif.organisation_id == organisation_id, Motif.type == TypeMotif.COLLECTIF)
        .options(joinedload(Motif.service))
        .order_by(func.lower(Motif.name), Motif.id)
    )
    return db.session.scalars(question if among is None else question.where(Motif.service_id.in_(among))).all()


def motif(organisation_id: int, motif_id: int) -> Motif | None:
    """That collective motif, if it is the organisation's."""
    return db.session.scalars(
        select(Motif)
        .where(Motif.organisation_id == organisation_id, Motif.id == motif_id, Motif.type == TypeMotif.COLLECTIF)
        .options(joinedload(Motif.service), joinedload(Motif.organisation))
    ).first()


def plages(organisation_id: int, among: Services) -> Sequence[PlageOuverture]:
    """Plages of those services with what a list shows of them."""
    question = (
        _plages(organisation_id)
        .options(joinedload(PlageOuverture.lieu), joinedload(PlageOuverture.salle))
        .order_by(func.lower(Motif.name), PlageOuverture.first_day, PlageOuverture.id)
    )
    return db.session.scalars(question if among is None else question.where(Motif.service_id.in_(among))).all()


def plage(organisation_id: int, plage_id: int) -> PlageOuverture | None:
    """That plage, if it is the organisation's."""
    return db.session.scalars(
        _plages(organisation_id).where(PlageOuverture.id == plage_id).execution_options(populate_existing=True)
    ).first()


def _plages(organisation_id: int) -> Select[tuple[PlageOuverture]]:
    return (
        select(PlageOuverture)
        .join(PlageOuverture.motif)
        .where(PlageOuverture.organisation_id == organisation_id, Motif.type == TypeMotif.COLLECTIF)
        .options(joinedload(PlageOuverture.motif).joinedload(Motif.service), selectinload(PlageOuverture.agents))
    )


def coming_by_motif(organisation_id: int, now: datetime) -> dict[int, Venir]:
    """Motif id → its coming sessions."""
    return _coming(Rdv.motif_id, organisation_id, now)


def coming_by_plage(organisation_id: int, now: datetime) -> dict[int, Venir]:
    """Plage id → its coming sessions."""
    return _coming(Rdv.plage_ouverture_id, organisation_id, now)


def _coming(by: object, organisation_id: int, now: datetime) -> dict[int, Venir]:
    rows = db.session.execute(
        select(
            by,  # type: ignore[call-overload]
            func.count(),
            func.count().filter(Rdv.places_prises > 0),
            func.min(Rdv.starts_at),
        )
        .where(Rdv.organisation_id == organisation_id, Rdv.starts_at > now, Rdv.cancelled_at.is_(None))
        .group_by(by)  # type: ignore[arg-type]
    )
    return {key: Venir(count, booked, first) for key, count, booked, first in rows}


@dataclass(frozen=True, slots=True)
class Touchees:
    """Coming sessions somebody has booked, and the people there."""

    seances: int = 0
    personnes: int = 0


def touched_by_motif(motif: Motif, settings: Collection[str], now: datetime) -> Touchees:
    """The booked sessions to come that take at least one of these settings from their motif, and the people there.
    Past ones are frozen: they are never among them."""
    plage = PlageOuverture
    inherited = [
        and_(*(func.coalesce(getattr(level, name), "") == "" for level in (Rdv, plage)))
        for name in settings
        if name in HERITABLES
    ]
    question = (
        select(func.count(), func.coalesce(func.sum(Rdv.places_prises), 0))
        .outerjoin(Rdv.plage_ouverture)
        .where(
            Rdv.organisation_id == motif.organisation_id,
            Rdv.motif_id == motif.id,
            Rdv.starts_at > now,
            Rdv.cancelled_at.is_(None),
            Rdv.places_prises > 0,
        )
    )
    if len(inherited) == len(settings):  # a plage or a session may say otherwise of each of them
        question = question.where(or_(false(), *inherited))
    seances, personnes = db.session.execute(question).one()
    return Touchees(seances, personnes)


def coming_sessions(organisation_id: int, plage_id: int, now: datetime) -> Sequence[Rdv]:
    """The plage's coming sessions, cancelled ones included."""
    return db.session.scalars(
        select(Rdv)
        .where(Rdv.organisation_id == organisation_id, Rdv.plage_ouverture_id == plage_id, Rdv.starts_at > now)
        .order_by(Rdv.starts_at)
    ).all()


def coming_days(plage: PlageOuverture, now: datetime) -> Sequence[date]:
    """The days of its sessions to come that are not cancelled, soonest first."""
    return [
        day
        for day in db.session.scalars(
            select(Rdv.occurrence_le)
            .where(Rdv.plage_ouverture_id == plage.id, Rdv.starts_at > now, Rdv.cancelled_at.is_(None))
            .order_by(Rdv.occurrence_le)
        )
        if day
    ]


def held_before(plage: PlageOuverture, day: date) -> bool:
    """Has the plage a session of an earlier day, past and cancelled ones included?"""
    earlier = Rdv.plage_ouverture_id == plage.id, Rdv.occurrence_le < day
    return bool(db.session.scalar(select(exists().where(*earlier))))


def holds_sessions(agent: Agent) -> bool:
    """Has the agent ever been among those who hold a session?"""
    return bool(db.session.scalar(select(exists().where(rdv_agents.c.agent_id == agent.id))))


def lieux(organisation_id: int, kept_id: int | None = None) -> Sequence[Lieu]:
    """Places that may be chosen, or already are, with their rooms; one typed for a single session is not offered."""
    return db.session.scalars(
        select(Lieu)
        .where(
            Lieu.organisation_id == organisation_id,
            or_(and_(Lieu.enabled, Lieu.ponctuel.is_(False)), Lieu.id == kept_id),
        )
        .options(selectinload(Lieu.salles))
        .order_by(Lieu.name)
    ).all()


def agents_of(organisation_id: int, service_id: int) -> Sequence[Agent]:
    """Agents at work in that service."""
    return db.session.scalars(
        select(Agent)
        .where(Agent.organisation_id == organisation_id, Agent.actif, Agent.services.any(Service.id == service_id))
        .order_by(Agent.last_name, Agent.first_name)
    ).all()
