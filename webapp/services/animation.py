"""Who holds a session: its agents can be changed alone, without its plage's or its other dates'."""

import hashlib
from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from webapp import live
from webapp.clock import utcnow
from webapp.domain.droits import Droit
from webapp.domain.errors import Perime, Refus
from webapp.extensions import db
from webapp.models import Agent, Rdv

from . import journal
from .droits import require
from .plages import chosen_agents
from .transaction import seat_lock, transaction


def agents_cle(rdv: Rdv) -> str:
    """What a page shows of a session's agents, to find out whether a colleague changed them meanwhile."""
    return hashlib.sha256(repr(sorted(agent.id for agent in rdv.agents)).encode()).hexdigest()[:16]


def change_agents(rdv_id: int, agent_ids: Collection[int], *, agent: Agent, connu: str = "") -> bool:
    """Give one session these agents and no others; answers whether anything changed.

    Its plage's agents no longer replace them, until they are the same again. Nobody is told (docs/notifications.md).
    `connu` is the `agents_cle` of what the page showed: raises `Perime` when a colleague changed them meanwhile,
    `Refus` with the reason.
    """
    return bool(_change({rdv_id: set(agent_ids)}, agent, connu))


def replace_agent(absent_id: int, by: Mapping[int, int], *, agent: Agent) -> int:
    """In each of these sessions (id → agent's id) somebody takes the place of one who is absent, all or none; answers
    how many changed. Who no longer holds a session is replaced by nobody there: a second click changes nothing."""
    held = db.session.scalars(select(Rdv).where(Rdv.id.in_(by)).options(selectinload(Rdv.agents))).all()
    wanted = {}
    for rdv in held:
        now = {one.id for one in rdv.agents}
        if absent_id in now:
            wanted[rdv.id] = now - {absent_id} | {by[rdv.id]}
    return len(_change(wanted, agent)) if wanted else 0


def _change(wanted: Mapping[int, set[int]], agent: Agent, connu: str = "") -> list[Rdv]:
    """The sessions that changed, all in one transaction."""
    with transaction():
        changed = []
        rows = seat_lock(*wanted)
        db.session.scalars(
            select(Rdv)
            .where(Rdv.id.in_(wanted))
            .options(selectinload(Rdv.agents))
            .execution_options(populate_existing=True)
        ).all()
        for rdv in rows:
            require(agent, Droit.GERER_RDV, rdv)
            before = {one.id for one in rdv.agents}
            if wanted[rdv.id] == before:
                continue
            if connu and connu != agents_cle(rdv):
                raise Perime("Les agents de cette séance viennent de changer : regardez, puis validez à nouveau.")
            if rdv.cancelled_at is not None:
                raise Refus("Cette séance est annulée : ses agents ne changent plus.")
            if rdv.starts_at <= utcnow():
                raise Refus("Cette séance a commencé : ses agents ne changent plus.")
            _give(rdv, wanted[rdv.id], before)
            rdv.version += 1
            journal.note(
                rdv.organisation_id,
                "agents_changes",
                rdv,
                agent=agent,
                rdv_id=rdv.id,
                de={"agent_ids": sorted(before)},
                a={"agent_ids": sorted(wanted[rdv.id])},
            )
            live.publish(rdv.id, rdv.version)
            changed.append(rdv)
        return changed


def _give(rdv: Rdv, agent_ids: set[int], before: set[int]) -> None:
    """Those who stay were chosen before, even if they left the service since; who comes is at work there."""
    added = chosen_agents(agent_ids - before, rdv.motif) if agent_ids - before else []
    rdv.agents = [*(one for one in rdv.agents if one.id in agent_ids), *added]
    if not rdv.agents:
        raise Refus("Choisissez au moins un agent.")
    plage = rdv.plage_ouverture
    rdv.agents_propres = plage is not None and {one.id for one in plage.agents} != agent_ids
