"""The second step of an agent's way in: an app's codes, recovery codes, and who may take them off.

One door to a code, `_spend`: it runs under the agent's lock, and what it accepted is not accepted again.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select

from webapp.clock import utcnow
from webapp.domain import otp
from webapp.domain.contacts import fold_email
from webapp.domain.errors import Introuvable, Refus
from webapp.domain.events import CompteModifie
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Agent, CodeSecours, SecondFacteur
from webapp.notifications.base import emit
from webapp.queries import agents as queries
from webapp.secrets_at_rest import seal, unseal

from . import journal
from .agents import check_power, locked_target
from .comptes import end_access, end_other_sessions
from .transaction import transaction

SETUP_LIFE = timedelta(hours=1)
"""How long the QR code of a page can be activated."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A secret that is shown and not active yet. `key` is the same, sealed: the page carries it to its answer."""

    secret: str
    key: str
    address: str


def wanted(agent: Agent) -> bool:
    """Does the organisation ask that agent for a second step they have not set up?"""
    return agent.organisation.second_facteur_obligatoire and queries.second_factor(agent.id) is None


def propose(agent: Agent, key: str = "") -> Proposal:
    """A new secret, or the one a page shows already."""
    secret = unseal(_setup(agent.id), key, within=int(SETUP_LIFE.total_seconds())) if key else None
    if secret is None:
        secret = otp.new_secret()
        key = seal(_setup(agent.id), secret)
    return Proposal(secret, key, otp.address(secret, account=agent.email, issuer=agent.organisation.name))


def activate(agent_id: int, key: str, code: str, ident: str) -> list[str] | None:
    """Ask for a code at each login from now on, and end that agent's other sessions: they were opened without. Answers
    the recovery codes, that nobody can read again; None when the code is not the one the secret gives now.

    Raises `Refus` when it is active already.
    """
    secret = unseal(_setup(agent_id), key, within=int(SETUP_LIFE.total_seconds()))
    step = otp.step_of(secret, code, utcnow(), 0) if secret else None
    if secret is None or step is None:
        return None
    with transaction():
        agent = _locked(agent_id)
        if queries.second_factor(agent.id) is not None:
            raise Refus("La connexion en deux étapes est déjà activée.")
        db.session.add(SecondFacteur(agent_id=agent.id, secret=seal(_active(agent.id), secret), dernier_pas=step))
        codes = _new_codes(agent)
        end_other_sessions(agent, ident)
        _said(agent, "second_facteur_active")
        return codes


def right_code(agent_id: int, code: str) -> bool:
    """Is it the code that agent's app shows? It is then spent."""
    with transaction():
        return _spend(_locked(agent_id), code)


def right_recovery(agent_id: int, code: str) -> bool:
    """Is it one of that agent's recovery codes? It is then spent."""
    with transaction():
        return _spend_recovery(_locked(agent_id), code)


def renew_codes(agent_id: int, code: str) -> list[str] | None:
    """Other recovery codes: those before are worth nothing any more. None when the app's code is not right."""
    with transaction():
        agent = _locked(agent_id)
        if not _spend(agent, code):
            return None
        codes = _new_codes(agent)
        _said(agent, "codes_secours")
        return codes


def remove(agent_id: int, code: str) -> bool:
    """Log in with a password alone again, or set up another telephone. The code is the app's or a recovery one. Where
    a second step is compulsory, every session of that agent is over: the next one begins by setting it up."""
    with transaction():
        agent = _locked(agent_id)
        if not (_spend(agent, code) or _spend_recovery(agent, code)):
            return False
        _take_off(agent)
        if agent.organisation.second_facteur_obligatoire:
            end_access(agent)
        _said(agent, "second_facteur_retire")
        return True


def reset(agent_id: int, by: Agent) -> bool:
    """For a colleague who lost both the telephone and the codes. Never for oneself: that takes a code. Ends the
    agent's sessions. Answers whether there was something to take off."""
    with transaction():
        agent, by = locked_target(agent_id, by)
        if agent.id == by.id:
            raise Refus(
                "Pour retirer votre propre connexion en deux étapes, il faut un code : passez par « Mon compte »."
            )
        check_power(by, agent)
        return _reset(agent, by)


def reset_by_operator(courriel: str) -> bool:
    """The same, from the server, for an administrator nobody else can help. Raises `Introuvable`."""
    with transaction():
        found = db.session.scalars(
            select(Agent).where(Agent.email == fold_email(courriel)).with_for_update(key_share=True)
        ).first()
        if found is None:
            raise Introuvable(f"Aucun agent n’a l’adresse {courriel}.")
        return _reset(found, None)


def _reset(agent: Agent, by: Agent | None) -> bool:
    if queries.second_factor(agent.id) is None:
        return False
    _take_off(agent)
    end_access(agent)
    _said(agent, "second_facteur_reinitialise", by=Acteur.AGENT if by else Acteur.SYSTEME, author=by)
    return True


def _locked(agent_id: int) -> Agent:
    agent = db.session.get(Agent, agent_id, populate_existing=True, with_for_update={"key_share": True})
    if agent is None:
        raise Introuvable
    return agent


def _spend(agent: Agent, code: str) -> bool:
    factor = queries.second_factor(agent.id)
    if factor is None:
        return False
    secret = unseal(_active(agent.id), factor.secret)
    if secret is None:
        log.warning("the second factor of agent %s can't be read: LINK_KEY changed", agent.id)
        return False
    step = otp.step_of(secret, code, utcnow(), factor.dernier_pas)
    if step is None:
        return False
    factor.dernier_pas = step
    return True


def _spend_recovery(agent: Agent, code: str) -> bool:
    wanted = (CodeSecours.agent_id == agent.id) & (CodeSecours.empreinte == otp.recovery_print(code))
    if db.session.execute(delete(CodeSecours).where(wanted).returning(CodeSecours.agent_id)).first() is None:
        return False
    _said(agent, "code_secours_utilise")
    return True


def _new_codes(agent: Agent) -> list[str]:
    codes = otp.recovery_codes()
    db.session.execute(delete(CodeSecours).where(CodeSecours.agent_id == agent.id))
    db.session.add_all(CodeSecours(agent_id=agent.id, empreinte=otp.recovery_print(code)) for code in codes)
    return codes


def _take_off(agent: Agent) -> None:
    for table in (SecondFacteur, CodeSecours):
        db.session.execute(delete(table).where(table.agent_id == agent.id))


def _said(agent: Agent, what: str, *, by: Acteur = Acteur.AGENT, author: Agent | None = None) -> None:
    """In the journal, and to the agent by e-mail: whoever did it."""
    journal.note(agent.organisation_id, what, agent, by=by, agent=author or (agent if by is Acteur.AGENT else None))
    emit(CompteModifie(agent_id=agent.id, quoi=what, le=utcnow().isoformat()))


def _setup(agent_id: int) -> str:
    return f"second_facteur_propose {agent_id}"


def _active(agent_id: int) -> str:
    return f"second_facteur {agent_id}"
