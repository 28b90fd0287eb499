"""The states of the sheet on the day: all at once, taken back, notes, people counted, the network away."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.browser.stage import ADMIN, NADIA
from tests.browser.states import Scene, State, at, fill, press
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar


def begun(page: Page, scene: Scene, **fields: object) -> None:
    """A session of its own that has just started."""
    with scene.stage.rows() as rows:
        rdv = rows.session(starts_at=utcnow() - timedelta(minutes=5), **{"taken": 3, **fields}).id
    page.goto(f"/agent/rdv/{rdv}")


def all_present(page: Page, scene: Scene) -> None:
    begun(page, scene)
    press(page, "Tous présents")
    expect(page.locator("#lot")).to_contain_text("3 personnes notées")
    press(page, "Excusé")
    expect(page.get_by_role("button", name="Annuler ce changement").first).to_be_visible()


def nobody_left(page: Page, scene: Scene) -> None:
    all_present(page, scene)
    press(page, "Tout remettre à « Inscrit »")
    press(page, "Tout remettre à « Inscrit »")
    expect(page.locator("#lot")).to_contain_text("rien n’a changé")


def walk_in(page: Page, scene: Scene) -> None:
    begun(page, scene)
    fill(page, q="Awa Diallo-Quéméner")
    expect(page.get_by_role("button", name="Inscrire Awa Diallo-Quéméner")).to_be_visible()


def same_name(page: Page, scene: Scene) -> None:
    page.goto(f"/agent/rdv/{scene.rdv['open']}")
    page.locator("#creation > summary").click()
    fill(page, prenom="marie antoinette", nom="berthelot desgranges")
    press(page, "Créer et inscrire")
    expect(page.locator("#erreurs")).to_contain_text("existe déjà")


def note_in_the_row(page: Page, scene: Scene) -> None:
    page.goto(f"/agent/rdv/{scene.rdv['open']}")
    row = page.locator("#participants > li").first
    row.locator("summary").click()
    row.get_by_role("link", name="Note et messages").click()
    expect(row.get_by_label("Note", exact=True)).to_be_focused()


def note_too_long(page: Page, scene: Scene) -> None:
    page.goto(f"/agent/rdv/{scene.rdv['open']}/participations/{scene.place['here']}/note")
    page.locator("main textarea").evaluate("e => { e.maxLength = 999 }")
    fill(page, note="x" * 501)
    press(page, "Enregistrer la note")
    expect(page.locator("#erreurs")).to_be_visible()


def counted(page: Page, scene: Scene) -> None:
    begun(page, scene, taken=0, reservable_par=ReservablePar.ENTREE_LIBRE, capacite_max=None)
    press(page, "+ 1")
    expect(page.locator("main [data-jauge]")).to_contain_text("1 personne comptée")
    page.locator("#comptage summary").click()


POINTAGE = [
    State("sheet, all present", all_present, NADIA),
    State("sheet, nobody left to note", nobody_left, NADIA),
    State("sheet, walk-in", walk_in, NADIA),
    State("sheet, same name", same_name, NADIA),
    State("sheet, note in the row", note_in_the_row, NADIA),
    State("note page", at("/agent/rdv/{scene.rdv[open]}/participations/{scene.place[here]}/note"), NADIA),
    State("note page, too long", note_too_long, NADIA, status=422),
    State("sheet, people counted", counted, ADMIN),
]
