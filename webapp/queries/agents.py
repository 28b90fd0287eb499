"""Who is this agent?"""

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from webapp.extensions import db
from webapp.models import Agent


def with_rights(agent_id: int) -> Agent | None:
    """The agent of a session, with the organisation and the rights every page asks for: two statements."""
    return db.session.scalars(
        select(Agent).where(Agent.id == agent_id).options(joinedload(Agent.organisation), selectinload(Agent.droits))
    ).first()
