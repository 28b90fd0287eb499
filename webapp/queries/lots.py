"""Several people at once: where they have, or had, a seat."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select

from webapp.domain.participation import OCCUPENT
from webapp.extensions import db
from webapp.models import Participation, Rdv


def places_of(rdv_id: int, usager_ids: Collection[int]) -> Mapping[int, Participation]:
    """Person → their row in that session, whatever became of it: one statement."""
    rows = db.session.scalars(
        select(Participation)
        .where(Participation.rdv_id == rdv_id, Participation.usager_id.in_(usager_ids))
        .execution_options(populate_existing=True)
    )
    return {row.usager_id: row for row in rows}


def coming_seats(motif_id: int, usager_ids: Collection[int], now: datetime) -> Mapping[int, datetime]:
    """Person → when the next session of that motif is where they have a seat: one statement."""
    rows = db.session.execute(
        select(Participation.usager_id, Rdv.starts_at)
        .join(Rdv, Rdv.id == Participation.rdv_id)
        .where(
            Rdv.motif_id == motif_id,
            Rdv.starts_at > now,
            Participation.usager_id.in_(usager_ids),
            Participation.statut.in_(OCCUPENT),
        )
        .order_by(Rdv.starts_at.desc())
    )
    return {row.usager_id: row.starts_at for row in rows}
