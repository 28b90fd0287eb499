"""The last seat, wanted at once by the public page, by agents and by programs: sold once, whoever gets it."""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import pytest
from flask import Flask

from tests import factories as make
from tests.crowd import ENVOI, TOKEN, fetch, person, together
from tests.servers import Site
from tests.test_race import mostly_postgresql, seated
from webapp.extensions import db
from webapp.services.checks import broken

EACH = 6  # of every kind
TRIES = 6


@dataclass
class Contest:
    """Sessions with one seat, and who may give it."""

    rdvs: list[int]
    agent: str
    token: str


@pytest.fixture
def contest(app: Flask) -> Contest:
    with app.app_context():
        motif = make.motif(capacite_max=1)
        agent = make.agent(motif.service)
        rdvs = [make.rdv(motif).id for _ in range(TRIES)]
        found = Contest(rdvs, agent.email, make.jeton(agent)[1])
        db.session.commit()
        db.session.remove()
        return found


def run(site: Site, contest: Contest, rdv_id: int) -> Counter[tuple[str, int]]:
    """Everybody is ready, then all of them ask; (kind, status) → how many."""
    gate = threading.Barrier(3 * EACH)

    def public(number: int) -> tuple[str, int]:
        path = f"{site.url}/rdv/{rdv_id}/inscription"
        form, cookie = fetch(path)
        data = {
            "csrf_token": found(TOKEN, form.text),
            "envoi": found(ENVOI, form.text),
            "pour": "moi",
            **person(number),
        }
        gate.wait(120)
        return "public", fetch(path, "POST", urlencode(data), cookie)[0].status

    def agent(number: int) -> tuple[str, int]:
        form, cookie = fetch(f"{site.url}/agent/connexion")
        who = {"courriel": contest.agent, "mot_de_passe": make.PASSWORD, "csrf_token": found(TOKEN, form.text)}
        _, cookie = fetch(f"{site.url}/agent/connexion", "POST", urlencode(who), cookie)
        sheet, cookie = fetch(f"{site.url}/agent/rdv/{rdv_id}", cookie=cookie)
        data = {"csrf_token": found(TOKEN, sheet.text), "envoi": str(number), **person(number)}
        gate.wait(120)
        path = f"{site.url}/agent/rdv/{rdv_id}/participations"
        return "agent", fetch(path, "POST", urlencode(data), cookie)[0].status

    def program(number: int) -> tuple[str, int]:
        parts = urlsplit(site.url)
        line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        headers = {"Authorization": f"Bearer {contest.token}", "Content-Type": "application/json"}
        gate.wait(120)
        line.request("POST", f"/api/v1/rdvs/{rdv_id}/participations", json.dumps(person(number)), headers)
        status = line.getresponse().status
        line.close()
        return "api", status

    kinds = [kind for kind in (public, agent, program) for _ in range(EACH)]
    return Counter(together(lambda one: one[1](one[0]), list(enumerate(kinds, rdv_id * 100))))


def found(pattern: object, text: str) -> str:
    match = pattern.search(text)  # type: ignore[attr-defined]
    assert match, text[:300]
    return str(match[1])


def test_the_last_seat_is_sold_once(app: Flask, live_server: Callable[..., Site], contest: Contest) -> None:
    site = live_server(processes=("web",), env={"WEB_CONCURRENCY": "2"})
    answers = run(site, contest, contest.rdvs[0])
    got = {key: count for key, count in answers.items() if key[1] in (201, 303)}
    assert sum(got.values()) == 1 and answers.total() == 3 * EACH, answers
    assert {status for _, status in answers} <= {201, 303, 409}, answers
    with app.app_context():
        assert seated(contest.rdvs[0]) == (1, 1)
        assert list(broken()) == []


@mostly_postgresql
def test_without_the_lock_it_is_sold_again(app: Flask, live_server: Callable[..., Site], contest: Contest) -> None:
    """The negative control."""
    site = live_server(processes=("web",), env={"WEB_CONCURRENCY": "2"}, app="tests.unlocked:app")
    for rdv_id in contest.rdvs:
        run(site, contest, rdv_id)
        with app.app_context():
            if seated(rdv_id) != (1, 1):
                return
    pytest.fail("no seat was sold twice: the race proves nothing")
