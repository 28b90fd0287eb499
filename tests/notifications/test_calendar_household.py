"""A household's one event: valid to the letter, the same for ever, gone with the last of them, nobody else named."""

import re
from datetime import timedelta

from icalendar import Calendar, Event
from sqlalchemy import select

from tests import factories as make
from tests.notifications.scene import one_base, scene, words_context
from tests.pages import PageClient
from webapp import links
from webapp.clock import utcnow
from webapp.domain.identity import Foyer, Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.jobs import messages
from webapp.models import Canal, EtatNotification, Participation, Rdv
from webapp.notifications.compose import compose
from webapp.notifications.outgoing import Outgoing
from webapp.queries import notifications as queries
from webapp.services.booking import change_statuts
from webapp.services.foyer import book_household
from webapp.services.rdvs import OuEtQuand, cancel_rdv, move_rdv

__all__ = ["one_base", "words_context"]

WHO = Identity("Élodie", "Martin", "+33639980022", "elodie@exemple.fr")


def household() -> tuple[Rdv, dict[str, int]]:
    """Three of them booked by one form, and a stranger in the same session."""
    seat, agent = scene()
    rdv = seat.rdv
    rdv.agents = [agent]
    db.session.commit()
    foyer = Foyer(WHO, (WHO.relative("Léa", "Martin"), WHO.relative("Tom", "Martin")), vient=True)
    book_household(rdv.id, foyer, by=Acteur.USAGER, envoi="un")
    rows = db.session.scalars(select(Participation).where(Participation.id != seat.id))
    return rdv, {row.usager.first_name: row.id for row in rows}


def sent(to: str = "elodie@exemple.fr") -> list[bytes]:
    """The calendar files that leave to that address, composed as the worker does; empty where a mail has none."""
    found: list[bytes] = []
    for queue in ("default", "urgent"):
        while (claim := messages.take(queue)).ids:
            batch = queries.load_batch(claim.ids, claim.until)
            for row in batch.notifications:
                message = compose(row, batch, utcnow())
                assert isinstance(message, Outgoing), message
                if message.to == to and message.canal is Canal.COURRIEL:
                    found.append(message.ics)
                messages.record(row.id, claim.until, etat=EtatNotification.ENVOYEE, dit=message.dit)
    return found


def event(body: bytes, method: str) -> Event:
    """The one event of a file that keeps every rule of RFC 5545 and 5546 our readers' programs mind."""
    assert body.endswith(b"\r\n") and not re.search(rb"(?<!\r)\n", body)
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    calendar = Calendar.from_ical(body, multiple=False)
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", method) and calendar["PRODID"]
    (found,) = calendar.walk("VEVENT")
    assert calendar.walk("VTIMEZONE") == [] and not found.errors
    for name in ("UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "SUMMARY", "ORGANIZER", "STATUS"):
        assert not isinstance(found[name], list), f"{name} once"
    assert found["DTSTART"].dt.utcoffset() == timedelta() and found["DTEND"].dt > found["DTSTART"].dt
    if method == "PUBLISH":
        assert "ATTENDEE" not in found
    else:
        assert found["ATTENDEE"] == "mailto:elodie@exemple.fr"
    for nobody in (b"L\xc3\xa9a", b"Tom", b"Yasmina", b"/p/"):
        assert nobody not in body.replace(b"\r\n ", b"")
    return found


def test_one_event_from_the_first_message_to_the_last() -> None:
    rdv, ids = household()
    (first,) = sent()
    booked = event(first, "REQUEST")
    change_statuts([ids["Élodie"]], Statut.EXCUSE, by=Acteur.USAGER)
    assert sent() == [b""]  # the others still come: nothing is cancelled in their calendar
    here = OuEtQuand.of(rdv)
    later = OuEtQuand(here.starts_at + timedelta(days=1), here.ends_at + timedelta(days=1), here.lieu_id, here.salle_id)
    agent = make.agent(rdv.motif.service)
    db.session.commit()
    move_rdv(rdv.id, later, agent=agent)
    (second,) = sent()
    moved = event(second, "REQUEST")
    change_statuts([ids["Léa"], ids["Tom"]], Statut.EXCUSE, by=Acteur.USAGER)
    (third,) = sent()
    gone = event(third, "CANCEL")
    change_statuts([ids["Tom"]], Statut.INSCRIT, by=Acteur.USAGER)
    (fourth,) = sent()
    again = event(fourth, "REQUEST")
    steps = [booked, moved, gone, again]
    assert {step["UID"] for step in steps} == {booked["UID"]}
    assert [step["STATUS"] for step in steps] == ["CONFIRMED", "CONFIRMED", "CANCELLED", "CONFIRMED"]
    sequences = [int(step["SEQUENCE"]) for step in steps]
    assert sequences == sorted(set(sequences))
    cancel_rdv(rdv.id, agent=agent)
    (last,) = sent()
    assert event(last, "CANCEL")["UID"] == booked["UID"]
    assert int(event(last, "CANCEL")["SEQUENCE"]) > sequences[-1]


def test_the_file_to_download_is_the_same_event(client: PageClient) -> None:
    rdv, ids = household()
    (first,) = sent()
    nonce = db.session.get_one(Participation, ids["Tom"]).lien_nonce
    page = client.get(f"/p/{links.token(links.PARTICIPATION, nonce)}/rendez-vous.ics")
    downloaded = event(page.answer.get_data(), "PUBLISH")
    assert downloaded["UID"] == event(first, "REQUEST")["UID"]
    public = client.get(f"/rdv/{rdv.id}/rendez-vous.ics")
    assert event(public.answer.get_data(), "PUBLISH")["UID"] == f"seance-{rdv.id}@drome.rdv-collectifs"
