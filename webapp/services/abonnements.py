"""An agent's private calendar feed: its address is made, replaced, taken away."""

from webapp import links
from webapp.clock import utcnow
from webapp.domain.errors import Introuvable
from webapp.extensions import db
from webapp.models import Agent

from . import journal
from .transaction import transaction


def open_feed(agent_id: int) -> None:
    """Give that agent an address, if they have none yet."""
    with transaction():
        agent = _held(agent_id)
        if agent.agenda_hash is None:
            _new(agent)
            journal.note(agent.organisation_id, "abonnement_cree", agent, agent=agent)


def replace_feed(agent_id: int, seen: str) -> bool:
    """Another address instead of the one the page showed (`seen`), which opens nothing from now on. Answers whether it
    was still that one: sent twice, it is replaced once."""
    with transaction():
        agent = _held(agent_id)
        if agent.agenda_hash is None or mark(agent) != seen:
            return False
        _new(agent)
        journal.note(agent.organisation_id, "abonnement_remplace", agent, agent=agent)
        return True


def stop_feed(agent_id: int) -> None:
    """No address any more."""
    with transaction():
        agent = _held(agent_id)
        if agent.agenda_hash is not None:
            close_feed(agent)
            journal.note(agent.organisation_id, "abonnement_arrete", agent, agent=agent)


def close_feed(agent: Agent) -> None:
    """Take the address away, in the running transaction."""
    agent.agenda_nonce = agent.agenda_hash = agent.agenda_depuis = None


def mark(agent: Agent) -> str:
    """What tells this address from the next one, without being a key to it."""
    return (agent.agenda_hash or "")[:16]


def _new(agent: Agent) -> None:
    agent.agenda_nonce, agent.agenda_hash = links.new_link(links.AGENDA)
    agent.agenda_depuis = utcnow()


def _held(agent_id: int) -> Agent:
    agent = db.session.get(Agent, agent_id, populate_existing=True, with_for_update={"key_share": True})
    if agent is None or not agent.actif:
        raise Introuvable
    return agent
