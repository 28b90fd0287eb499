"""May this agent do this to that? Every route asks here, and the answer is the domain's one function (rule 14)."""

from typing import Any

from sqlalchemy import select

from webapp.domain.droits import Decision, Droit, decide
from webapp.domain.errors import Interdit, Introuvable
from webapp.extensions import db
from webapp.models import Absence, Agent, DroitAgent, Organisation, PlageOuverture, Rdv


def _scope(obj: Any) -> tuple[int, int | None]:
    """Organisation and service something belongs to; None is the organisation as a whole."""
    if isinstance(obj, Organisation):
        return obj.id, None
    if isinstance(obj, Rdv | PlageOuverture):
        return obj.organisation_id, obj.motif.service_id
    return obj.organisation_id, getattr(obj, "service_id", None)


def _decision(agent: Agent, droit: Droit, obj: Any) -> Decision:
    if isinstance(obj, Absence):
        return _about(agent, droit, obj.agent)
    organisation_id, service_id = _scope(obj)
    octrois = agent.octrois()
    decision = decide(octrois, droit, organisation_id, service_id)
    if (
        decision is Decision.INTERDIT
        and droit is Droit.GERER_PLAGES
        and isinstance(obj, PlageOuverture)
        and any(colleague.id == agent.id for colleague in obj.agents)
    ):
        return decide(octrois, Droit.GERER_SES_PLAGES, organisation_id, service_id)
    return decision


def _about(agent: Agent, droit: Droit, colleague: Agent) -> Decision:
    """What is somebody's own: theirs to do, or in one of their services who has the right there."""
    if colleague.id == agent.id:
        return Decision.PERMIS
    scopes: list[int | None] = [service.id for service in colleague.services]
    found = {decide(agent.octrois(), droit, colleague.organisation_id, scope) for scope in scopes or [None]}
    return next(one for one in (Decision.PERMIS, Decision.INTERDIT, Decision.CACHE) if one in found)


def may(agent: Agent, droit: Droit, obj: Any) -> bool:
    """For what a page shows; what a page does calls `require`."""
    return _decision(agent, droit, obj) is Decision.PERMIS


def require(agent: Agent, droit: Droit, obj: Any) -> None:
    """Raises `Introuvable` outside the agent's services, `Interdit` inside them without the right."""
    decision = _decision(agent, droit, obj)
    if decision is Decision.CACHE:
        raise Introuvable
    if decision is Decision.INTERDIT:
        raise Interdit(droit, droit.label, grantors(_scope(obj)[0]))


def require_somewhere(agent: Agent, droit: Droit) -> None:
    """The right in at least one service: what a list page needs, that then shows only those services."""
    if not any(o.droit is droit or droit is Droit.VOIR for o in agent.octrois()):
        raise Interdit(droit, droit.label, grantors(agent.organisation_id))


def grantors(organisation_id: int) -> list[str]:
    """Names of those who can grant a right there."""
    rows = db.session.scalars(
        select(Agent)
        .join(DroitAgent, DroitAgent.agent_id == Agent.id)
        .where(
            DroitAgent.organisation_id == organisation_id, DroitAgent.droit == Droit.GERER_AGENTS, Agent.actif.is_(True)
        )
        .order_by(Agent.last_name)
        .distinct()
        .limit(5)
    )
    return [agent.nom_complet for agent in rows]
