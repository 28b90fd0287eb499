"""Who is this person, and do they already have a seat?"""

from collections.abc import Sequence

from sqlalchemy import case, select
from sqlalchemy.orm import contains_eager

from webapp.extensions import db
from webapp.models import Participation, Usager, UsagerCle, usager_organisations


def by_keys(organisation_id: int, keys: Sequence[str]) -> Usager | None:
    """The person one of these keys belongs to, the first key first (docs/domain.md rule 9)."""
    if not keys:
        return None
    rank = case({key: position for position, key in enumerate(keys)}, value=UsagerCle.cle)
    return db.session.scalars(
        select(Usager)
        .join(UsagerCle, UsagerCle.usager_id == Usager.id)
        .where(UsagerCle.organisation_id == organisation_id, UsagerCle.cle.in_(keys))
        .order_by(rank)
        .limit(1)
    ).first()


def of_organisation(organisation_id: int, usager_id: int) -> Usager | None:
    """That usager, if the organisation knows them."""
    return db.session.scalars(
        select(Usager)
        .join(usager_organisations, usager_organisations.c.usager_id == Usager.id)
        .where(usager_organisations.c.organisation_id == organisation_id, Usager.id == usager_id)
    ).first()


def participation_of(rdv_id: int, usager_id: int) -> Participation | None:
    """That person's row in that session, read afresh."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.usager)
        .options(contains_eager(Participation.usager))
        .where(Participation.rdv_id == rdv_id, Participation.usager_id == usager_id)
        .execution_options(populate_existing=True)
    ).first()
