"""Recount every invariant: what `flask check` says (docs/domain.md rules 2, 4, 7, 9 and 10)."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from webapp.clock import utcnow
from webapp.domain.contacts import identity_keys
from webapp.domain.participation import OCCUPENT, Statut, holds_seat, seat_delta
from webapp.domain.recurrence import interval_utc
from webapp.domain.waitlist import ATTENDENT, EtatAttente
from webapp.extensions import db
from webapp.models import (
    EtatNotification,
    FileAttente,
    Journal,
    Motif,
    Notification,
    Participation,
    PlageOuverture,
    Rdv,
    Usager,
    UsagerCle,
    usager_organisations,
)
from webapp.queries import invitations

from . import offres
from .plages import days_of
from .rdvs import effective_capacity

READ_BACK = timedelta(days=7)
"""How long after its end a session's journal is still read line by line: retention empties older ones."""
MOVES = ("inscription", "statut", "annulation", "capacite")
"""What the journal calls the changes that move a session's seats; each one makes its version grow."""


def broken() -> Iterator[str]:
    """One line for each invariant that does not hold; nothing when all is well."""
    yield from _seats()
    yield from _waitlists()
    yield from _capacities()
    yield from _oversold()
    yield from _cancelled()
    yield from _statuses()
    yield from _versions()
    yield from _journal()
    yield from _people()
    yield from _twice()
    yield from _moved()
    yield from _outbox()
    yield from _plages()
    yield from _invitations()


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


def _waitlists() -> Iterator[str]:
    """Offers and people who wait are those counted in the session; no more seats are offered than are left; nobody who
    has a seat waits for one; and no free seat fits who waits, while offers are made (rule 12)."""
    for column, etats in (("places_proposees", {EtatAttente.PROPOSEE}), ("places_attente", ATTENDENT)):
        counted = (
            select(FileAttente.rdv_id, func.sum(FileAttente.places).label("n"))
            .where(FileAttente.etat.in_(etats))
            .group_by(FileAttente.rdv_id)
            .subquery()
        )
        stored, real = getattr(Rdv, column), func.coalesce(counted.c.n, 0)
        for rdv_id, says, n in db.session.execute(
            select(Rdv.id, stored, real).outerjoin(counted, counted.c.rdv_id == Rdv.id).where(stored != real)
        ):
            yield f"rdv {rdv_id}: {column} says {says}, its waitlist {n}"
    for rdv in db.session.scalars(
        select(Rdv).where(
            Rdv.places_proposees > 0,
            Rdv.places_prises + Rdv.places_proposees > Rdv.capacite_max,
            Rdv.starts_at > utcnow(),
        )
    ):
        yield f"rdv {rdv.id}: {rdv.places_proposees} seats offered, {rdv.places_prises} taken of {rdv.capacite_max}"
    for attente_id in db.session.scalars(
        select(FileAttente.id)
        .join(
            Participation,
            and_(
                Participation.rdv_id == FileAttente.rdv_id,
                Participation.usager_id == FileAttente.usager_id,
                Participation.statut.in_(OCCUPENT),
            ),
        )
        .where(FileAttente.etat.in_(ATTENDENT))
    ):
        yield f"file_attente {attente_id}: waits for a seat its person has"
    for rdv in db.session.scalars(select(Rdv).where(Rdv.places_attente > Rdv.places_proposees)):
        if rdv.cancelled_at is None and offres.withheld(rdv):
            yield f"rdv {rdv.id}: a free seat fits somebody who waits, and was not offered"


def _capacities() -> Iterator[str]:
    """Of the sessions to come: one that has started keeps the capacity it had, even before it is frozen."""
    coming = select(Rdv).where(Rdv.starts_at > utcnow(), Rdv.fige.is_(None), Rdv.cancelled_at.is_(None))
    for rdv in db.session.scalars(coming.options(joinedload(Rdv.motif), joinedload(Rdv.plage_ouverture))):
        if rdv.capacite_max != effective_capacity(rdv):
            yield f"rdv {rdv.id}: capacite_max is {rdv.capacite_max}, its settings give {effective_capacity(rdv)}"


def _oversold() -> Iterator[str]:
    """No seat was taken beyond the capacity of its moment, unless an agent meant it (rule 7): each session's journal
    read from now back to its beginning. Once a session has started its seats are corrected, not sold."""
    sessions = db.session.execute(
        select(Rdv.id, Rdv.places_prises, Rdv.capacite_max, Rdv.starts_at)
        .where(Rdv.ends_at > utcnow() - READ_BACK)
        .order_by(Rdv.id)
    ).all()
    lines = defaultdict(list)
    for line in db.session.execute(
        select(Journal.rdv_id, Journal.id, Journal.action, Journal.details, Journal.quand)
        .join(Rdv, Rdv.id == Journal.rdv_id)
        .where(Rdv.ends_at > utcnow() - READ_BACK, Journal.action.in_(MOVES))
        .order_by(Journal.id.desc())
    ):
        lines[line.rdv_id].append(line)
    for rdv_id, taken, capacity, starts_at in sessions:
        for line in lines[rdv_id]:
            if line.action == "capacite":
                capacity = line.details["de"]
            elif line.action == "annulation":
                taken = line.details["personnes"]
            else:
                delta = _delta(line.action, line.details)
                meant = line.details.get("surbooking") or line.quand >= starts_at
                if delta > 0 and capacity is not None and taken > capacity and not meant:
                    yield f"rdv {rdv_id}: journal {line.id} took seat {taken} of {capacity}"
                taken -= delta
        if taken < 0 or (capacity is not None and taken > capacity):
            yield f"rdv {rdv_id}: before what its journal says, {taken} seats taken of {capacity}"


def _delta(action: str, details: dict[str, str]) -> int:
    """Seats a line of the journal took or freed."""
    return 1 if action == "inscription" else seat_delta(Statut(details["de"]), Statut(details["a"]))


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


def _statuses() -> Iterator[str]:
    early = (
        select(Participation.id)
        .join(Rdv)
        .where(Participation.statut == Statut.PRESENT, Rdv.starts_at > utcnow() + timedelta(days=1))
    )
    for participation_id in db.session.scalars(early):
        yield f"participation {participation_id}: present before the day"


def _versions() -> Iterator[str]:
    """Versions only grow, once at least for each change the journal tells: two writers who did not see each other
    would leave two lines and one step."""
    ahead = select(Participation.id, Participation.rdv_version, Rdv.version).join(Participation.rdv)
    for participation_id, seen, version in db.session.execute(ahead.where(Participation.rdv_version > Rdv.version)):
        yield f"participation {participation_id}: changed at version {seen} of a session at version {version}"
    moves = (
        select(Journal.rdv_id, func.count().label("n"))
        .where(Journal.action.in_(MOVES))
        .group_by(Journal.rdv_id)
        .subquery()
    )
    for rdv_id, version, n in db.session.execute(
        select(Rdv.id, Rdv.version, moves.c.n).join(moves, moves.c.rdv_id == Rdv.id).where(Rdv.version <= moves.c.n)
    ):
        yield f"rdv {rdv_id}: version {version} after {n} changes"
    moves = _moves_of_people().with_only_columns(Journal.sujet_id, func.count().label("n")).subquery()
    for participation_id, version, n in db.session.execute(
        select(Participation.id, Participation.version, moves.c.n)
        .join(moves, moves.c.sujet_id == Participation.id)
        .where(Participation.version < moves.c.n)
    ):
        yield f"participation {participation_id}: version {version} after {n} changes"


def _moves_of_people() -> Select[Any]:
    """The journal's lines about seats, one group for each participation."""
    return (
        select(Journal.sujet_id)
        .where(Journal.sujet_type == "participation", Journal.action.in_(MOVES))
        .group_by(Journal.sujet_id)
    )


def _journal() -> Iterator[str]:
    """What the journal last says of somebody is what they are; a cancelled session took every seat back."""
    last = _moves_of_people().with_only_columns(func.max(Journal.id))
    for participation_id, statut, cancelled_at, forgotten, action, details in db.session.execute(
        select(
            Participation.id,
            Participation.statut,
            Rdv.cancelled_at,
            Usager.anonymise_le,
            Journal.action,
            Journal.details,
        )
        .select_from(Participation)
        .join(Participation.rdv)
        .join(Participation.usager)
        .join(Journal, Journal.sujet_id == Participation.id)
        .where(Journal.id.in_(last))
    ):
        if "a" not in details and (action == "statut" or forgotten):
            continue  # emptied with the person it was about
        said = Statut(details.get("a", Statut.INSCRIT))
        if cancelled_at is not None and holds_seat(said):
            said = Statut.ANNULE
        if statut is not said:
            yield f"participation {participation_id}: {statut}, the journal says {said}"


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
    for (usager_id,) in db.session.execute(select(Usager.id).where(Usager.responsable_id == Usager.id)):
        yield f"usager {usager_id}: answers for themself"
    place = Participation
    half = place.prescripteur_courriel.is_(None) != place.prescripteur_nom.is_(None)
    half |= place.prescripteur_courriel.is_(None) != place.prescripteur_structure.is_(None)
    for (participation_id,) in db.session.execute(select(place.id).where(half)):
        yield f"participation {participation_id}: the professional who booked it is half known"


def _twice() -> Iterator[str]:
    """One person, one seat (rule 9): not even as two people who are the same. Of the sessions to come."""
    found = defaultdict(set)
    for rdv_id, usager in db.session.execute(
        select(Participation.rdv_id, Usager)
        .join(Participation.usager)
        .join(Participation.rdv)
        .where(Participation.statut.in_(OCCUPENT), Rdv.starts_at > utcnow())
    ):
        for key in identity_keys(usager.first_name, usager.last_name, usager.birth_date, usager.phone, usager.email):
            found[rdv_id, key].add(usager.id)
    for rdv_id, usagers in sorted({(rdv_id, tuple(sorted(who))) for (rdv_id, _), who in found.items() if len(who) > 1}):
        yield f"rdv {rdv_id}: usagers {', '.join(map(str, usagers))} are the same person"


def _moved() -> Iterator[str]:
    """A place that went to another session (rule 24) holds no seat, went with its person, and each place has a calendar
    event of its own."""
    place, there = Participation, aliased(Participation)
    for (participation_id,) in db.session.execute(
        select(place.id)
        .join(there, there.id == place.deplacee_vers_id)
        .where(or_(place.statut.in_(OCCUPENT), there.usager_id != place.usager_id, there.rdv_id == place.rdv_id))
    ):
        yield f"participation {participation_id}: moved, yet here, or to somebody else's place"
    number = func.coalesce(place.agenda_id, place.id)
    for agenda, n in db.session.execute(select(number, func.count()).group_by(number).having(func.count() > 1)):
        yield f"event {agenda}: {n} participations have it in people's calendars"


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
    for notification_id, changement, version in db.session.execute(
        select(Notification.id, Notification.changement, Participation.version)
        .join(Participation, Participation.id == Notification.sujet_id)
        .where(Notification.sujet_type == "participation", Notification.changement.like("v%"))
    ):
        if int(changement[1:].split()[0]) > version:
            yield f"notification {notification_id}: about {changement} of a participation at version {version}"


def _invitations() -> Iterator[str]:
    """One live seat per invitation, its person's, in a session of its motif (rule 8). What agents do is theirs."""
    for invitation_id, n in invitations.used_twice():
        yield f"invitation {invitation_id}: {n} live seats"
    for participation_id in invitations.of_others():
        yield f"participation {participation_id}: taken by an invitation to somebody else, or to another motif"


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
    yield from _fitting()


def _fitting() -> Iterator[str]:
    """Every session to come that was not detached is where and when its plage says (rules 4 and 5)."""
    coming: dict[PlageOuverture, list[Rdv]] = defaultdict(list)
    for rdv in db.session.scalars(
        select(Rdv)
        .where(
            Rdv.plage_ouverture_id.is_not(None),
            Rdv.starts_at > utcnow(),
            Rdv.cancelled_at.is_(None),
            Rdv.detache.is_(False),
        )
        .options(joinedload(Rdv.plage_ouverture))
    ):
        assert rdv.plage_ouverture is not None and rdv.occurrence_le is not None
        coming[rdv.plage_ouverture].append(rdv)
    for plage, sessions in coming.items():
        days = set(days_of(plage, until=max(rdv.occurrence_le for rdv in sessions if rdv.occurrence_le)))
        for rdv in sessions:
            if rdv.occurrence_le not in days:
                yield f"rdv {rdv.id}: its plage is not held on {rdv.occurrence_le}"
            elif not _as_said(rdv, plage):
                yield f"rdv {rdv.id}: not at its plage's time or place"


def _as_said(rdv: Rdv, plage: PlageOuverture) -> bool:
    assert rdv.occurrence_le is not None
    when = interval_utc(rdv.occurrence_le, plage.start_time, plage.end_time, plage.organisation.timezone)
    return (rdv.starts_at, rdv.ends_at) == when and (rdv.lieu_id, rdv.salle_id) == (plage.lieu_id, plage.salle_id)
