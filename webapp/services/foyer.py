"""A household takes its seats: all or none, through the one door, told together (docs/domain.md rules 7 to 10)."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.attributes import set_committed_value

from webapp import metrics
from webapp.clock import utcnow
from webapp.domain.capacity import too_few
from webapp.domain.dates import local
from webapp.domain.errors import Complet, DomainError, Introuvable, Refus
from webapp.domain.events import Inscription
from webapp.domain.identity import FOYER_MAX, Foyer, Identity
from webapp.domain.participation import Acteur, holds_seat
from webapp.extensions import db
from webapp.models import Canal, Participation, Rdv, Usager
from webapp.notifications.base import emit
from webapp.queries import foyer as queries
from webapp.queries import usagers as people

from . import offres
from .booking import _come_back, _count, _note, _refuse
from .demandes import Booking, Demande, first_answer, form_key, new_row, remember
from .limites import check_contact
from .transaction import seat_lock, transaction
from .usagers import find_or_create


@metrics.counts_bookings
def book_household(rdv_id: int, foyer: Foyer, *, by: Acteur, envoi: str) -> Booking:
    """Give each of these people a seat, or none of them, with the reason.

    Who has a seat already keeps it, the others are added: the answer is that of a first booking. The messages of all go
    to the responsable. Raises `Introuvable`, `Ferme`, `Complet`, `Refus`, `Occupe`.
    """
    if not foyer.proches or len(foyer.personnes) > FOYER_MAX:
        raise Refus(f"Un formulaire inscrit {FOYER_MAX} personnes au plus.")
    rdv = db.session.get(Rdv, rdv_id)
    if rdv is None:
        raise Introuvable
    cle = form_key(rdv_id, envoi, foyer)
    try:
        _refuse(rdv, _demande(foyer.responsable, by, cle), seated=True)  # seats are looked at once it is their turn
    except DomainError:
        # The same form, sent again after the session closed.
        if (first := first_answer(cle)) is not None:
            return first
        raise
    if by is not Acteur.AGENT:
        check_contact(rdv, foyer.responsable)
    try:
        return _book(rdv, foyer, by, cle)
    except IntegrityError:
        # Another form wrote one of them down at this very moment: they are known now. Or the session went.
        if db.session.get(Rdv, rdv_id) is None:
            raise Introuvable from None
        return _book(rdv, foyer, by, cle)


def _book(rdv: Rdv, foyer: Foyer, by: Acteur, cle: str) -> Booking:
    all_of_them = foyer.personnes

    def look() -> None:
        """A crowd that comes too late is answered without a transaction, unless one of these people may have a seat."""
        if not people.room_and_person(rdv, foyer.keys()):
            _check(rdv, demande, len(all_of_them), foyer)

    demande = _demande(foyer.responsable, by, cle)
    # Held so that they stay in the session while the row is read afresh: nothing to read for them under the lock.
    _held = (rdv.motif, rdv.plage_ouverture, rdv.organisation, rdv.lieu, rdv.salle)
    with transaction(look):
        agents = list(rdv.agents)
        # Before the lock, as who books one of them alone writes too: the same row twice is waited for, then refused.
        asked = _people(rdv, foyer, by, cle)
        before = {row.usager_id for row in people.participations_of(rdv.id, list(asked))}
        new = {key: new_row(rdv, usager, one) for key, (usager, one) in asked.items() if key not in before}
        (rdv,) = seat_lock(rdv.id)
        set_committed_value(rdv, "agents", agents)
        rows = {row.usager_id: row for row in people.participations_of(rdv.id, list(asked))}
        without = [key for key in asked if key in new or not holds_seat(rows[key].statut)]
        _check(rdv, demande, len(without), foyer)
        if not without:
            return _already(rdv, [rows[key] for key in asked], demande)
        for key in without:
            if key not in new:
                _come_back(rdv, rows[key], asked[key][1])
            _count(rdv, rows[key])
            _note(rows[key], asked[key][1])
        db.session.flush()
        offres.taken(rdv, *without)
        _promise([rows[key] for key in without], cle)
        return Booking(rows[without[0]].id, deja=False)


def _demande(who: Identity, by: Acteur, cle: str) -> Demande:
    return Demande(who, usager_id=None, by=by, agent=None, surbooking=False, prevenir=True, cle=cle)


def _check(rdv: Rdv, demande: Demande, seats: int, foyer: Foyer) -> None:
    """Raise why that many seats can't be had. How many were asked is what the form said: the sentence must not tell who
    has a seat already."""
    try:
        _refuse(rdv, demande, seated=not seats, seats=seats)
    except Complet:
        raise Complet(too_few(rdv.jauge().libres, len(foyer.personnes))) from None


def _people(rdv: Rdv, foyer: Foyer, by: Acteur, cle: str) -> dict[int, tuple[Usager, Demande]]:
    """Those who come, found or created, each once however often they were named; and what the form asks for them."""
    responsable, _ = find_or_create(rdv.organisation_id, foyer.responsable)
    found = {foyer.responsable: responsable}
    for proche in sorted(foyer.proches, key=lambda one: min(one.keys())):  # two forms of one household never deadlock
        found[proche], _ = find_or_create(rdv.organisation_id, proche, responsable=responsable)
    asked: dict[int, tuple[Usager, Demande]] = {}
    for one in foyer.personnes:
        asked.setdefault(found[one].id, (found[one], _demande(one, by, cle)))
    return asked


def _promise(rows: Sequence[Participation], cle: str, deja_le: str = "") -> None:
    """The form's answer, and one message for all of them."""
    first, *others = rows
    remember(cle, first.id)
    also = tuple(row.id for row in others)
    emit(Inscription(participation_id=first.id, version=first.version, avec=also, deja_le=deja_le))


def _already(rdv: Rdv, rows: Sequence[Participation], demande: Demande) -> Booking:
    """All of them have their seats: a form sent twice gets its first answer, another one says it again (rule 9)."""
    first = first_answer(demande.cle)
    if first is not None:
        return first
    _promise(rows, demande.cle, local(utcnow(), rdv.organisation.timezone).date().isoformat())
    return Booking(rows[0].id, deja=True)


def shown_with(place: Participation) -> list[Participation]:
    """The places the link of this one shows and moves: its own, and those of the same session that everybody who was
    sent that link was told of as well, at the same address. A stranger may have booked for one of the household, with a
    contact of their own: they see that place alone."""
    reader = place.lecteur
    places = queries.places_read_by(reader.id, place.rdv_id)
    if len(places) < 2:
        return [place]
    told = queries.told_by(reader.id, place.rdv_id)

    def addresses(one: Participation) -> set[tuple[Canal, str]]:
        return {(canal, one.contact_of(canal)) for canal in told.get(one.id, ())}

    mine = addresses(place)
    return [one for one in places if one.id == place.id or (mine and mine <= addresses(one))]
