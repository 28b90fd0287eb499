"""htmx comes from the CDN; without it from here; without both the site is plain forms and links."""

import pathlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from dev.processes import ROOT
from tests import factories as make
from tests.browser.stage import HELENE, RSA, Stage
from tests.servers import Site
from webapp.web.htmx import CDN, FILES

VENDOR = ROOT / "webapp" / "static" / "vendor"
AWAY = ("cdn.jsdelivr.net", "/static/vendor/")


@pytest.fixture
def served(
    window: Callable[..., Page], strict_site: Site, cookies_of: Callable[[str], Any]
) -> Callable[..., tuple[Page, list[str]]]:
    """Opens a window where the CDN answers, or not, and our own copies too: the page, and the scripts that came."""

    def open_window(*, cdn: bool, local: bool, agent: str = "") -> tuple[Page, list[str]]:
        state = {"storage_state": cookies_of(agent)} if agent else {}
        page = window(strict_site.url, allowed=AWAY, **state)
        page.route(f"{CDN}**", answer_for_the_cdn if cdn else lambda route: route.abort())
        if not local:
            page.route("**/static/vendor/**", lambda route: route.abort())
        came: list[str] = []
        page.on(
            "requestfinished", lambda request: came.append(request.url) if request.resource_type == "script" else None
        )
        return page, came

    return open_window


def answer_for_the_cdn(route: Route) -> None:
    """The same files as the CDN's: their integrity says so."""
    names = {CDN + path: name for path, name, _ in FILES}
    file = pathlib.Path(VENDOR / names[route.request.url])
    route.fulfill(path=file, content_type="text/javascript", headers={"Access-Control-Allow-Origin": "*"})


def live(page: Page, stage: Stage) -> None:
    """A gauge of the page moves by itself when another person books."""
    rdv_id = stage.session(taken=2)
    with page.expect_response(lambda answer: "/flux" in answer.url and answer.status == 200):
        page.goto(f"/rdv/{rdv_id}")
    with page.context.expect_page() as opened:
        page.evaluate("address => { window.open(address) }", f"/rdv/{rdv_id}/inscription")
    other = opened.value
    for label, text in (("Prénom", "Sofia"), ("Nom", "Nguyen"), ("Téléphone", "06 39 98 77 01")):
        other.get_by_label(label, exact=True).fill(text)
    other.get_by_role("button", name="Réserver ma place").click()
    expect(page.locator(f"#jauge-{rdv_id}")).to_have_attribute("data-prises", "3")


def test_from_the_cdn(served: Callable[..., tuple[Page, list[str]]], stage: Stage) -> None:
    page, came = served(cdn=True, local=False)
    live(page, stage)
    assert {url for url in came if "htmx" in url} == {CDN + path for path, _, _ in FILES}


def test_the_local_copy_takes_over(served: Callable[..., tuple[Page, list[str]]], stage: Stage) -> None:
    page, came = served(cdn=False, local=True)
    live(page, stage)
    assert [re.sub(r".*/|\?.*", "", url) for url in came if "/vendor/" in url] == [name for _, name, _ in FILES]


def test_without_htmx_a_person_books(served: Callable[..., tuple[Page, list[str]]]) -> None:
    page, came = served(cdn=False, local=False)
    page.goto("/")
    page.get_by_role("link", name=RSA, exact=True).click()
    page.get_by_role("link", name=re.compile(r"^Réserver\sle\s")).first.click()
    page.get_by_role("link", name="Réserver ma place").click()
    for label, text in (("Prénom", "Sam"), ("Nom", "Leroy"), ("Téléphone", "06 39 98 77 02")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Réserver ma place").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Votre place est réservée")
    assert not [url for url in came if "htmx" in url]


def test_without_htmx_an_agent_works(served: Callable[..., tuple[Page, list[str]]], stage: Stage) -> None:
    with stage.rows() as rows:
        rdv = rows.session()
        place = make.participation(rdv).id
        make.usager(rows.organisation(), first_name="Océane", last_name="Sanscdn")
        rdv_id = rdv.id
    page, _ = served(cdn=False, local=False, agent=HELENE)
    page.goto(f"/agent/rdv/{rdv_id}")
    page.get_by_label("Nom, téléphone ou courriel").fill("sanscdn")
    page.get_by_role("button", name="Chercher").click()
    page.get_by_role("button", name="Inscrire Océane Sanscdn").click()
    expect(page.locator("#participants > li")).to_have_count(2)
    page.locator(f"#s-{place}-excuse").click()
    expect(page.locator(f"#s-{place}-excuse")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("main [data-jauge]")).to_contain_text("1 place prise sur 12")
