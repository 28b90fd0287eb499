"""The waitlist on the collective sheet: who waits, give a place, take off, live like the rest."""

import pytest
from flask import Flask
from sqlalchemy import select

from tests.desk import Desk, desk, sound, sqlite_only, tap, told
from tests.pages import Page, PageClient
from webapp.domain.identity import Identity
from webapp.domain.participation import Statut
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import FileAttente, Rdv
from webapp.services import attente

__all__ = ["sqlite_only"]


@pytest.fixture
def made(app: Flask) -> Desk:
    """A full session of three seats, where Awa waits, then Bilal for two seats."""
    found = desk(app, capacite_max=3, liste_attente=True)
    with app.app_context():
        for name, places in (("Awa", 1), ("Bilal", 2)):
            phone = f"+33639987{ord(name[0]):03}"
            attente.join(found.rdv, Identity(name, "Touré", phone), envoi=name, places=places)
    return found


def entry(made: Desk, name: str) -> tuple[int, EtatAttente]:
    with made.app.app_context():
        found = db.session.scalars(select(FileAttente).where(FileAttente.usager.has(first_name=name))).one()
        return found.id, found.etat


def names(page: Page) -> list[str]:
    return [node.text().strip() for node in page.select("#attente .name")]


def give(client: PageClient, made: Desk, name: str, *, htmx: bool = False, **fields: str) -> Page:
    page = client.get(f"/agent/rdv/{made.rdv}")
    form = page.form(f"/attente/{entry(made, name)[0]}/place")
    data = {key: values[-1] for key, values in form.values.items()} | fields
    return client.post(form.action, data=data, htmx=htmx)


def test_the_sheet_shows_who_waits_in_order(made: Desk) -> None:
    page = made.log_in().get(f"/agent/rdv/{made.rdv}")
    assert names(page) == ["1. TOURÉ Awa", "2. TOURÉ Bilal"]
    assert page.has("2 places") and page.has("3 en attente") and 'data-attente="3"' in page.html
    assert page.has("3 places prises sur 3") and page.has("complet · 3 en attente")


def test_a_seat_that_comes_free_is_offered_before_ones_eyes(made: Desk) -> None:
    client = made.log_in()
    page = tap(client, made, 0, Statut.EXCUSE, htmx=True, depuis=str(made.session().version), dernier="99")
    assert page.has("place proposée jusqu’au") and page.has("1 proposée · 3 en attente")
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("2 places prises sur 3") and page.has("complet · 1 proposée · 3 en attente")
    with made.app.app_context():
        before = db.session.get_one(Rdv, made.rdv).version
        attente.refuse(entry(made, "Awa")[0])
    page = client.get(f"/agent/rdv/{made.rdv}/lignes?depuis={before}", htmx=True)
    assert page.select("#attente") and "TOURÉ Awa" not in page.html and page.has("TOURÉ Bilal")
    version = made.session().version
    assert client.get(f"/agent/rdv/{made.rdv}/lignes?depuis={version}", htmx=True).status == 204
    page = tap(client, made, 1, Statut.PRESENT, htmx=True)
    assert not page.select("#attente")  # the list did not move


def test_a_place_is_given_by_hand(made: Desk) -> None:
    client = made.log_in()
    tap(client, made, 0, Statut.EXCUSE)
    page = give(client, made, "Awa")
    assert page.status == 303 and "#participation-" in page.location
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert names(page) == ["1. TOURÉ Bilal"] and page.has("TOURÉ Awa")
    assert page.has("a donné une place à Awa Touré")
    assert [row.canal for row in told(made, "inscription")] == ["sms"]
    page = give(client, made, "Bilal")
    assert page.status == 409 and page.has("La séance est complète") and page.has("il faut le droit")
    assert sound(made)


def test_over_the_capacity_on_purpose(made: Desk) -> None:
    client = made.log_in("référent")
    page = give(client, made, "Bilal")
    assert page.status == 409 and page.has("la séance aura 5 personnes pour 3 places")
    page = page.form("/place").submit(surbooking="1")
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("5 places prises sur 3") and page.has("TOURÉ Accompagnant 1 de Bilal")
    assert names(page) == ["1. TOURÉ Awa"] and sound(made)


def test_htmx_brings_the_row_the_gauge_and_the_list(made: Desk) -> None:
    client = made.log_in("référent")
    since = str(made.session().version)
    page = give(client, made, "Awa", htmx=True, surbooking="1", depuis=since, dernier="3")
    assert page.status == 200 and page.has("TOURÉ Awa") and page.has("4 places prises sur 3")
    assert page.select("#attente") and names(page) == ["1. TOURÉ Bilal"]
    assert page.has("Awa Touré a une place")


def test_a_stale_button_says_what_happened(made: Desk) -> None:
    client = made.log_in("référent")
    form = client.get(f"/agent/rdv/{made.rdv}").form(f"/attente/{entry(made, 'Awa')[0]}/place")
    with made.app.app_context():
        attente.leave(entry(made, "Awa")[0])
    page = form.submit()
    assert page.status == 409 and page.has("La liste d’attente vient de changer")
    assert client.post(form.action.replace("/attente/", "/attente/9"), data=form.values).status == 404


def test_taking_somebody_off_says_who_is_told(made: Desk) -> None:
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}").link("Retirer Awa Touré")
    assert page.h1 == "Retirer Awa Touré de la liste d’attente\u00a0?" and page.has("Aucun message ne partira")
    page = page.form("/retrait", css="main form").submit()
    assert names(page) == ["1. TOURÉ Bilal"] and entry(made, "Awa")[1] is EtatAttente.RETIREE
    assert client.get(f"/agent/rdv/{made.rdv}/attente/{entry(made, 'Awa')[0]}/retrait").has("n’attend plus")
    assert page.has("a retiré Awa Touré de la liste d’attente") and sound(made)


def test_without_a_waitlist_nothing_is_shown(app: Flask) -> None:
    made = desk(app, capacite_max=3)
    page = made.log_in().get(f"/agent/rdv/{made.rdv}")
    assert not page.has("Liste d’attente")


@pytest.mark.parametrize("page", ["annulation", "modification"])
def test_who_waits_is_counted_before_the_session_is_cancelled_or_moved(made: Desk, page: str) -> None:
    """Three people are booked and two wait: what leaves is what was said."""
    shown = made.log_in().get(f"/agent/rdv/{made.rdv}/{page}")
    assert shown.has("5 personnes : ") and shown.has("Dont 2 personnes sur la liste d’attente.")
