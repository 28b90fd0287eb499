"""The private calendar feed of an agent: their sessions, nothing about who comes; a key that can be taken away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from icalendar import Calendar, Event

from tests import factories as make
from tests.databases import statements
from tests.desk import sqlite_only  # noqa: F401
from tests.pages import Page, PageClient
from tests.web.test_plages_pages import NOW, Office
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.log import without_secrets
from webapp.models import Agent, Journal, Rdv
from webapp.services import journal
from webapp.services.agents import deactivate, reactivate

PAGE = "/agent/agenda/abonnement"
TUESDAY = datetime(2026, 12, 1, 13, tzinfo=UTC)


@pytest.fixture(name="office")
def on_a_sunday(app: Flask, client: PageClient) -> Iterator[Office]:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield Office(client)


def address(page: Page) -> str:
    """The path of the feed the page shows; nothing when there is none."""
    fields = page.select("#adresse")
    return "/" + str(fields[0].attributes["value"]).split("/", 3)[3] if fields else ""


def subscribed(office: Office) -> str:
    return address(office.client.get(PAGE).form("/abonnement").submit(button="Créer mon lien"))


def ask(office: Office, path: str, **headers: str) -> Any:
    """A calendar program: no cookie, no browser."""
    with office.client.app.app_context():
        return office.client.app.test_client().get(
            path, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )


def events(answer: Any) -> list[Event]:
    """The feed, read strictly: one calendar, nothing wrong in any of its lines, no line of more than 75 bytes."""
    assert answer.status_code == 200 and answer.content_type == "text/calendar; charset=utf-8"
    assert all(len(line) <= 75 for line in answer.data.split(b"\r\n")) and answer.data.endswith(b"END:VCALENDAR\r\n")
    [calendar] = Calendar.from_ical(answer.data, multiple=True)
    assert calendar.errors == [] and (calendar["VERSION"], calendar["X-WR-TIMEZONE"]) == ("2.0", "Europe/Paris")
    found = list(calendar.walk("VEVENT"))
    for event in found:
        assert event.errors == [] and {"UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE"} <= set(event)
        assert not {"ATTENDEE", "ORGANIZER"} & set(event)
    return found


def test_the_feed_says_what_where_and_how_full_but_never_who(office: Office) -> None:
    rdv = make.rdv(
        office.motif,
        starts_at=TUESDAY,
        agents=[office.agent],
        lieu=office.lieu,
        salle=office.salle,
        intitule="Spécial jeunes, « élan » ; suite",
        version=7,
        note="Monsieur Secret arrive en retard",
    )
    who = make.usager(office.org, first_name="Zénobie", last_name="Confidentielle", email="zenobie@exemple.fr")
    make.participation(rdv, who)
    gone = make.rdv(office.motif, starts_at=TUESDAY + timedelta(days=1), agents=[office.agent], cancelled_at=NOW)
    make.rdv(office.motif, starts_at=NOW - timedelta(days=29), agents=[office.agent])
    make.rdv(office.motif, starts_at=NOW - timedelta(days=32), agents=[office.agent])  # too long ago
    make.rdv(office.motif, starts_at=TUESDAY)  # somebody else's
    elsewhere = make.motif(make.service(office.org, name="PMI"), name="Bébés nageurs")
    make.rdv(elsewhere, starts_at=TUESDAY, agents=[office.agent])  # where the agent no longer works
    db.session.commit()
    answer = ask(office, subscribed(office))
    past, first, cancelled = events(answer)
    assert past.start == NOW - timedelta(days=29)
    assert first.start == TUESDAY and first.end == TUESDAY + timedelta(hours=2)
    assert str(first["SUMMARY"]) == "Mes droits au RSA : Spécial jeunes, « élan » ; suite (1/12)"
    assert str(first["LOCATION"]) == "Salle Simone-Veil, Maison des solidarités, 3 rue des Lilas, 26990 Valmont"
    assert (str(first["UID"]), first["SEQUENCE"]) == (f"seance-{rdv.id}@{office.org.slug}.rdv-collectifs", 7)
    assert str(first["URL"]).endswith(f"/agent/rdv/{rdv.id}") and str(first["URL"]) in str(first["DESCRIPTION"])
    assert "1 place prise sur 12" in str(first["DESCRIPTION"]) and str(first["STATUS"]) == "CONFIRMED"
    assert (str(cancelled["STATUS"]), str(cancelled["SUMMARY"])) == ("CANCELLED", "Annulé : Mes droits au RSA")
    assert str(cancelled["UID"]).startswith(f"seance-{gone.id}@")
    text = answer.get_data(as_text=True).replace("\r\n ", "")
    for secret in ("Zénobie", "Confidentielle", "zenobie", "Secret", str(who.phone), "PMI", "nageurs", "agent/agenda"):
        assert secret not in text


def test_it_is_asked_again_for_nothing_until_something_moves(office: Office) -> None:
    rdv = make.rdv(office.motif, starts_at=TUESDAY, agents=[office.agent])
    db.session.commit()
    path = subscribed(office)
    first = ask(office, path)
    tag, last = first.headers["ETag"], first.headers["Last-Modified"]
    assert first.headers["Cache-Control"] == "private, no-cache" and "Set-Cookie" not in first.headers
    assert first.headers["Referrer-Policy"] == "no-referrer"
    with time_machine.travel(NOW + timedelta(hours=2), tick=False):
        assert ask(office, path).data == first.data  # nothing in it says when it was asked for
        assert ask(office, path, If_None_Match=tag).status_code == 304
        again = ask(office, path, If_Modified_Since=last)
        assert (again.status_code, again.data) == (304, b"")
        row = db.session.get_one(Rdv, rdv.id)
        row.places_prises, row.version = 1, 2
        journal.note(office.org.id, "inscription", row, by=Acteur.USAGER, rdv_id=row.id)
        db.session.commit()
        for header in ({"If_None_Match": tag}, {"If_Modified_Since": last}):
            [event] = events(ask(office, path, **header))
            assert (event["SEQUENCE"], event["DTSTAMP"].dt) == (2, NOW + timedelta(hours=2))


def test_a_link_is_replaced_and_taken_away(office: Office) -> None:
    assert not address(office.client.get(PAGE)) and office.client.get(f"{PAGE}/fin").location == PAGE
    first = subscribed(office)
    assert address(office.client.get(PAGE)) == first  # the same each time
    end = office.client.get(PAGE).link("Remplacer ou arrêter").form("/fin")
    page = end.submit(button="Remplacer le lien")
    second = address(page)
    assert second != first and page.has("Le lien est remplacé")
    assert end.submit(button="Remplacer le lien").has("avait déjà été remplacé")  # a double click
    assert address(office.client.get(PAGE)) == second
    assert (ask(office, first).status_code, ask(office, second).status_code) == (404, 200)
    page = office.client.get(f"{PAGE}/fin").form("/fin").submit(button="Arrêter l’abonnement")
    assert page.has("L’abonnement est arrêté") and ask(office, second).status_code == 404
    done = [line.action for line in db.session.query(Journal).order_by(Journal.id)]
    assert done == ["abonnement_cree", "abonnement_remplace", "abonnement_arrete"]
    stale = office.client.post(PAGE, data={"csrf_token": "vieux"})
    assert stale.status == 419 and not address(office.client.get(PAGE))


def test_whatever_is_wrong_is_the_same_unknown_page(office: Office) -> None:
    admin = make.agent(office.service, "admin")
    db.session.commit()
    path = subscribed(office)
    token = path.removeprefix("/agenda/").removesuffix(".ics")
    assert len(token) == 22 and token not in without_secrets(f"GET {path} 200")
    wrong = [f"/agenda/{other}.ics" for other in ("A" * 22, token[:-1], token + "x", "%C3%A9" * 22, "..", "x" * 400)]
    nowhere = ask(office, "/agenda/" + "B" * 22 + ".ics")
    assert nowhere.status_code == 404
    for one in wrong:
        answer = ask(office, one)
        assert (answer.status_code, answer.data) == (404, nowhere.data), one
    deactivate(office.agent.id, admin)
    assert ask(office, path).data == nowhere.data
    reactivate(office.agent.id, admin)
    assert ask(office, path).status_code == 404  # an account that opens again starts without a link
    stored = {str(value) for agent in db.session.query(Agent) for value in vars(agent).values()}
    assert token not in stored


def test_it_is_bounded_and_takes_as_many_statements_for_many_sessions(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.queries.calendrier.MOST", 40)
    path = subscribed(office)
    with statements() as few:
        assert len(events(ask(office, path))) == 0
    for n in range(50):
        make.rdv(office.motif, starts_at=TUESDAY + timedelta(hours=n), agents=[office.agent])
    db.session.commit()
    with statements() as many:
        assert len(events(ask(office, path))) == 40
    assert len(many) == len(few) <= 6


def test_a_flood_is_told_when_to_come_back(make_app: Any, client: PageClient) -> None:
    app = make_app(RATE_LIMITS="on")
    with app.app_context():
        office = Office(PageClient(app))
        path = subscribed(office)
        assert [ask(office, path).status_code for _ in range(121)][-2:] == [200, 429]
        assert int(ask(office, path).headers["Retry-After"]) > 0
