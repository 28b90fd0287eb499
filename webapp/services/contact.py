"""The contact messages go to, corrected from a personal link (docs/domain.md rule 18).

A new contact serves the places of that link only; who was reached until then is told. The person's file changes once a
code was typed that went to its *old* contact.
"""

from collections.abc import Sequence

from webapp import live
from webapp.domain.contacts import identity_keys
from webapp.domain.errors import Introuvable, Refus
from webapp.domain.events import ContactModifie
from webapp.domain.participation import Acteur
from webapp.domain.phones import can_receive_sms
from webapp.extensions import db
from webapp.models import Acces, Canal, Participation, Usage, Usager
from webapp.notifications.base import emit
from webapp.notifications.people import address_of
from webapp.queries import foyer as queries

from . import acces, journal
from .transaction import seat_lock, transaction
from .usagers import claim, holder_of, organisations_of, search_text


def correct(participation_ids: Sequence[int], *, telephone: str | None, courriel: str | None) -> bool:
    """Send what concerns these places of one session to this number, this address; what is not given stays as it is.
    Answers whether anything changed."""
    with transaction():
        places = _held(participation_ids)
        rdv = places[0].rdv
        if rdv.cancelled_at is not None:
            raise Refus("Cette séance est annulée : il n’y a plus rien à changer.")
        changed: list[Participation] = []
        anciens: dict[str, str] = {}
        for place in places:
            before = {canal: address_of(place, place.lecteur, canal) for canal in Canal}
            if not _give(place, telephone, courriel):
                continue
            changed.append(place)
            for canal in Canal:
                if before[canal] and before[canal] != address_of(place, place.lecteur, canal):
                    anciens.setdefault(canal.value, before[canal])
        if not changed:
            return False
        for place in changed:
            rdv.version += 1
            place.version += 1
            place.rdv_version = rdv.version
            journal.note(rdv.organisation_id, "contact", place, by=Acteur.USAGER, rdv_id=rdv.id)
        db.session.flush()
        first, *others = changed
        avec = tuple(place.id for place in others)
        emit(ContactModifie(participation_id=first.id, version=first.version, avec=avec, anciens=anciens))
        live.publish(rdv.id, rdv.version)
        return True


def _give(place: Participation, telephone: str | None, courriel: str | None) -> bool:
    """Where its messages go from now on, whatever was refused before by that channel; whether that is new."""
    reader, was = place.lecteur, (place.contact_of(Canal.SMS), place.contact_of(Canal.COURRIEL))
    refused = place.refus_sms, place.refus_courriel
    if telephone:
        place.telephone, place.refus_sms = telephone if telephone != reader.phone else None, False
    if courriel:
        place.courriel, place.refus_courriel = courriel if courriel != reader.email else None, False
    now = place.contact_of(Canal.SMS), place.contact_of(Canal.COURRIEL)
    return (now, (place.refus_sms, place.refus_courriel)) != (was, refused)


def old_contacts(place: Participation) -> dict[Canal, str]:
    """Where a code can be sent before the file takes the contact of this place, while they differ."""
    reader = place.lecteur
    if not (place.telephone or place.courriel):
        return {}
    found = {}
    if reader.phone and can_receive_sms(reader.phone):
        found[Canal.SMS] = reader.phone
    if reader.email:
        found[Canal.COURRIEL] = reader.email
    return found


def ask_code(place: Participation, canal: Canal, navigateur: str) -> None:
    """Send a code to the old contact of the file. Raises `Refus` when there is none by that channel."""
    contact = old_contacts(place).get(canal)
    if contact is None:
        raise Refus("Nous ne pouvons pas envoyer de code à vos anciennes coordonnées : appelez-nous.")
    acces.ask(canal, contact, navigateur, fiche_de=place.rdv.organisation_id)


def change_file(participation_id: int, code: str, navigateur: str) -> bool:
    """The file takes the contact of that place, if this is the code that went to its old one; False when it is another
    code, which counts as a try. Raises `Refus` when nothing this browser asked for can be opened any more.

    When somebody else is known by that name and contact the file stays as it is, and nothing tells it.
    """
    demande_id = acces.try_code(code, navigateur, Usage.CONTACT)
    if demande_id is None:
        return False
    with transaction():
        (place,) = _held([participation_id])
        demande = db.session.get_one(Acces, demande_id)
        reader = place.lecteur
        if demande.contact != (reader.phone if demande.canal is Canal.SMS else reader.email):
            raise Refus(acces.OVER)
        anciens = {}
        if place.telephone and reader.phone:
            anciens[Canal.SMS.value] = reader.phone
        if place.courriel and reader.email:
            anciens[Canal.COURRIEL.value] = reader.email
        done = _take(reader, place)
        rdv = place.rdv
        rdv.version += 1
        place.version += 1
        place.rdv_version = rdv.version
        db.session.flush()
        journal.note(rdv.organisation_id, "contact_fiche", place, by=Acteur.USAGER, rdv_id=rdv.id, double=not done)
        emit(ContactModifie(participation_id=place.id, version=place.version, anciens=anciens, fiche=True))
        live.publish(rdv.id, rdv.version)
        return True


def _take(reader: Usager, place: Participation) -> bool:
    """The file's contact is that of the place: they are recognised by it from now on, and so are their relatives."""
    phone, email = place.telephone or reader.phone, place.courriel or reader.email
    household = [reader, *queries.relatives_of(reader.id)]
    keys = {one.id: identity_keys(one.first_name, one.last_name, one.birth_date, phone, email) for one in household}
    organisations = organisations_of(reader.id)
    if any(holder_of(o, keys[reader.id]) not in (None, reader.id) for o in organisations):
        return False
    reader.phone, reader.email = phone, email
    reader.recherche = search_text(reader)
    if place.telephone:
        reader.notify_by_sms = True
    if place.courriel:
        reader.notify_by_email = True
    place.telephone = place.courriel = None
    for organisation_id in organisations:
        for one in household:
            claim(organisation_id, keys[one.id], one.id)
    return True


def _held(participation_ids: Sequence[int]) -> list[Participation]:
    """These places, their session locked, and who reads their messages, read afresh."""
    found = [db.session.get(Participation, one) for one in participation_ids]
    places = [place for place in found if place is not None]
    if len(places) != len(participation_ids) or not places:
        raise Introuvable
    seat_lock(places[0].rdv_id)
    for place in places:
        db.session.refresh(place)
        db.session.refresh(place.lecteur)
    return places
