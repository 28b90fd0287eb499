"""Public figures: what each organisation held, and how many came, never who."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Motif, Organisation, Participation, Rdv, TypeMotif


@dataclass(frozen=True, slots=True)
class Bilan:
    """One organisation over a time: sessions held, people welcomed, seats taken and seats there were (but for entrée
    libre, which has none)."""

    organisation: str
    slug: str
    seances: int
    accueillies: int
    prises: int
    places: int


def _held(question: Select[Any], since: datetime, until: datetime) -> Select[Any]:
    return (
        question.join(Motif, Rdv.motif_id == Motif.id)
        .where(
            Motif.type == TypeMotif.COLLECTIF, Rdv.starts_at >= since, Rdv.starts_at < until, Rdv.cancelled_at.is_(None)
        )
        .group_by(Rdv.organisation_id)
    )


def held(since: datetime, until: datetime) -> Sequence[Bilan]:
    """What each organisation held between these moments, by name, in two statements whatever there is to count."""
    limited = Rdv.capacite_max.is_not(None)
    sessions = _held(
        select(
            Rdv.organisation_id,
            func.count(),
            func.sum(Rdv.presents_anonymes),
            func.sum(Rdv.places_prises).filter(limited),
            func.sum(Rdv.capacite_max),
        ).select_from(Rdv),
        since,
        until,
    ).subquery()
    came = _held(
        select(Rdv.organisation_id, func.count()).select_from(Participation).join(Participation.rdv), since, until
    ).where(Participation.statut == Statut.PRESENT)
    present = {row[0]: row[1] for row in db.session.execute(came)}
    rows = db.session.execute(
        select(Organisation.id, Organisation.name, Organisation.slug, *list(sessions.c)[1:])
        .outerjoin(sessions, sessions.c.organisation_id == Organisation.id)
        .order_by(Organisation.name)
    )
    return [
        Bilan(name, slug, count or 0, present.get(key, 0) + (counted or 0), taken or 0, seats or 0)
        for key, name, slug, count, counted, taken, seats in rows
    ]
