"""The organisation's agents: who works in which services, and the sessions that count on one of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import joinedload, selectinload

from webapp.extensions import db
from webapp.models import Agent, PlageOuverture, Rdv, Service
from webapp.models.rdv import rdv_agents

Services = Collection[int] | None
"""Ids of services, or None for all those of the organisation (what `domain.droits.services_with` answers)."""


@dataclass(frozen=True, slots=True)
class Prevue:
    """A coming session of an agent; `seul`: nobody else who can log in holds it."""

    rdv: Rdv
    seul: bool


def agents(organisation_id: int, among: Services) -> Sequence[Agent]:
    """Agents of those services, deactivated ones included, by name, with their services and rights."""
    question = _agents(organisation_id, among).order_by(
        func.lower(Agent.last_name), func.lower(Agent.first_name), Agent.id
    )
    return db.session.scalars(question).all()


def agent(organisation_id: int, agent_id: int, among: Services) -> Agent | None:
    """That agent, if they are the organisation's and of one of those services."""
    return db.session.scalars(_agents(organisation_id, among).where(Agent.id == agent_id)).first()


def _agents(organisation_id: int, among: Services) -> Select[tuple[Agent]]:
    question = (
        select(Agent)
        .where(Agent.organisation_id == organisation_id)
        .options(selectinload(Agent.services), selectinload(Agent.droits))
    )
    return question if among is None else question.where(Agent.services.any(Service.id.in_(among)))


def coming_sessions(organisation_id: int, agent_id: int, now: datetime, limit: int) -> tuple[Sequence[Prevue], int]:
    """The next sessions that agent holds, those they hold alone first, and how many there are in all."""
    others = exists(
        select(rdv_agents.c.rdv_id)
        .join(Agent, Agent.id == rdv_agents.c.agent_id)
        .where(rdv_agents.c.rdv_id == Rdv.id, Agent.id != agent_id, Agent.actif.is_(True))
        .correlate(Rdv)
    )
    held = (
        select(Rdv, (~others).label("seul"))
        .join(rdv_agents, rdv_agents.c.rdv_id == Rdv.id)
        .where(
            Rdv.organisation_id == organisation_id,
            rdv_agents.c.agent_id == agent_id,
            Rdv.starts_at > now,
            Rdv.cancelled_at.is_(None),
        )
    )
    rows = db.session.execute(
        held.options(joinedload(Rdv.motif), joinedload(Rdv.lieu))
        .order_by((~others).desc(), Rdv.starts_at, Rdv.id)
        .limit(limit)
    ).all()
    total = db.session.scalar(select(func.count()).select_from(held.subquery())) or 0
    return [Prevue(rdv, bool(alone)) for rdv, alone in rows], total


def plages_of(organisation_id: int, agent_id: int) -> int:
    """How many plages d'ouverture name that agent."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(PlageOuverture)
            .where(PlageOuverture.organisation_id == organisation_id, PlageOuverture.agents.any(Agent.id == agent_id))
        )
        or 0
    )
