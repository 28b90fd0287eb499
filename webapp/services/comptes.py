"""Agents' accounts: log in, choose a password, forget it, choose another."""

import hashlib
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY
from sqlalchemy import delete, select, update

from webapp import links
from webapp.clock import utcnow
from webapp.domain.contacts import fold_email
from webapp.domain.droits import PRESETS, PRESETS_TOUS_SERVICES
from webapp.domain.errors import Introuvable, Perime, Refus
from webapp.domain.events import CompteModifie, InvitationAgent, MotDePasse
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Agent, DroitAgent, Organisation, Service, SessionAgent
from webapp.notifications.base import emit

from . import journal
from .transaction import transaction

RESET_LIFE = timedelta(hours=1)
INVITATION_LIFE = timedelta(days=7)
PASSWORD_MIN = 12

HASHING = RFC_9106_LOW_MEMORY  # Argon2id, RFC 9106's second recommended parameters
_hasher = PasswordHasher.from_parameters(HASHING)


@cache
def _decoy() -> str:
    """A hash nobody's password has: an unknown address takes as long as a known one."""
    return _hasher.hash(links.new_nonce())


def hash_password(mot_de_passe: str) -> str:
    """Raises `Refus` when the password is too short or absurdly long."""
    if len(mot_de_passe) < PASSWORD_MIN:
        raise Refus(f"Le mot de passe a au moins {PASSWORD_MIN} caractères. Une phrase entière convient très bien.")
    if len(mot_de_passe) > 200:
        raise Refus("Le mot de passe a au plus 200 caractères.")
    return _hasher.hash(mot_de_passe)


def authenticate(courriel: str, mot_de_passe: str) -> Agent | None:
    """The active agent with this address and password, or None; the same work for known and unknown addresses."""
    agent = db.session.scalars(select(Agent).where(Agent.email == fold_email(courriel))).first()
    hashed = agent.password_hash if agent and agent.password_hash else _decoy()
    if not _fits(hashed, mot_de_passe) or agent is None or not agent.actif or not agent.password_hash:
        return None
    return agent


def knows_password(agent: Agent, mot_de_passe: str) -> bool:
    """Is it that agent's password?"""
    return _fits(agent.password_hash or _decoy(), mot_de_passe)


def _fits(hashed: str, mot_de_passe: str) -> bool:
    try:
        return _hasher.verify(hashed, mot_de_passe[:200])
    except (VerificationError, InvalidHashError):
        return False


def ask_reset(courriel: str) -> None:
    """Send that agent a link to choose another password: single use, one hour, a new one kills the old.

    Nothing tells the caller whether the address is known.
    """
    with transaction():
        agent = db.session.scalars(
            select(Agent).where(Agent.email == fold_email(courriel), Agent.actif.is_(True)).with_for_update()
        ).first()
        if agent is None:
            return
        _link(agent, RESET_LIFE)
        emit(MotDePasse(agent_id=agent.id, version=agent.reset_version))


def send_invitation(agent: Agent) -> None:
    """Send a new agent the link to choose a first password, in the running transaction: single use, seven days, a new
    one kills the old."""
    _link(agent, INVITATION_LIFE)
    db.session.flush()
    emit(InvitationAgent(agent_id=agent.id, version=agent.reset_version))


def _link(agent: Agent, life: timedelta) -> None:
    agent.reset_nonce, agent.reset_hash = links.new_link(links.MOT_DE_PASSE)
    agent.reset_expire_le = utcnow() + life
    agent.reset_version = (agent.reset_version or 0) + 1


def end_access(agent: Agent) -> None:
    """Close every session of that agent and kill the link they may hold, in the running transaction."""
    agent.auth_version += 1  # also ends a session somebody is opening at this moment
    db.session.execute(delete(SessionAgent).where(SessionAgent.agent_id == agent.id))
    agent.reset_nonce = agent.reset_hash = agent.reset_expire_le = None


def agent_for_reset(token: str) -> Agent:
    """The agent a live link belongs to; raises `Introuvable` when it was used, replaced or is too old."""
    hashed = links.fingerprint(token)
    agent = db.session.scalars(select(Agent).where(Agent.reset_hash == hashed)).first() if hashed else None
    if agent is None or not agent.actif or agent.reset_expire_le is None or agent.reset_expire_le < utcnow():
        raise Introuvable(
            "Ce lien n’est plus valable : il sert une seule fois, et pour un temps. Sur la page de connexion, "
            "« Mot de passe oublié » vous en envoie un autre."
        )
    return agent


def reset_password(token: str, mot_de_passe: str) -> Agent:
    """Choose another password from a link; that agent's sessions elsewhere end. Raises `Introuvable`, `Refus`."""
    hashed = hash_password(mot_de_passe)
    with transaction():
        agent = agent_for_reset(token)
        db.session.refresh(agent, with_for_update=True)
        agent_for_reset(token)
        agent.password_hash = hashed
        end_access(agent)
        journal.note(agent.organisation_id, "mot_de_passe_change", agent, agent=agent)
        return agent


def change_password(agent_id: int, ident: str, actuel: str, nouveau: str) -> bool:
    """Choose another password knowing the present one; sessions of that agent but this one end. Answers whether
    `actuel` was right. The same change twice changes nothing more. Raises `Refus`, `Perime`."""
    before = db.session.get_one(Agent, agent_id).password_hash or _decoy()
    if not _fits(before, actuel):
        return _fits(before, nouveau)  # a second click
    hashed = hash_password(nouveau)
    with transaction():
        agent = db.session.get_one(Agent, agent_id, populate_existing=True, with_for_update={"key_share": True})
        if agent.password_hash != before:
            raise Perime("Votre mot de passe vient de changer : recommencez avec le nouveau.")
        agent.password_hash = hashed
        agent.reset_nonce = agent.reset_hash = agent.reset_expire_le = None
        end_other_sessions(agent, ident)
        journal.note(agent.organisation_id, "mot_de_passe_change", agent, agent=agent)
        emit(CompteModifie(agent_id=agent.id, quoi="mot_de_passe_change", le=utcnow().isoformat()))
    return True


def end_other_sessions(agent: Agent, ident: str) -> int:
    """End that agent's sessions but this one, in the running transaction; answers how many. One that somebody is
    opening at this moment, with what was right until now, is over too."""
    agent.auth_version += 1
    mine = SessionAgent.agent_id == agent.id
    ended = db.session.execute(
        delete(SessionAgent).where(mine, SessionAgent.cle != session_key(ident)).returning(SessionAgent.cle)
    ).all()
    db.session.execute(update(SessionAgent).where(mine).values(version=agent.auth_version))
    return len(ended)


def close_others(agent_id: int, ident: str, repere: str = "") -> int:
    """End one session of that agent, or all but this one; answers how many were open."""
    with transaction() as session:
        agent = db.session.get_one(Agent, agent_id, populate_existing=True, with_for_update={"key_share": True})
        if repere:
            which = (SessionAgent.agent_id == agent.id, SessionAgent.cle.startswith(repere[:64], autoescape=True))
            gone = delete(SessionAgent).where(*which, SessionAgent.cle != session_key(ident))
            count = len(session.execute(gone.returning(SessionAgent.cle)).all())
        else:
            count = end_other_sessions(agent, ident)
        if count:
            journal.note(agent.organisation_id, "sessions_fermees", agent, agent=agent, nombre=count)
        return count


def session_key(ident: str) -> str:
    """What the database keeps of a session's random id."""
    return hashlib.sha256(ident.encode()).hexdigest()


def open_session(agent: Agent, navigateur: str) -> str:
    """Write down a session of this agent; answers the random id that opens it."""
    ident = links.new_nonce()
    with transaction() as session:
        row = SessionAgent(cle=session_key(ident), agent_id=agent.id, version=agent.auth_version)
        row.navigateur = navigateur[:200]
        session.add(row)
    return ident


def session_seen(ident: str) -> None:
    """Note that this session is in use."""
    with transaction() as session:
        session.execute(update(SessionAgent).where(SessionAgent.cle == session_key(ident)).values(vue_le=utcnow()))


def close_session(ident: str) -> None:
    """End this session, wherever its cookie was copied."""
    with transaction() as session:
        session.execute(delete(SessionAgent).where(SessionAgent.cle == session_key(ident)))


def create_agent(
    organisation: Organisation,
    *,
    courriel: str,
    prenom: str,
    nom: str,
    mot_de_passe: str,
    preset: str,
    services: list[Service],
) -> Agent:
    """A new agent with a preset's rights, in the running transaction (rule 14). Raises `Refus`."""
    if preset not in PRESETS:
        raise Refus(f"Profil inconnu : {preset}. Choix : {', '.join(PRESETS)}.")
    email = fold_email(courriel)
    if db.session.scalar(select(Agent.id).where(Agent.email == email)):
        raise Refus(f"L’adresse {email} est déjà celle d’un agent.")
    agent = Agent(
        organisation_id=organisation.id,
        email=email,
        first_name=prenom,
        last_name=nom,
        password_hash=hash_password(mot_de_passe),
        services=services,
    )
    scopes = [None] if preset in PRESETS_TOUS_SERVICES else [service.id for service in services]
    agent.droits = [
        DroitAgent(organisation_id=organisation.id, service_id=scope, droit=droit)
        for droit in sorted(PRESETS[preset])
        for scope in scopes
    ]
    db.session.add(agent)
    db.session.flush()
    journal.note(organisation.id, "agent_cree", agent, by=Acteur.SYSTEME, preset=preset)
    return agent
