"""Every page in every state: accessible, valid, no wider than a small phone, quiet, and asking nobody else."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, Response, expect
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
from tests.browser.states_jetons import JETONS
from tests.browser.states_jour import JOUR
from tests.browser.states_lieux import LIEUX
from tests.browser.states_lots import LOTS
from tests.browser.states_pointage import POINTAGE
from tests.browser.states_recherche import RECHERCHE
from tests.browser.states_series import SERIES
from tests.browser.states_usagers import USAGERS
from tests.browser.states_webhooks import WEBHOOKS
from tests.databases import Base
from tests.pages import faults_of_content, faults_of_markup
from tests.servers import Site

# Colours cost more than all the rest: each is looked at once, in light and in dark. The first look is for every rule;
# the second, for every rule but those of colours, and for these where the other width shows an element or paints it
# otherwise; what is dark differs from what is light by its colours, whatever the width.
LOOKS = ((360, "light"), (1280, "light"), (1280, "dark"))
COLOURS = ["color-contrast", "link-in-text-block"]
NARROW = 320
# All of axe's rules, best practices included; what passes is not told. Its frames are the mails, sandboxed: it can't
# look into them, and would wait. A window gets it once, a page that is looked at runs it.
AXE = f"window.loadAxe = () => {{\n{AXE_SCRIPT}\n}}"
LOOK = """async ([scheme, colours]) => {
  if (!window.axe) window.loadAxe();
  const painted = new Map([...document.querySelectorAll('body, body *')].filter(e => e.checkVisibility()).map(e => {
    const { color, backgroundColor } = getComputedStyle(e);
    return [e, color + backgroundColor];
  }));
  const look = async (options, where = document) => (await axe.run(where, {
    resultTypes: ['violations'], iframes: false, preload: false, ...options
  })).violations;
  const found = [];
  if (scheme === 'dark') found.push(await look({runOnly: colours}));
  else if (!window.painted) found.push(await look({}));
  else {
    found.push(await look({rules: Object.fromEntries(colours.map(rule => [rule, {enabled: false}]))}));
    const others = [...painted.keys()].filter(e => painted.get(e) !== window.painted.get(e));
    if (others.length) found.push(await look({runOnly: colours}, {include: others}));
  }
  window.painted = painted;
  return found.flat();
}"""


@pytest.fixture(scope="session")
def scene(stage: Stage) -> Iterator[Scene]:
    return prepare(stage)


@dataclass
class Window:
    """A page, what must never happen in it, and the documents it shows, as they come."""

    page: Page
    url: str
    answers: list[Response] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = Watch(self.page, self.url)
        self.page.add_init_script(AXE)
        self.page.emulate_media(reduced_motion="reduce")  # else a button still changes colour while it is looked at
        self.page.on("response", self._keep)

    def _keep(self, answer: Response) -> None:
        if (
            answer.request.is_navigation_request()
            and answer.frame == self.page.main_frame
            and not 300 <= answer.status < 400
        ):
            self.answers.append(answer)

    def begin(self) -> None:
        """As a new page would be, which costs as much as what it shows; what the one before still says is its own."""
        first, scheme = LOOKS[0]
        self.page.set_viewport_size({"width": first, "height": 800})
        self.page.emulate_media(color_scheme=scheme)
        self.answers.clear()
        self.watch.faults.clear()

    def assert_clean(self, status: int) -> None:
        """What it shows now answered so, and has no fault."""
        self.page.wait_for_load_state()
        assert self.answers[-1].status == status
        faults = [*check(self.page), *(f"markup: {fault}" for fault in markup(self.answers[-1]))]
        assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
def windows(
    browser: Browser, browser_context_args: dict[str, Any], stage: Stage, cookies_of: Callable[[str], Any]
) -> Iterator[Callable[[str], Window]]:
    """One for each of the people who look, for all that they look at."""
    known: dict[str, Window] = {}

    def window_of(agent: str) -> Window:
        if agent not in known:
            state = {"storage_state": cookies_of(agent)} if agent else {}
            context = browser.new_context(**browser_context_args, base_url=stage.url, **state)
            context.set_default_timeout(WAIT_MS)
            known[agent] = Window(context.new_page(), stage.url)
        return known[agent]

    yield window_of
    for window in known.values():
        window.page.context.close()


def violations(page: Page, scheme: str) -> list[str]:
    """What axe says, one line for each element; a page that is not of a `Window` gets axe now."""
    page.evaluate(f"window.loadAxe || ({AXE})")
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:200]} | {node['failureSummary']}"
        for rule in page.evaluate(LOOK, [scheme, COLOURS])
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
        *WEBHOOKS,
        *ABSENCES,
        *JETONS,
        *JOUR,
        *LIEUX,
        *LOTS,
        *POINTAGE,
        *SERIES,
        *USAGERS,
    ],
    ids=lambda state: state.name.replace(", ", "-").replace(" ", "_"),
)
def test_page(windows: Callable[[str], Window], scene: Scene, state: State) -> None:
    window = windows(state.agent)
    window.begin()
    address = state.go(window.page, scene)
    if address:
        window.page.goto(address)
    window.assert_clean(state.status)
    window.watch.nothing_happened()


def test_too_many_attempts(window: Callable[..., Page], strict_site: Site) -> None:
    """429, with what to do."""
    page = window(strict_site.url, allowed=("cdn.jsdelivr.net",))
    seen = Window(page, strict_site.url)
    page.goto("/agent/connexion")
    for _ in range(9):
        page.get_by_label("Courriel").fill("inconnue@exemple.fr")
        page.get_by_label("Mot de passe").fill("non")
        page.get_by_role("button", name="Se connecter").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Trop de demandes")
    seen.assert_clean(429)


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
def test_a_site_without_anything(live_server: Callable[..., Site], base: Base, window: Callable[..., Page]) -> None:
    """Nobody publishes on it yet; then its database breaks."""
    site = live_server(processes=("web",))
    page = window(site.url, allowed=("500 document",))
    seen = Window(page, site.url)
    for address in ("/", "/mentions-legales", "/agent/connexion"):
        page.goto(address)
        seen.assert_clean(200)
    with closing(sqlite3.connect(base.url.removeprefix("sqlite:///"))) as database:
        database.execute("ALTER TABLE organisations RENAME TO gone")
    page.goto("/")
    seen.assert_clean(500)


FAULTS = {
    "<p class='pale'>Pâle partout</p>": {"360 light: color-contrast", "1280 dark: color-contrast"},
    "<p class='wide pale'>Pâle en grand</p>": {"1280 light: color-contrast", "1280 dark: color-contrast"},
    "<div class='dim'><p>Sur un autre fond</p></div>": {"1280 light: color-contrast", "1280 dark: color-contrast"},
    "<p class='night'>Pâle la nuit</p>": {"1280 dark: color-contrast"},
    "<button></button>": {"360 light: button-name", "1280 light: button-name"},
    "<button class='wide'></button>": {"1280 light: button-name"},
    "<p class='long'>Large</p>": {"320 px: <p class"},
}
PAGE = """<!doctype html><html lang="fr"><title>Essai</title><style>
  body { margin: 0; background: #fff; color: #111 }
  .pale { color: #bbb }
  .long { width: 340px }
  @media (max-width: 1000px) { .wide { display: none } }
  @media (min-width: 1000px) { .dim { background: #333 } }
  @media (prefers-color-scheme: dark) { .night { color: #ddd } }
</style><main><h1>Essai</h1>{fault}</main></html>"""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_the_looks_that_show_it(windows: Callable[[str], Window], fault: str) -> None:
    window = windows("")
    window.begin()
    window.page.goto("about:blank")
    window.page.set_content(PAGE.replace("{fault}", fault))
    found = check(window.page)
    assert {line.split(" (")[0].split("=")[0] for line in found} == FAULTS[fault], found


def check(page: Page) -> list[str]:
    """Each look, then the narrowest."""
    faults = []
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        faults += [f"{width} {scheme}: {line}" for line in violations(page, scheme)]
    return faults + [f"{NARROW} px: {element}" for element in too_wide(page)]
