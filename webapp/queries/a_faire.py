"""What waits for an agent: people to note, sessions to keep or cancel, waitlists to look at, messages that failed.

Each question is one statement or two, whatever the number of sessions, about those of some services, or those that one
agent holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from webapp.domain import alertes
from webapp.domain.participation import Statut
from webapp.domain.waitlist import Besoin, needs_agent
from webapp.extensions import db
from webapp.models import EtatNotification, Motif, Notification, Participation, Rdv, Usager, ouverture, quand

from . import attente
from .agenda import Services, held_by, in_services
from .notifications import FARTHEST_REMINDER, in_state


@dataclass(frozen=True, slots=True)
class Regard:
    """Whose sessions are looked at: those of an organisation's services, or those that one agent holds."""

    organisation_id: int
    services: Services
    agent_id: int | None = None

    def seen(self) -> tuple[ColumnElement[bool] | bool, ...]:
        """The conditions on a statement that joins `Rdv` and `Motif`."""
        return Rdv.organisation_id == self.organisation_id, in_services(self.services), held_by(self.agent_id)


def _sessions(regard: Regard) -> Select[tuple[Rdv]]:
    return (
        select(Rdv)
        .join(Rdv.motif)
        .where(*regard.seen(), Rdv.cancelled_at.is_(None))
        .options(contains_eager(Rdv.motif), joinedload(Rdv.organisation))
    )


def to_complete(regard: Regard, now: datetime, limit: int, offset: int = 0) -> tuple[int, list[tuple[Rdv, int]]]:
    """How many past sessions have people still `inscrit` (docs/domain.md rule 11); some of them, latest first, each
    with how many people it has to note."""
    left = (
        select(Participation.rdv_id, func.count().label("people"))
        .join(Rdv, Rdv.id == Participation.rdv_id)
        .where(
            Rdv.organisation_id == regard.organisation_id,
            Rdv.ends_at <= now,
            Participation.statut == Statut.INSCRIT,
        )
        .group_by(Participation.rdv_id)
        .subquery()
    )
    rows = db.session.execute(
        _sessions(regard)
        .join(left, left.c.rdv_id == Rdv.id)
        .add_columns(left.c.people, func.count().over())
        .order_by(Rdv.starts_at.desc(), Rdv.id)
        .limit(limit)
        .offset(offset)
    ).all()
    return (rows[0][2] if rows else 0), [(rdv, people) for rdv, people, _ in rows]


def under_minimum(regard: Regard, now: datetime) -> list[Rdv]:
    """Sessions to keep or to cancel, soonest first: too few people at their motif's delay, and nothing decided yet."""
    found = db.session.scalars(
        _sessions(regard)
        .where(
            Rdv.starts_at > now,
            Rdv.starts_at < now + FARTHEST_REMINDER,
            Rdv.capacite_max.is_not(None),
            Rdv.places_prises < Motif.capacite_min,
            or_(Rdv.maintenu_pour.is_(None), Rdv.maintenu_pour != Rdv.starts_at),
        )
        .order_by(Rdv.starts_at, Rdv.id)
    )
    return [
        rdv
        for rdv in found
        if alertes.to_decide(
            minimum=rdv.motif.capacite_min,
            prises=rdv.places_prises,
            heures=rdv.motif.minimum_heures,
            starts_at=rdv.starts_at,
            now=now,
        )
    ]


def waitlists(regard: Regard, now: datetime) -> list[tuple[Rdv, Besoin]]:
    """Sessions whose waitlist needs somebody, soonest first, and why."""
    rdvs = db.session.scalars(
        _sessions(regard)
        .where(Rdv.places_attente > 0, Rdv.starts_at > now)
        .options(joinedload(Rdv.plage_ouverture))
        .order_by(Rdv.starts_at, Rdv.id)
    ).all()
    files = attente.files([rdv.id for rdv in rdvs]) if rdvs else {}
    found = []
    for rdv in rdvs:
        asked = [row.places for row in files[rdv.id] if row.jusqua is None or row.jusqua <= now]
        need = needs_agent(
            libres=rdv.jauge().libres,
            proposees=rdv.places_proposees,
            smallest=min(asked, default=None),
            offered=ouverture(rdv).offers(now),
            now=now,
            quand=quand(rdv),
        )
        if need is not None:
            found.append((rdv, need))
    return found


def failed_messages(regard: Regard, now: datetime, limit: int, offset: int = 0) -> tuple[int, Sequence[Any]]:
    """How many messages to people of coming sessions never left, cancelled sessions included; some of them, by session:
    rdv_id, starts_at, motif, event, canal, erreur, participation_ids, prenom, nom."""
    row = Notification
    found = db.session.execute(
        select(
            *(row.rdv_id, row.event, row.canal, row.erreur, row.participation_ids, Rdv.starts_at),
            Motif.name.label("motif"),
            Usager.first_name.label("prenom"),
            Usager.last_name.label("nom"),
            func.count().over().label("total"),
        )
        .join(Rdv, Rdv.id == row.rdv_id)
        .join(Motif, Motif.id == Rdv.motif_id)
        .join(Usager, Usager.id == row.destinataire_id)
        .where(
            *regard.seen(),
            Rdv.starts_at > now,
            row.destinataire_type == "usager",
            in_state(row, EtatNotification.ECHEC),
        )
        .order_by(Rdv.starts_at, Rdv.id, row.id)
        .limit(limit)
        .offset(offset)
    ).all()
    return (found[0].total if found else 0), found
