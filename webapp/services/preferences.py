"""By what people, agents and organisations want messages to travel (docs/notifications.md, Matrix)."""

from dataclasses import dataclass
from typing import Any, TypeVar

from webapp import live
from webapp.domain.errors import Introuvable, Perime, Refus
from webapp.domain.participation import Acteur
from webapp.domain.phones import can_receive_sms
from webapp.extensions import db
from webapp.models import (
    Agent,
    Canal,
    FileAttente,
    NiveauNotification,
    Organisation,
    Participation,
    Usager,
)
from webapp.notifications.people import Place

from . import journal
from .organisation import set_fields
from .transaction import seat_lock, transaction

P = TypeVar("P", Participation, FileAttente)
REGLAGES = ("confirmation_sms", "budget_sms_jour", "sms_sender", "nom_neutre")
"""What an organisation decides about its messages."""
_REFUSED = {Canal.SMS: "refus_sms", Canal.COURRIEL: "refus_courriel"}  # of a place, or the wait for one
_ACCEPTED = {Canal.SMS: "notify_by_sms", Canal.COURRIEL: "notify_by_email"}  # of an usager


@dataclass(frozen=True, slots=True)
class Voie:
    """One channel as far as one place is concerned: the contact it would use (or nothing), whether messages can go
    through it at all, and whether the person accepts them."""

    canal: Canal
    contact: str
    possible: bool
    acceptee: bool


def voies(place: Place) -> tuple[Voie, Voie]:
    """Texts, then e-mail, for that place, or the wait for one: what `notifications.people.lecteurs` will do."""
    reader = place.lecteur
    phone = place.telephone or reader.phone or ""
    email = place.courriel or reader.email or ""
    return (
        Voie(Canal.SMS, phone, bool(phone) and can_receive_sms(phone), _accepts(place, reader, Canal.SMS)),
        Voie(Canal.COURRIEL, email, bool(email), _accepts(place, reader, Canal.COURRIEL)),
    )


def _accepts(place: Place, reader: Usager, canal: Canal) -> bool:
    return bool(getattr(reader, _ACCEPTED[canal])) and not getattr(place, _REFUSED[canal])


def own_contact(place: Place) -> bool:
    """Does that place have a contact of its own, or only some of the file's? Its link may then be somebody else's, who
    speaks for this place only: the person's file does not change."""
    return bool(place.telephone or place.courriel or place.refus_sms or place.refus_courriel)


def choosable(place: Place, by: Acteur) -> list[Voie]:
    """The channels there are to choose from. What the file refuses is not to be accepted by the link of a place with a
    contact of its own."""
    found = [v for v in voies(place) if v.possible]
    if by is not Acteur.USAGER or not own_contact(place):
        return found
    return [v for v in found if getattr(place.lecteur, _ACCEPTED[v.canal])]


def choose_channels(
    participation_id: int,
    *,
    sms: bool,
    courriel: bool,
    rappels: bool | None = None,
    by: Acteur,
    agent: Agent | None = None,
    version: int | None = None,
) -> Participation:
    """Write to that person by these channels only; one they have no contact for stays as it is.

    `rappels`: whether they are reminded (None: as before). The same choice twice changes nothing more. `version` is the
    one the page showed: raises `Perime` when somebody changed that person meanwhile, `Refus` when the session is
    cancelled.
    """
    with transaction():
        place = _held(Participation, participation_id)
        changes = _changes(place, sms, courriel, by)
        reminded = rappels is not None and rappels != place.rappeler
        if not changes and not reminded:
            return place
        if version is not None and version != place.version:
            raise Perime(f"Quelqu’un vient de changer ce qui concerne {place.usager.nom_complet}.")
        if place.rdv.cancelled_at is not None:
            raise Refus("Cette séance est annulée : il n’y a plus rien à changer.")
        for canal, yes in changes.items():
            _set(place, canal, yes, by)
        if rappels is not None and reminded:
            place.rappeler = rappels
        said: dict[str, Any] = {canal.value: yes for canal, yes in changes.items()}
        _changed(place, by, agent, said | ({"rappels": rappels} if reminded else {}))
        return place


def choose_for_wait(attente_id: int, *, sms: bool, courriel: bool) -> FileAttente:
    """The same for somebody who waits for a seat, from their link."""
    with transaction():
        entry = _held(FileAttente, attente_id)
        changes = _changes(entry, sms, courriel, Acteur.USAGER)
        if not changes:
            return entry
        if not entry.attend or entry.rdv.cancelled_at is not None:
            raise Refus("Vous n’attendez plus de place à cette séance : il n’y a plus rien à choisir.")
        for canal, yes in changes.items():
            _set(entry, canal, yes, Acteur.USAGER)
        _changed(entry, Acteur.USAGER, None, {canal.value: yes for canal, yes in changes.items()})
        return entry


def _changes(place: Place, sms: bool, courriel: bool, by: Acteur) -> dict[Canal, bool]:
    asked = {Canal.SMS: sms, Canal.COURRIEL: courriel}
    return {v.canal: asked[v.canal] for v in choosable(place, by) if v.acceptee is not asked[v.canal]}


def unsubscribe(place: Place) -> bool:
    """No more e-mail to who reads the messages about that place, or wait. Answers whether they had accepted it until
    now."""
    with transaction():
        place = _held(type(place), place.id)
        if not _accepts(place, place.lecteur, Canal.COURRIEL):
            return False
        _set(place, Canal.COURRIEL, False, Acteur.USAGER)
        _changed(place, Acteur.USAGER, None, {Canal.COURRIEL.value: False})
        return True


def _held(kind: type[P], row_id: int) -> P:
    """That place, its session locked: what it shows on the sheet may change."""
    found = db.session.get(kind, row_id)
    if found is None:
        raise Introuvable
    seat_lock(found.rdv_id)
    db.session.refresh(found)
    db.session.refresh(found.lecteur)
    return found


def _set(place: Place, canal: Canal, yes: bool, by: Acteur) -> None:
    """Where a choice is kept: with the place when it has a contact of its own, else in the reader's file. To an agent
    the person said it themself: a channel accepted again is no longer refused anywhere."""
    own = own_contact(place)
    if own or yes:
        setattr(place, _REFUSED[canal], not yes)
    if not own or (yes and by is Acteur.AGENT):
        setattr(place.lecteur, _ACCEPTED[canal], yes)


def _changed(place: Place, by: Acteur, agent: Agent | None, said: dict[str, Any]) -> None:
    rdv = place.rdv
    rdv.version += 1
    if isinstance(place, Participation):
        place.version += 1  # that of a wait says which offer it is
    place.rdv_version = rdv.version
    db.session.flush()
    where = "place" if own_contact(place) else "fiche"
    journal.note(rdv.organisation_id, "canaux", place, by=by, agent=agent, rdv_id=rdv.id, choix=said, pour=where)
    live.publish(rdv.id, rdv.version)


def save_agent(agent_id: int, *, niveau: NiveauNotification, recapitulatif: bool) -> None:
    """What an agent wants to be told by e-mail."""
    with transaction():
        agent = db.session.get(Agent, agent_id, populate_existing=True, with_for_update={"key_share": True})
        if agent is None:
            raise Introuvable
        wanted = {"niveau_notification": niveau, "recapitulatif": recapitulatif}
        if changed := set_fields(agent, wanted):
            journal.note(agent.organisation_id, "preferences", agent, agent=agent, changements=changed)


def save_reglages(organisation_id: int, reglages: dict[str, Any], agent: Agent) -> bool:
    """What an organisation decides about its messages; the journal says what changed, from what to what. Answers
    whether anything did."""
    unknown = set(reglages) - set(REGLAGES)
    if unknown:
        raise ValueError(f"not settings of messages: {sorted(unknown)}")
    with transaction():
        found = db.session.get(
            Organisation, organisation_id, populate_existing=True, with_for_update={"key_share": True}
        )
        if found is None:
            raise Introuvable
        changed = set_fields(found, reglages)
        if changed:
            db.session.flush()
            journal.note(found.id, "reglages_messages", found, agent=agent, changements=changed)
        return bool(changed)
