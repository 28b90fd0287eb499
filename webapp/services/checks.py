"""Recount every invariant: what `flask check` says (docs/domain.md rules 2, 7 and 9)."""

from collections.abc import Iterator

from sqlalchemy import and_, func, or_, select

from webapp.domain.participation import OCCUPENT, Statut
from webapp.extensions import db
from webapp.models import (
    EtatNotification,
    Motif,
    Notification,
    Participation,
    PlageOuverture,
    Rdv,
    Usager,
    UsagerCle,
    usager_organisations,
)

from .rdvs import effective_capacity


def broken() -> Iterator[str]:
    """One line for each invariant that does not hold; nothing when all is well."""
    yield from _seats()
    yield from _capacities()
    yield from _cancelled()
    yield from _people()
    yield from _outbox()
    yield from _plages()


def _seats() -> Iterator[str]:
    counted = (
        select(Participation.rdv_id, func.count().label("n"))
        .where(Participation.statut.in_(OCCUPENT))
        .group_by(Participation.rdv_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Rdv.id, Rdv.places_prises, func.coalesce(counted.c.n, 0))
        .outerjoin(counted, counted.c.rdv_id == Rdv.id)
        .where(Rdv.places_prises != func.coalesce(counted.c.n, 0))
    )
    for rdv_id, stored, real in rows:
        yield f"rdv {rdv_id}: places_prises says {stored}, {real} participations hold a seat"


def _capacities() -> Iterator[str]:
    for rdv in db.session.scalars(select(Rdv).where(Rdv.fige.is_(None), Rdv.cancelled_at.is_(None))):
        if rdv.capacite_max != effective_capacity(rdv):
            yield f"rdv {rdv.id}: capacite_max is {rdv.capacite_max}, its settings give {effective_capacity(rdv)}"


def _cancelled() -> Iterator[str]:
    rows = db.session.execute(
        select(Rdv.id, func.count())
        .join(Participation, Participation.rdv_id == Rdv.id)
        .where(Rdv.cancelled_at.is_not(None), Participation.statut.in_(OCCUPENT))
        .group_by(Rdv.id)
    )
    for rdv_id, n in rows:
        yield f"rdv {rdv_id}: cancelled, yet {n} participations hold a seat"
    future = db.session.execute(
        select(Participation.id)
        .join(Rdv)
        .where(Participation.statut == Statut.ABSENT, Participation.statut_le < Rdv.starts_at)
    )
    for (participation_id,) in future:
        yield f"participation {participation_id}: absent before the start"


def _people() -> Iterator[str]:
    rows = db.session.execute(
        select(Participation.id, Rdv.organisation_id)
        .join(Rdv)
        .outerjoin(
            usager_organisations,
            and_(
                usager_organisations.c.usager_id == Participation.usager_id,
                usager_organisations.c.organisation_id == Rdv.organisation_id,
            ),
        )
        .where(usager_organisations.c.usager_id.is_(None))
    )
    for participation_id, organisation_id in rows:
        yield f"participation {participation_id}: its usager is unknown to organisation {organisation_id}"
    for (key_id,) in db.session.execute(
        select(UsagerCle.id).outerjoin(Usager, Usager.id == UsagerCle.usager_id).where(Usager.id.is_(None))
    ):
        yield f"usager_cle {key_id}: belongs to nobody"


def _outbox() -> Iterator[str]:
    rows = db.session.execute(
        select(Notification.id, Notification.etat).where(
            or_(
                and_(Notification.etat == EtatNotification.EN_COURS, Notification.claimed_until.is_(None)),
                and_(Notification.etat == EtatNotification.ENVOYEE, Notification.envoyee_le.is_(None)),
                and_(
                    Notification.etat.in_([EtatNotification.ECHEC, EtatNotification.IGNOREE]), Notification.erreur == ""
                ),
            )
        )
    )
    for notification_id, etat in rows:
        yield f"notification {notification_id}: state {etat} without what goes with it"


def _plages() -> Iterator[str]:
    rows = db.session.execute(
        select(Rdv.id)
        .join(PlageOuverture, PlageOuverture.id == Rdv.plage_ouverture_id)
        .where(or_(Rdv.motif_id != PlageOuverture.motif_id, Rdv.organisation_id != PlageOuverture.organisation_id))
    )
    for (rdv_id,) in rows:
        yield f"rdv {rdv_id}: not of its plage's motif or organisation"
    for (rdv_id,) in db.session.execute(select(Rdv.id).join(Motif).where(Rdv.organisation_id != Motif.organisation_id)):
        yield f"rdv {rdv_id}: its motif belongs to another organisation"
