"""Who was invited to choose a session of a motif, what became of it, and whom to tell again (docs/domain.md rule 8)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.invitations import RELANCES, USEFUL, EtatInvitation, Moments
from webapp.domain.participation import OCCUPENT, Statut
from webapp.extensions import db
from webapp.models import Invitation, Motif, Notification, Organisation, Participation, PlageOuverture, Rdv, Usager

from .agenda import Services, in_services

EVENT = "invitation"


@dataclass(frozen=True, slots=True)
class Compte:
    """How many people are invited to a motif, by what became of it."""

    total: int = 0
    reservees: int = 0
    ouvertes: int = 0
    venues: int = 0
    absentes: int = 0


def _same(row: Any = Invitation) -> list[ColumnElement[bool]]:
    """A seat of the invited person, in a session of the motif that was to come when they were invited."""
    return [
        Participation.usager_id == row.usager_id,
        Participation.statut.in_(OCCUPENT),
        Rdv.motif_id == row.motif_id,
        Rdv.starts_at > row.envoyee_le,
    ]


def booked(*statuts: Statut) -> ColumnElement[bool]:
    """Does the invited person hold a seat, however they got it; with one of these statuses, when some are given?"""
    also = [Participation.statut.in_(statuts)] if statuts else []
    return exists().where(Participation.rdv_id == Rdv.id, *_same(), *also)


def by_hash(lien_hash: str) -> Invitation | None:
    """The invitation a link opens, with its motif, its organisation and its person; whatever became of it."""
    return db.session.scalars(_whole().where(Invitation.lien_hash == lien_hash)).first() if lien_hash else None


def _whole() -> Select[tuple[Invitation]]:
    return select(Invitation).options(
        joinedload(Invitation.motif).options(joinedload(Motif.organisation), joinedload(Motif.service)),
        joinedload(Invitation.usager).joinedload(Usager.responsable),
    )


def of_organisation(organisation_id: int, invitation_id: int) -> Invitation | None:
    """That invitation, if it is the organisation's."""
    return db.session.scalars(
        _whole().where(Invitation.organisation_id == organisation_id, Invitation.id == invitation_id)
    ).first()


def by_id(ids: Collection[int]) -> Mapping[int, Invitation]:
    """These invitations, with all that their messages say."""
    if not ids:
        return {}
    return {row.id: row for row in db.session.scalars(_whole().where(Invitation.id.in_(ids)))}


def held(motif_id: int, usager_id: int) -> Invitation | None:
    """That person's invitation to that motif, read afresh; nobody else changes it until the transaction ends."""
    return db.session.scalars(
        select(Invitation)
        .where(Invitation.motif_id == motif_id, Invitation.usager_id == usager_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).first()


def hold(invitation_id: int) -> Invitation | None:
    """The same, by its number: two who use one invitation at once take turns."""
    return db.session.get(Invitation, invitation_id, populate_existing=True, with_for_update={"key_share": True})


def seat_of(invitation: Invitation, *, but: int = 0) -> Participation | None:
    """The live seat of the invited person in a session of that motif, the next to come first; `but` one session."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.rdv)
        .options(contains_eager(Participation.rdv))
        .where(Rdv.id != but, *_same(invitation))
        .order_by(Rdv.starts_at.desc(), Rdv.id)
        .execution_options(populate_existing=True)
    ).first()


def coming_seat(motif_id: int, usager_id: int, now: datetime) -> Rdv | None:
    """The session to come of that motif where this person has a seat, if any."""
    return db.session.scalars(
        select(Rdv)
        .join(Participation, Participation.rdv_id == Rdv.id)
        .where(
            Rdv.motif_id == motif_id,
            Rdv.starts_at > now,
            Participation.usager_id == usager_id,
            Participation.statut.in_(OCCUPENT),
        )
        .order_by(Rdv.starts_at)
    ).first()


def ever_open(motif: Motif, now: datetime) -> bool:
    """Is there, or will there be, something for who is invited to choose: the motif's own rule, or a session's."""
    opens = (ReservablePar.TOUS, ReservablePar.INVITES)
    if motif.reservable_par in opens:
        return True
    effective = func.coalesce(Rdv.reservable_par, PlageOuverture.reservable_par)
    return bool(
        db.session.scalar(
            select(Rdv.id)
            .outerjoin(PlageOuverture, PlageOuverture.id == Rdv.plage_ouverture_id)
            .where(Rdv.motif_id == motif.id, Rdv.starts_at > now, Rdv.cancelled_at.is_(None), effective.in_(opens))
            .limit(1)
        )
    )


# --- the agents' page ----------------------------------------------------------------------------------------------


def count(motif_id: int) -> Compte:
    """Invitations to that motif: all, those that became a seat, those that were opened and did not; who came by them,
    who did not."""
    taken, came, missed = booked(), booked(Statut.PRESENT), booked(Statut.ABSENT)
    opened = ~taken & Invitation.ouverte_le.is_not(None)
    row = db.session.execute(
        select(
            func.count(),
            func.count().filter(taken),
            func.count().filter(opened),
            func.count().filter(came),
            func.count().filter(missed),
        ).where(Invitation.motif_id == motif_id)
    ).one()
    return Compte(*row)


Chosen = tuple[Invitation, Rdv | None, Statut | None]
"""An invitation, the session where the person has a seat, and what became of it."""


def of_motif(motif_id: int, *, limit: int, offset: int = 0) -> list[Chosen]:
    """Those invited to a motif, the latest first, each with the session where they have a seat."""
    rows = list(
        db.session.scalars(
            select(Invitation)
            .where(Invitation.motif_id == motif_id)
            .options(joinedload(Invitation.usager), joinedload(Invitation.agent))
            .order_by(Invitation.envoyee_le.desc(), Invitation.id.desc())
            .limit(limit)
            .offset(offset)
        )
    )
    seats = _seats([row.id for row in rows])
    return [(row, *seats.get(row.id, (None, None))) for row in rows]


def _seats(ids: Collection[int]) -> dict[int, tuple[Rdv, Statut]]:
    found = db.session.execute(
        select(Invitation.id, Rdv, Participation.statut)
        .join(Participation, Participation.usager_id == Invitation.usager_id)
        .join(Rdv, Rdv.id == Participation.rdv_id)
        .where(Invitation.id.in_(ids), *_same())
        .order_by(Rdv.starts_at)
    )
    return {row[0]: (row[1], row[2]) for row in found}


def of_people(motif_id: int, usager_ids: Collection[int], now: datetime) -> dict[int, EtatInvitation]:
    """Person → what became of their invitation to that motif, for those who have one."""
    row = Invitation
    found = db.session.execute(
        select(row.usager_id, row.envoyee_le, row.expire_le, row.ouverte_le, row.retiree_le, booked()).where(
            row.motif_id == motif_id, row.usager_id.in_(usager_ids)
        )
    )
    return {usager_id: Moments(*moments).etat(now) for usager_id, *moments in found}


def messages(ids: Collection[int]) -> Sequence[Any]:
    """What was written about these invitations, oldest first: sujet_id, canal, etat, changement, erreur."""
    row = Notification
    return db.session.execute(
        select(row.sujet_id, row.canal, row.etat, row.changement, row.erreur)
        .where(row.sujet_type == EVENT, row.sujet_id.in_(ids))
        .order_by(row.id)
    ).all()


# --- what the clock says again -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Relancable:
    """An invitation nobody used yet."""

    id: int
    version: int
    motif: Motif
    timezone: str
    moments: Moments


def to_repeat(now: datetime) -> list[Relancable]:
    """Invitations sent long enough ago that could be said again: not withdrawn, over, booked, nor to a motif that is
    closed or tells people nothing by itself."""
    row = Invitation
    found = db.session.execute(
        select(row, Organisation.timezone)
        .join(row.motif)
        .join(Organisation, Organisation.id == row.organisation_id)
        .options(contains_eager(row.motif))
        .where(
            row.envoyee_le <= now - timedelta(days=min(RELANCES)),
            row.envoyee_le > now - timedelta(days=max(RELANCES)) - USEFUL,
            row.prevenir,
            row.retiree_le.is_(None),
            Motif.archived_at.is_(None),
            Motif.visibilite == Visibilite.VISIBLE_NOTIFIE,
            ~booked(),
        )
        .order_by(row.id)
    )
    return [Relancable(one.id, one.version, one.motif, timezone, one.moments()) for one, timezone in found]


def promised(ids: Collection[int]) -> set[tuple[int, str]]:
    """(invitation, change) of what was written down already."""
    row = Notification
    rows = db.session.execute(
        select(row.sujet_id, row.changement).where(row.sujet_type == EVENT, row.sujet_id.in_(ids))
    )
    return {(found.sujet_id, found.changement) for found in rows}


# --- what `flask check` counts -------------------------------------------------------------------------------------


def used_twice() -> Sequence[Any]:
    """Invitations with more than one live seat that the person took themself: id, count."""
    row = Invitation
    return db.session.execute(
        select(row.id, func.count())
        .join(Participation, Participation.invitation_id == row.id)
        .join(Rdv, Rdv.id == Participation.rdv_id)
        .where(Participation.statut_par == "usager", *_same())
        .group_by(row.id)
        .having(func.count() > 1)
    ).all()


def of_others() -> Sequence[int]:
    """Seats taken by an invitation that is not to that person, or not to that motif."""
    return db.session.scalars(
        select(Participation.id)
        .join(Rdv, Rdv.id == Participation.rdv_id)
        .join(Invitation, Invitation.id == Participation.invitation_id)
        .where(or_(Invitation.usager_id != Participation.usager_id, Invitation.motif_id != Rdv.motif_id))
    ).all()


def of_person(organisation_id: int, services: Services, usager_id: int) -> list[tuple[Invitation, bool]]:
    """The invitations of that person to motifs of these services, latest first, and whether they gave a seat."""
    rows = db.session.execute(
        select(Invitation, booked())
        .join(Invitation.motif)
        .options(contains_eager(Invitation.motif))
        .where(Invitation.organisation_id == organisation_id, Invitation.usager_id == usager_id, in_services(services))
        .order_by(Invitation.envoyee_le.desc(), Invitation.id)
    )
    return [(row[0], bool(row[1])) for row in rows]


def motifs_open(organisation_id: int) -> Sequence[Motif]:
    """The motifs of the organisation that somebody may be invited to, by name."""
    return db.session.scalars(
        select(Motif)
        .where(
            Motif.organisation_id == organisation_id,
            Motif.archived_at.is_(None),
            Motif.visibilite != Visibilite.INVISIBLE,
        )
        .order_by(Motif.name, Motif.id)
    ).all()
