"""The signed sheet typed in, in a browser: a key a line, a tap a line, and without JavaScript."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests import factories as make
from tests.browser.stage import NADIA, Stage, has_focus
from webapp.clock import utcnow


@pytest.fixture
def ended(stage: Stage) -> int:
    """Nadia's workshop, over: three people to note."""
    with stage.rows() as rows:
        rdv = rows.session(starts_at=utcnow() - timedelta(hours=3), agents=[rows.agent(NADIA)])
        for last in ("Abadie", "Benali", "Colin"):
            make.participation(rdv, make.usager(rows.organisation(), first_name="Fatou", last_name=last))
        return rdv.id


@pytest.mark.parametrize(("js", "width"), [(True, 1280), (False, 360)], ids=["keys", "taps-without-javascript"])
def test_the_sheet_is_typed_in_from_the_first_page(
    visitor: Callable[..., Page], ended: int, js: bool, width: int
) -> None:
    page = visitor(agent=NADIA, js=js, width=width)
    page.goto("/agent/?qui=moi")
    left = page.locator("#liste-renseigner li").filter(has=page.locator(f'a[href="/agent/rdv/{ended}"]'))
    expect(left).to_contain_text("3 personnes à noter")
    left.get_by_role("link", name="Saisir la feuille").click()
    lines = page.get_by_role("group")
    if js:
        lines.nth(0).get_by_role("radio", name="À noter").focus()
        page.keyboard.press("p")
        assert has_focus(lines.nth(1).get_by_role("radio", name="À noter"))
        page.keyboard.press("a")
        page.keyboard.press("e")
    else:
        page.get_by_role("link", name="Tous présents, sauf…").click()
        lines.nth(1).get_by_role("radio", name="Absent").check()
        lines.nth(2).get_by_role("radio", name="Excusé").check()
    for number, name in enumerate(("Présent", "Absent", "Excusé")):
        expect(lines.nth(number).get_by_role("radio", name=name)).to_be_checked()
    page.get_by_role("button", name="Enregistrer la feuille").click()
    expect(page.get_by_text("3 personnes notées.")).to_be_visible()
    page.goto("/agent/?qui=moi")
    expect(page.locator("#compteurs")).to_be_visible()
    expect(left).to_have_count(0)
