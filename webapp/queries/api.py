"""What the API lists: motifs, sessions and places in an order that lasts, from after a given one."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Motif, Participation, Rdv, TypeMotif

from .agenda import Services, in_services
from .notifications import with_readers


def motifs(organisation_id: int, services: Services, after: int, limit: int) -> Sequence[Motif]:
    """Collective motifs of those services, archived ones included, by number: one statement."""
    return db.session.scalars(
        select(Motif)
        .where(
            Motif.organisation_id == organisation_id,
            Motif.type == TypeMotif.COLLECTIF,
            in_services(services),
            Motif.id > after,
        )
        .options(joinedload(Motif.service))
        .order_by(Motif.id)
        .limit(limit)
    ).all()


def rdvs(
    organisation_id: int,
    services: Services,
    *,
    since: datetime,
    until: datetime | None,
    motif_id: int | None,
    lieu_id: int | None,
    places: int | None,
    now: datetime,
    after: tuple[datetime, int] | None,
    limit: int,
) -> Sequence[Rdv]:
    """Sessions of those services that start from `since` to before `until`, soonest first: two statements. `places`:
    those to come, not cancelled, where at least so many seats are free."""
    question = (
        select(Rdv)
        .join(Rdv.motif)
        .where(Rdv.organisation_id == organisation_id, in_services(services), Rdv.starts_at >= since)
        .options(
            contains_eager(Rdv.motif),
            joinedload(Rdv.plage_ouverture),
            joinedload(Rdv.organisation),
            joinedload(Rdv.lieu),
            joinedload(Rdv.salle),
            selectinload(Rdv.agents),
        )
    )
    if until is not None:
        question = question.where(Rdv.starts_at < until)
    if motif_id is not None:
        question = question.where(Rdv.motif_id == motif_id)
    if lieu_id is not None:
        question = question.where(Rdv.lieu_id == lieu_id)
    if places is not None:
        free = Rdv.capacite_max - Rdv.places_prises - Rdv.places_proposees >= places
        question = question.where(free, Rdv.cancelled_at.is_(None), Rdv.starts_at > now)
    if after is not None:
        moment, number = after
        question = question.where(or_(Rdv.starts_at > moment, and_(Rdv.starts_at == moment, Rdv.id > number)))
    return db.session.scalars(question.order_by(Rdv.starts_at, Rdv.id).limit(limit)).all()


def to_complete(rdv_ids: Collection[int]) -> set[int]:
    """Those of these sessions where somebody is still `inscrit` (docs/domain.md rule 11): one statement."""
    if not rdv_ids:
        return set()
    left = select(Participation.rdv_id).where(Participation.rdv_id.in_(rdv_ids), Participation.statut == Statut.INSCRIT)
    return set(db.session.scalars(left.distinct()))


def participations(rdv: Rdv, after: int, limit: int) -> Sequence[Participation]:
    """Everybody who has or had a place there, by number: one statement."""
    return db.session.scalars(
        select(Participation)
        .where(Participation.rdv_id == rdv.id, Participation.id > after)
        .options(with_readers())
        .order_by(Participation.id)
        .limit(limit)
    ).all()


def participation(organisation_id: int, participation_id: int) -> Participation | None:
    """That place, if it is the organisation's, as the database has it now: one statement."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.rdv)
        .where(Participation.id == participation_id, Rdv.organisation_id == organisation_id)
        .options(
            contains_eager(Participation.rdv).options(joinedload(Rdv.motif), joinedload(Rdv.organisation)),
            with_readers(),
        )
        .execution_options(populate_existing=True)
    ).first()
