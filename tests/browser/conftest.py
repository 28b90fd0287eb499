"""The browser's fixtures: one site for all of them, people who open its pages, and an eye on what must not happen."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from dev.servers import Valkey
from tests.browser.stage import PASSWORD, WAIT_MS, Stage, Watch
from tests.crowd import TOKEN
from tests.databases import Base, build, forget_connections
from tests.servers import Site
from webapp.services import demonstration


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a browser."""
    for item in items:
        if "/tests/browser/" in str(item.path):
            item.add_marker("browser")


@pytest.fixture(scope="session")
def stage(sqlite_base: Base) -> Iterator[Stage]:
    """Web, worker and clock on a database of their own with the demonstration; each test makes what it is about."""
    url = sqlite_base.another()
    with Valkey() as valkey, Site(url, valkey.url) as site:
        app = build(url, LINK_KEY=site.env["LINK_KEY"], REDIS_URL=valkey.url, PUBLIC_URL=site.url)
        with app.app_context():
            demonstration.load()
        forget_connections(app)
        yield Stage(site, app)
        forget_connections(app)


@pytest.fixture(scope="session")
def strict_site(stage: Stage) -> Iterator[Site]:
    """One more web process on the same data, as production sets it: htmx from the CDN, and limits that count."""
    env = {"HTMX_SOURCE": "cdn", "RATE_LIMITS": "on"}
    with Site(stage.site.env["DATABASE_URL"], stage.site.env["REDIS_URL"], ("web",), env) as site:
        yield site


@pytest.fixture(scope="session")
def cookies_of(browser: Browser, stage: Stage) -> Callable[[str], Any]:
    """The browser state of an agent who has logged in, once per agent."""
    known: dict[str, Any] = {}

    def state(email: str) -> Any:
        if email not in known:
            context = browser.new_context(base_url=stage.url)
            form = context.request.get("/agent/connexion").text()
            token = TOKEN.search(form)
            answer = context.request.post(
                "/agent/connexion",
                form={"csrf_token": token[1] if token else "", "courriel": email, "mot_de_passe": PASSWORD},
                max_redirects=0,
            )
            assert answer.status == 303, answer.status
            known[email] = context.storage_state()
            context.close()
        return known[email]

    return state


@pytest.fixture
def window(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[Callable[..., Page]]:
    """Opens a window of its own on a site: `window(site.url, width=1280, js=False)`.

    At the end no page may have had a script error, a refused policy, or asked another machine for anything.
    """
    watches: list[Watch] = []
    contexts: list[BrowserContext] = []

    def open_window(url: str, *, width: int = 360, allowed: tuple[str, ...] = (), **options: Any) -> Page:
        viewport = {"width": width, "height": 800}
        context = browser.new_context(**{**browser_context_args, "base_url": url, "viewport": viewport, **options})
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        watches.append(Watch(context.new_page(), url, allowed))
        return watches[-1].page

    yield open_window
    for context in contexts:
        context.close()
    for watch in watches:
        watch.nothing_happened()


@pytest.fixture
def visitor(window: Callable[..., Page], stage: Stage, cookies_of: Callable[[str], Any]) -> Callable[..., Page]:
    """A window on the stage's site, for a stranger or for an agent already logged in: `visitor(agent=NADIA)`."""

    def open_window(*, agent: str = "", js: bool = True, **options: Any) -> Page:
        state = {"storage_state": cookies_of(agent)} if agent else {}
        return window(stage.url, java_script_enabled=js, **state, **options)

    return open_window
