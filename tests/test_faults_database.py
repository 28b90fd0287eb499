"""PostgreSQL restarted in the middle of traffic, and SQLite's disk full: 503 with everything kept, then as before."""

import pathlib
import re
import resource
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import func, select

from dev.servers import Postgres, ServerUnavailable, Valkey
from tests import factories as make
from tests.conftest import POSTGRES_HOW, unavailable
from tests.crowd import ENVOI, TOKEN, Answer, fetch, person
from tests.databases import build, forget_connections, migrate
from tests.servers import Site
from tests.visitors import session
from webapp.extensions import db
from webapp.models import EtatNotification, MessageDemo, Notification, Participation
from webapp.services.checks import broken

pytestmark = pytest.mark.volume
SENTENCE = re.compile("Rien n’est perdu|Service momentanément indisponible")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server of this test's own: others share theirs."""
    server = Postgres()
    try:
        server.start()
    except ServerUnavailable as error:
        unavailable(f"a real PostgreSQL ({error})", POSTGRES_HOW)
    yield server
    server.close()


class Visitor(threading.Thread):
    """One person after the other books, for as long as it lasts; who gets 503 sends the same form again."""

    def __init__(self, site: Site, rdv_id: int, first: int) -> None:
        super().__init__()
        self.site, self.rdv_id, self.number = site, rdv_id, first
        self.going = True
        self.answers: list[Answer] = []
        self.booked: list[int] = []

    def run(self) -> None:
        address = f"{self.site.url}/rdv/{self.rdv_id}/inscription"
        while self.going:
            form, cookie = fetch(address)
            if form.status != 200:
                self.answers.append(form)
                time.sleep(0.1)
                continue
            data = {
                "csrf_token": TOKEN.search(form.text)[1],  # type: ignore[index]
                "envoi": ENVOI.search(form.text)[1],  # type: ignore[index]
                **person(self.number),
            }
            while True:
                answer, _ = fetch(address, "POST", urllib.parse.urlencode(data), cookie)
                self.answers.append(answer)
                if answer.status == 303:
                    self.booked.append(self.number)
                if answer.status != 503:
                    break
                time.sleep(0.1)
            self.number += 1


def test_postgresql_restarted_in_the_middle_of_traffic(
    postgres: Postgres, valkey: Valkey, record_property: Callable[[str, object], None]
) -> None:
    migrate(postgres.url)
    app = build(postgres.url, REDIS_URL=valkey.url)
    with app.app_context():
        rdv_id = make.rdv(make.motif(capacite_max=5000)).id
        db.session.commit()
    with Site(postgres.url, valkey.url, env={"WEB_CONCURRENCY": "2"}) as site:
        visitors = [Visitor(site, rdv_id, 1000 * number) for number in range(6)]
        for visitor in visitors:
            visitor.start()
        time.sleep(3)
        postgres.stop()
        time.sleep(2)
        down, _ = fetch(f"{site.url}/readyz")
        postgres.run()
        back = time.monotonic()
        while fetch(f"{site.url}/readyz")[0].status != 200:
            assert time.monotonic() - back < 20, site.output()
            time.sleep(0.05)
        took = time.monotonic() - back
        time.sleep(3)
        for visitor in visitors:
            visitor.going = False
        for visitor in visitors:
            visitor.join()
        answers = [answer for visitor in visitors for answer in visitor.answers]
        booked = sum(len(visitor.booked) for visitor in visitors)
        print(f"ready {took:.2f} s after PostgreSQL; {Counter(answer.status for answer in answers)}")
        record_property("seconds", took)
        assert down.status == 503 and '"injoignable"' in down.text
        assert {answer.status for answer in answers} == {303, 503}, site.output()
        assert all(SENTENCE.search(answer.text) for answer in answers if answer.status == 503)
        assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
        assert all(child.alive() for child in site.children.values())
        forget_connections(app)
        with app.app_context():
            assert db.session.scalar(select(func.count()).select_from(Participation)) == booked
            assert list(broken()) == []
            deadline = time.monotonic() + 90
            unsent = select(func.count()).where(Notification.etat != EtatNotification.ENVOYEE)
            while db.session.scalar(unsent):
                assert time.monotonic() < deadline, site.output()
                db.session.remove()
                time.sleep(0.5)
            assert db.session.scalar(select(func.count()).select_from(MessageDemo)) == booked
        assert "Traceback" not in site.output()
    forget_connections(app)


def descendants(pid: int) -> list[int]:
    """A process and those it forked."""
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in descendants(int(child)))]


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
def test_a_full_disk(app: Flask, live_server: Callable[..., Site]) -> None:
    """No file of the web process may grow any more (RLIMIT_FSIZE): what SQLite writes to its journal is refused by the
    kernel, as on a full disk. Reading goes on; what was typed comes back with 503; with room again it is booked."""
    rdv_id = session(app)
    site = live_server(processes=("web",))
    address = f"{site.url}/rdv/{rdv_id}/inscription"
    form, cookie = fetch(address)
    data = {"csrf_token": TOKEN.search(form.text)[1], "envoi": ENVOI.search(form.text)[1], **person(1)}  # type: ignore[index]
    body = urllib.parse.urlencode(data)
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    soft = (4096, resource.RLIM_INFINITY)
    for pid in descendants(site.children["web"].pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, soft)
    for _ in "123":
        answer, _ = fetch(address, "POST", body, cookie)
        assert answer.status == 503 and answer.headers["Retry-After"], site.output()
        assert "Rien n’est perdu" in answer.text and "Prénom1" in answer.text
        assert fetch(f"{site.url}/rdv/{rdv_id}")[0].status == 200
    for pid in descendants(site.children["web"].pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
    answer, _ = fetch(address, "POST", body, cookie)
    assert answer.status == 303
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Participation)) == 1
        assert list(broken()) == []
    assert "Traceback" not in site.output()
