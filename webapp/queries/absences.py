"""Absences, and the coming sessions they leave without anybody, with who could hold them instead."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from webapp.domain.intervals import Interval, clashes, overlaps
from webapp.extensions import db
from webapp.models import Absence, Agent, Rdv, Service

from .agenda import Services, in_services
from .disponibilites import Prise, occupations

FARTHEST = timedelta(days=3 * 366)
"""Sessions are prepared for two years at most, moved within two more months at worst."""


@dataclass(frozen=True, slots=True)
class Remplacant:
    """Somebody of the service who could hold a session; `prise` is what they have at that time, if anything."""

    agent: Agent
    prise: Prise | None


@dataclass(frozen=True, slots=True)
class Touchee:
    """A coming session during an absence: who still holds it, and who could when nobody does."""

    rdv: Rdv
    restent: Sequence[Agent]
    remplacants: Sequence[Remplacant] = ()


def absences(organisation_id: int, agent_ids: Collection[int] | None) -> Sequence[Absence]:
    """Those of these agents (None: of everybody), with their agent, by first day."""
    question = (
        select(Absence)
        .where(Absence.organisation_id == organisation_id)
        .options(joinedload(Absence.agent))
        .order_by(Absence.first_day, Absence.start_time, Absence.id)
    )
    return db.session.scalars(question if agent_ids is None else question.where(Absence.agent_id.in_(agent_ids))).all()


def absence(organisation_id: int, absence_id: int) -> Absence | None:
    """That absence, if it is the organisation's, with its agent and their services."""
    return db.session.scalars(
        select(Absence)
        .where(Absence.organisation_id == organisation_id, Absence.id == absence_id)
        .options(joinedload(Absence.agent).selectinload(Agent.services))
        .execution_options(populate_existing=True)
    ).first()


def colleagues(organisation_id: int, among: Services) -> Sequence[Agent]:
    """Agents at work in those services (None: in the organisation), by name."""
    question = (
        select(Agent)
        .where(Agent.organisation_id == organisation_id, Agent.actif.is_(True))
        .order_by(Agent.last_name, Agent.first_name, Agent.id)
    )
    if among is not None:
        question = question.where(Agent.services.any(Service.id.in_(among)))
    return db.session.scalars(question).all()


def touched(absence: Absence, services: Services, now: datetime) -> list[Touchee]:
    """The coming sessions of these services that the absent agent holds meanwhile, in order; seven statements at most.

    Somebody absent at that time too does not remain, nor does a closed account.
    """
    organisation = absence.agent.organisation
    window = Interval(now, now + FARTHEST)
    periods = absence.periods(window, organisation.timezone)
    if not periods:
        return []
    held = db.session.scalars(
        select(Rdv)
        .join(Rdv.motif)
        .where(
            Rdv.organisation_id == organisation.id,
            in_services(services),
            Rdv.agents.any(Agent.id == absence.agent_id),
            Rdv.starts_at > now,
            Rdv.starts_at < periods[-1].end,
            Rdv.ends_at > periods[0].start,
            Rdv.cancelled_at.is_(None),
        )
        .options(joinedload(Rdv.motif), joinedload(Rdv.lieu), joinedload(Rdv.salle), selectinload(Rdv.agents))
        .order_by(Rdv.starts_at, Rdv.id)
    ).all()
    by_moment: dict[Interval, list[Rdv]] = defaultdict(list)
    for rdv in held:
        by_moment[_when(rdv)].append(rdv)
    hit = {moment for moment, _ in clashes(list(by_moment), [(period, None) for period in periods])}
    rdvs = [rdv for rdv in held if _when(rdv) in hit]
    if not rdvs:
        return []
    teams = _teams(organisation.id, {rdv.motif.service_id for rdv in rdvs})
    everybody = {agent.id for team in teams.values() for agent in team} | {a.id for rdv in rdvs for a in rdv.agents}
    span = Interval(rdvs[0].starts_at, max(rdv.ends_at for rdv in rdvs))
    busy = occupations(organisation, span, everybody).agents
    found = []
    for rdv in rdvs:
        there = [a for a in rdv.agents if a.actif and a.id != absence.agent_id and not _away(busy[a.id], rdv)]
        known = {agent.id for agent in rdv.agents}
        team = () if there else [a for a in teams[rdv.motif.service_id] if a.id not in known]
        could = [Remplacant(agent, _taken(busy[agent.id], rdv)) for agent in team]
        found.append(Touchee(rdv, there, sorted(could, key=lambda one: one.prise is not None)))
    return found


def _when(rdv: Rdv) -> Interval:
    return Interval(rdv.starts_at, rdv.ends_at)


def _taken(prises: Sequence[Prise], rdv: Rdv) -> Prise | None:
    """What they have at that time; an absence says more than a session."""
    found = [prise for prise in prises if overlaps(prise.quand, _when(rdv))]
    return next((prise for prise in found if prise.rdv is None), found[0] if found else None)


def _away(prises: Sequence[Prise], rdv: Rdv) -> bool:
    taken = _taken(prises, rdv)
    return taken is not None and taken.rdv is None


def _teams(organisation_id: int, service_ids: Collection[int]) -> dict[int, list[Agent]]:
    """Service id → its agents at work."""
    rows = db.session.scalars(
        select(Agent)
        .where(
            Agent.organisation_id == organisation_id,
            Agent.actif.is_(True),
            Agent.services.any(Service.id.in_(service_ids)),
        )
        .options(selectinload(Agent.services))
        .order_by(Agent.last_name, Agent.first_name, Agent.id)
    ).all()
    return {one: [a for a in rows if any(service.id == one for service in a.services)] for one in service_ids}
