"""Figures of the sessions that have begun: read from the aggregates, made again from the sessions themselves."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, union

from webapp.domain.statistiques import Chiffres
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import (
    FIGURES,
    Agregat,
    Canal,
    Comptage,
    EtatNotification,
    FileAttente,
    Journal,
    Lieu,
    Motif,
    Notification,
    Organisation,
    Rdv,
    Service,
)

SENT_LATE = timedelta(days=2)
"""A message leaves within half a day of being due, or not at all (docs/notifications.md, Reliability)."""


@dataclass(frozen=True, slots=True)
class Choix:
    """From one month to another, both included, of these services (None: all), this motif, this place."""

    de: date
    a: date
    services: tuple[int, ...] | None = None
    motif_id: int | None = None
    lieu_id: int | None = None

    def tests(self) -> list[ColumnElement[bool]]:
        """The same in SQL, over `Agregat` joined to `Motif`."""
        found = [Agregat.mois >= self.de, Agregat.mois <= self.a]
        if self.services is not None:
            found.append(Motif.service_id.in_(self.services))
        if self.motif_id is not None:
            found.append(Agregat.motif_id == self.motif_id)
        if self.lieu_id is not None:
            found.append(Agregat.lieu_id == self.lieu_id)
        return found


SUMS = [func.sum(getattr(Agregat, name)).label(name) for name in FIGURES]


def _sums(organisation_id: int, choix: Choix, *keys: Any) -> Select[Any]:
    return (
        select(*keys, *SUMS)
        .select_from(Agregat)
        .join(Motif, Agregat.motif_id == Motif.id)
        .where(Agregat.organisation_id == organisation_id, *choix.tests())
    )


def by_month(organisation_id: int, choix: Choix) -> list[tuple[date, Chiffres]]:
    """(first day of the month, figures), in order; months without a session are not there."""
    rows = db.session.execute(_sums(organisation_id, choix, Agregat.mois).group_by(Agregat.mois).order_by(Agregat.mois))
    return [(row.mois, Chiffres.of(row._mapping)) for row in rows]


def by_motif(organisation_id: int, choix: Choix) -> list[tuple[str, Chiffres]]:
    """(name of the motif, figures), by name."""
    query = _sums(organisation_id, choix, Motif.name).group_by(Motif.id, Motif.name).order_by(Motif.name, Motif.id)
    return [(row.name, Chiffres.of(row._mapping)) for row in db.session.execute(query)]


def by_lieu(organisation_id: int, choix: Choix) -> list[tuple[str, Chiffres]]:
    """(name of the place, empty at a distance; figures), by name."""
    query = _sums(organisation_id, choix, Lieu.name).outerjoin(Lieu, Agregat.lieu_id == Lieu.id)
    rows = db.session.execute(query.group_by(Lieu.id, Lieu.name).order_by(Lieu.name, Lieu.id))
    return [(row.name or "", Chiffres.of(row._mapping)) for row in rows]


def by_service(organisation_id: int, choix: Choix) -> list[tuple[str, Chiffres]]:
    """(name of the service, figures), by name."""
    query = _sums(organisation_id, choix, Service.name).join(Service, Motif.service_id == Service.id)
    rows = db.session.execute(query.group_by(Service.id, Service.name).order_by(Service.name, Service.id))
    return [(row.name, Chiffres.of(row._mapping)) for row in rows]


def known(organisation_id: int) -> tuple[date | None, datetime | None]:
    """The first month there are figures of, and until when they are counted."""
    first = select(func.min(Agregat.mois)).where(Agregat.organisation_id == organisation_id).scalar_subquery()
    until = select(Comptage.jusqua).where(Comptage.organisation_id == organisation_id).scalar_subquery()
    row = db.session.execute(select(first, until)).one()
    return row[0], row[1]


def everywhere(de: date, a: date) -> Sequence[tuple[str, str, Chiffres]]:
    """(name, slug, figures) of each organisation over these months, by name; one statement."""
    rows = db.session.execute(
        select(Organisation.name, Organisation.slug, *SUMS)
        .outerjoin(Agregat, and_(Agregat.organisation_id == Organisation.id, Agregat.mois >= de, Agregat.mois <= a))
        .group_by(Organisation.id, Organisation.name, Organisation.slug)
        .order_by(Organisation.name)
    )
    return [(row.name, row.slug, Chiffres.of(row._mapping)) for row in rows]


# --- counting ----------------------------------------------------------------------------------------------------


def begun_since(organisation_id: int, since: datetime | None, now: datetime) -> Iterator[datetime]:
    """The starts of the sessions that have begun and whose figures may have changed since then: they began, somebody
    did something to them, or a message about them left. Everything is new to who has never counted."""
    begun = and_(Rdv.organisation_id == organisation_id, Rdv.starts_at <= now)
    if since is None:
        yield from db.session.scalars(select(Rdv.starts_at).where(begun))
        return
    done = select(Journal.rdv_id).where(
        Journal.organisation_id == organisation_id, Journal.quand > since, Journal.rdv_id.is_not(None)
    )
    said = select(Notification.rdv_id).where(
        Notification.organisation_id == organisation_id,
        Notification.cree_le > since - SENT_LATE,
        Notification.rdv_id.is_not(None),
        or_(Notification.envoyee_le > since, Notification.etat == EtatNotification.ECHEC),
    )
    touched = select(union(done, said).subquery().c[0])
    yield from db.session.scalars(select(Rdv.starts_at).where(begun, or_(Rdv.starts_at > since, Rdv.id.in_(touched))))


def messages(organisation_id: int, debut: datetime, fin: datetime) -> Sequence[Any]:
    """Messages to people about the sessions that begin then: (motif_id, lieu_id, sms, segments, courriels, echecs)."""
    sent = Notification.etat == EtatNotification.ENVOYEE
    text = and_(sent, Notification.canal == Canal.SMS)
    return db.session.execute(
        select(
            Rdv.motif_id,
            Rdv.lieu_id,
            func.count(case((text, 1))).label("sms"),
            func.coalesce(func.sum(case((text, Notification.segments))), 0).label("segments"),
            func.count(case((and_(sent, Notification.canal == Canal.COURRIEL), 1))).label("courriels"),
            func.count(case((Notification.etat == EtatNotification.ECHEC, 1))).label("echecs"),
        )
        .join(Rdv, Notification.rdv_id == Rdv.id)
        .where(*_in(organisation_id, debut, fin), Notification.destinataire_type != "agent")
        .group_by(Rdv.motif_id, Rdv.lieu_id)
    ).all()


def waits(organisation_id: int, debut: datetime, fin: datetime) -> Sequence[Any]:
    """Who waited for a seat in these sessions: (motif_id, lieu_id, attentes, attentes_servies)."""
    return db.session.execute(
        select(
            Rdv.motif_id,
            Rdv.lieu_id,
            func.count().label("attentes"),
            func.count(case((FileAttente.etat == EtatAttente.ACCEPTEE, 1))).label("attentes_servies"),
        )
        .join(Rdv, FileAttente.rdv_id == Rdv.id)
        .where(*_in(organisation_id, debut, fin))
        .group_by(Rdv.motif_id, Rdv.lieu_id)
    ).all()


def _in(organisation_id: int, debut: datetime, fin: datetime) -> Collection[ColumnElement[bool]]:
    return [Rdv.organisation_id == organisation_id, Rdv.starts_at >= debut, Rdv.starts_at < fin]
