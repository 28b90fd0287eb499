"""Every page in every state: accessible, valid, no wider than a small phone, quiet, and asking nobody else."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect
from selectolax.lexbor import LexborHTMLParser

from tests.browser.stage import WAIT_MS, Stage, Watch
from tests.browser.states import AGENTS, PUBLIC, Scene, State, prepare
from tests.browser.states_absences import ABSENCES
from tests.browser.states_acces import ACCES
from tests.browser.states_agenda import AGENDAS
from tests.browser.states_attente import ATTENTE
from tests.browser.states_compte import COMPTE
from tests.browser.states_foyer import FOYER
from tests.browser.states_invitations import INVITATIONS
from tests.browser.states_jour import JOUR
from tests.browser.states_lieux import LIEUX
from tests.browser.states_lots import LOTS
from tests.browser.states_pointage import POINTAGE
from tests.browser.states_recherche import RECHERCHE
from tests.browser.states_series import SERIES
from tests.browser.states_usagers import USAGERS
from tests.databases import Base
from tests.pages import faults_of_content, faults_of_markup
from tests.servers import Site

# What is dark differs from what is light by its colours, whatever the width.
LOOKS = ((360, "light"), (1280, "light"), (1280, "dark"))
COLOURS = ("color-contrast", "link-in-text-block")
NARROW = 320
# All of axe's rules, best practices included; what passes is not told. Its frames are the mails, sandboxed: it can't
# look into them, and would wait.
AXE = """rules => axe.run(document, {
  resultTypes: ['violations'], iframes: false, ...(rules && {runOnly: {type: 'rule', values: rules}})
}).then(found => found.violations)"""


@pytest.fixture(scope="session")
def scene(stage: Stage) -> Iterator[Scene]:
    return prepare(stage)


@pytest.fixture(scope="session")
def contexts(
    browser: Browser, browser_context_args: dict[str, Any], stage: Stage, cookies_of: Callable[[str], Any]
) -> Iterator[Callable[[str], BrowserContext]]:
    """One browser session for each of the people who look, that has the style sheets already."""
    known: dict[str, BrowserContext] = {}

    def context_of(agent: str) -> BrowserContext:
        if agent not in known:
            state = {"storage_state": cookies_of(agent)} if agent else {}
            known[agent] = browser.new_context(**browser_context_args, base_url=stage.url, **state)
            known[agent].set_default_timeout(WAIT_MS)
        return known[agent]

    yield context_of
    for context in known.values():
        context.close()


def violations(page: Page, *rules: str) -> list[str]:
    """What axe says, of these rules or of all, one line for each element."""
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]} | {node['failureSummary']}"
        for rule in page.evaluate(AXE, rules or None)
        for node in rule["nodes"]
    ]


def markup(answer: Response) -> list[str]:
    """What a browser without JavaScript gets is valid, and keeps the rules of the house."""
    html = answer.text()
    return [*faults_of_markup(html, True), *faults_of_content(LexborHTMLParser(html), True)]


def too_wide(page: Page) -> list[str]:
    """The elements that make the page scroll sideways, or nothing."""
    page.set_viewport_size({"width": NARROW, "height": 640})
    return page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return [...document.body.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > width + 1)
            .slice(-3).map(e => e.outerHTML.slice(0, 160));
        }"""
    )


@pytest.mark.parametrize(
    "state",
    [
        *PUBLIC,
        *ACCES,
        *ATTENTE,
        *FOYER,
        *INVITATIONS,
        *RECHERCHE,
        *AGENTS,
        *AGENDAS,
        *COMPTE,
        *ABSENCES,
        *JOUR,
        *LIEUX,
        *LOTS,
        *POINTAGE,
        *SERIES,
        *USAGERS,
    ],
    ids=lambda state: state.name.replace(", ", "-").replace(" ", "_"),
)
def test_page(contexts: Callable[[str], BrowserContext], stage: Stage, scene: Scene, state: State) -> None:
    with contexts(state.agent).new_page() as page:
        watch, answers = Watch(page, stage.url), keep_answers(page)
        address = state.go(page, scene)
        if address:
            page.goto(address)
        assert answers[-1].status == state.status
        assert_clean(page, answers)
    watch.nothing_happened()


def test_too_many_attempts(window: Callable[..., Page], strict_site: Site) -> None:
    """429, with what to do."""
    page = window(strict_site.url, allowed=("cdn.jsdelivr.net",))
    answers = keep_answers(page)
    page.goto("/agent/connexion")
    for _ in range(9):
        page.get_by_label("Courriel").fill("inconnue@exemple.fr")
        page.get_by_label("Mot de passe").fill("non")
        page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Trop de demandes")
    assert answers[-1].status == 429
    assert_clean(page, answers)


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
def test_a_site_without_anything(live_server: Callable[..., Site], base: Base, window: Callable[..., Page]) -> None:
    """Nobody publishes on it yet; then its database breaks."""
    site = live_server(processes=("web",))
    page = window(site.url, allowed=("500 document",))
    answers = keep_answers(page)
    for address in ("/", "/mentions-legales", "/agent/connexion"):
        page.goto(address)
        assert answers[-1].status == 200
        assert_clean(page, answers)
    with closing(sqlite3.connect(base.url.removeprefix("sqlite:///"))) as database:
        database.execute("ALTER TABLE organisations RENAME TO gone")
    page.goto("/")
    assert answers[-1].status == 500
    assert_clean(page, answers)


def keep_answers(page: Page) -> list[Response]:
    """The documents this page shows, as they come."""
    answers: list[Response] = []

    def keep(answer: Response) -> None:
        if (
            answer.request.is_navigation_request()
            and answer.frame == page.main_frame
            and not 300 <= answer.status < 400
        ):
            answers.append(answer)

    page.on("response", keep)
    return answers


def assert_clean(page: Page, answers: list[Response]) -> None:
    page.wait_for_load_state()
    faults = check(page)
    faults += [f"markup: {fault}" for fault in markup(answers[-1])]
    assert not faults, "\n".join(faults)


def check(page: Page) -> list[str]:
    """Each look, then the narrowest."""
    page.emulate_media(reduced_motion="reduce")  # else a button is still changing colour when it is looked at
    page.evaluate(AXE_SCRIPT)
    faults = []
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        found = violations(page, *(COLOURS if scheme == "dark" else ()))
        faults += [f"{width} {scheme}: {line}" for line in found]
    return faults + [f"{NARROW} px: {element}" for element in too_wide(page)]
