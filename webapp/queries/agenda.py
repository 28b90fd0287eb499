"""An agent's days: the sessions of their services, or those they hold."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import joinedload, selectinload
from sqlalchemy.orm.interfaces import ExecutableOption

from webapp.extensions import db
from webapp.models import Agent, Motif, Rdv

Services = Collection[int] | None
"""Services somebody may see; None is all those of the organisation."""


def in_services(services: Services) -> ColumnElement[bool] | bool:
    """The condition on `Motif` for what belongs to these services."""
    return True if services is None else Motif.service_id.in_(services)


def _shown() -> tuple[ExecutableOption, ...]:
    return (
        joinedload(Rdv.motif),
        joinedload(Rdv.lieu),
        joinedload(Rdv.salle),
        selectinload(Rdv.agents),
    )


def held_by(agent_id: int | None) -> ColumnElement[bool] | bool:
    """The condition on `Rdv` for the sessions this agent holds; None is everybody's."""
    return True if agent_id is None else Rdv.agents.any(Agent.id == agent_id)


def _of(organisation_id: int, services: Services, agent_id: int | None = None) -> Select[tuple[Rdv]]:
    return (
        select(Rdv)
        .join(Rdv.motif)
        .where(Rdv.organisation_id == organisation_id, in_services(services), held_by(agent_id))
        .options(*_shown())
    )


def sessions(
    organisation_id: int, services: Services, start: datetime, end: datetime, *, agent_id: int | None = None
) -> Sequence[Rdv]:
    """Sessions that start in [start, end), in order, of one agent when one is given: two statements, whatever their
    number."""
    return db.session.scalars(
        _of(organisation_id, services, agent_id)
        .where(Rdv.starts_at >= start, Rdv.starts_at < end)
        .order_by(Rdv.starts_at, Rdv.id)
    ).all()


def any_after(organisation_id: int, services: Services, moment: datetime, *, agent_id: int | None = None) -> bool:
    """Is there a session from that moment on?"""
    found = (
        select(Rdv.id)
        .join(Rdv.motif)
        .where(
            Rdv.organisation_id == organisation_id, in_services(services), held_by(agent_id), Rdv.starts_at >= moment
        )
    )
    return bool(db.session.scalar(select(exists(found))))


def gauges(organisation_id: int, services: Services, rdv_ids: Collection[int]) -> Sequence[Rdv]:
    """Those of these sessions that may be seen, without anything around them."""
    return db.session.scalars(
        select(Rdv)
        .join(Rdv.motif)
        .where(Rdv.organisation_id == organisation_id, in_services(services), Rdv.id.in_(rdv_ids))
        .order_by(Rdv.id)
    ).all()
