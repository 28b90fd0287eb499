"""Who is this agent, and which agents hold a right?"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from webapp.domain.droits import Droit
from webapp.extensions import db
from webapp.models import Agent, DroitAgent, SessionAgent


def with_rights(agent_id: int, session_key: str) -> tuple[Agent, datetime] | None:
    """The agent of an open session, with the organisation and the rights every page asks for, and when that session was
    last seen: two statements."""
    row = db.session.execute(
        select(Agent, SessionAgent.vue_le)
        .join(SessionAgent, SessionAgent.agent_id == Agent.id)
        .where(Agent.id == agent_id, SessionAgent.cle == session_key)
        .options(joinedload(Agent.organisation), selectinload(Agent.droits))
    ).first()
    return None if row is None else (row[0], row[1])


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
