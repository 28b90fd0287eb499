"""Who is busy when, and when a room is taken: absences and sessions, in three statements whatever is asked."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload, selectinload

from webapp.domain.dates import local
from webapp.domain.intervals import Interval
from webapp.extensions import db
from webapp.models import Absence, Agent, Organisation, Rdv


@dataclass(frozen=True, slots=True)
class Prise:
    """Why an agent or a room is not free then: a session, or an absence when there is none."""

    quand: Interval
    rdv: Rdv | None = None


@dataclass(frozen=True, slots=True)
class Occupations:
    """What takes these agents (by id), and that room."""

    agents: dict[int, list[Prise]] = field(default_factory=lambda: defaultdict(list))
    salle: list[Prise] = field(default_factory=list)


def occupations(
    organisation: Organisation,
    window: Interval,
    agent_ids: Collection[int],
    salle_id: int | None = None,
    *,
    sauf_plage: int | None = None,
    sauf_rdvs: Collection[int] = (),
) -> Occupations:
    """What takes these agents and that room in the window, but for the sessions of one plage, or some of them."""
    found = Occupations()
    for absence in absences(organisation, window, agent_ids):
        found.agents[absence.agent_id] += [Prise(one) for one in absence.periods(window, organisation.timezone)]
    held = Rdv.agents.any(Agent.id.in_(agent_ids))
    question = (
        select(Rdv)
        .where(
            Rdv.organisation_id == organisation.id,
            Rdv.starts_at < window.end,
            Rdv.ends_at > window.start,
            Rdv.cancelled_at.is_(None),
            held if salle_id is None else or_(held, Rdv.salle_id == salle_id),
            Rdv.id.not_in(sauf_rdvs),
        )
        .options(joinedload(Rdv.motif), selectinload(Rdv.agents))
        .order_by(Rdv.starts_at, Rdv.id)
    )
    if sauf_plage is not None:
        question = question.where(Rdv.plage_ouverture_id.is_distinct_from(sauf_plage))
    for rdv in db.session.scalars(question):
        taken = Prise(Interval(rdv.starts_at, rdv.ends_at), rdv)
        for agent in rdv.agents:
            if agent.id in agent_ids:
                found.agents[agent.id].append(taken)
        if salle_id is not None and rdv.salle_id == salle_id:
            found.salle.append(taken)
    return found


def absences(organisation: Organisation, window: Interval, agent_ids: Collection[int]) -> Sequence[Absence]:
    """The absences of these agents that may touch the window, with their agent; `periods` says when, if they do."""
    first, last = (local(moment, organisation.timezone).date() for moment in window)
    return db.session.scalars(
        select(Absence)
        .where(
            Absence.organisation_id == organisation.id,
            Absence.agent_id.in_(agent_ids),
            Absence.first_day <= last,
            or_(Absence.rrule != "", Absence.last_day >= first),
        )
        .options(joinedload(Absence.agent))
        .order_by(Absence.first_day, Absence.id)
    ).all()
