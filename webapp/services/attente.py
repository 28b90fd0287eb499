"""The waitlist, as people and agents use it: join, leave, answer an offer, come back, give a seat (docs/domain.md rule
12)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import select

from webapp import links
from webapp.clock import utcnow
from webapp.domain.contacts import fold
from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import Complet, DomainError, Ferme, Introuvable, Perime, Refus
from webapp.domain.events import Attente, Inscription
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut, holds_seat
from webapp.domain.waitlist import EtatAttente
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Agent, Canal, Envoi, FileAttente, Participation, Rdv, Usager, ouverture
from webapp.notifications.base import emit
from webapp.queries import attente as queries
from webapp.queries import usagers as people

from . import offres
from .booking import give_seats
from .droits import require
from .limites import call_us, check_contact
from .transaction import seat_lock, transaction
from .usagers import find_or_create

NOT_YOURS = "Cette place n’est plus à vous : le délai pour répondre est passé."
NO_LONGER = "Cette place n’est plus proposée."
SEATED = "Vous avez déjà une place à cette séance. Son lien personnel est dans le message qui l’a confirmée."
PRENOM = 60
"""Characters of a first name in "Accompagnant 1 de …"."""


def join(
    rdv_id: int,
    identity: Identity,
    *,
    envoi: str,
    places: int = 1,
    accompagnants: Sequence[Mapping[str, Any]] = (),
    proche: Identity | None = None,
) -> None:
    """Wait for that many seats. Who waits already, or has a seat, is answered exactly as anybody else; only the message
    differs (rule 9). `accompagnants`: prenom, nom and date_naissance of the others, when they were given. `proche`: who
    waits, when it is not the person who asks and reads the messages.

    Raises `Introuvable`, `Ferme`, `Libre` when there are seats to book, `Refus`, `Occupe`.
    """
    rdv = db.session.get(Rdv, rdv_id)
    if rdv is None:
        raise Introuvable
    _refuse(rdv, places)
    check_contact(rdv, identity)
    with transaction():
        usager, _ = find_or_create(rdv.organisation_id, identity)
        if proche is not None:
            usager, _ = find_or_create(rdv.organisation_id, proche, responsable=usager)
        (rdv,) = seat_lock(rdv_id)
        _refuse(rdv, places)
        if not _first_time(rdv_id, envoi, (identity, proche), places):
            return
        place = people.participation_of(rdv.id, usager.id)
        entry = queries.entry_of(rdv.id, usager.id)
        today = local(utcnow(), rdv.organisation.timezone).date().isoformat()
        if place is not None and holds_seat(place.statut):
            emit(Inscription(participation_id=place.id, version=place.version, deja_le=today))
            return
        if entry is not None and entry.attend:
            emit(Attente(attente_ids=(entry.id,), deja_le=today))
            return
        _refuse_removed(rdv, place, entry)
        known_to = entry.adresses if entry is not None else None
        if entry is None:
            entry = _new_entry(rdv, usager)
        entry.places = places
        entry.accompagnants = [_kept(one) for one in accompagnants[: places - 1]]
        entry.numero_dossier = identity.numero_dossier
        # As for a place: a contact that differs from the file's serves this entry only, and who asks in public is told
        # by what they typed and nothing else.
        reader = usager.lecteur
        entry.telephone = identity.telephone if identity.telephone != reader.phone else None
        entry.courriel = identity.courriel if identity.courriel != reader.email else None
        entry.refus_sms = bool(not identity.telephone and reader.phone)
        entry.refus_courriel = bool(not identity.courriel and reader.email)
        if known_to is not None and entry.adresses != known_to:  # who was sent the link before does not follow
            entry.lien_nonce, entry.lien_hash = links.new_link(links.ATTENTE)
        _wait(rdv, entry)


def why_not(rdv: Rdv) -> str:
    """Why nobody waits for a seat of that session now, in a sentence agents read; nothing when one can."""
    try:
        _refuse(rdv, 1)
    except Introuvable:
        return "Cette séance n’a pas de liste d’attente."
    except DomainError as refusal:
        return refusal.message
    return ""


def add(
    rdv_id: int,
    identity: Identity | None,
    *,
    agent: Agent,
    envoi: str,
    usager_id: int | None = None,
    places: int = 1,
    prevenir: bool = True,
) -> FileAttente:
    """An agent puts somebody on the list, known (`usager_id`) or not; who waits already keeps their rank.

    Raises `Introuvable`, `Ferme`, `Libre` when there are seats to take, `Refus`, `Occupe`.
    """
    rdv = db.session.get(Rdv, rdv_id)
    if rdv is None:
        raise Introuvable
    require(agent, Droit.GERER_RDV, rdv)
    if reason := why_not(rdv):
        raise Refus(reason)
    with transaction():
        if usager_id is not None:
            usager = people.of_organisation(rdv.organisation_id, usager_id, held=True)
        else:
            assert identity is not None
            usager, _ = find_or_create(rdv.organisation_id, identity)
        if usager is None:
            raise Introuvable("Cette personne n’est pas connue de votre organisation.")
        (rdv,) = seat_lock(rdv_id)
        _refuse(rdv, places)
        place, entry = people.participation_of(rdv.id, usager.id), queries.entry_of(rdv.id, usager.id)
        if place is not None and holds_seat(place.statut):
            raise Refus(f"{usager.nom_complet} a déjà une place à cette séance.")
        if entry is not None and entry.attend:
            return entry
        if entry is None:
            entry = _new_entry(rdv, usager)
        entry.places, entry.accompagnants = places, []
        if identity is not None:
            entry.numero_dossier = identity.numero_dossier
            entry.telephone = identity.telephone if identity.telephone != usager.phone else None
            entry.courriel = identity.courriel if identity.courriel != usager.email else None
        _wait(rdv, entry, agent=agent, prevenir=prevenir)
        return entry


def leave(attente_id: int, *, by: Acteur = Acteur.USAGER, agent: Agent | None = None) -> FileAttente:
    """Wait no more; a seat that was offered goes on. Asked twice, the second changes nothing."""
    with transaction():
        rdv, entry = _held(attente_id)
        if entry.attend:
            offres.move(rdv, entry, EtatAttente.RETIREE, by=by, agent=agent)
            offres.pass_on(rdv)
        return entry


def refuse(attente_id: int) -> FileAttente:
    """« Non, merci »: the offer goes on to the next. Raises `Refus` when there is none any more."""
    with transaction():
        rdv, entry = _held(attente_id)
        if entry.etat is EtatAttente.REFUSEE:
            return entry
        if entry.etat is not EtatAttente.PROPOSEE:
            raise Refus(NO_LONGER)
        offres.move(rdv, entry, EtatAttente.REFUSEE, by=Acteur.USAGER)
        offres.pass_on(rdv)
        return entry


def accept(attente_id: int) -> Participation:
    """Take the seats that are offered to this entry, or free for whoever comes first; all of them or none. Asked twice,
    the second gets the same answer; who got a seat another way is told that they have one, and is not shown it. Raises
    `Refus`, `Ferme`, `Complet` with what people can do."""
    with transaction():
        rdv, entry = _held(attente_id)
        usager = db.session.get_one(Usager, entry.usager_id)
        place = people.participation_of(rdv.id, usager.id)
        if place is not None and holds_seat(place.statut):
            if leads_to(entry, place):
                return place
            raise Refus(SEATED)
        _refuse_answer(rdv, entry, place)
        return _seat(rdv, entry, usager, by=Acteur.USAGER)


def rejoin(attente_id: int) -> FileAttente:
    """Wait again, at the end of the list, by the same link. Raises `Libre` when there are seats to take, `Refus`."""
    with transaction():
        rdv, entry = _held(attente_id)
        if entry.attend:
            return entry
        place = people.participation_of(rdv.id, entry.usager_id)
        if place is not None and holds_seat(place.statut):
            raise Refus(SEATED)
        _refuse(rdv, entry.places)
        _refuse_removed(rdv, place, entry)
        _wait(rdv, entry)
        return entry


def promote(
    attente_id: int, *, agent: Agent, version: int | None = None, surbooking: bool = False, prevenir: bool = True
) -> Participation:
    """« Donner une place »: an agent gives somebody who waits the seats they ask for, whatever their rank; over the
    capacity on purpose, by who may. Raises `Complet`, `Interdit`, `Perime`, `Ferme`."""
    with transaction():
        rdv, entry = _held(attente_id)
        usager = db.session.get_one(Usager, entry.usager_id)
        place = people.participation_of(rdv.id, usager.id)
        if place is not None and holds_seat(place.statut):
            return place
        if version is not None and version != entry.version:
            raise Perime(f"La liste d’attente vient de changer pour {usager.nom_complet}.")
        if rdv.cancelled_at is not None:
            raise Ferme("Cette séance est annulée : on n’y inscrit plus personne.")
        if not entry.attend:
            raise Refus(f"{usager.nom_complet} n’attend plus de place.")
        return _seat(rdv, entry, usager, by=Acteur.AGENT, agent=agent, surbooking=surbooking, prevenir=prevenir)


def refresh(rdv_id: int) -> None:
    """Do what that session's waitlist needs now: what the clock asks for."""
    with transaction():
        offres.pass_on(*seat_lock(rdv_id))


def leads_to(entry: FileAttente, place: Participation) -> bool:
    """May the link of this wait show that seat? Only when all who read the messages of the wait read those of the seat
    too: a stranger may wait with somebody else's name and number, and an address of their own (rules 9, 18)."""
    return entry.etat is EtatAttente.ACCEPTEE and bool(entry.adresses) and entry.adresses <= place.adresses


def open_to(entry: FileAttente) -> bool:
    """Are there seats that whoever waits here may take at once, first come?"""
    rdv = entry.rdv
    opened = ouverture(rdv)
    return opened.refusal(utcnow(), seats=entry.places) is None and not offres.withheld(rdv)


# --- details ---------------------------------------------------------------------------------------------------------


def _held(attente_id: int) -> tuple[Rdv, FileAttente]:
    """The entry and its session, locked and read afresh."""
    rdv_id = db.session.scalar(select(FileAttente.rdv_id).where(FileAttente.id == attente_id))
    if rdv_id is None:
        raise Introuvable
    (rdv,) = seat_lock(rdv_id)
    return rdv, db.session.get_one(FileAttente, attente_id, populate_existing=True)


def _refuse(rdv: Rdv, places: int) -> None:
    """Raise why one can't wait for that many seats now."""
    opened = ouverture(rdv)
    refusal = opened.waitlist_refusal(utcnow(), seats=places)
    if refusal is not None and not (refusal.code == "libre" and offres.withheld(rdv)):
        raise refusal


def _refuse_removed(rdv: Rdv, place: Participation | None, entry: FileAttente | None) -> None:
    """Who was removed by the service comes back through an agent, as for a booking (rule 10)."""
    removed = place is not None and place.statut is Statut.ANNULE
    struck = entry is not None and entry.etat is EtatAttente.RETIREE and entry.etat_par is Acteur.AGENT
    if removed or struck:
        raise Refus(f"Nous ne pouvons pas enregistrer cette demande en ligne. {call_us(rdv)}.")


def _refuse_answer(rdv: Rdv, entry: FileAttente, place: Participation | None) -> None:
    """Raise why the seats asked for can't be taken from the link."""
    now = utcnow()
    if rdv.cancelled_at is not None:
        raise Ferme("Cette séance a été annulée.")
    if now >= rdv.starts_at:
        raise Ferme("Cette séance a déjà commencé ou est passée.")
    _refuse_removed(rdv, place, entry)
    if entry.etat is EtatAttente.PROPOSEE and entry.jusqua is not None:
        if now < entry.jusqua:
            return
        raise Refus(NOT_YOURS)
    if open_to(entry):  # nothing is kept for them: the seats are anybody's
        return
    if entry.etat is EtatAttente.EXPIREE:
        raise Refus(NOT_YOURS)
    if entry.etat is EtatAttente.EN_ATTENTE:
        raise Complet(f"{NO_LONGER} Vous êtes toujours sur la liste d’attente.")
    raise Refus(NO_LONGER)


def _seat(
    rdv: Rdv,
    entry: FileAttente,
    usager: Usager,
    *,
    by: Acteur,
    agent: Agent | None = None,
    surbooking: bool = False,
    prevenir: bool = True,
) -> Participation:
    """Their seats: what was held for them is given back first, then taken; what is left goes on."""
    offres.move(rdv, entry, EtatAttente.ACCEPTEE, by=by, agent=agent)
    all_of_them = {one.id: one for one in (usager, *_with_them(rdv, entry, usager))}
    before = {row.usager_id: row for row in people.participations_of(rdv.id, list(all_of_them))}
    seated = [one for key, one in all_of_them.items() if key not in before or not holds_seat(before[key].statut)]
    rows = give_seats(rdv, seated, by=by, agent=agent, prevenir=prevenir, surbooking=surbooking)
    for row in rows:
        if row.usager_id not in before:  # who comes back keeps the contact their place had
            _reach(row, entry)
    if usager.id not in before:
        rows[0].numero_dossier = entry.numero_dossier
    offres.taken(rdv, *(row.usager_id for row in rows))
    db.session.flush()
    if prevenir and utcnow() < rdv.starts_at:
        author = agent.id if agent else None
        first, *others = rows
        also = tuple(row.id for row in others)
        emit(Inscription(auteur_agent_id=author, participation_id=first.id, version=first.version, avec=also))
    return rows[0]


def _reach(row: Participation, entry: FileAttente) -> None:
    """A new place is told to whom the wait was, and by nothing else; what was refused stays so."""
    typed, reader = dict(entry.adresses), row.lecteur
    phone, mail = typed.get(Canal.SMS), typed.get(Canal.COURRIEL)
    row.telephone = phone if phone != reader.phone else None
    row.courriel = mail if mail != reader.email else None
    row.refus_sms = bool(entry.refus_sms if phone else reader.phone)
    row.refus_courriel = bool(entry.refus_courriel if mail else reader.email)


def _with_them(rdv: Rdv, entry: FileAttente, usager: Usager) -> list[Usager]:
    """Those who come with the person who waited: named, and then recognised as a booking does it, by their own name
    with the contact of who asks; or known by their number only. Who was in this session with them before is the
    same."""
    known = list(
        db.session.scalars(
            select(Usager)
            .join(Participation, Participation.usager_id == Usager.id)
            .where(
                Participation.rdv_id == rdv.id,
                Usager.responsable_id == usager.lecteur.id,
                Usager.id != usager.id,
            )
            .order_by(Usager.id)
        )
    )
    contact = {canal.value: address for canal, address in entry.adresses}
    asks = Identity(usager.first_name, usager.last_name, contact.get("sms"), contact.get("courriel"))
    named = [
        asks.relative(
            one["prenom"], one["nom"], date.fromisoformat(born) if (born := one.get("date_naissance")) else None
        )
        for one in entry.accompagnants
    ]
    unnamed = [
        Identity(f"Accompagnant {n} de {usager.first_name[:PRENOM]}", usager.last_name)
        for n in range(len(named) + 1, entry.places)
    ]
    found = []
    for one in (*named, *unnamed)[: entry.places - 1]:
        relative = next((who for who in known if _same(one, who)), None)
        if relative is None:
            relative, _ = find_or_create(rdv.organisation_id, one, responsable=usager.lecteur)
        else:
            known.remove(relative)
        found.append(relative)
    db.session.flush()
    return found


def _same(one: Identity, who: Usager) -> bool:
    """The same names; and the same birth date, when both are known: a wait may be asked for without."""
    names = (fold(one.prenom), fold(one.nom)) == (fold(who.first_name), fold(who.last_name))
    return names and (not one.date_naissance or not who.birth_date or one.date_naissance == who.birth_date)


def _new_entry(rdv: Rdv, usager: Usager) -> FileAttente:
    """A row that waits for nothing yet."""
    nonce, hashed = links.new_link(links.ATTENTE)
    entry = FileAttente(rdv_id=rdv.id, usager_id=usager.id, lien_nonce=nonce, lien_hash=hashed)
    entry.etat, entry.etat_le, entry.etat_par, entry.version = EtatAttente.RETIREE, utcnow(), Acteur.USAGER, 0
    db.session.add(entry)
    return entry


def _wait(rdv: Rdv, entry: FileAttente, *, agent: Agent | None = None, prevenir: bool = True) -> None:
    """At the end of the list, from now."""
    with db.session.no_autoflush:
        entry.rang, entry.inscrit_le, entry.ouverte_le = queries.last_rank(rdv.id) + 1, utcnow(), None
    by = Acteur.AGENT if agent else Acteur.USAGER
    offres.move(rdv, entry, EtatAttente.EN_ATTENTE, by=by, agent=agent)
    if prevenir:
        emit(Attente(auteur_agent_id=agent.id if agent else None, attente_ids=(entry.id,)))
    offres.pass_on(rdv)


def _kept(one: Mapping[str, Any]) -> dict[str, Any]:
    born = one.get("date_naissance")
    return {"prenom": one["prenom"], "nom": one["nom"], "date_naissance": born.isoformat() if born else None}


def _first_time(rdv_id: int, envoi: str, who: tuple[Identity, Identity | None], places: int) -> bool:
    """Is it the first time this form comes? The same id with the same content gets its first answer again (rule 19)."""
    content = repr(("attente", rdv_id, envoi, *(astuple(one) for one in who if one), places))
    cle = hashlib.sha256(content.encode()).hexdigest()
    return db.session.execute(_forms(db.session.get_bind().dialect.name), {"cle": cle}).first() is not None


@cache
def _forms(dialect: str) -> Any:
    return insert(Envoi.__table__, dialect).on_conflict_do_nothing().returning(Envoi.cle)
