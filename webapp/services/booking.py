"""The one door to a seat: every way in or out of a session goes through here (docs/domain.md rules 7 to 10, 19)."""

import hashlib
from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import set_committed_value

from webapp import links, live, metrics
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import Complet, DomainError, Ferme, Interdit, Introuvable, Perime, Refus
from webapp.domain.events import Desistement, Inscription, Retrait
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut, check_transition, holds_seat, seat_delta
from webapp.domain.phones import national
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Agent, Envoi, Participation, Rdv, Usager, ouverture
from webapp.notifications.base import emit
from webapp.queries import usagers as people

from . import invitations, journal
from .droits import grantors, may
from .transaction import seat_lock, transaction, written
from .usagers import find_or_create


@dataclass(frozen=True, slots=True)
class Booking:
    """The answer to a booking; `deja`: the person already had this seat (the page must not tell)."""

    participation_id: int
    deja: bool


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
    invitation_id: int | None = None,
    changer: bool = False,
) -> Booking:
    """Give one person one seat, or refuse with the reason.

    `identity` is what a form says; an agent, or an invitation (`invitation_id`), may name a known `usager_id` instead.
    `changer`: the seat the invitation gave before is given back for this one. `envoi` is the form's random id: the same
    form sent again gets its first answer while the seat it gave is held. Raises `Introuvable`, `Ferme`, `Complet`,
    `AutreSeance`, `Refus`, `Interdit`, `Occupe`.
    """
    rdv = db.session.get(Rdv, rdv_id)
    if rdv is None:
        raise Introuvable
    cle = _form_key(rdv_id, envoi, identity, usager_id)
    demande = _Demande(identity, usager_id, by, agent, surbooking, prevenir, cle, invitation_id, changer)
    full = rdv.jauge().libres < 1
    if full or by is not Acteur.AGENT:
        try:
            _refuse(rdv, demande, seated=full and _seated(rdv, demande))
        except DomainError as refusal:
            # The same form, sent again after the session closed. (Who has a seat in a full one was not refused.)
            first = _first_answer(cle) if refusal.code != Complet.code else None
            if first is not None:
                return first
            raise
    try:
        return _book(rdv, demande)
    except IntegrityError:
        # Another form wrote the same person down at this very moment: they are known now. Or the session went.
        if db.session.get(Rdv, rdv_id) is None:
            raise Introuvable from None
        return _book(rdv, demande)


@dataclass(frozen=True, slots=True)
class _Demande:
    """Who asks for a seat, for whom, and by which form (`cle`)."""

    identity: Identity | None
    usager_id: int | None
    by: Acteur
    agent: Agent | None
    surbooking: bool
    prevenir: bool
    cle: str
    invitation_id: int | None = None
    changer: bool = False

    def keys(self) -> list[str]:
        """What the person is recognised by, unless their number in the file says who they are."""
        return self.identity.keys() if self.identity is not None and self.usager_id is None else []

    def by_form_only(self) -> bool:
        """No contact, no number: nothing but the form's own id tells that it was sent already."""
        return self.usager_id is None and not self.keys()


def _book(rdv: Rdv, demande: _Demande) -> Booking:
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
            first = _first_answer(demande.cle)
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
            row = _new_row(rdv, usager, demande)
            _promise(row, demande)
            rdv = _locked(rdv, before)
            _refuse(rdv, demande, seated=False)
            _count(rdv, row)
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
            row = _new_row(rdv, usager, demande)
        else:
            row = found
            _come_back(rdv, row, demande)
        _count(rdv, row)
        db.session.flush()
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
    _move(rdv, row, Statut.EXCUSE, by=Acteur.USAGER, agent=None)


def _person(organisation_id: int, demande: _Demande, *, known: bool) -> tuple[Usager, bool]:
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


def _promise(row: Participation, demande: _Demande) -> None:
    """The form's answer, whom to tell."""
    agent = demande.agent
    _remember(demande.cle, row.id)
    if demande.prevenir:
        emit(Inscription(auteur_agent_id=agent.id if agent else None, participation_id=row.id, version=row.version))


def _note(row: Participation, demande: _Demande, **details: Any) -> None:
    """The journal's line, while the session's row is locked."""
    if not demande.prevenir:
        details["prevenir"] = False
    journal.note(
        row.rdv.organisation_id, "inscription", row, by=demande.by, agent=demande.agent, rdv_id=row.rdv_id, **details
    )


def _already(rdv: Rdv, row: Participation, demande: _Demande) -> Booking:
    """The person has this seat: a form sent twice gets its first answer, another one says it again (rule 9)."""
    first = _first_answer(demande.cle)
    if first is not None:
        return first
    if demande.by is not Acteur.AGENT:
        day = local(utcnow(), rdv.organisation.timezone).date().isoformat()
        emit(Inscription(participation_id=row.id, version=row.version, deja_le=day))
    _remember(demande.cle, row.id)
    return Booking(row.id, deja=True)


def _come_back(rdv: Rdv, row: Participation, demande: _Demande) -> None:
    """The person had left: their row again."""
    if demande.by is not Acteur.AGENT and row.statut is Statut.ANNULE:
        appel = f"Appelez le {national(rdv.organisation.phone)}." if rdv.organisation.phone else "Appelez-nous."
        raise Refus(f"Nous ne pouvons pas enregistrer cette inscription en ligne. {appel}")
    _set(row, rdv, Statut.INSCRIT, by=demande.by, agent=demande.agent)
    row.inscrit_le, row.raison, row.prevenir = utcnow(), "", demande.prevenir
    row.invitation_id = demande.invitation_id


def change_statut(
    participation_id: int,
    statut: Statut,
    *,
    by: Acteur,
    agent: Agent | None = None,
    version: int | None = None,
    prevenir: bool = True,
    raison: str = "",
    surbooking: bool = False,
) -> Participation:
    """Move one participation, with the seat it takes or frees (rule 10).

    `version` is the one the page showed: raises `Perime` when somebody moved that person meanwhile. Asking for the
    status already there changes nothing. Raises `Introuvable`, `Refus`, `Complet`, `Interdit`, `Occupe`.
    """
    question = select(Participation.rdv_id, Participation.invitation_id, Participation.statut)
    place = db.session.execute(question.where(Participation.id == participation_id)).first()
    if place is None:
        raise Introuvable
    comes_back = by is not Acteur.AGENT and statut is Statut.INSCRIT is not place.statut
    with transaction():
        if comes_back and place.invitation_id is not None:
            invitations.check_only_seat(place.invitation_id, place.rdv_id)
        (rdv,) = seat_lock(place.rdv_id)
        row = db.session.get(Participation, participation_id, populate_existing=True)
        assert row is not None
        if row.statut is statut:
            return row
        if version is not None and version != row.version:
            qui = row.statut_par_agent.nom_court if row.statut_par_agent else "la personne elle-même"
            raise Perime(f"{row.usager.nom_complet} vient de passer à « {row.statut.label} » ({qui}).")
        if rdv.cancelled_at is not None:
            raise Refus("Cette séance est annulée : les statuts ne changent plus.")
        now = utcnow()
        check_transition(by, row.statut, statut, now=now, starts_at=rdv.starts_at, tz=rdv.organisation.timezone)
        over = False
        if seat_delta(row.statut, statut) > 0 and now < rdv.starts_at:
            over = _check_seat(rdv, by=by, agent=agent, surbooking=surbooking)
        _move(rdv, row, statut, by=by, agent=agent, prevenir=prevenir, raison=raison, over=over)
        return row


def _move(
    rdv: Rdv,
    row: Participation,
    statut: Statut,
    *,
    by: Acteur,
    agent: Agent | None,
    prevenir: bool = True,
    raison: str = "",
    over: bool = False,
) -> None:
    """What moving somebody writes, once it is allowed and the session's row is locked."""
    now, before, delta = utcnow(), row.statut, seat_delta(row.statut, statut)
    rdv.version += 1
    rdv.places_prises += delta
    _set(row, rdv, statut, by=by, agent=agent)
    row.raison = raison[:120] if statut is Statut.EXCUSE else ""
    if statut is Statut.INSCRIT and delta > 0:
        row.inscrit_le, row.prevenir = now, prevenir
    journal.note(
        rdv.organisation_id,
        "statut",
        row,
        by=by,
        agent=agent,
        rdv_id=rdv.id,
        de=before,
        a=statut,
        **({"surbooking": True} if over else {}),
        **({} if prevenir else {"prevenir": False}),
    )
    if prevenir and now < rdv.starts_at:
        _tell(row, before, statut, agent)
    live.publish(rdv.id, rdv.version)


def _tell(row: Participation, before: Statut, after: Statut, agent: Agent | None) -> None:
    """The event a move means for people, if any: who had already left is not told again."""
    who = agent.id if agent else None
    if after is Statut.INSCRIT and not holds_seat(before):
        emit(Inscription(auteur_agent_id=who, participation_id=row.id, version=row.version))
    elif after is Statut.EXCUSE and holds_seat(before):
        emit(Desistement(auteur_agent_id=who, participation_id=row.id, version=row.version))
    elif after is Statut.ANNULE and holds_seat(before):
        emit(Retrait(auteur_agent_id=who, participation_id=row.id, version=row.version))


def _form_key(rdv_id: int, envoi: str, identity: Identity | None, usager_id: int | None) -> str:
    """The same form with the same content, for the same session: another name typed after "back" is another booking."""
    content = repr(("inscription", rdv_id, envoi, astuple(identity) if identity else None, usager_id))
    return hashlib.sha256(content.encode()).hexdigest()


def _first_answer(cle: str) -> Booking | None:
    """What this form was answered the first time, while the seat it gave is held."""
    found = db.session.execute(
        select(Participation.id, Participation.statut)
        .join(Envoi, Envoi.participation_id == Participation.id)
        .where(Envoi.cle == cle)
    ).first()
    return Booking(found.id, deja=False) if found is not None and holds_seat(found.statut) else None


@cache
def _answers(dialect: str) -> Any:
    row = insert(Envoi.__table__, dialect)
    return row.on_conflict_do_update(index_elements=["cle"], set_={"participation_id": row.excluded.participation_id})


def _remember(cle: str, participation_id: int) -> None:
    """Remember a form's answer. It may have had one already, for a seat given up since."""
    answer = {"cle": cle, "participation_id": participation_id}
    db.session.execute(_answers(db.session.get_bind().dialect.name), answer)


def _seated(rdv: Rdv, demande: _Demande) -> bool:
    """Does the person already hold a seat there? Only asked when the session is full: who has a seat may still ask."""
    if demande.by_form_only():
        return _first_answer(demande.cle) is not None
    usager_id = demande.usager_id
    if usager_id is None:
        usager = people.by_keys(rdv.organisation_id, demande.keys())
        usager_id = usager.id if usager else None
    row = people.participation_of(rdv.id, usager_id) if usager_id else None
    return row is not None and holds_seat(row.statut)


def _refuse(rdv: Rdv, demande: _Demande, *, seated: bool) -> bool:
    """Raise the reason why this may not be booked now; True when it goes over the capacity on purpose."""
    if demande.by is not Acteur.AGENT:
        refusal = ouverture(rdv).refusal(utcnow(), seated=seated, invited=demande.invitation_id is not None)
        if refusal is not None:
            raise refusal
        return False
    if rdv.cancelled_at is not None:
        raise Ferme("Cette séance est annulée : on n’y inscrit plus personne.")
    if ouverture(rdv).reservable_par is ReservablePar.ENTREE_LIBRE:
        raise Ferme("Cette séance est en entrée libre : on n’y inscrit pas, on compte les personnes à l’accueil.")
    return not seated and _check_seat(rdv, by=demande.by, agent=demande.agent, surbooking=demande.surbooking)


def _check_seat(rdv: Rdv, *, by: Acteur, agent: Agent | None, surbooking: bool) -> bool:
    """Raise when no seat is left for this actor; True when an agent goes over the capacity on purpose (rule 7)."""
    if rdv.jauge().libres > 0:
        return False
    if by is not Acteur.AGENT or agent is None:
        raise Complet("Cette séance est maintenant complète.")
    if not surbooking:
        raise Complet("La séance est complète.")
    if not (rdv.organisation.surbooking_autorise and may(agent, Droit.SURBOOKER, rdv)):
        raise Interdit(Droit.SURBOOKER, Droit.SURBOOKER.label, grantors(rdv.organisation_id))
    return True


def _new_row(rdv: Rdv, usager: Usager, demande: _Demande) -> Participation:
    """Written in one statement, so that it has its id."""
    now = utcnow()
    nonce, hashed = links.new_link(links.PARTICIPATION)
    identity, agent_id = demande.identity, demande.agent.id if demande.agent else None
    contact: dict[str, Any] = {"telephone": None, "courriel": None, "numero_dossier": None}
    if identity is not None:
        # A contact that differs from the file's serves this participation only; the file does not change (rule 9).
        contact = {
            "telephone": identity.telephone if identity.telephone != usager.phone else None,
            "courriel": identity.courriel if identity.courriel != usager.email else None,
            "numero_dossier": identity.numero_dossier,
        }
    # A stranger may have made the file, with a name and number that are somebody else's and an address of their own:
    # who books in public is told by what they typed, and by nothing else.
    typed_only = demande.by is not Acteur.AGENT and identity is not None
    row = Participation(
        rdv_id=rdv.id,
        usager_id=usager.id,
        statut=Statut.INSCRIT,
        version=1,
        rdv_version=rdv.version,
        inscrit_le=now,
        statut_le=now,
        statut_par=demande.by,
        statut_par_agent_id=agent_id,
        origine=demande.by,
        cree_par_agent_id=agent_id,
        cree_le=now,
        lien_nonce=nonce,
        lien_hash=hashed,
        raison="",
        prevenir=demande.prevenir,
        rappeler=True,
        invitation_id=demande.invitation_id,
        refus_sms=bool(typed_only and identity and not identity.telephone and usager.phone),
        refus_courriel=bool(typed_only and identity and not identity.courriel and usager.email),
        **contact,
    )
    return written(row, rdv=rdv, usager=usager)


def _set(row: Participation, rdv: Rdv, statut: Statut, *, by: Acteur, agent: Agent | None) -> None:
    row.statut = statut
    row.version += 1
    row.rdv_version = rdv.version
    row.statut_le = utcnow()
    row.statut_par = by
    row.statut_par_agent_id = agent.id if agent else None
