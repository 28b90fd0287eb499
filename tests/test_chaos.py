"""A thousand messages while everything around them breaks: each ends once at its provider, none is lost."""

import http.server
import json
import pathlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from dev.servers import Postgres, ServerUnavailable, Valkey
from tests import factories as make
from tests.conftest import POSTGRES_HOW, unavailable
from tests.databases import build, forget_connections, migrate
from tests.doors import new_seed
from tests.outbox import until
from tests.servers import Site, SmtpSink
from webapp.domain.events import Inscription
from webapp.extensions import db
from webapp.models import EtatNotification, Notification
from webapp.notifications.base import emit
from webapp.services.transaction import transaction

pytestmark = pytest.mark.volume
WAVES, WAVE = 20, 25
"""People booked at once, again and again while things break: each is told by a text and by a mail."""
PEOPLE = WAVES * WAVE
STEPS = ("claim", "send", "record")
"""Where a worker dies: before it owns messages; once it does; once the provider took one, before that is written."""


@dataclass
class Provider:
    """A provider of texts on a bad day; it counts what it took, by key. `calm` ends the bad day."""

    dice: random.Random
    calm: bool = False
    url: str = ""
    taken: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, key: str) -> tuple[str, int, bytes, float]:
        """(mood, status, body, seconds): taken with an id, taken with garbage, slowly; refused for now."""
        moods = ["ok"] * 14 if self.calm else ["ok"] * 9 + ["garbage", "slow", "500", "503", "429"]
        with self.lock:
            mood = self.dice.choice(moods)
            self.said[mood] += 1
            status = {"500": 500, "503": 503, "429": 429}.get(mood, 200)
            if status == 200:
                self.taken[key] += 1
        body = b"\x00<html>not what you expect" if mood == "garbage" else json.dumps({"id": key[:8]}).encode()
        return mood, status, body, 2.5 if mood == "slow" and self.dice.random() < 0.1 else 0

    def serving(self) -> http.server.ThreadingHTTPServer:
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                mood, status, body, seconds = provider.answer(self.headers["Idempotency-Key"])
                time.sleep(seconds)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                if mood == "429":
                    self.send_header("Retry-After", "1")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a worker killed while it asked
        self.url = f"http://127.0.0.1:{server.server_port}/sms"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return server


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server of this test's own: it is restarted."""
    server = Postgres()
    try:
        server.start()
    except ServerUnavailable as error:
        unavailable(f"a real PostgreSQL ({error})", POSTGRES_HOW)
    yield server
    server.close()


def promise(app: Flask, wave: int) -> None:
    """People booked together, with a text and a mail each."""
    with app.app_context():
        org = make.organisation(budget_sms_jour=10 * WAVE)
        rdv = make.rdv(make.motif(make.service(org), capacite_max=WAVE))
        people = [make.usager(org, email=f"vague{wave}-{n}@exemple.fr") for n in range(WAVE)]
        rows = [make.participation(rdv, person) for person in people]
        db.session.commit()
        with transaction():
            for row in rows:
                emit(Inscription(participation_id=row.id, version=1))
        db.session.remove()
    forget_connections(app)  # the database may go before the next one


def states(app: Flask) -> Counter[str]:
    with app.app_context():
        found = db.session.execute(select(Notification.etat, func.count()).group_by(Notification.etat)).all()
        db.session.remove()
        return Counter({etat.value: count for etat, count in found})


class Workers:
    """Two workers that die where they are told to, and come back."""

    def __init__(self, start: Callable[[dict[str, str]], Site], folder: pathlib.Path) -> None:
        self.start, self.folder = start, folder
        self.sites: list[Site] = []
        self.deaths: Counter[str] = Counter()
        for number in range(2):
            self.sites.append(self._one(number, STEPS[0]))

    def flag(self, number: int) -> pathlib.Path:
        return self.folder / f"halt-{number}"

    def _one(self, number: int, step: str) -> Site:
        return self.start({"HALT": step, "HALT_AT": str(self.flag(number))})

    def kill(self, number: int, step: str, patience: float = 6) -> None:
        """Replace a worker by one that will die at that step, wait until it has, and start it again."""
        self.sites[number].kill("worker")
        self.sites[number].stop()
        self.flag(number).touch()
        self.sites[number] = self._one(number, step)
        ends = time.monotonic() + patience
        while self.flag(number).exists() and time.monotonic() < ends:
            time.sleep(0.05)
        if not self.flag(number).exists():
            self.deaths[step] += 1
        self.flag(number).unlink(missing_ok=True)
        self.sites[number].stop()
        self.sites[number] = self._one(number, step)


def test_a_thousand_messages_while_everything_breaks(
    postgres: Postgres, valkey: Valkey, smtp: SmtpSink, tmp_path: pathlib.Path, record_property: Any
) -> None:
    seed = new_seed()
    dice = random.Random(seed)
    print(f"seed {seed}")
    provider = Provider(random.Random(seed + 1))
    server = provider.serving()
    migrate(postgres.url)
    app = build(postgres.url, REDIS_URL=valkey.url)
    env = {"SMS_URL": provider.url, "MAIL_SERVER": smtp.host, "MAIL_PORT": str(smtp.port)}

    def worker(more: dict[str, str]) -> Site:
        site = Site(postgres.url, valkey.url, ("worker",), env={**env, **more}, app="tests.halting:app")
        return site.start()

    clocks = [Site(postgres.url, valkey.url, ("clock",), env=env).start() for _ in "12"]
    workers = Workers(worker, tmp_path)
    faults: Counter[str] = Counter()
    waves, step = 0, 0
    while waves < WAVES or len(workers.deaths) < len(STEPS):
        assert waves < 3 * WAVES, f"only died at {workers.deaths}: {states(app)}"
        if waves < WAVES:
            promise(app, waves)
        waves += 1
        fault = dice.choice(["worker", "worker", "worker", "redis", "database", "mail"])
        faults[fault] += 1
        if fault == "worker":
            workers.kill(dice.randrange(2), STEPS[step % 3])
            step += 1
        elif fault == "redis":
            valkey.process.kill()
            valkey.process.wait()
            time.sleep(dice.uniform(0.2, 2))
            valkey.start()
        elif fault == "database":
            postgres.stop()
            time.sleep(dice.uniform(0.2, 1.5))
            postgres.run()
        else:
            smtp.answer = dice.choice(["451 later", "421 busy", "250 OK"])
            time.sleep(1)
            smtp.answer = "250 OK"
        time.sleep(dice.uniform(1, 3))
    provider.calm = True
    forget_connections(app)
    calm = time.monotonic()
    before = sum(provider.taken.values()) + len(smtp.mails)
    try:
        until(lambda: states(app) == {EtatNotification.ENVOYEE.value: 2 * PEOPLE}, clocks[0], 240)
    finally:
        seconds = time.monotonic() - calm
        mails = Counter(mail.message["Message-ID"] for mail in smtp.mails)
        again = sum((provider.taken + mails).values()) - len(provider.taken) - len(mails)
        print(
            f"{faults}, died {workers.deaths}; provider said {provider.said}; all sent {seconds:.0f} s after the calm;"
        )
        print(f"{before} left during it, {again} taken again; {states(app)}")
        record_property("again", again)
        for site in (*clocks, *workers.sites):
            site.stop()
        server.shutdown()
        server.server_close()
        forget_connections(app)
    assert (len(provider.taken), len(mails)) == (PEOPLE, PEOPLE)
    # A worker killed after the provider took a message is the one way for it to leave again, with the same key. One
    # that is killed without being told where may have been there too.
    assert again <= workers.deaths["record"] + faults["worker"]
    assert max((provider.taken + mails).values()) <= 3
