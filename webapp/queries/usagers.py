"""Who is this person, and do they already have a seat?"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, case, exists, select
from sqlalchemy.orm import contains_eager
from sqlalchemy.orm.attributes import set_committed_value

from webapp.extensions import db
from webapp.models import Participation, Rdv, Usager, UsagerCle, usager_organisations


def by_keys(organisation_id: int, keys: Sequence[str], *, held: bool = False) -> Usager | None:
    """The person one of these keys belongs to, the first key first (docs/domain.md rule 9).

    `held`: until the transaction ends nobody can anonymise them. Only that waits: any number may hold the same person.
    """
    if not keys:
        return None
    values = {"organisation_id": organisation_id} | {f"key{rank}": key for rank, key in enumerate(keys)}
    return db.session.scalars(_by_keys(len(keys), held), values).first()


@cache
def _by_keys(count: int, held: bool) -> Select[Usager]:
    keys = [bindparam(f"key{rank}", type_=UsagerCle.cle.type) for rank in range(count)]
    question = (
        select(Usager)
        .join(UsagerCle, UsagerCle.usager_id == Usager.id)
        .where(UsagerCle.organisation_id == bindparam("organisation_id"), UsagerCle.cle.in_(keys))
        .order_by(case(*((UsagerCle.cle == key, rank) for rank, key in enumerate(keys))))
        .limit(1)
    )
    if held:
        question = question.with_for_update(read=True, key_share=True).execution_options(populate_existing=True)
    return question


@cache
def _room_and_person() -> Select[Any]:
    known = exists().where(
        UsagerCle.organisation_id == bindparam("organisation_id"), UsagerCle.cle.in_(bindparam("keys", expanding=True))
    )
    rdvs = Rdv.__table__.c
    return select(rdvs.capacite_max, rdvs.places_prises, rdvs.places_proposees, known).where(
        rdvs.id == bindparam("rdv_id")
    )


def room_and_person(rdv: Rdv, keys: Sequence[str]) -> bool:
    """Read the session's seats as the database has them now, without a lock; answer whether somebody has one of these
    keys."""
    values = {"rdv_id": rdv.id, "organisation_id": rdv.organisation_id, "keys": keys}
    row = db.session.execute(_room_and_person(), values).first()
    if row is None:
        return True
    *seats, somebody = row
    for name, value in zip(("capacite_max", "places_prises", "places_proposees"), seats, strict=True):
        set_committed_value(rdv, name, value)
    return bool(somebody)


def of_organisation(organisation_id: int, usager_id: int, *, held: bool = False) -> Usager | None:
    """That usager, if the organisation still knows who they are; `held` as in `by_keys`."""
    question = (
        select(Usager)
        .join(usager_organisations, usager_organisations.c.usager_id == Usager.id)
        .where(
            usager_organisations.c.organisation_id == organisation_id,
            Usager.id == usager_id,
            Usager.anonymise_le.is_(None),
        )
    )
    if held:
        question = question.with_for_update(read=True, key_share=True, of=Usager)
    return db.session.scalars(question.execution_options(populate_existing=held)).first()


def participation_of(rdv_id: int, usager_id: int) -> Participation | None:
    """That person's row in that session, read afresh."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.usager)
        .options(contains_eager(Participation.usager))
        .where(Participation.rdv_id == rdv_id, Participation.usager_id == usager_id)
        .execution_options(populate_existing=True)
    ).first()


def participations_of(rdv_id: int, usager_ids: Sequence[int]) -> Sequence[Participation]:
    """The rows of these people in that session, read afresh."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.usager)
        .options(contains_eager(Participation.usager))
        .where(Participation.rdv_id == rdv_id, Participation.usager_id.in_(usager_ids))
        .execution_options(populate_existing=True)
    ).all()
