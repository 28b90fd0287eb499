"""The door of the back office: log in, sessions that end, throttle, a forgotten password."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from tests.pages import Page, PageClient
from webapp.clock import utcnow
from webapp.extensions import db, limiter
from webapp.links import MOT_DE_PASSE, token
from webapp.models import Agent, Notification, SessionAgent
from webapp.web.auth import local_path


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app)


def attempt(client: PageClient, email: str, password: str, **options: object) -> Page:
    form = client.get("/agent/connexion").form("/agent/connexion")
    return form.submit(courriel=email, mot_de_passe=password, follow=False)


def reset_link(app: Flask, email: str) -> str:
    """The address that was sent to that agent."""
    with app.app_context():
        agent = db.session.scalars(select(Agent).where(Agent.email == email)).one()
        assert agent.reset_nonce
        return f"/agent/mot-de-passe/{token(MOT_DE_PASSE, agent.reset_nonce)}"


def open_sessions(made: Desk) -> list[str]:
    """Whose sessions are open."""
    with made.app.app_context():
        return list(db.session.scalars(select(Agent.email).join(SessionAgent, SessionAgent.agent_id == Agent.id)))


def test_log_in_and_out(made: Desk) -> None:
    client = made.log_in()
    page = client.get("/agent/")
    assert page.status == 200 and page.h1 == "Bonjour Nadia" and page.headers["Cache-Control"] == "no-store"
    page = page.form("/agent/deconnexion").submit()
    assert page.url == "/agent/connexion" and page.has("Votre session est fermée.")
    assert client.get("/agent/").location.startswith("/agent/connexion")


def test_a_cookie_copied_before_logging_out_opens_nothing_after(made: Desk) -> None:
    client, copied, elsewhere = made.log_in(), PageClient(made.app), made.log_in()
    copied.flask.set_cookie("rdv_session", client.flask.get_cookie("rdv_session").value)
    assert copied.get("/agent/").status == 200
    client.get("/agent/").form("/agent/deconnexion").submit()
    assert copied.get("/agent/").status == 303
    assert copied.get(f"/agent/rdv/{made.rdv}").status == 303
    assert elsewhere.get("/agent/").status == 200


def test_a_new_password_closes_every_session_of_that_agent_and_nobody_else_s(made: Desk) -> None:
    client, other = made.log_in(), made.log_in("admin")
    PageClient(made.app).get("/agent/mot-de-passe").form("/mot-de-passe").submit(courriel=made.emails["agent"])
    link, words = reset_link(made.app, made.emails["agent"]), "une phrase assez longue"
    PageClient(made.app).get(link).form(link).submit(mot_de_passe=words, confirmation=words)
    assert client.get("/agent/").status == 303 and other.get("/agent/").status == 200
    assert open_sessions(made) == [made.emails["admin"]]


def test_logging_in_again_closes_the_session_this_browser_had(made: Desk) -> None:
    client = made.log_in()
    csrf = client.get("/agent/").form("/agent/deconnexion").values["csrf_token"][-1]
    data = {"courriel": made.emails["admin"], "mot_de_passe": make.PASSWORD, "csrf_token": csrf}
    assert client.post("/agent/connexion", data=data).status == 303
    assert open_sessions(made) == [made.emails["admin"]]


def test_a_session_in_use_is_noted_four_times_an_hour_and_says_what_it_is(made: Desk) -> None:
    start = utcnow()
    with time_machine.travel(start, tick=False) as clock:
        client = made.log_in()
        noted = []
        for minutes in (5, 14, 16, 25, 40):
            clock.move_to(start + timedelta(minutes=minutes))
            with made.app.app_context(), statements() as seen:
                assert client.get("/agent/").status == 200
            noted.append(any(text.startswith("UPDATE sessions_agent") for text in seen))
        assert noted == [False, False, True, False, True]
    with made.app.app_context():
        row = db.session.scalars(select(SessionAgent)).one()
        assert (row.vue_le, row.cree_le) == (start + timedelta(minutes=40), start)
        assert row.navigateur.startswith("Werkzeug")


def test_wrong_password_and_unknown_address_read_the_same(made: Desk) -> None:
    known = attempt(PageClient(made.app), made.emails["agent"], "pas le bon")
    unknown = attempt(PageClient(made.app), "personne@mds.exemple.fr", "pas le bon")
    assert known.status == unknown.status == 422
    assert known.title.startswith("Erreur : ")

    def words(page: Page) -> str:
        return page.text

    assert words(known) == words(unknown)
    assert known.select("#courriel")[0].attributes["value"] == made.emails["agent"]
    assert "pas le bon" not in known.html


def test_the_session_is_a_new_one_after_login(made: Desk) -> None:
    client = PageClient(made.app)
    page = client.get("/agent/connexion")
    client.flask.set_cookie("rdv_session", client.flask.get_cookie("rdv_session").value)  # the one somebody planted
    with client.flask.session_transaction() as before:
        before["plante"] = "laissé par un autre"
        old_token = before["csrf_token"]
    form = client.get("/agent/connexion").form("/agent/connexion")
    assert form.submit(courriel=made.emails["agent"], mot_de_passe=make.PASSWORD, follow=False).status == 303
    client.get("/agent/")
    with client.flask.session_transaction() as after:
        assert "plante" not in after and after["csrf_token"] != old_token
    assert page.status == 200


@pytest.mark.parametrize(
    ("hours", "every", "open_"),
    [(3.9, None, True), (4.1, None, False), (11, 3, True), (12.5, 3, False)],
    ids=["idle 3.9 h", "idle 4.1 h", "active 11 h", "active 12.5 h"],
)
def test_a_session_ends(made: Desk, hours: float, every: float | None, open_: bool) -> None:
    start = utcnow()
    with time_machine.travel(start, tick=False) as clock:
        client = made.log_in()
        passed = 0.0
        while every and passed + every < hours:
            passed += every
            clock.move_to(start + timedelta(hours=passed))
            assert client.get("/agent/").status == 200
        clock.move_to(start + timedelta(hours=hours))
        page = client.get(f"/agent/rdv/{made.rdv}")
        assert page.status == (200 if open_ else 303)
        if not open_:
            assert page.location == f"/agent/connexion?suite=/agent/rdv/{made.rdv}"
            assert client.get(page.location).has("votre session s’est fermée")


def test_what_the_page_asks_by_itself_keeps_no_session_open(made: Desk) -> None:
    start = utcnow()
    with time_machine.travel(start, tick=False) as clock:
        client = made.log_in()
        for hours in (1.5, 3, 3.9):
            clock.move_to(start + timedelta(hours=hours))
            assert client.get(f"/agent/rdv/{made.rdv}/lignes?depuis=99", htmx=True).status == 204
        clock.move_to(start + timedelta(hours=4.1))
        page = client.get(f"/agent/rdv/{made.rdv}/lignes?depuis=99", htmx=True)
    assert page.status == 401 and page.headers["HX-Redirect"].startswith("/agent/connexion")


def test_a_closed_account_or_another_password_ends_the_session(made: Desk) -> None:
    for change in ({"actif": False}, {"auth_version": 2}):
        client = made.log_in()
        with made.app.app_context():
            agent = db.session.scalars(select(Agent).where(Agent.email == made.emails["agent"])).one()
            before = {name: getattr(agent, name) for name in change}
            for name, value in change.items():
                setattr(agent, name, value)
            db.session.commit()
            assert client.get("/agent/").status == 303
            for name, value in before.items():
                setattr(agent, name, value)
            db.session.commit()


@pytest.mark.parametrize(
    ("suite", "path"),
    [
        ("/agent/rdv/12", "/agent/rdv/12"),
        ("/configuration/motifs?page=2", "/configuration/motifs?page=2"),
        ("https://mechant.example/agent/", "/agent/"),
        ("//mechant.example/agent/", "/agent/"),
        ("/\\mechant.example", "/agent/"),
        ("/agent/\nX: y", "/agent/"),
        ("/p/abc", "/agent/"),
        ("javascript:alert(1)", "/agent/"),
        ("http://[mechant", "/agent/"),
        (None, "/agent/"),
    ],
)
def test_after_login_one_stays_here(suite: str | None, path: str) -> None:
    assert local_path(suite) == path


def test_the_page_asked_for_comes_after_login(made: Desk) -> None:
    client = PageClient(made.app)
    page = client.get(f"/agent/rdv/{made.rdv}", follow=True)
    page = page.form("/agent/connexion").submit(courriel=made.emails["agent"], mot_de_passe=make.PASSWORD)
    assert page.url == f"/agent/rdv/{made.rdv}" and page.h1 == "Mes droits au RSA"


def test_a_stale_login_form_is_shown_again_filled(made: Desk) -> None:
    client = PageClient(made.app)
    data = {"courriel": made.emails["agent"], "mot_de_passe": make.PASSWORD, "csrf_token": "périmé"}
    page = client.post("/agent/connexion", data=data)
    assert page.status == 419 and page.select("#courriel")[0].attributes["value"] == made.emails["agent"]
    assert client.get("/agent/").status == 303


# --- throttle ------------------------------------------------------------------------------------------------------


@pytest.fixture
def throttled(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The same desk with limits on."""
    monkeypatch.setattr(limiter, "enabled", False)  # put back when the test is over
    return desk(make_app(RATE_LIMITS="on", TRUSTED_PROXIES=1))


class From(PageClient):
    """A visitor from an address of their own."""

    def __init__(self, app: Flask, address: str) -> None:
        super().__init__(app)
        self.flask.environ_base["HTTP_X_FORWARDED_FOR"] = address


def test_failures_are_limited_and_lock_nobody_else_out(throttled: Desk) -> None:
    victim, attacker = throttled.emails["agent"], From(throttled.app, "198.51.100.7")
    answers = [attempt(attacker, victim, "essai").status for _ in range(9)]
    assert answers == [422] * 8 + [429]
    page = attempt(attacker, victim, make.PASSWORD)
    assert page.status == 429 and 0 < int(page.headers["Retry-After"]) <= 901 and page.has("trop d’essais")
    assert attempt(From(throttled.app, "203.0.113.9"), victim, make.PASSWORD).status == 303
    assert attempt(attacker, throttled.emails["voisin"], make.PASSWORD).status == 303


def test_only_failures_count(throttled: Desk) -> None:
    for _ in range(12):
        assert attempt(From(throttled.app, "198.51.100.8"), throttled.emails["agent"], make.PASSWORD).status == 303


def test_one_address_trying_many_accounts_is_stopped(throttled: Desk) -> None:
    client = From(throttled.app, "2001:db8:1:2::1")
    answers = [attempt(client, f"agent{n}@exemple.fr", "essai").status for n in range(60)]
    assert set(answers) == {422}
    neighbour = From(throttled.app, "2001:db8:1:2:ffff::9")  # the same subscriber
    assert attempt(neighbour, "autre@exemple.fr", "essai").status == 429


def test_a_mailbox_is_not_flooded_and_nothing_says_so(throttled: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.web.agent.compte.LINK_SECONDS", 0)
    email = throttled.emails["agent"]
    pages = []
    for n in range(5):
        client = From(throttled.app, f"203.0.113.{n}")
        pages.append(client.get("/agent/mot-de-passe").form("/mot-de-passe").submit(courriel=email, follow=False))
    assert {(page.status, page.location) for page in pages} == {(303, "/agent/mot-de-passe?envoye=1")}
    with throttled.app.app_context():
        assert len(db.session.scalars(select(Notification)).all()) == 3


# --- a forgotten password ------------------------------------------------------------------------------------------


def test_a_new_password_by_a_link_that_works_once(made: Desk) -> None:
    email = made.emails["agent"]
    inside = made.log_in()
    client = PageClient(made.app)
    page = client.get("/agent/connexion").link("Mot de passe oublié").form("/mot-de-passe").submit(courriel=email)
    assert page.h1 == "Regardez vos courriels"
    link = reset_link(made.app, email)
    for _ in range(2):  # a mail program that looks at the page first uses nothing up
        page = client.get(link)
        assert page.status == 200 and page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["Cache-Control"] == "no-store"
    assert page.form(link).submit(mot_de_passe="court", confirmation="court").errors.keys() == {"mot_de_passe"}
    different = page.form(link).submit(mot_de_passe="une phrase assez longue", confirmation="une autre phrase")
    assert different.status == 422 and "confirmation" in different.errors
    page = page.form(link).submit(mot_de_passe="une phrase assez longue", confirmation="une phrase assez longue")
    assert page.url == "/agent/connexion" and page.has("nouveau mot de passe est enregistré")
    assert client.get(link).status == 404
    assert inside.get("/agent/").status == 303
    assert attempt(client, email, make.PASSWORD).status == 422
    assert attempt(client, email, "une phrase assez longue").status == 303


def test_the_link_lasts_an_hour_and_a_new_one_kills_it(made: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.web.agent.compte.LINK_SECONDS", 0)
    email, client, start = made.emails["agent"], PageClient(made.app), utcnow()
    with time_machine.travel(start, tick=False) as clock:
        ask = client.get("/agent/mot-de-passe").form("/mot-de-passe")
        ask.submit(courriel=email)
        first = reset_link(made.app, email)
        ask.submit(courriel=email)
        second = reset_link(made.app, email)
        assert client.get(first).status == 404
        clock.move_to(start + timedelta(minutes=59))
        page = client.get(second)
        assert page.status == 200
        clock.move_to(start + timedelta(minutes=61))
        assert client.get(second).status == 404
        assert (
            page.form(second)
            .submit(mot_de_passe="une phrase assez longue", confirmation="une phrase assez longue")
            .status
            == 404
        )


def test_nothing_tells_whether_an_address_is_known(made: Desk) -> None:
    pages = {}
    for email in (made.emails["agent"], "personne@mds.exemple.fr"):
        client = PageClient(made.app)
        pages[email] = client.get("/agent/mot-de-passe").form("/mot-de-passe").submit(courriel=email)
    one, other = pages.values()
    assert one.text == other.text and one.status == other.status
    with made.app.app_context():
        sent = db.session.scalars(select(Notification)).all()
        assert [n.event for n in sent] == ["mot_de_passe"]


def test_a_link_of_another_shape_is_unknown(made: Desk) -> None:
    for wrong in ("x", "a" * 22, "%00" * 5, "é" * 22):
        assert PageClient(made.app).get(f"/agent/mot-de-passe/{wrong}").status == 404


def test_no_password_or_token_is_written_in_a_page(made: Desk) -> None:
    client = PageClient(made.app)
    page = client.get("/agent/mot-de-passe").form("/mot-de-passe").submit(courriel=made.emails["agent"])
    assert not re.search(r"mot-de-passe/[\w-]{22}", page.html)
