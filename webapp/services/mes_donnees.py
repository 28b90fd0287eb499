"""What is kept with a contact somebody has just proven to hold: given to them, or erased.

Only what is theirs beyond doubt: places, waits and invitations whose messages go to that contact, and the files that
hold nothing else. A file may have been made by a stranger with their name, or theirs with a stranger's address
(docs/domain.md rule 9): of one that holds more, they are given the name and that contact, and it forgets it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from webapp import links
from webapp.clock import utcnow
from webapp.domain.contacts import identity_keys
from webapp.domain.dates import long_moment
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import (
    Acces,
    Canal,
    FileAttente,
    Invitation,
    MessageDemo,
    Notification,
    Participation,
    Usager,
    UsagerCle,
    usager_organisations,
)
from webapp.queries import acces as queries
from webapp.queries import foyer

from . import attente, journal
from . import donnees_en_mots as mots
from .booking import change_statut
from .retention import NOBODY, NOTHING_OWN, erase, forget_lines
from .transaction import transaction
from .usagers import organisations_of, search_text


@dataclass(frozen=True, slots=True)
class Tenu:
    """What goes with a contact: its places, its waits for one, its invitations, the files that are wholly that
    contact's, and those that hold it but places of another contact as well (`partagees`)."""

    places: Sequence[Participation]
    fiches: Sequence[Usager]
    attentes: Sequence[FileAttente] = ()
    invitations: Sequence[Invitation] = ()
    partagees: Sequence[Usager] = ()

    @property
    def fiche_ids(self) -> set[int]:
        return {fiche.id for fiche in self.fiches}

    def coming(self, now: datetime) -> list[Participation]:
        """Seats that somebody else could have."""
        return [
            place
            for place in self.places
            if place.statut is Statut.INSCRIT and place.rdv.starts_at > now and place.rdv.cancelled_at is None
        ]


def held(canal: Canal, contact: str) -> Tenu:
    """As the database has it now. A file with a place or a wait elsewhere, or whose relatives have one, is not only
    that contact's."""
    places, files = queries.places_kept(canal, contact), queries.files_of(canal, contact)
    waits = queries.waits_kept(canal, contact)
    elsewhere = queries.known_elsewhere(
        [file.id for file in files], [place.id for place in places], [entry.id for entry in waits]
    )
    shared = {*elsewhere, *(file.responsable_id for file in files if file.id in elsewhere)}
    return Tenu(
        places,
        [file for file in files if file.id not in shared],
        waits,
        queries.invitations_kept(canal, contact),
        [file for file in files if file.id in shared and file.responsable_id is None],
    )


def as_text(demande: Acces) -> dict[str, Any]:
    """All that is kept with that contact, in words a person can read."""
    found = held(demande.canal, demande.contact)
    of_places = {place.usager_id for place in found.places} | {entry.usager_id for entry in found.attentes}
    of_places |= {row.usager_id for row in found.invitations} | {file.id for file in found.partagees}
    people = sorted(of_places | found.fiche_ids)
    # Without a place, the clock is that of who answers the phone for the demand.
    zone = found.places[0].rdv.organisation.timezone if found.places else queries.organisation_of(demande).timezone
    said = {
        "contact": demande.contact,
        "extrait le": long_moment(utcnow(), zone),
        "personnes": [mots.person(fiche) for fiche in found.fiches]
        + [mots.known(fiche, demande.canal) for fiche in found.partagees],
        "rendez-vous": [mots.place(place) for place in found.places],
        "listes d’attente": [mots.wait(entry) for entry in found.attentes],
        "invitations": [mots.invitation(row) for row in found.invitations],
        "messages": [mots.message(row, zone) for row in queries.messages_to(demande.contact, _readers(found, people))],
    }
    return said | {
        "à savoir": "Un rendez-vous pris avec un autre contact n’est pas ici : il se demande avec ce contact-là."
    }


def _readers(found: Tenu, people: Sequence[int]) -> list[int]:
    theirs = [place.usager for place in found.places] + [entry.usager for entry in found.attentes]
    theirs += [row.usager for row in found.invitations]
    return sorted({*people, *(one.responsable_id for one in theirs if one.responsable_id)})


@dataclass(frozen=True, slots=True)
class Effacement:
    """What was done: seats given back, places nobody can be recognised in any more."""

    liberees: int
    rendez_vous: int


def erase_mine(demande: Acces) -> Effacement:
    """Give back the seats to come, as « Je ne pourrai pas venir » does, then forget who had all these places.

    Raises what `change_statut` raises: what is done by then stays, and asking again does the rest.
    """
    canal, contact, now = demande.canal, demande.contact, utcnow()
    before = held(canal, contact)
    coming = before.coming(now)
    for attente_id in [entry.id for entry in before.attentes if entry.attend]:
        attente.leave(attente_id)
    for place_id in [place.id for place in coming]:
        change_statut(place_id, Statut.EXCUSE, by=Acteur.USAGER)
    with transaction() as session:
        candidates = [file.id for file in queries.files_of(canal, contact)]
        session.execute(select(Usager.id).where(Usager.id.in_(candidates)).order_by(Usager.id).with_for_update()).all()
        found = held(canal, contact)  # who books at this very moment keeps what they book
        back = {place.id for place in found.coming(now)}
        kept = {place.usager_id for place in found.places if place.id in back}
        kept |= {entry.usager_id for entry in found.attentes if entry.attend}
        gone = [fiche for fiche in found.fiches if fiche.id not in kept and not _answers_for(fiche, kept, found)]
        mine = Tenu(
            [place for place in found.places if place.id not in back],
            gone,
            [entry for entry in found.attentes if not entry.attend],
            found.invitations,
            [fiche for fiche in found.partagees if fiche.id not in kept and not _answers_for(fiche, kept, found)],
        )
        _forget_messages(session, contact, mine)
        _take_off(session, mine, now)
        erase(session, sorted(mine.fiche_ids), now)
        for fiche in mine.partagees:
            _unlearn(session, fiche, canal)
        _close_invitations(session, mine, now)
        _leave_lists(session, mine, now)
        _close_links(mine)
        _note(mine)
        _forget_demands(session, contact)
    db.session.expire_all()
    return Effacement(len(coming), len(mine.places))


def _answers_for(fiche: Usager, people: set[int], found: Tenu) -> bool:
    return any(one.responsable_id == fiche.id for one in found.fiches if one.id in people)


def close_all(session: Session, gone: Tenu, now: datetime) -> None:
    """The links of people who were erased lead nowhere, and what agents were told of them by name is emptied."""
    _forget_about(session, gone)
    _leave_lists(session, gone, now)
    _close_links(gone)
    _close_invitations(session, gone, now)


def _forget_messages(session: Session, contact: str, mine: Tenu) -> None:
    """What was written to that contact, and what agents were told of these places and waits by name."""
    about = _about(mine)
    rdv_ids = {place.rdv_id for place in mine.places} | {entry.rdv_id for entry in mine.attentes}
    to_them = Notification.destinataire_type == "usager", Notification.adresse == contact
    session.execute(
        update(Notification)
        .where(
            *to_them,
            or_(
                Notification.rdv_id.in_(rdv_ids),
                about,
                Notification.destinataire_id.in_([fiche.id for fiche in mine.partagees]),
            ),
        )
        .values(adresse="", objet="", corps="")
        .execution_options(synchronize_session=False)
    )
    _forget_about(session, mine)
    session.execute(delete(MessageDemo).where(MessageDemo.a == contact))


def _forget_about(session: Session, mine: Tenu) -> None:
    session.execute(
        update(Notification)
        .where(or_(_about(mine), Notification.id.in_(_with_others(session, mine))))
        .values(objet="", corps="")
        .execution_options(synchronize_session=False)
    )


def _with_others(session: Session, mine: Tenu) -> list[int]:
    """What was written about one of these places and others of its household at once, under the number of another."""
    places = {place.id for place in mine.places}
    rows = session.execute(
        select(Notification.id, Notification.participation_ids).where(
            Notification.rdv_id.in_({place.rdv_id for place in mine.places}),
            or_(Notification.corps != "", Notification.objet != ""),
        )
    )
    return [notification_id for notification_id, about in rows if places.intersection(about or ())]


def _about(mine: Tenu) -> ColumnElement[bool]:
    places, waits = [place.id for place in mine.places], [entry.id for entry in mine.attentes]
    return or_(
        and_(Notification.sujet_type == "participation", Notification.sujet_id.in_(places)),
        and_(Notification.sujet_type == "attente", Notification.sujet_id.in_(waits)),
    )


def _take_off(session: Session, mine: Tenu, now: datetime) -> None:
    """A place of a file that is not only theirs leaves that file, for one of nobody."""
    taken: dict[int, list[Participation]] = {}
    for place in mine.places:
        if place.usager_id not in mine.fiche_ids:
            taken.setdefault(place.usager_id, []).append(place)
    for places in taken.values():
        nobody = _nobody(session, {place.rdv.organisation_id for place in places}, now)
        ids = [place.id for place in places]
        session.execute(
            update(Participation)
            .where(Participation.id.in_(ids))
            .values(**NOTHING_OWN, usager_id=nobody.id)
            .execution_options(synchronize_session=False)
        )
        forget_lines(session, ids, now)


def _unlearn(session: Session, fiche: Usager, canal: Canal) -> None:
    """A file that is not only theirs: nobody is recognised in it by that contact any more, nor written to."""
    phone, email = (fiche.phone, None) if canal is Canal.SMS else (None, fiche.email)
    household = [fiche, *foyer.relatives_of(fiche.id)]
    keys = [
        key
        for one in household
        for born in {None, one.birth_date}
        for key in identity_keys(one.first_name, one.last_name, born, phone, email)
    ]
    ids = [one.id for one in household]
    session.execute(delete(UsagerCle).where(UsagerCle.usager_id.in_(ids), UsagerCle.cle.in_(keys)))
    if canal is Canal.SMS:
        fiche.phone = None
    else:
        fiche.email = None
    fiche.recherche = search_text(fiche)


def _close_invitations(session: Session, mine: Tenu, now: datetime) -> None:
    """Their links lead nowhere, unless the person invited is still reached another way."""
    for row in mine.invitations:
        reader = row.usager.lecteur
        if row.usager_id not in mine.fiche_ids and (reader.phone or reader.email):
            continue
        nonce, hashed = links.new_link(links.INVITATION)
        session.execute(
            update(Invitation)
            .where(Invitation.id == row.id)
            .values(lien_nonce=nonce, lien_hash=hashed, retiree_le=func.coalesce(Invitation.retiree_le, now))
            .execution_options(synchronize_session=False)
        )


def _nobody(session: Session, organisation_ids: set[int], now: datetime) -> Usager:
    nobody = Usager(**NOBODY, notify_by_sms=False, notify_by_email=False, anonymise_le=now)
    session.add(nobody)
    session.flush()
    session.execute(
        usager_organisations.insert(),
        [{"usager_id": nobody.id, "organisation_id": organisation_id} for organisation_id in sorted(organisation_ids)],
    )
    return nobody


def _leave_lists(session: Session, mine: Tenu, now: datetime) -> None:
    """The waits that are over say nothing of whom any more, and their links lead nowhere."""
    for entry in mine.attentes:
        nonce, hashed = links.new_link(links.ATTENTE)
        whose = {}
        if entry.usager_id not in mine.fiche_ids:
            whose = {"usager_id": _nobody(session, {entry.rdv.organisation_id}, now).id}
        session.execute(
            update(FileAttente)
            .where(FileAttente.id == entry.id)
            .values(
                telephone=None,
                courriel=None,
                numero_dossier=None,
                accompagnants=[],
                lien_nonce=nonce,
                lien_hash=hashed,
                **whose,
            )
            .execution_options(synchronize_session=False)
        )


def _close_links(mine: Tenu) -> None:
    """The links that were sent lead nowhere any more."""
    for place in mine.places:
        nonce, hashed = links.new_link(links.PARTICIPATION)
        db.session.execute(
            update(Participation)
            .where(Participation.id == place.id)
            .values(lien_nonce=nonce, lien_hash=hashed)
            .execution_options(synchronize_session=False)
        )


def _note(mine: Tenu) -> None:
    """One line for each organisation: how many places, nothing of whom."""
    counts: dict[int, list[Participation]] = {}
    for place in mine.places:
        counts.setdefault(place.rdv.organisation_id, []).append(place)
    sujets: dict[int, Participation | Usager] = {
        organisation_id: fiche
        for fiche in (*mine.fiches, *mine.partagees)
        for organisation_id in organisations_of(fiche.id)
    }
    sujets |= {organisation_id: places[0] for organisation_id, places in counts.items()}
    for organisation_id, sujet in sorted(sujets.items()):
        many = len(counts.get(organisation_id, ()))
        journal.note(organisation_id, "donnees_supprimees", sujet, by=Acteur.USAGER, rendez_vous=many)


def _forget_demands(session: Session, contact: str) -> None:
    """The codes that were asked for, whoever opened something with them."""
    demands = select(Acces.id).where(Acces.contact == contact)
    session.execute(
        update(Notification)
        .where(Notification.sujet_type == "acces", Notification.sujet_id.in_(demands))
        .values(adresse="", objet="", corps="")
        .execution_options(synchronize_session=False)
    )
    session.execute(delete(Acces).where(Acces.contact == contact))
