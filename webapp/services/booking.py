"""The one door to a seat: every way in or out of a session goes through here (docs/domain.md rules 7 to 10, 19)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.attributes import set_committed_value

from webapp import live, metrics
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar, too_few
from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import Complet, DomainError, Ferme, Interdit, Introuvable, Perime, Refus
from webapp.domain.events import Desistement, Inscription, Prescription, Retrait
from webapp.domain.identity import Identity, Prescripteur
from webapp.domain.participation import Acteur, Statut, check_transition, first_statut, holds_seat, seat_delta
from webapp.extensions import db
from webapp.models import Agent, Participation, Rdv, Usager, ouverture
from webapp.notifications.base import emit
from webapp.queries import usagers as people

from . import invitations, journal, offres
from .demandes import Booking, Demande, first_answer, form_key, new_row, remember
from .droits import grantors, may
from .limites import check_contact, not_online
from .transaction import seat_lock, transaction
from .usagers import find_or_create


@metrics.counts_bookings
def book_seat(
    rdv_id: int,
    identity: Identity | None,
    *,
    by: Acteur,
    envoi: str,
    agent: Agent | None = None,
    usager_id: int | None = None,
    surbooking: bool = False,
    prevenir: bool = True,
    prescripteur: Prescripteur | None = None,
    invitation_id: int | None = None,
    changer: bool = False,
) -> Booking:
    """Give one person one seat, or refuse with the reason.

    `identity` is what a form says; an agent, or an invitation (`invitation_id`), may name a known `usager_id` instead.
    `changer`: the seat the invitation gave before is given back for this one. `envoi` is the form's random id: the same
    form sent again gets its first answer while the seat it gave is held. `prescripteur`: the professional of another
    structure who books for them (rule 17). Raises `Introuvable`, `Ferme`, `Complet`, `AutreSeance`, `Refus`,
    `Interdit`, `Occupe`.
    """
    rdv = db.session.get(Rdv, rdv_id)
    if rdv is None:
        raise Introuvable
    cle = form_key(rdv_id, envoi, identity, usager_id)
    statut = first_statut(by, now=utcnow(), starts_at=rdv.starts_at)
    demande = Demande(
        identity, usager_id, by, agent, surbooking, prevenir, cle, prescripteur, invitation_id, changer, statut
    )
    full = rdv.jauge().libres < 1
    if full or by is not Acteur.AGENT:
        try:
            _refuse(rdv, demande, seated=full and _seated(rdv, demande))
        except DomainError as refusal:
            # The same form, sent again after the session closed. (Who has a seat in a full one was not refused.)
            first = first_answer(cle) if refusal.code != Complet.code else None
            if first is not None:
                return first
            raise
    if by is not Acteur.AGENT and identity is not None:
        check_contact(rdv, identity)
    try:
        return _book(rdv, demande)
    except IntegrityError:
        # Another form wrote the same person down at this very moment: they are known now. Or the session went.
        if db.session.get(Rdv, rdv_id) is None:
            raise Introuvable from None
        return _book(rdv, demande)


def _book(rdv: Rdv, demande: Demande) -> Booking:
    known = True

    def look() -> None:
        """The session may have filled up while this one waited for its turn: a crowd that comes too late is answered
        without a transaction, let alone the lock."""
        nonlocal known
        known = people.room_and_person(rdv, demande.keys())
        full = rdv.capacite_max is not None and rdv.jauge().libres < 1
        nobody = bool(demande.keys()) and not known
        if full and not demande.surbooking and (nobody or not _seated(rdv, demande)):
            raise Complet("Cette séance est maintenant complète.")

    # Held so that they stay in the session while the row is read afresh: nothing to read for them under the lock.
    _held = (rdv.motif, rdv.plage_ouverture, rdv.organisation, rdv.lieu, rdv.salle)
    with transaction(look):
        agents = list(rdv.agents)
        if demande.by_form_only():
            seat_lock(rdv.id)
            first = first_answer(demande.cle)
            if first is not None:
                return first
        usager, new = _person(rdv.organisation_id, demande, known=known)
        before = None
        if demande.invitation_id is not None:
            before = invitations.use(demande.invitation_id, rdv, usager, changer=demande.changer)
        if not demande.surbooking and (new or people.participation_of(rdv.id, usager.id) is None):
            # All is written before the seat is taken, so that the lock everybody waits for is held for a moment only.
            # When there is no seat after all, nothing of it stays. The journal comes after: its lines are read in the
            # order in which seats were taken and given up.
            row = new_row(rdv, usager, demande)
            _promise(row, demande)
            rdv = _locked(rdv, before)
            _refuse(rdv, demande, seated=False)
            _count(rdv, row)
            offres.taken(rdv, usager.id)
            _note(row, demande)
            _give_back(before)
            return Booking(row.id, deja=False)
        rdv = _locked(rdv, before)
        set_committed_value(rdv, "agents", agents)
        found = people.participation_of(rdv.id, usager.id)
        seated = found is not None and holds_seat(found.statut)
        over = _refuse(rdv, demande, seated=seated)
        if found is not None and seated:
            return _already(rdv, found, demande)
        if found is None:
            row = new_row(rdv, usager, demande)
        else:
            row = found
            _come_back(rdv, row, demande)
        _count(rdv, row)
        db.session.flush()
        offres.taken(rdv, usager.id)
        _promise(row, demande)
        _note(row, demande, **({"surbooking": True} if over else {}))
        _give_back(before)
        return Booking(row.id, deja=False)


def _locked(rdv: Rdv, before: Participation | None) -> Rdv:
    """The session's row, locked together with that of the seat given back for this one, if any."""
    rows = seat_lock(rdv.id, *([before.rdv_id] if before is not None else []))
    return next(row for row in rows if row.id == rdv.id)


def _give_back(before: Participation | None) -> None:
    """The seat that was changed for another, in the same transaction: the person never has none, nor two."""
    row = db.session.get(Participation, before.id, populate_existing=True) if before is not None else None
    if row is None or not holds_seat(row.statut):
        return
    rdv = row.rdv
    now, tz = utcnow(), rdv.organisation.timezone
    check_transition(Acteur.USAGER, row.statut, Statut.EXCUSE, now=now, starts_at=rdv.starts_at, tz=tz)
    move(rdv, [row], Statut.EXCUSE, by=Acteur.USAGER, agent=None)


def _person(organisation_id: int, demande: Demande, *, known: bool) -> tuple[Usager, bool]:
    """Whose seat it will be, and whether they are new."""
    if demande.usager_id is None:
        assert demande.identity is not None
        return find_or_create(organisation_id, demande.identity, known=known)
    usager = people.of_organisation(organisation_id, demande.usager_id, held=True)
    if usager is None:
        raise Introuvable("Cette personne n’est pas connue de votre organisation.")
    return usager, False


def _count(rdv: Rdv, row: Participation) -> None:
    """One seat more in the session, whose row is locked."""
    rdv.version += 1
    rdv.places_prises += 1
    row.rdv_version = rdv.version
    live.publish(rdv.id, rdv.version)


def _promise(row: Participation, demande: Demande) -> None:
    """The form's answer, whom to tell."""
    agent = demande.agent
    remember(demande.cle, row.id)
    if demande.prevenir:
        emit(Inscription(auteur_agent_id=agent.id if agent else None, participation_id=row.id, version=row.version))
    if demande.prescripteur is not None:
        emit(Prescription(participation_id=row.id, version=row.version, quoi="inscrite"))


def _note(row: Participation, demande: Demande, **details: Any) -> None:
    """The journal's line, while the session's row is locked."""
    if not demande.prevenir:
        details["prevenir"] = False
    if row.statut is not Statut.INSCRIT:
        details["a"] = row.statut
    journal.note(
        row.rdv.organisation_id, "inscription", row, by=demande.by, agent=demande.agent, rdv_id=row.rdv_id, **details
    )


def _already(rdv: Rdv, row: Participation, demande: Demande) -> Booking:
    """The person has this seat: a form sent twice gets its first answer, another one says it again (rule 9)."""
    first = first_answer(demande.cle)
    if first is not None:
        return first
    if demande.by is not Acteur.AGENT:
        day = local(utcnow(), rdv.organisation.timezone).date().isoformat()
        emit(Inscription(participation_id=row.id, version=row.version, deja_le=day))
        if demande.prescripteur is not None:
            _prescribe(row, demande.prescripteur)
            emit(Prescription(participation_id=row.id, version=row.version, quoi="inscrite", deja_le=day))
    remember(demande.cle, row.id)
    return Booking(row.id, deja=True)


def _come_back(rdv: Rdv, row: Participation, demande: Demande) -> None:
    """The person had left: their row again."""
    if demande.by is not Acteur.AGENT and row.statut is Statut.ANNULE:
        raise not_online(rdv)
    _set(row, rdv, demande.statut, by=demande.by, agent=demande.agent)
    row.inscrit_le, row.raison, row.prevenir = utcnow(), "", demande.prevenir
    if demande.prescripteur is not None:
        _prescribe(row, demande.prescripteur)
    row.invitation_id = demande.invitation_id


def _prescribe(row: Participation, who: Prescripteur) -> None:
    """The last professional who booked that place is the one who hears what becomes of it."""
    row.prescripteur_nom, row.prescripteur_structure, row.prescripteur_courriel = who.nom, who.structure, who.courriel


def change_statut(participation_id: int, statut: Statut, **how: Any) -> Participation:
    """Move one participation: `change_statuts` of it alone."""
    return change_statuts((participation_id,), statut, **how)[0]


def change_statuts(
    participation_ids: Sequence[int],
    statut: Statut,
    *,
    by: Acteur,
    agent: Agent | None = None,
    version: int | Mapping[int, int] | None = None,
    prevenir: bool = True,
    raison: str = "",
    surbooking: bool = False,
) -> list[Participation]:
    """Move places of one session, with the seats they take or free (rule 10): all or none, told together.

    `version` is the one the page showed, or each participation's: raises `Perime` when somebody moved that person
    meanwhile. Asking for the status already there changes nothing. Raises `Introuvable`, `Refus`, `Complet`,
    `Interdit`, `Occupe`.
    """
    places = db.session.execute(
        select(Participation.rdv_id, Participation.usager_id, Participation.invitation_id, Participation.statut)
        .where(Participation.id.in_(participation_ids))
        .order_by(Participation.usager_id)
    ).all()
    rdv_ids = [place.rdv_id for place in places]
    if len(rdv_ids) != len(participation_ids) or len(set(rdv_ids)) != 1:
        raise Introuvable
    comes_back = by is not Acteur.AGENT and statut is Statut.INSCRIT
    with transaction():
        for place in places:
            if comes_back and place.statut is not statut:
                here, mine = db.session.get_one(Rdv, place.rdv_id), place.invitation_id is not None
                invitations.check_only_seat(here, place.usager_id, by_invitation=mine)
        (rdv,) = seat_lock(rdv_ids[0])
        rows = fresh(participation_ids)
        moving = [row for row in rows if row.statut is not statut]
        if not moving:
            return rows
        now, tz = utcnow(), rdv.organisation.timezone
        for row in moving:
            known = version.get(row.id) if isinstance(version, Mapping) else version
            if known is not None and known != row.version:
                qui = row.statut_par_agent.nom_court if row.statut_par_agent else "la personne elle-même"
                raise Perime(f"{row.usager.nom_complet} vient de passer à « {row.statut.label} » ({qui}).")
            if rdv.cancelled_at is not None:
                raise Refus("Cette séance est annulée : les statuts ne changent plus.")
            check_transition(by, row.statut, statut, now=now, starts_at=rdv.starts_at, tz=tz)
            if row.usager.anonymise_le is not None and seat_delta(row.statut, statut) > 0:
                raise Refus("La fiche de cette personne a été supprimée : sa place ne se reprend plus.")
        wanted, over = sum(seat_delta(row.statut, statut) > 0 for row in moving), False
        if wanted and now < rdv.starts_at:
            if by is not Acteur.AGENT and offres.withheld(rdv):
                raise Complet("Cette séance est maintenant complète.")
            over = check_seat(rdv, by=by, agent=agent, surbooking=surbooking, seats=wanted)
        move(rdv, moving, statut, by=by, agent=agent, prevenir=prevenir, raison=raison, over=over)
        return rows


def move(
    rdv: Rdv,
    moving: Sequence[Participation],
    statut: Statut,
    *,
    by: Acteur,
    agent: Agent | None,
    prevenir: bool = True,
    raison: str = "",
    over: bool = False,
    **details: Any,
) -> None:
    """What moving people of one session writes, once it is allowed and the session's row is locked: a number of
    statements that does not grow with them. What an agent moves can be taken back (`services.statuts`)."""
    now, befores = utcnow(), [row.statut for row in moving]
    lot = rdv.version = rdv.version + len(moving)  # as many steps as there are changes
    for row, before in zip(moving, befores, strict=True):
        delta = seat_delta(before, statut)
        rdv.places_prises += delta
        avant = row.as_it_is(lot if len(moving) > 1 else None) if agent is not None else None
        _set(row, rdv, statut, by=by, agent=agent)
        row.avant, row.raison = avant, raison[:120] if statut is Statut.EXCUSE else ""
        if statut is Statut.INSCRIT and delta > 0:
            row.inscrit_le, row.prevenir = now, prevenir
    db.session.flush()
    common = ({"surbooking": True} if over else {}) | ({} if prevenir else {"prevenir": False}) | details
    journal.note_moves(rdv, zip(moving, befores, strict=True), by=by, agent=agent, a=statut, **common)
    if prevenir and now < rdv.starts_at:
        _tell(moving, befores, statut, agent)
    moves = zip(moving, befores, strict=True)
    offres.taken(rdv, *(row.usager_id for row, before in moves if seat_delta(before, statut) > 0))
    live.publish(rdv.id, rdv.version)


def fresh(participation_ids: Sequence[int]) -> list[Participation]:
    """These places as they are now, in that order, with their people: one statement."""
    found = db.session.scalars(
        select(Participation)
        .where(Participation.id.in_(participation_ids))
        .options(joinedload(Participation.usager), joinedload(Participation.statut_par_agent))
        .execution_options(populate_existing=True)
    )
    rows = {row.id: row for row in found}
    return [rows[participation_id] for participation_id in participation_ids]


EVENTS = {
    Statut.INSCRIT: (Inscription, "inscrite"),
    Statut.EXCUSE: (Desistement, "annulee"),
    Statut.ANNULE: (Retrait, "refusee"),
}
"""What a move that takes or frees a seat means for people, and for who booked for them from elsewhere."""


def _tell(rows: Sequence[Participation], befores: Sequence[Statut], after: Statut, agent: Agent | None) -> None:
    """The event these moves mean for people, if any: who had already left is not told again."""
    told = [row for row, before in zip(rows, befores, strict=True) if seat_delta(before, after)]
    if not told or after not in EVENTS:
        return
    who, (event, quoi) = agent.id if agent else None, EVENTS[after]
    first, *others = told
    also = tuple(row.id for row in others)
    emit(event(auteur_agent_id=who, participation_id=first.id, version=first.version, avec=also))
    for row in told:
        if row.prescripteur_courriel:
            emit(Prescription(auteur_agent_id=who, participation_id=row.id, version=row.version, quoi=quoi))


def _seated(rdv: Rdv, demande: Demande) -> bool:
    """Does the person already hold a seat there? Only asked when the session is full: who has a seat may still ask."""
    if demande.by_form_only():
        return first_answer(demande.cle) is not None
    usager_id = demande.usager_id
    if usager_id is None:
        usager = people.by_keys(rdv.organisation_id, demande.keys())
        usager_id = usager.id if usager else None
    row = people.participation_of(rdv.id, usager_id) if usager_id else None
    return row is not None and holds_seat(row.statut)


def _refuse(rdv: Rdv, demande: Demande, *, seated: bool, seats: int = 1) -> bool:
    """Raise the reason why this may not be booked now; True when it goes over the capacity on purpose."""
    if demande.by is not Acteur.AGENT:
        invited = demande.invitation_id is not None
        refusal = ouverture(rdv).refusal(utcnow(), seats=seats, seated=seated, invited=invited)
        if refusal is not None:
            raise refusal
        if not seated and offres.withheld(rdv):
            raise Complet("Cette séance est maintenant complète.")
        return False
    if rdv.cancelled_at is not None:
        raise Ferme("Cette séance est annulée : on n’y inscrit plus personne.")
    if ouverture(rdv).reservable_par is ReservablePar.ENTREE_LIBRE:
        raise Ferme("Cette séance est en entrée libre : on n’y inscrit pas, on compte les personnes à l’accueil.")
    return not seated and check_seat(rdv, by=demande.by, agent=demande.agent, surbooking=demande.surbooking)


def check_seat(rdv: Rdv, *, by: Acteur, agent: Agent | None, surbooking: bool, seats: int = 1) -> bool:
    """Raise when too few seats are left for this actor; True when an agent goes over the capacity on purpose (rule
    7)."""
    if rdv.jauge().libres >= seats:
        return False
    if by is not Acteur.AGENT or agent is None:
        raise Complet(too_few(rdv.jauge().libres, seats))
    if not surbooking:
        raise Complet("La séance est complète.")
    if not (rdv.organisation.surbooking_autorise and may(agent, Droit.SURBOOKER, rdv)):
        raise Interdit(Droit.SURBOOKER, Droit.SURBOOKER.label, grantors(rdv.organisation_id))
    return True


def give_seats(
    rdv: Rdv,
    usagers: Sequence[Usager],
    *,
    by: Acteur,
    agent: Agent | None = None,
    prevenir: bool = True,
    surbooking: bool = False,
) -> list[Participation]:
    """One seat for each of these people, who have none, in a session whose row is locked: all of them or none. Their
    rows again, or new ones; whom to tell, and to pass on what is left, is the caller's. Raises `Complet`, `Refus`."""
    over = check_seat(rdv, by=by, agent=agent, surbooking=surbooking, seats=len(usagers))
    known = {row.usager_id: row for row in people.participations_of(rdv.id, [usager.id for usager in usagers])}
    rows = []
    with db.session.no_autoflush:  # others wait for this session: as few statements as can be
        for usager in usagers:
            demande = Demande(None, usager.id, by, agent, over, prevenir, "")
            row = known.get(usager.id)
            if row is None:
                row = new_row(rdv, usager, demande)
            else:
                _come_back(rdv, row, demande)
            _count(rdv, row)
            rows.append(row)
    db.session.flush()
    details = ({"surbooking": True} if over else {}) | ({} if prevenir else {"prevenir": False})
    journal.note_seats(rdv, rows, by=by, agent=agent, **details)
    return rows


def _set(row: Participation, rdv: Rdv, statut: Statut, *, by: Acteur, agent: Agent | None) -> None:
    row.statut, row.avant = statut, None
    row.version += 1
    row.rdv_version = rdv.version
    row.statut_le = utcnow()
    row.statut_par = by
    row.statut_par_agent_id = agent.id if agent else None
    if holds_seat(statut):  # it went elsewhere, and is back
        row.deplacee_vers_id = None
