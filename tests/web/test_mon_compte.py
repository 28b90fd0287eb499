"""« Mon compte »: another password, sessions open elsewhere, the second step of the way in."""

import re
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from tests.pages import Page, PageClient
from webapp.clock import utcnow
from webapp.domain.otp import RECOVERY
from webapp.extensions import db, limiter
from webapp.models import Agent, CodeSecours, Journal, Notification, Organisation, SecondFacteur, SessionAgent
from webapp.queries.agents import with_rights
from webapp.services import comptes

HOME, SETUP = "/agent/compte", "/agent/compte/deux-etapes"
CODES, RENEW, REMOVE = f"{SETUP}/codes", f"{SETUP}/nouveaux-codes", f"{SETUP}/retrait"
PHRASE = "une phrase entière se retient"
CODE = re.compile(r"\b(?:[a-z0-9]{4}-){3}[a-z0-9]{4}\b")


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app, people=0)


@pytest.fixture
def clock():
    """Time goes by when the test says so; each code is then one that never served."""
    with time_machine.travel(utcnow(), tick=False) as found:
        yield found


def agent(made: Desk, who: str = "agent") -> Agent:
    with made.app.app_context():
        return db.session.scalars(select(Agent).where(Agent.email == made.emails[who])).one()


def lines(made: Desk, action: str) -> list[Journal]:
    with made.app.app_context():
        return list(db.session.scalars(select(Journal).where(Journal.action == action)))


def mails(made: Desk) -> list[str]:
    with made.app.app_context():
        found = db.session.scalars(select(Notification).where(Notification.event == "compte_modifie"))
        return [n.changement.partition(" ")[0] for n in found]


def shown_secret(page: Page) -> str:
    return page.select("#cle-texte")[0].text().replace(" ", "")


def fill(page: Page, **fields: str) -> Page:
    return page.form(css="main form").submit(**fields, follow=False)


def activate(client: PageClient, clock: time_machine.Traveller) -> tuple[str, list[str]]:
    """The secret, and the recovery codes."""
    page = client.get(SETUP)
    secret = shown_secret(page)
    done = fill(page, code=pyotp.TOTP(secret).at(utcnow()), actuel=make.PASSWORD)
    assert (done.status, done.location) == (303, CODES), done.text
    codes = CODE.findall(client.get(CODES).text)
    clock.shift(60)
    return secret, codes


def password(made: Desk, who: str = "agent", suite: str = "") -> tuple[PageClient, Page]:
    client = PageClient(made.app)
    page = client.get(f"/agent/connexion?suite={suite}" if suite else "/agent/connexion").form("/agent/connexion")
    return client, page.submit(courriel=made.emails[who], mot_de_passe=make.PASSWORD, follow=False)


def code(secret: str, seconds: int = 0) -> str:
    return pyotp.TOTP(secret).at(utcnow() + timedelta(seconds=seconds))


# --- a password, sessions elsewhere ---------------------------------------------------------------------------------


def test_another_password_closes_the_other_sessions_only(made: Desk) -> None:
    client, elsewhere, colleague = made.log_in(), made.log_in(), made.log_in("admin")
    page = client.get(HOME).link("Mot de passe")
    form = page.form(css="main form")
    wrong = form.submit(actuel="ce n’est pas lui", mot_de_passe=PHRASE, confirmation=PHRASE)
    assert wrong.status == 422 and wrong.errors.keys() == {"actuel"}
    short = form.submit(actuel=make.PASSWORD, mot_de_passe="court", confirmation="court")
    assert short.status == 422 and "mot_de_passe" in short.errors
    assert elsewhere.get("/agent/").status == 200 and mails(made) == []
    for _ in range(2):  # a second click finds it done
        done = form.submit(actuel=make.PASSWORD, mot_de_passe=PHRASE, confirmation=PHRASE, follow=False)
        assert (done.status, done.location) == (303, HOME)
    assert client.get(HOME).has("Votre nouveau mot de passe est enregistré")
    assert elsewhere.get("/agent/").status == 303 and colleague.get("/agent/").status == 200
    assert len(lines(made, "mot_de_passe_change")) == 1 and mails(made) == ["mot_de_passe_change"]
    login = PageClient(made.app).get("/agent/connexion").form("/agent/connexion")
    assert login.submit(courriel=made.emails["agent"], mot_de_passe=make.PASSWORD).status == 422
    assert login.submit(courriel=made.emails["agent"], mot_de_passe=PHRASE).h1 == "Bonjour Nadia"


def test_a_password_that_was_right_a_moment_ago_opens_no_session(made: Desk) -> None:
    """Somebody logging in while the password changes: the session they get is over."""
    with made.app.app_context():
        found = comptes.authenticate(made.emails["agent"], make.PASSWORD)
        assert found is not None
        db.session.expunge(found)
    client = made.log_in()
    fill(client.get(f"{HOME}/mot-de-passe"), actuel=make.PASSWORD, mot_de_passe=PHRASE, confirmation=PHRASE)
    with made.app.app_context():
        late = comptes.open_session(found, "")
        assert with_rights(found.id, comptes.session_key(late)) is None


def test_sessions_open_elsewhere_are_seen_and_ended(made: Desk) -> None:
    client, phone, office = made.log_in(), made.log_in(), made.log_in()
    with made.app.app_context():
        for row, said in zip(
            db.session.scalars(select(SessionAgent).order_by(SessionAgent.cree_le, SessionAgent.cle)),
            ("Mozilla/5.0 (iPhone) Safari/604", "Firefox/130 Windows", "Mozilla Chrome/126 Android"),
            strict=True,
        ):
            row.navigateur = said
        db.session.commit()
    other = made.log_in("admin")
    page = client.get(HOME).link("Appareils connectés")
    assert page.has("Safari sur iPhone") and page.has("Firefox sur Windows") and page.text.count("cet appareil") == 1
    forms = page.select("input[name=appareil]")
    assert len(forms) == 2 and "sha" not in page.html
    one = str(forms[0].attributes["value"])
    token = str(page.select("input[name=csrf_token]")[0].attributes["value"])
    stranger = other.get(f"{HOME}/appareils").html
    assert one not in stranger
    other_token = str(other.get("/agent/").select("input[name=csrf_token]")[0].attributes["value"])
    other.post(f"{HOME}/appareils/fermeture", data={"csrf_token": other_token, "appareil": one})
    assert [c.get("/agent/").status for c in (phone, office)] == [200, 200]  # somebody else's is not theirs to end
    for _ in range(2):
        client.post(f"{HOME}/appareils/fermeture", data={"csrf_token": token, "appareil": one})
    assert sorted(c.get("/agent/").status for c in (phone, office)) == [200, 303]
    client.post(f"{HOME}/appareils/fermeture", data={"csrf_token": token, "appareil": "f" * 60_000})
    assert client.get("/agent/").status == 200
    client.post(f"{HOME}/appareils/fermeture", data={"csrf_token": token})
    assert [c.get("/agent/").status for c in (phone, office, client, other)] == [303, 303, 200, 200]
    assert len(lines(made, "sessions_fermees")) == 2


# --- the second step -------------------------------------------------------------------------------------------------


def test_it_is_activated_by_a_right_code_and_asked_at_each_login(made: Desk, clock: time_machine.Traveller) -> None:
    client, elsewhere = made.log_in(), made.log_in()
    page = client.get(HOME).link("Connexion en deux étapes")
    secret = shown_secret(page)
    assert page.select(".qr svg") and page.headers["Cache-Control"] == "no-store"
    wrong = fill(page, code="000000", actuel=make.PASSWORD)
    assert wrong.status == 422 and "code" in wrong.errors and shown_secret(wrong) == secret
    stranger = fill(page, code=code(secret), actuel="ce n’est pas lui")
    assert stranger.status == 422 and "actuel" in stranger.errors
    with made.app.app_context():
        assert db.session.scalar(select(func.count()).select_from(SecondFacteur)) == 0
    used = code(secret)
    done = fill(page, code=used, actuel=make.PASSWORD)
    assert done.location == CODES
    noted = client.get(CODES)
    codes = CODE.findall(noted.text)
    assert len(codes) == RECOVERY and CODE.findall(client.get(CODES).text) == codes  # a reload loses nothing
    assert noted.form(css="main form").submit().url == HOME and not CODE.findall(client.get(CODES).text)
    assert elsewhere.get("/agent/").status == 303 and client.get("/agent/").status == 200
    with made.app.app_context():
        row = db.session.scalars(select(SecondFacteur)).one()
        kept = {c.empreinte for c in db.session.scalars(select(CodeSecours))}
        assert secret not in row.secret and len(kept) == RECOVERY and not kept & set(codes)
    assert len(lines(made, "second_facteur_active")) == 1 and mails(made) == ["second_facteur_active"]

    clock.shift(60)
    visitor, step = password(made, suite=f"/agent/rdv/{made.rdv}")
    assert (step.status, step.location) == (303, "/agent/connexion/code")
    assert visitor.get("/agent/").status == 303  # half in is out
    page = visitor.get("/agent/connexion/code")
    field = page.select("#code")[0].attributes
    assert (field["autocomplete"], field["inputmode"]) == ("one-time-code", "numeric")
    same = fill(page, code=used)
    zero = fill(page, code="000000")
    assert same.status == zero.status == 422 and same.errors == zero.errors  # spent, or wrong: the same words
    done = fill(page, code=code(secret))
    assert (done.status, done.location) == (303, f"/agent/rdv/{made.rdv}")
    assert visitor.get("/agent/").status == 200
    thief, _ = password(made)
    assert fill(thief.get("/agent/connexion/code"), code=code(secret)).status == 422  # seen over a shoulder


@pytest.mark.parametrize(("late", "status"), [(-40, 303), (-75, 422), (25, 303), (95, 422)])
def test_clocks_may_differ_by_a_step(made: Desk, clock: time_machine.Traveller, late: int, status: int) -> None:
    clock.move_to(utcnow().replace(second=0) + timedelta(seconds=15 if late < 0 else 0))
    secret, _ = activate(made.log_in(), clock)
    clock.shift(120)
    visitor, _ = password(made)
    assert fill(visitor.get("/agent/connexion/code"), code=code(secret, late)).status == status


def test_the_step_between_ends_and_is_this_browser_s(made: Desk, clock: time_machine.Traveller) -> None:
    secret, _ = activate(made.log_in(), clock)
    visitor, _ = password(made)
    page = visitor.get("/agent/connexion/code")
    assert PageClient(made.app).get("/agent/connexion/code").location == "/agent/connexion"
    clock.shift(601)
    late = fill(page, code=code(secret))
    assert (late.status, late.location) == (303, "/agent/connexion") and visitor.get("/agent/").status == 303
    visitor, _ = password(made)
    page = visitor.get("/agent/connexion/code")
    with made.app.app_context():
        db.session.scalars(select(Agent).where(Agent.email == made.emails["agent"])).one().actif = False
        db.session.commit()
    assert fill(page, code=code(secret)).location == "/agent/connexion"


def test_a_recovery_code_opens_once_however_typed(made: Desk, clock: time_machine.Traveller) -> None:
    _, codes = activate(made.log_in(), clock)
    for number, typed in enumerate((codes[0].upper(), codes[1].replace("-", " "))):
        visitor, _ = password(made)
        page = visitor.get("/agent/connexion/code").link("Je n’ai pas mon téléphone")
        done = fill(page, code=typed)
        assert done.location == "/agent/" and visitor.get("/agent/").has(f"Il vous reste {RECOVERY - 1 - number} codes")
    visitor, _ = password(made)
    page = visitor.get("/agent/connexion/secours")
    assert [fill(page, code=typed).status for typed in (codes[0], "n’importe quoi", "123456")] == [422] * 3
    assert len(lines(made, "code_secours_utilise")) == 2


def test_codes_are_made_again_and_it_is_taken_off_against_a_code(made: Desk, clock: time_machine.Traveller) -> None:
    client = made.log_in()
    secret, codes = activate(client, clock)
    assert fill(client.get(RENEW), code="000000").status == 422
    assert fill(client.get(RENEW), code=code(secret)).location == CODES
    fresh = CODE.findall(client.get(CODES).text)
    assert len(fresh) == RECOVERY and not set(fresh) & set(codes)
    clock.shift(60)
    assert [fill(client.get(REMOVE), code=typed).status for typed in (codes[0], "000000", "")] == [422] * 3
    assert fill(client.get(REMOVE), code=fresh[0]).location == HOME
    _, step = password(made)
    assert step.location == "/agent/"
    with made.app.app_context():
        assert db.session.scalar(select(func.count()).select_from(CodeSecours)) == 0
    assert mails(made)[-1] == "second_facteur_retire"


def test_a_secret_nobody_can_read_any_more_leaves_the_recovery_codes(
    made: Desk, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, codes = activate(made.log_in(), clock)
    monkeypatch.setitem(made.app.config, "LINK_KEY", "une autre clef, assez longue")
    visitor, _ = password(made)
    assert fill(visitor.get("/agent/connexion/code"), code=code(secret)).status == 422
    assert fill(visitor.get("/agent/connexion/secours"), code=codes[0]).location == "/agent/"


def test_an_organisation_may_ask_it_of_everybody(made: Desk, clock: time_machine.Traveller) -> None:
    inside, admin = made.log_in(), made.log_in("admin")
    admin.get("/configuration/organisation").form(css="main form").submit(second_facteur_obligatoire=True)
    with made.app.app_context():
        here = db.session.scalars(select(Organisation).where(Organisation.second_facteur_obligatoire)).all()
        assert len(here) == 1
    assert inside.get("/agent/").status == 200  # at the next login
    visitor, step = password(made)
    assert step.location == "/agent/"
    for address in ("/agent/", f"/agent/rdv/{made.rdv}", HOME, REMOVE, "/configuration/"):
        assert visitor.get(address).location == SETUP
    assert visitor.get(f"/agent/flux?rdv={made.rdv}").status == 401
    page = visitor.get(SETUP)
    token = page.form(css="main form").values["csrf_token"][-1]
    refused = visitor.post(f"/agent/rdv/{made.rdv}/annulation", data={"csrf_token": token, "raison": "x"})
    assert refused.location == SETUP and made.session().cancelled_at is None
    secret, _ = activate(visitor, clock)
    assert visitor.get("/agent/").status == 200
    elsewhere, _ = password(made)
    fill(elsewhere.get("/agent/connexion/code"), code=code(secret))
    assert elsewhere.get("/agent/").status == 200
    clock.shift(60)
    with visitor.flask.session_transaction(base_url="http://localhost") as cookie:
        copied = dict(cookie)
    assert fill(visitor.get(REMOVE), code=code(secret)).location == SETUP  # another telephone
    assert visitor.get("/agent/").location == SETUP
    assert elsewhere.get("/agent/").location.startswith("/agent/connexion")  # nowhere without a second step
    with elsewhere.flask.session_transaction(base_url="http://localhost") as cookie:
        cookie.clear()
        cookie.update(copied)
    assert elsewhere.get("/agent/").location.startswith("/agent/connexion")
    activate(visitor, clock)
    assert visitor.get("/agent/").status == 200


def test_a_manager_takes_it_off_for_who_lost_everything(made: Desk, clock: time_machine.Traveller) -> None:
    client, admin = made.log_in(), made.log_in("admin")
    activate(client, clock)
    about = f"/configuration/agents/{agent(made).id}/deux-etapes"
    assert made.log_in("référent").get(about).status == 403 and made.log_in("étranger").get(about).status == 404
    page = admin.get(f"/configuration/agents/{agent(made).id}").link("Réinitialiser")
    for _ in range(2):
        assert page.form(css="main form").submit(follow=False).status == 303
    assert client.get("/agent/").status == 303
    _, step = password(made)
    assert step.location == "/agent/"
    (line,) = lines(made, "second_facteur_reinitialise")
    assert line.agent_id == agent(made, "admin").id and line.sujet_id == agent(made).id
    assert mails(made)[-1] == "second_facteur_reinitialise"
    activate(admin, clock)
    own = f"/configuration/agents/{agent(made, 'admin').id}/deux-etapes"
    assert admin.get(own).has("il faut un code")
    token = str(admin.get("/agent/").select("input[name=csrf_token]")[0].attributes["value"])
    assert admin.post(own, data={"csrf_token": token}).status == 409
    with made.app.app_context():
        assert db.session.scalar(select(func.count()).select_from(SecondFacteur)) == 1


def test_the_operator_takes_it_off(made: Desk, clock: time_machine.Traveller) -> None:
    activate(made.log_in("admin"), clock)
    runner = made.app.test_cli_runner()
    with made.app.app_context():
        done = runner.invoke(args=["agent", "second-factor", "--reset", made.emails["admin"].upper()])
        assert done.exit_code == 0 and "réinitialisée" in done.output
        again = runner.invoke(args=["agent", "second-factor", "--reset", made.emails["admin"]])
        assert again.exit_code == 0 and "pas activé" in again.output
        assert runner.invoke(args=["agent", "second-factor", "--reset", "personne@exemple.fr"]).exit_code == 1
    assert password(made, "admin")[1].location == "/agent/"
    (line,) = lines(made, "second_facteur_reinitialise")
    assert line.acteur == "systeme" and line.agent_id is None


@pytest.mark.parametrize("where", ["/agent/connexion/code", "/agent/connexion/secours"])
def test_codes_can_t_be_tried_for_long(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller, where: str
) -> None:
    monkeypatch.setattr(limiter, "enabled", False)  # put back when the test is over
    made = desk(make_app(RATE_LIMITS="on", TRUSTED_PROXIES=1), people=0)
    secret, _ = activate(made.log_in(), clock)
    visitor, _ = password(made)
    answers = [fill(visitor.get(where), code="000000").status for _ in range(9)]
    assert answers == [422] * 8 + [429]
    assert fill(visitor.get("/agent/connexion/code"), code=code(secret)).status == (429 if "code" in where else 303)


def test_an_ordinary_page_asks_no_more_of_the_database(made: Desk, clock: time_machine.Traveller) -> None:
    client = made.log_in()
    with made.app.app_context(), statements() as before:
        assert client.get("/agent/aide").status == 200
    activate(client, clock)
    with made.app.app_context(), statements() as after:
        assert client.get("/agent/aide").status == 200
    reading = [text for text in before if not text.startswith(("BEGIN", "PRAGMA"))]
    assert len(reading) == 2 and len(after) == len(before), before


@pytest.mark.parametrize("page", ["", "/atelier", "/accueil", "/configuration"])
def test_help_is_one_link_away_and_its_links_lead_somewhere(made: Desk, page: str) -> None:
    client = made.log_in("admin")
    assert client.get("/agent/").select('footer a[href="/agent/aide"]')
    found = client.get(f"/agent/aide{page}")
    assert found.status == 200
    for link in found.select("main a"):
        href = str(link.attributes["href"])
        if href.startswith("#"):
            assert found.select(href)
        else:
            assert client.get(href).status == 200, href
