"""The tokens of an organisation, and whose token this is."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from webapp.extensions import db
from webapp.models import Agent, Jeton


def jetons(organisation_id: int) -> Sequence[Jeton]:
    """All of them, the newest first, with who made them and what those may do: two statements."""
    return db.session.scalars(
        select(Jeton)
        .where(Jeton.organisation_id == organisation_id)
        .options(joinedload(Jeton.agent).selectinload(Agent.droits))
        .order_by(Jeton.id.desc())
    ).all()


def jeton(organisation_id: int, jeton_id: int) -> Jeton | None:
    """That token, if it is the organisation's."""
    return db.session.scalars(
        select(Jeton)
        .where(Jeton.organisation_id == organisation_id, Jeton.id == jeton_id)
        .options(joinedload(Jeton.agent).selectinload(Agent.droits))
    ).first()


def by_fingerprint(fingerprint: str) -> Jeton | None:
    """The token of that hash, with its agent, their organisation and their rights: two statements."""
    return db.session.scalars(
        select(Jeton)
        .where(Jeton.empreinte == fingerprint)
        .options(joinedload(Jeton.agent).options(joinedload(Agent.organisation), selectinload(Agent.droits)))
    ).first()
