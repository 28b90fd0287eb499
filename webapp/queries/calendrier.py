"""The agenda of an agent, of a colleague, of a service: sessions, plages and absences of some days; and the feed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import joinedload, selectinload

from webapp.domain.dates import local
from webapp.domain.intervals import Interval
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import (
    Agent,
    Journal,
    Lieu,
    Motif,
    Organisation,
    Participation,
    PlageOuverture,
    Rdv,
    Service,
)
from webapp.models.plage import plage_agents
from webapp.models.rdv import rdv_agents

from .agenda import Services, in_services

MOST = 2000
"""Events of a feed: some programs refuse a file of more than a megabyte."""


@dataclass(frozen=True, slots=True)
class Filtre:
    """Whose sessions: those an agent holds, those of a service, or all; of one motif, in one place."""

    agent_id: int | None = None
    service_id: int | None = None
    motif_id: int | None = None
    lieu_id: int | None = None


def sessions(organisation: Organisation, services: Services, window: Interval, filtre: Filtre) -> Sequence[Rdv]:
    """Sessions that touch the window, cancelled ones included, in order: two statements, whatever their number."""
    held = Rdv.id.in_(select(rdv_agents.c.rdv_id).where(rdv_agents.c.agent_id == filtre.agent_id))
    return db.session.scalars(
        select(Rdv)
        .join(Rdv.motif)
        .where(
            Rdv.organisation_id == organisation.id,
            in_services(services),
            Rdv.starts_at < window.end,
            Rdv.ends_at > window.start,
            *_asked(Rdv, filtre, held),
        )
        .options(joinedload(Rdv.motif), joinedload(Rdv.lieu), joinedload(Rdv.salle), selectinload(Rdv.agents))
        .order_by(Rdv.starts_at, Rdv.ends_at, Rdv.id)
    ).all()


def _asked(
    table: type[Rdv] | type[PlageOuverture], filtre: Filtre, held: ColumnElement[bool]
) -> list[ColumnElement[bool]]:
    return [
        held if filtre.agent_id is not None else true(),
        Motif.service_id == filtre.service_id if filtre.service_id is not None else true(),
        table.motif_id == filtre.motif_id if filtre.motif_id is not None else true(),
        table.lieu_id == filtre.lieu_id if filtre.lieu_id is not None else true(),
    ]


def to_note(organisation: Organisation, window: Interval, now: datetime) -> set[int]:
    """The sessions of the window that are over, with somebody still `inscrit`."""
    return set(
        db.session.scalars(
            select(Participation.rdv_id)
            .join(Rdv, Rdv.id == Participation.rdv_id)
            .where(
                Rdv.organisation_id == organisation.id,
                Rdv.starts_at < window.end,
                Rdv.ends_at > window.start,
                Rdv.ends_at <= now,
                Rdv.cancelled_at.is_(None),
                Participation.statut == Statut.INSCRIT,
            )
            .distinct()
        )
    )


def plages(
    organisation: Organisation, services: Services, window: Interval, filtre: Filtre
) -> Sequence[PlageOuverture]:
    """Plages that may have a day in the window; their recurrence says which."""
    held = PlageOuverture.id.in_(select(plage_agents.c.plage_id).where(plage_agents.c.agent_id == filtre.agent_id))
    return db.session.scalars(
        select(PlageOuverture)
        .join(PlageOuverture.motif)
        .where(
            PlageOuverture.organisation_id == organisation.id,
            in_services(services),
            PlageOuverture.first_day <= local(window.end, organisation.timezone).date(),
            or_(
                PlageOuverture.rrule != "",
                PlageOuverture.first_day >= local(window.start, organisation.timezone).date(),
            ),
            *_asked(PlageOuverture, filtre, held),
        )
        .options(joinedload(PlageOuverture.motif), selectinload(PlageOuverture.agents))
        .order_by(PlageOuverture.start_time, PlageOuverture.id)
    ).all()


def occurrences(
    organisation: Organisation, plage_ids: Collection[int], first: date, last: date
) -> dict[tuple[int, date], tuple[int, datetime]]:
    """(plage, occurrence) → its session and when that starts now, for the occurrences of these days."""
    rows = db.session.execute(
        select(Rdv.plage_ouverture_id, Rdv.occurrence_le, Rdv.id, Rdv.starts_at).where(
            Rdv.organisation_id == organisation.id,
            Rdv.plage_ouverture_id.in_(plage_ids),
            Rdv.occurrence_le >= first,
            Rdv.occurrence_le <= last,
        )
    )
    return {(plage_id, day): (rdv_id, starts) for plage_id, day, rdv_id, starts in rows if plage_id and day}


def team(organisation: Organisation, services: Services) -> Sequence[Agent]:
    """Agents at work in those services, by name, with their services."""
    question = (
        select(Agent)
        .where(Agent.organisation_id == organisation.id, Agent.actif.is_(True))
        .options(selectinload(Agent.services))
        .order_by(func.lower(Agent.last_name), func.lower(Agent.first_name), Agent.id)
    )
    if services is not None:
        question = question.where(Agent.services.any(Service.id.in_(services)))
    return db.session.scalars(question).all()


def lieux(organisation: Organisation) -> Sequence[Lieu]:
    """Places a session may be looked for in: one typed for a single session is not among them."""
    return db.session.scalars(
        select(Lieu).where(Lieu.organisation_id == organisation.id, Lieu.ponctuel.is_(False)).order_by(Lieu.name)
    ).all()


def subscriber(hashed: str) -> Agent | None:
    """The agent whose calendar feed this is, while they are at work, with their rights."""
    if not hashed:
        return None
    return db.session.scalars(
        select(Agent)
        .where(Agent.agenda_hash == hashed, Agent.actif.is_(True))
        .options(joinedload(Agent.organisation), selectinload(Agent.droits))
    ).first()


def feed(agent: Agent, services: Services, start: datetime) -> list[tuple[Rdv, datetime]]:
    """The sessions that agent holds from that moment on, and when each last changed: two statements."""
    rows = db.session.scalars(
        select(Rdv)
        .join(Rdv.motif)
        .where(
            Rdv.organisation_id == agent.organisation_id,
            in_services(services),
            Rdv.ends_at > start,
            Rdv.id.in_(select(rdv_agents.c.rdv_id).where(rdv_agents.c.agent_id == agent.id)),
        )
        .options(joinedload(Rdv.motif), joinedload(Rdv.lieu), joinedload(Rdv.salle))
        .order_by(Rdv.starts_at, Rdv.id)
        .limit(MOST)
    ).all()
    told = (
        select(Journal.rdv_id, func.max(Journal.quand))
        .where(Journal.rdv_id.in_([rdv.id for rdv in rows]))
        .group_by(Journal.rdv_id)
    )
    changed = {rdv_id: quand for rdv_id, quand in db.session.execute(told) if rdv_id}
    return [(rdv, max(rdv.cree_le, changed.get(rdv.id, rdv.cree_le))) for rdv in rows]
