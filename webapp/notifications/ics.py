"""Calendar events: one for a message (REQUEST, CANCEL) or to download (PUBLISH), and those of an agent's own feed.

None carries a personal link: calendars are shared, synchronised and read aloud by telephones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from icalendar import Calendar, Event, vCalAddress, vDuration

from webapp.models import Organisation

from .content import Emetteur, Seance

PUBLISH, REQUEST, CANCEL = "PUBLISH", "REQUEST", "CANCEL"


def uid(participation_id: int | None, rdv_id: int, slug: str) -> str:
    """The same for ever: a later message about the same place changes the event already in the calendar. A public page,
    which must not tell whose place it is, names the session."""
    what = f"participation-{participation_id}" if participation_id else f"seance-{rdv_id}"
    return f"{what}@{slug}.rdv-collectifs"


def calendar(
    seance: Seance,
    emetteur: Emetteur,
    participation_id: int | None,
    *,
    method: str,
    now: datetime,
    organizer: str = "",
    attendee: str = "",
) -> bytes:
    """An iCalendar file of one event: a household has one, that of its first place (RFC 5546: a message is about one
    UID). `attendee` is the reader's address, the only one there; `organizer` the organisation's."""
    found = Calendar()
    found.add("prodid", "-//RDV Collectifs//FR")
    found.add("version", "2.0")
    found.add("method", method)
    event = _event(seance, emetteur, method, now)
    event.add("uid", uid(participation_id, seance.id, emetteur.slug))
    if organizer:
        event.add("organizer", _person(organizer, CN=emetteur.nom))
    if attendee and method != PUBLISH:
        event.add("attendee", _person(attendee, PARTSTAT="ACCEPTED", RSVP="FALSE"))
    found.add_component(event)
    return bytes(found.to_ical())


def _event(seance: Seance, emetteur: Emetteur, method: str, now: datetime) -> Event:
    """What the event says; SEQUENCE is the session's version, which only grows."""
    event = Event()
    event.add("sequence", seance.version)
    event.add("dtstamp", now)
    event.add("dtstart", seance.debut)
    event.add("dtend", seance.fin)
    name = seance.nom_complet
    event.add("summary", name[:1].upper() + name[1:])
    place = "En visioconférence" if seance.visio else ", ".join(p for p in (seance.lieu, seance.adresse) if p)
    if place:
        event.add("location", place)
    event.add("description", _description(emetteur, method))
    event.add("status", "CANCELLED" if method == CANCEL else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if method == CANCEL else "OPAQUE")
    if seance.neutre:
        event.add("class", "PRIVATE")
    return event


def _description(emetteur: Emetteur, method: str) -> str:
    call = f" Téléphone : {emetteur.telephone}." if emetteur.telephone else ""
    if method == CANCEL:
        return f"Ce rendez-vous est annulé.{call}"
    link = "" if method == PUBLISH else "Pour annuler, utilisez le lien du message."
    return f"{link}{call}".strip()


def _person(email: str, **params: str) -> vCalAddress:
    found = vCalAddress(f"mailto:{email}")
    for name, value in params.items():
        found.params[name] = value
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Evenement:
    """A session in the feed of an agent who holds it: what, where, how full, and its sheet. Nothing about who comes."""

    rdv_id: int
    version: int
    debut: datetime
    fin: datetime
    titre: str
    lieu: str
    places: str
    phrase: str
    fiche: str
    change: datetime
    annulee: bool
    neutre: bool


def feed(nom: str, organisation: Organisation, events: Sequence[Evenement]) -> bytes:
    """A whole calendar to subscribe to; the same sessions give the same bytes, whenever it is asked for. Moments
    are in UTC, which every program shows on its reader's clock, and the zone is the organisation's."""
    found = Calendar()
    found.add("prodid", "-//RDV Collectifs//FR")
    found.add("version", "2.0")
    found.add("x-wr-calname", f"Séances de {nom}")
    found.add("x-wr-timezone", organisation.timezone)
    found.add("refresh-interval", vDuration(timedelta(hours=1)), parameters={"VALUE": "DURATION"})
    found.add("x-published-ttl", "PT1H")
    for one in events:
        event = Event()
        event.add("uid", uid(None, one.rdv_id, organisation.slug))
        event.add("sequence", one.version)
        event.add("dtstamp", one.change)
        event.add("last-modified", one.change)
        event.add("dtstart", one.debut)
        event.add("dtend", one.fin)
        name = f"{one.titre} ({one.places})" if one.places and not one.annulee else one.titre
        event.add("summary", f"Annulé : {name}" if one.annulee else name)
        if one.lieu:
            event.add("location", one.lieu)
        event.add("description", f"{one.phrase}\n{one.fiche}")
        event.add("url", one.fiche)
        event.add("status", "CANCELLED" if one.annulee else "CONFIRMED")
        event.add("transp", "TRANSPARENT" if one.annulee else "OPAQUE")
        if one.neutre:
            event.add("class", "PRIVATE")
        found.add_component(event)
    return bytes(found.to_ical())
