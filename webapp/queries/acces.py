"""Who holds a contact, which places messages to it are about, and what was asked for with it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, or_, select, union
from sqlalchemy.orm import aliased, contains_eager, joinedload

from webapp.domain.capacity import Visibilite
from webapp.domain.codes import TRIES, WITHIN
from webapp.domain.participation import OCCUPENT
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import (
    Acces,
    Canal,
    FileAttente,
    Invitation,
    Motif,
    Notification,
    Organisation,
    Participation,
    Rdv,
    Usage,
    Usager,
    usager_organisations,
)

from .attente import with_session
from .invitations import booked

OVER = (EtatAttente.ACCEPTEE, EtatAttente.RETIREE)
"""Waits there is nothing to do about any more."""
PAST = timedelta(days=30)
MOST = 200
MOST_KEPT = 1000
KEPT = timedelta(days=1)
"""How long a demand stays, and with it what it opened."""


def _held(canal: Canal, of: type[Participation] | type[FileAttente] = Participation, *, name: str = "contact") -> Any:
    """Ids of the places, or waits for one, whose messages go to `:contact` (`name`) by this channel: their own contact,
    else that of who reads for them (`notifications.people`). One SELECT for each way, so that each uses its index."""
    responsable = aliased(Usager)
    own, theirs, whose = (
        (of.telephone, Usager.phone, responsable.phone)
        if canal is Canal.SMS
        else (of.courriel, Usager.email, responsable.email)
    )
    contact: Any = bindparam(name, type_=own.type)
    # A place booked without that contact, or told not to use it, is not that contact's to see.
    kept = of.refus_sms if canal is Canal.SMS else of.refus_courriel
    none = and_(or_(own.is_(None), own == ""), kept.is_(False))
    place = select(of.id)
    return union(
        place.where(own == contact),
        place.join(of.usager).where(none, theirs == contact, Usager.responsable_id.is_(None)),
        place.join(of.usager).join(responsable, Usager.responsable_id == responsable.id).where(none, whose == contact),
    )


@cache
def _situation(canal: Canal) -> Select[Any]:
    newest, waiting = (
        select(Rdv.organisation_id)
        .join(of, of.rdv_id == Rdv.id)
        .where(of.id.in_(_held(canal, of)))
        .order_by(of.id.desc())
        .limit(1)
        .scalar_subquery()
        for of in (Participation, FileAttente)
    )
    own = Usager.phone if canal is Canal.SMS else Usager.email
    on_file = (
        select(usager_organisations.c.organisation_id)
        .join(Usager, Usager.id == usager_organisations.c.usager_id)
        .where(own == bindparam("contact", type_=own.type), Usager.responsable_id.is_(None))
        .order_by(Usager.id.desc(), usager_organisations.c.organisation_id)
        .limit(1)
        .scalar_subquery()
    )
    recent = select(func.count()).where(
        Acces.contact == bindparam("contact", type_=Acces.contact.type),
        Acces.cree_le > bindparam("since", type_=Acces.cree_le.type),
    )
    return select(
        func.coalesce(newest, waiting, on_file).label("connue"),
        select(func.min(Organisation.id)).scalar_subquery().label("une"),
        recent.scalar_subquery().label("recentes"),
    )


def situation(canal: Canal, contact: str, now: datetime) -> Any:
    """In one statement, the same for every contact: the organisation of its newest place, wait, or file (`connue`, or
    None; an invitation goes to a file's contact), any organisation (`une`), and how many demands were made with it
    lately (`recentes`)."""
    return db.session.execute(_situation(canal), {"contact": contact, "since": now - WITHIN}).one()


def _places(canal: Canal) -> Select[Participation]:
    return (
        select(Participation)
        .join(Participation.rdv)
        .join(Rdv.motif)
        .outerjoin(Rdv.plage_ouverture)
        .options(
            joinedload(Participation.usager),
            contains_eager(Participation.rdv).options(
                contains_eager(Rdv.motif).joinedload(Motif.service),
                contains_eager(Rdv.plage_ouverture),
                joinedload(Rdv.organisation),
                joinedload(Rdv.lieu),
                joinedload(Rdv.salle),
            ),
        )
        .where(Participation.id.in_(_held(canal)))
        .order_by(Rdv.starts_at, Participation.id)
        .limit(MOST)
    )


def places_held(canal: Canal, contact: str, now: datetime) -> Sequence[Participation]:
    """The places whose messages go to this contact, soonest first: coming, and those of the last 30 days."""
    return db.session.scalars(_places(canal).where(Rdv.ends_at > now - PAST), {"contact": contact}).all()


def places_kept(canal: Canal, contact: str) -> Sequence[Participation]:
    """The places whose messages go to this contact, however old, as they are now."""
    question = _places(canal).limit(MOST_KEPT).execution_options(populate_existing=True)
    return db.session.scalars(question, {"contact": contact}).all()


def waits_held(canal: Canal, contact: str, now: datetime) -> Sequence[FileAttente]:
    """The waits whose messages go to this contact, soonest first: of sessions to come only."""
    question = (
        with_session()
        .where(
            FileAttente.id.in_(_held(canal, FileAttente)),
            FileAttente.etat.not_in(OVER),
            Rdv.starts_at > now,
        )
        .order_by(Rdv.starts_at, FileAttente.id)
        .limit(MOST)
    )
    return db.session.scalars(question, {"contact": contact}).all()


def waits_kept(canal: Canal, contact: str) -> Sequence[FileAttente]:
    """The waits whose messages go to this contact, however old, as they are now."""
    question = with_session().where(FileAttente.id.in_(_held(canal, FileAttente))).order_by(FileAttente.id)
    question = question.limit(MOST_KEPT).execution_options(populate_existing=True)
    return db.session.scalars(question, {"contact": contact}).all()


def _invited(canal: Canal, contact: str) -> Select[Invitation]:
    """Invitations whose message goes to this contact: that of who reads for the person invited."""
    responsable = aliased(Usager)
    own, theirs = (Usager.phone, responsable.phone) if canal is Canal.SMS else (Usager.email, responsable.email)
    return (
        select(Invitation)
        .join(Invitation.usager)
        .outerjoin(responsable, Usager.responsable_id == responsable.id)
        .join(Invitation.motif)
        .options(
            contains_eager(Invitation.usager),
            contains_eager(Invitation.motif).options(joinedload(Motif.organisation), joinedload(Motif.service)),
        )
        .where(or_(and_(own == contact, Usager.responsable_id.is_(None)), theirs == contact))
        .order_by(Invitation.expire_le, Invitation.id)
    )


def invitations_held(canal: Canal, contact: str, now: datetime) -> Sequence[Invitation]:
    """Those that still open something, and that nobody booked with yet."""
    question = _invited(canal, contact).where(
        Invitation.retiree_le.is_(None),
        Invitation.expire_le > now,
        Motif.archived_at.is_(None),
        Motif.visibilite != Visibilite.INVISIBLE,
        ~booked(),
    )
    return db.session.scalars(question.limit(MOST)).all()


def invitations_kept(canal: Canal, contact: str) -> Sequence[Invitation]:
    """Those sent to this contact, whatever became of them, as they are now."""
    question = _invited(canal, contact).limit(MOST_KEPT).execution_options(populate_existing=True)
    return db.session.scalars(question).all()


def files_of(canal: Canal, contact: str) -> Sequence[Usager]:
    """Whose file has this contact, and those they answer for."""
    responsable = aliased(Usager)
    own, theirs = (Usager.phone, responsable.phone) if canal is Canal.SMS else (Usager.email, responsable.email)
    return db.session.scalars(
        select(Usager)
        .outerjoin(responsable, Usager.responsable_id == responsable.id)
        .where(or_(and_(own == contact, Usager.responsable_id.is_(None)), theirs == contact))
        .order_by(Usager.id)
        .limit(MOST_KEPT)
        .execution_options(populate_existing=True)
    ).all()


def known_elsewhere(usager_ids: Sequence[int], place_ids: Sequence[int], wait_ids: Sequence[int]) -> Collection[int]:
    """Which of these people have places, or waits for one, beside these."""
    seats = select(Participation.usager_id).where(
        Participation.usager_id.in_(usager_ids), Participation.id.not_in(place_ids)
    )
    waits = select(FileAttente.usager_id).where(FileAttente.usager_id.in_(usager_ids), FileAttente.id.not_in(wait_ids))
    return set(db.session.scalars(union(seats, waits)))


def messages_to(contact: str, usager_ids: Sequence[int]) -> Sequence[Notification]:
    """The messages that were written to these people at this contact, oldest first."""
    return db.session.scalars(
        select(Notification)
        .where(
            Notification.destinataire_type == "usager",
            Notification.destinataire_id.in_(usager_ids),
            Notification.adresse == contact,
        )
        .order_by(Notification.id)
        .limit(MOST_KEPT)
    ).all()


@cache
def _coming_with(*canaux: Canal) -> Select[Any]:
    held = or_(*(Participation.id.in_(_held(canal, name=canal.value)) for canal in canaux))
    return (
        select(func.count(Participation.rdv_id.distinct()))
        .join(Participation.rdv)
        .where(
            held,
            Participation.statut.in_(OCCUPENT),
            Participation.rdv_id != bindparam("rdv_id"),
            Rdv.motif_id == bindparam("motif_id"),
            Rdv.starts_at > bindparam("now", type_=Rdv.starts_at.type),
        )
    )


def coming_with(rdv: Rdv, contacts: Mapping[Canal, str], now: datetime) -> int:
    """How many other coming sessions of that motif have somebody whose messages go to one of these contacts."""
    values = {canal.value: contact for canal, contact in contacts.items()}
    values |= {"rdv_id": rdv.id, "motif_id": rdv.motif_id, "now": now}
    return db.session.scalar(_coming_with(*contacts), values) or 0


def asked_by(navigateur: str, usage: Usage) -> Select[Acces]:
    """The last demand of this browser (its hash) for that, locked, as it is now."""
    return (
        select(Acces)
        .where(Acces.navigateur == navigateur, Acces.usage == usage)
        .order_by(Acces.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def live(now: datetime) -> ColumnElement[bool]:
    """Demands whose code and link still open something (`domain.codes.over`)."""
    return and_(Acces.utilise_le.is_(None), Acces.expire_le > now, Acces.essais < TRIES)


def link_opens(lien_hash: str, now: datetime) -> bool:
    """Does this link still open something? Looking uses nothing up."""
    return bool(lien_hash) and bool(
        db.session.scalar(
            select(Acces.id).where(Acces.lien_hash == lien_hash, Acces.usage == Usage.RENDEZ_VOUS, live(now))
        )
    )


def opened(demande_id: int, navigateur: str, now: datetime) -> Acces | None:
    """The demand that this browser (its hash) used, while it lasts."""
    return db.session.scalars(
        select(Acces).where(
            Acces.id == demande_id,
            Acces.usage == Usage.RENDEZ_VOUS,
            Acces.navigateur == navigateur,
            Acces.utilise_le > now - KEPT,
        )
    ).first()


def organisation_of(demande: Acces) -> Organisation:
    """Who answers the phone for it."""
    return db.session.get_one(Organisation, demande.organisation_id)
