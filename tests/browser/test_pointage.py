"""The day of the workshop in a browser: the network goes away, everybody is noted at once, a change is taken back."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import factories as make
from tests.browser.hands import Keyboard, Mouse
from tests.browser.stage import HELENE, NADIA, Stage
from tests.browser.test_axe import check
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Participation, Rdv
from webapp.services.booking import change_statut

CUT = ("failed:", "console: htmx", "503")
"""What a page without network says of it."""


@pytest.fixture
def people(stage: Stage) -> tuple[int, list[int]]:
    """A workshop begun a moment ago, and who is expected."""
    with stage.rows() as rows:
        rdv = rows.session(starts_at=utcnow() - timedelta(minutes=1), agents=[rows.agent(NADIA)])
        names = (("Fatou", "Évrard"), ("Marie", "Berthelot"), ("Zoé", "Weiss"))
        org = rows.organisation()
        return rdv.id, [
            make.participation(rdv, make.usager(org, first_name=first, last_name=last)).id for first, last in names
        ]


def button(page: Page, place: int, name: str) -> Locator:
    return page.locator(f"#participation-{place}").get_by_role("button", name=name, exact=True)


def pressed(page: Page, place: int, name: str) -> None:
    expect(button(page, place, name)).to_have_attribute("aria-pressed", "true")


def kept(stage: Stage, place: int) -> Statut:
    with stage.app.app_context():
        found = db.session.get_one(Participation, place).statut
        db.session.remove()
        return found


def test_nothing_tapped_is_lost_while_the_network_is_away(
    visitor: Callable[..., Page], stage: Stage, people: tuple[int, list[int]]
) -> None:
    """Kept, said, sent in order when it is back; a colleague who was faster wins, and it is said."""
    rdv, (fatou, marie, zoe) = people
    page = visitor(agent=NADIA, allowed=CUT)
    page.goto(f"/agent/rdv/{rdv}")
    page.context.set_offline(True)
    button(page, fatou, "Absent").click()
    expect(page.locator(f"#participation-{fatou}")).to_contain_text("« Absent » : en attente d’envoi")
    button(page, fatou, "Présent").click()  # the last word counts
    button(page, marie, "Absent").click()
    expect(page.locator(f"#participation-{fatou}")).to_contain_text("« Présent » : en attente d’envoi")
    expect(page.locator(".en-attente")).to_contain_text("2 choix en attente d’envoi")
    expect(page.locator("#annonces")).to_contain_text("en attente d’envoi")
    assert check(page) == []
    asks = "dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    assert page.evaluate(asks) is False
    assert kept(stage, fatou) is Statut.INSCRIT
    with stage.app.app_context():
        change_statut(marie, Statut.EXCUSE, by=Acteur.AGENT)
        db.session.remove()
    page.context.set_offline(False)
    pressed(page, fatou, "Présent")
    alert = page.locator(f"#participation-{marie}").get_by_role("alert")
    expect(alert).to_contain_text("vient de passer à « Excusé »")
    pressed(page, marie, "Excusé")
    expect(page.locator("[data-attend]")).to_have_count(0)
    assert (kept(stage, fatou), kept(stage, marie)) == (Statut.PRESENT, Statut.EXCUSE)
    page.route("**/statut", lambda route: route.fulfill(status=503, body="busy"))
    button(page, zoe, "Présent").click()
    expect(page.locator(f"#participation-{zoe}")).to_contain_text("en attente d’envoi")
    page.unroute("**/statut")
    pressed(page, zoe, "Présent")
    expect(page.locator("[data-attend]")).to_have_count(0)
    assert page.evaluate(asks) is True and kept(stage, zoe) is Statut.PRESENT


@pytest.mark.parametrize(("hand", "js"), [(Mouse, True), (Keyboard, True), (Mouse, False)])
def test_all_present_then_one_taken_back(
    visitor: Callable[..., Page], people: tuple[int, list[int]], hand: type[Mouse], js: bool
) -> None:
    """With the thumb, by keyboard, without JavaScript; the way back goes by itself."""
    rdv, (fatou, marie, zoe) = people
    page = visitor(agent=NADIA, js=js)
    me = hand(page, js)
    if js:
        page.clock.install()
    page.goto(f"/agent/rdv/{rdv}")
    me.press(page.get_by_role("button", name="Tous présents"))
    expect(page.locator("#lot")).to_contain_text("3 personnes notées « Présent »")
    for place in (fatou, marie, zoe):
        pressed(page, place, "Présent")
    me.press(page.get_by_role("button", name="Annuler pour tous"))
    for place in (fatou, marie, zoe):
        pressed(page, place, "Inscrit")
    me.press(button(page, marie, "Absent"))
    pressed(page, marie, "Absent")
    me.press(button(page, marie, "Annuler ce changement"))
    pressed(page, marie, "Inscrit")
    me.press(button(page, zoe, "Excusé"))
    expect(button(page, zoe, "Annuler ce changement")).to_be_visible()
    if js:
        button(page, zoe, "Annuler ce changement").focus()
        page.clock.fast_forward(11_000)
        expect(button(page, zoe, "Annuler ce changement")).to_have_count(0)
        expect(button(page, zoe, "Excusé")).to_be_focused()


def test_two_agents_on_one_sheet_with_a_note_half_written(
    visitor: Callable[..., Page], people: tuple[int, list[int]]
) -> None:
    """What a colleague does to that person arrives, and what is being typed stays."""
    rdv, (fatou, _, _) = people
    mine, theirs = (visitor(agent=agent) for agent in (NADIA, HELENE))
    for page in (mine, theirs):
        page.goto(f"/agent/rdv/{rdv}")
    row = mine.locator(f"#participation-{fatou}")
    row.locator("summary").click()
    row.get_by_role("link", name="Note et messages").click()
    note = row.get_by_label("Note", exact=True)
    expect(note).to_be_focused()
    note.fill("Vient avec sa sœur")
    button(theirs, fatou, "Présent").click()
    pressed(mine, fatou, "Présent")
    expect(note).to_have_value("Vient avec sa sœur")
    row.get_by_role("button", name="Enregistrer la note").click()
    expect(row).to_contain_text("Note : Vient avec sa sœur")
    expect(theirs.locator(f"#participation-{fatou}")).to_contain_text("Note : Vient avec sa sœur")


def test_people_counted_at_an_open_door(visitor: Callable[..., Page], stage: Stage) -> None:
    """Live on the other screen; a double click is one person; what is tapped without network counts each."""
    with stage.rows() as rows:
        rdv = rows.session(
            starts_at=utcnow() - timedelta(minutes=1), reservable_par=ReservablePar.ENTREE_LIBRE, capacite_max=None
        ).id
    mine, theirs = visitor(agent=HELENE, allowed=CUT), visitor(agent=NADIA)
    for page in (mine, theirs):
        page.goto(f"/agent/rdv/{rdv}")
    more = mine.get_by_role("button", name="+ 1")
    more.dblclick()
    expect(mine.locator("main [data-jauge]")).to_contain_text("1 personne comptée")
    expect(theirs.locator("main [data-jauge]")).to_contain_text("1 personne comptée")
    mine.context.set_offline(True)
    for _ in range(3):
        more.click()
    expect(mine.locator(".en-attente")).to_contain_text("3 choix en attente")
    mine.context.set_offline(False)
    expect(theirs.locator("main [data-jauge]")).to_contain_text("4 personnes comptées")
    with stage.app.app_context():
        assert db.session.get_one(Rdv, rdv).presents_anonymes == 4
        db.session.remove()
