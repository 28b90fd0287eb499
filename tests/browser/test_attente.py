"""The waitlist in a browser: from a full session to a seat, with htmx, without JavaScript, by the keyboard; and an
agent's sheet that follows."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from tests import factories as make
from tests.browser.hands import Mouse, shapes
from tests.browser.stage import HELENE, Stage
from webapp import links
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import FileAttente, Usager
from webapp.services.booking import change_statut


@pytest.fixture
def full(stage: Stage) -> tuple[int, int]:
    """A full session of the RSA workshop, and the place of somebody who won't come."""
    with stage.rows() as rows:
        rdv = rows.session(taken=12)
        return rdv.id, rdv.participations[0].id


def give_up(stage: Stage, place: int) -> None:
    with stage.app.app_context():
        change_statut(place, Statut.EXCUSE, by=Acteur.USAGER)


def link_of(stage: Stage, phone: str) -> str:
    """The page of whoever waits with that number."""
    with stage.rows():
        nonce = db.session.scalars(
            select(FileAttente.lien_nonce).join(FileAttente.usager).where(Usager.phone == phone)
        ).one()
        return f"/p/{links.token(links.ATTENTE, nonce)}"


SHAPES = shapes("06 39 98 88 6", htmx=360, no_javascript=320, keyboard=1280)


@pytest.mark.parametrize(("hands", "js", "width", "phone"), SHAPES)
def test_from_a_full_session_to_a_seat(
    visitor: Callable[..., Page],
    stage: Stage,
    full: tuple[int, int],
    hands: type[Mouse],
    js: bool,
    width: int,
    phone: str,
) -> None:
    rdv_id, place = full
    page = visitor(js=js, width=width)
    does = hands(page)
    page.goto(f"/rdv/{rdv_id}")
    does.press(page.get_by_role("link", name="M’inscrire sur la liste d’attente"))
    does.type(page.get_by_label("Prénom", exact=True).first, "Noémie")
    does.type(page.get_by_label("Nom", exact=True).first, "Quéméner")
    does.type(page.get_by_label("Téléphone"), phone)
    does.press(page.get_by_role("button", name="M’inscrire sur la liste"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Vous êtes sur la liste d’attente")
    give_up(stage, place)
    page.goto(link_of(stage, f"+33{phone.replace(' ', '')[1:]}"))  # the message that brings it leaves by day only
    expect(page.get_by_role("heading", name="Une place vous est proposée")).to_be_visible()
    does.press(page.get_by_role("button", name="Oui, je viens"))
    expect(page.get_by_text("Votre place est réservée.")).to_be_visible()


def test_the_sheet_follows_the_waitlist(visitor: Callable[..., Page], stage: Stage, full: tuple[int, int]) -> None:
    """A seat comes free before one's eyes; it is offered, then given by hand to somebody else over the capacity."""
    rdv_id, place = full
    with stage.rows() as rows:
        rdv = rows.rdv(rdv_id)
        org = rows.organisation()
        for name in ("Awa", "Bilal"):
            make.attente(rdv, make.usager(org, first_name=name, last_name="Touré"))
    page = visitor(agent=HELENE, width=1280)
    page.goto(f"/agent/rdv/{rdv_id}")
    waits = page.locator("#attente li")
    expect(waits).to_have_count(2)
    give_up(stage, place)
    expect(waits.first).to_contain_text("place proposée jusqu’au")
    expect(page.locator(f"#jauge-{rdv_id}")).to_contain_text("1 proposée · 2 en attente")
    waits.nth(1).get_by_role("button").click()
    expect(page.locator("#avis")).to_contain_text("La séance est complète")
    page.get_by_label("Inscrire quand même").check()
    page.get_by_role("button", name="Inscrire en surnombre").click()
    expect(waits).to_have_count(1)
    waits.first.get_by_role("button").click()
    expect(page.locator("#avis")).to_contain_text("La séance est complète")
    expect(page.locator("#participants")).to_contain_text("TOURÉ Bilal")


def test_a_place_is_given_in_one_tap(visitor: Callable[..., Page], stage: Stage, full: tuple[int, int]) -> None:
    """Row, gauge and list come without another page."""
    rdv_id, place = full
    with stage.rows() as rows:
        rdv = rows.rdv(rdv_id)
        wait = make.attente(rdv, make.usager(rows.organisation(), first_name="Awa", last_name="Touré"))
        token = links.token(links.ATTENTE, wait.lien_nonce)
    give_up(stage, place)
    page = visitor(agent=HELENE)
    page.goto(f"/agent/rdv/{rdv_id}")
    page.evaluate("window.still = true")
    page.locator("#attente li").get_by_role("button").click()
    expect(page.locator("#participants")).to_contain_text("TOURÉ Awa")
    expect(page.locator("#attente")).to_contain_text("Personne n’attend")
    expect(page.locator(f"#jauge-{rdv_id}")).to_contain_text("12 places prises sur 12")
    assert page.evaluate("window.still") is True
    person = visitor()
    person.goto(f"/p/{token}")
    expect(person.get_by_text("Nous vous attendons")).to_be_visible()
