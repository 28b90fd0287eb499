"""Who is this agent, and which agents hold a right?"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import joinedload, selectinload

from webapp.domain.droits import Droit
from webapp.extensions import db
from webapp.models import Agent, CodeSecours, DroitAgent, SecondFacteur, SessionAgent

SESSION_LIFE = timedelta(hours=12)
SESSION_IDLE = timedelta(hours=4)
SESSION_NOTED = timedelta(minutes=15)
"""A session is over that long after it opened, or was last used; its row is not written more often than the last."""


def with_rights(agent_id: int, session_key: str) -> tuple[Agent, datetime] | None:
    """The agent of an open session, with the organisation and the rights every page asks for, and when that session was
    last seen: two statements. None when the account changed since it opened."""
    row = db.session.execute(
        select(Agent, SessionAgent.vue_le)
        .join(SessionAgent, and_(SessionAgent.agent_id == Agent.id, SessionAgent.version == Agent.auth_version))
        .where(Agent.id == agent_id, SessionAgent.cle == session_key)
        .options(joinedload(Agent.organisation), selectinload(Agent.droits))
    ).first()
    return None if row is None else (row[0], row[1])


def open_sessions(agent_id: int, now: datetime) -> Sequence[SessionAgent]:
    """Where that agent is logged in, the latest first."""
    return db.session.scalars(
        select(SessionAgent)
        .join(Agent, and_(SessionAgent.agent_id == Agent.id, SessionAgent.version == Agent.auth_version))
        .where(
            Agent.id == agent_id,
            SessionAgent.cree_le > now - SESSION_LIFE,
            SessionAgent.vue_le > now - SESSION_IDLE - SESSION_NOTED,
        )
        .order_by(SessionAgent.vue_le.desc(), SessionAgent.cle)
    ).all()


def second_factor(agent_id: int) -> SecondFacteur | None:
    """The second step of that agent's way in, once active."""
    return db.session.scalars(
        select(SecondFacteur).where(SecondFacteur.agent_id == agent_id).execution_options(populate_existing=True)
    ).first()


def recovery_left(agent_id: int) -> int:
    """How many recovery codes that agent still has."""
    return db.session.scalar(select(func.count()).where(CodeSecours.agent_id == agent_id)) or 0


def agents_with(organisation_id: int, droit: Droit) -> Sequence[Agent]:
    """The active agents who hold that right for the whole organisation."""
    return db.session.scalars(
        select(Agent)
        .where(
            Agent.actif.is_(True),
            Agent.droits.any(
                (DroitAgent.organisation_id == organisation_id)
                & (DroitAgent.droit == droit)
                & DroitAgent.service_id.is_(None)
            ),
        )
        .order_by(Agent.id)
    ).all()
