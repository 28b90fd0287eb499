"""The states of pages about several people at once, and of a session found for somebody on the phone."""

from datetime import timedelta

from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.stage import HELENE, NADIA, RSA, Rows
from tests.browser.states import LONG_WORD, Scene, State, at, press
from webapp.clock import utcnow
from webapp.domain.participation import Statut


def _two(scene: Scene, taken: int = 0, **fields: object) -> tuple[int, int, int]:
    """A session with somebody whose name is long and their child, another one; and the first one's place."""
    with scene.stage.rows() as rows:
        first = rows.session(RSA, starts_at=utcnow() + timedelta(days=9))
        there = rows.session(RSA, taken=taken, starts_at=utcnow() + timedelta(days=16), **fields)
        who = make.usager(rows.organisation(), last_name=LONG_WORD)
        child = make.usager(rows.organisation(), first_name="Léa", phone=None, responsable=who)
        place = make.participation(first, who)
        make.participation(first, child)
        make.participation(first, make.usager(rows.organisation(), first_name="Jean", phone=None), Statut.INSCRIT)
        return first.id, there.id, place.id


def _moved(scene: Scene, *, taken: int = 0, vers: bool = True) -> str:
    rdv_id, there, place = _two(scene, taken)
    return f"/agent/rdv/{rdv_id}/participations/{place}/deplacement{f'?vers={there}' if vers else ''}"


def move_refused(page: Page, scene: Scene) -> None:
    page.goto(_moved(scene, taken=12))
    press(page, "Déplacer à cette séance")
    expect(page.locator("#erreurs")).to_contain_text("complète")


def moved(page: Page, scene: Scene) -> None:
    page.goto(_moved(scene))
    press(page, "Déplacer à cette séance")
    page.get_by_text("Détails").first.click()


def copied(page: Page, scene: Scene, taken: int = 0) -> str:
    rdv_id, there, _ = _two(scene, taken)
    return f"/agent/rdv/{rdv_id}/copie?vers={there}"


def unticked(page: Page, scene: Scene) -> None:
    page.goto(copied(page, scene))
    page.locator("input[name=qui]").first.uncheck()
    expect(page.locator("#apercu")).to_contain_text("2 personnes seront inscrites")


def to_invite(_page: Page, scene: Scene) -> str:
    rdv_id, _, _ = _two(scene)
    return f"/agent/rdv/{rdv_id}/relance?montre=1&" + "&".join(f"qui={n}" for n in _places(scene, rdv_id))


def _places(scene: Scene, rdv_id: int) -> list[int]:
    with scene.stage.rows() as rows:
        return [place.id for place in rows.rdv(rdv_id).participations]


def absent(rows: Rows) -> int:
    past = rows.session(RSA, starts_at=utcnow() - timedelta(days=1), hours=2)
    make.participation(past, make.usager(rows.organisation(), last_name=LONG_WORD), Statut.ABSENT)
    return past.id


def absent_on_the_sheet(page: Page, scene: Scene) -> None:
    with scene.stage.rows() as rows:
        rdv_id = absent(rows)
    page.goto(f"/agent/rdv/{rdv_id}")
    page.get_by_text("Détails").first.click()
    expect(page.get_by_role("button", name="à une autre date")).to_be_visible()


def to_wait(_page: Page, scene: Scene) -> str:
    with scene.stage.rows() as rows:
        return f"/agent/rdv/{make.full(rows.session(RSA)).id}/attente/ajout?q=amrani"


LOTS = [
    State("move, sessions to choose", lambda _page, scene: _moved(scene, vers=False), NADIA),
    State("move, before", lambda _page, scene: _moved(scene), NADIA),
    State("move, full", move_refused, HELENE, status=409),
    State("move, done", moved, NADIA),
    State("copy, before", copied, NADIA),
    State("copy, another choice", unticked, NADIA),
    State("copy, too many", lambda page, scene: copied(page, scene, 11), HELENE),
    State("invite again", to_invite, NADIA),
    State("invite again, one click", absent_on_the_sheet, NADIA),
    State("a session for somebody", at("/agent/seances"), NADIA),
    State("a session for somebody, none", at("/agent/seances?du=2199-01-01"), NADIA),
    State("on the list", to_wait, NADIA),
]
