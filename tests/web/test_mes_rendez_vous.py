"""« Mes rendez-vous »: the contact, the code or the link, the list; what a stranger learns from it."""

import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.databases import statements
from tests.pages import Page, PageClient
from webapp import links
from webapp.clock import utcnow
from webapp.domain.participation import Statut
from webapp.extensions import db, limiter
from webapp.models import Acces, Notification, Organisation
from webapp.web.public import limites, mes_rendez_vous

HERE = "/mes-rendez-vous"
PHONE, MAIL = "06 39 98 00 01", "yasmina@exemple.fr"
NOW = datetime(2026, 2, 20, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[time_machine.Traveller]:
    """Answers that don't take their time; a clock that tests move."""
    monkeypatch.setattr(mes_rendez_vous, "ANSWER_SECONDS", 0)
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def yasmina(app: Flask) -> str:
    """Yasmina is booked, her daughter Léa too; Karim holds a place of his own. Answers her personal link."""
    with app.app_context():
        org = make.organisation(name="Maison des solidarités de Valmont")
        motif = make.motif(make.service(org), name="Mes droits au RSA")
        lieu = make.lieu(org)
        rdv = make.rdv(motif, lieu=lieu)
        hers = make.usager(org, first_name="Yasmina", phone="+33639980001", email=MAIL)
        place = make.participation(rdv, hers)
        lea = make.usager(org, first_name="Léa", phone=None, responsable=hers)
        make.participation(make.rdv(make.motif(motif.service, name="Éveil"), lieu=lieu), lea)
        make.participation(rdv, make.usager(org, first_name="Karim", phone="+33639980002"))
        db.session.commit()
        return f"/p/{links.token(links.PARTICIPATION, place.lien_nonce)}"


def ask(client: PageClient, contact: str = PHONE, **options: Any) -> Page:
    return client.get(f"{HERE}?autre=1").form(HERE).submit(contact=contact, **options)


def last(app: Flask) -> tuple[str, str]:
    """Code and link of the last demand, as its message says them."""
    with app.app_context():
        nonce = db.session.scalars(select(Acces.lien_nonce).order_by(Acces.id.desc())).first()
        assert nonce
        return links.code(nonce), f"{HERE}/{links.token(links.ACCES, nonce)}"


def promised(app: Flask) -> int:
    with app.app_context():
        return len(db.session.scalars(select(Notification.id).where(Notification.event == "acces")).all())


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


@pytest.mark.parametrize("contact", [PHONE, "+33 6 39 98 00 01", MAIL, "Yasmina@Exemple.FR"])
def test_the_code_opens_the_list_in_the_browser_that_asked(
    app: Flask, client: PageClient, yasmina: str, contact: str
) -> None:
    page = ask(client, contact)
    assert page.h1 == "Écrivez le code reçu" and promised(app) == 1
    assert PHONE not in page.html and MAIL not in page.html
    field = page.select("#code")[0].attributes
    assert (field["autocomplete"], field["inputmode"]) == ("one-time-code", "numeric")
    code, _ = last(app)
    page = page.form(HERE).submit(code=f"{code[:3]} {code[3:]}")
    assert (page.status, page.h1, page.url) == (200, "Mes rendez-vous", HERE)
    assert page.has("Mes droits au RSA") and page.has("Pour Léa") and page.has("Pour Yasmina")
    assert "Karim" not in page.text
    assert yasmina in {link.attributes["href"] for link in page.select("main h3 a")}
    assert client.get(yasmina).status == 200
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "no-referrer"


def test_another_browser_opens_nothing_with_the_right_code(app: Flask, client: PageClient, yasmina: str) -> None:
    ask(client)
    code, _ = last(app)
    other = client.another()
    form = ask(other, "06 39 98 00 02").form(HERE)
    assert form.submit(code=code).errors["code"]
    nobody = client.another()
    token = nobody.get(HERE).form(HERE).values["csrf_token"]
    refused = nobody.post(HERE, data={"csrf_token": token, "code": code})
    assert refused.status == 409 and refused.has("n’est plus valable")
    assert "RSA" not in other.get(HERE).text + nobody.get(HERE).text


def test_five_tries_then_the_right_one_is_refused(app: Flask, client: PageClient, yasmina: str) -> None:
    page = ask(client)
    code, link = last(app)
    statuses = [page.form(HERE).submit(code=wrong(code)).status for _ in range(5)]
    assert statuses == [422, 422, 422, 422, 409]
    sixth = page.form(HERE).submit(code=code)
    assert (sixth.status, sixth.h1) == (409, "Ce code n’est plus valable") and sixth.has("Demander un autre code")
    assert not sixth.select("#code") and "conservé" not in sixth.text and "Il est valable" not in sixth.text
    assert client.get(HERE).h1 == "Retrouver mes rendez-vous"
    assert client.get(link).status == 404


def test_the_code_lasts_ten_minutes(
    app: Flask, client: PageClient, yasmina: str, at_once: time_machine.Traveller
) -> None:
    page = ask(client)
    code, link = last(app)
    at_once.shift(timedelta(minutes=11))
    assert page.form(HERE).submit(code=code).status == 409
    assert client.get(link).h1 == "Ce lien n’est plus valable"
    assert client.get(HERE).h1 == "Retrouver mes rendez-vous"


def test_a_second_demand_kills_the_first(app: Flask, client: PageClient, yasmina: str) -> None:
    ask(client)
    first, link = last(app)
    other = client.another()
    ask(other)
    assert client.get(HERE).form(HERE).submit(code=first).status == 409
    assert client.get(link).status == 404
    assert other.get(HERE).form(HERE).submit(code=last(app)[0]).h1 == "Mes rendez-vous"


def test_the_fourth_demand_within_an_hour_sends_nothing_and_says_the_same(
    app: Flask, client: PageClient, yasmina: str, at_once: time_machine.Traveller
) -> None:
    said = set()
    for contact in ("06 39 98 00 09", PHONE):  # nobody's, then hers
        *pages, fourth = [ask(client, contact) for _ in range(4)]
        assert {page.status for page in (*pages, fourth)} == {200} and len({bare(page) for page in pages}) == 1
        assert fourth.has("Trois codes ont déjà été demandés en une heure") and not fourth.has("vient d’y partir")
        said.add(bare(fourth).replace(f"06 •• •• •• {contact[-2:]}", ""))
    assert len(said) == 1
    assert promised(app) == 3
    assert client.get(HERE).form(HERE).submit(code=last(app)[0]).h1 == "Mes rendez-vous"
    at_once.shift(timedelta(minutes=61))
    ask(client.another())
    assert promised(app) == 4


def test_the_link_shows_a_button_and_serves_once(app: Flask, client: PageClient, yasmina: str) -> None:
    ask(client)
    _, link = last(app)
    phone = client.another()
    for _ in range(3):  # programs that look for viruses
        page = phone.get(link)
    assert page.h1 == "Voir mes rendez-vous" and page.headers["Referrer-Policy"] == "no-referrer"
    late = client.another().get(link).form(link)
    page = page.form(link).submit()
    assert page.h1 == "Mes rendez-vous" and page.has("Mes droits au RSA")
    again = late.submit()
    assert (again.status, again.h1) == (404, "Ce lien n’est plus valable")
    assert again.html.count("RSA") == 0
    assert phone.get(link).status == 404
    assert client.get(HERE).form(HERE).submit(code=last(app)[0]).status == 409


def test_a_link_of_another_shape_is_like_a_used_one(client: PageClient, yasmina: str) -> None:
    for text in ("x", "a" * 22, "é" * 22):
        assert client.get(f"{HERE}/{text}").h1 == "Ce lien n’est plus valable"


def bare(page: Page) -> str:
    """The page without what differs each time: tokens."""
    return re.sub(r'name="(csrf_token|envoi)" value="[^"]*"', "", page.html)


def test_an_unknown_contact_gets_the_same_page_by_the_same_statements(app: Flask, yasmina: str) -> None:
    """As who has a place, or is only in a file."""
    unknown, on_file = "06 39 98 00 09", "06 39 98 00 08"
    with app.app_context():
        make.usager(db.session.scalars(select(Organisation.id)).first(), phone="+33639980008")
        db.session.commit()
    seen = {}
    ask(PageClient(app), PHONE)  # what is prepared once
    for contact in (PHONE, unknown, on_file):
        client = PageClient(app)
        form = client.get(HERE).form(HERE)
        with app.app_context(), statements() as sent:
            answer = form.submit(contact=contact, follow=False)
        shown = client.get(HERE)
        masked = f"06 •• •• •• {contact[-2:]}"
        assert masked in shown.text
        headers = sorted(name for name, _ in answer.headers)
        seen[contact] = list(sent), answer.status, answer.location, headers, bare(shown).replace(masked, "")
    assert seen[PHONE] == seen[unknown] == seen[on_file]
    assert len(seen[PHONE][0]) >= 4
    assert promised(app) == 3


def test_a_landline_is_told_so_whoever_has_it(app: Flask, client: PageClient, yasmina: str) -> None:
    with app.app_context():
        org = db.session.scalars(select(Organisation)).one()
        rdv = make.rdv(make.motif(make.service(org)))
        make.participation(rdv, make.usager(org, phone="+33475990042"))
        db.session.commit()
    pages = [ask(client, contact) for contact in ("04 75 99 00 42", "04 75 99 00 01")]
    assert {page.status for page in pages} == {422} and promised(app) == 0
    assert all("Ce numéro ne reçoit pas nos SMS" in page.errors["contact"] for page in pages)


def test_the_advice_is_about_the_channel_that_was_typed(client: PageClient, yasmina: str) -> None:
    by_text, by_mail = ask(client, PHONE), ask(client, MAIL)
    assert by_text.has("le numéro donné") and not by_text.has("indésirables")
    assert by_mail.has("l’adresse donnée") and by_mail.has("indésirables") and not by_mail.has("SMS")


def open_list(app: Flask, client: PageClient, contact: str = PHONE) -> Page:
    return ask(client, contact).form(HERE).submit(code=last(app)[0])


def test_logging_out_and_half_an_hour_without_looking_close_the_list(
    app: Flask, client: PageClient, yasmina: str, at_once: time_machine.Traveller
) -> None:
    page = open_list(app, client)
    at_once.shift(timedelta(minutes=29))
    assert client.get(HERE).h1 == "Mes rendez-vous"
    at_once.shift(timedelta(minutes=29))
    assert client.get(HERE).h1 == "Mes rendez-vous"
    at_once.shift(timedelta(minutes=31))
    assert client.get(HERE).h1 == "Retrouver mes rendez-vous"
    page = open_list(app, client)
    copied = client.another()
    for cookie in list(client.flask._cookies.values()):
        copied.flask.set_cookie(cookie.key, cookie.value, path=cookie.path)
    assert copied.get(HERE).h1 == "Mes rendez-vous"
    page = page.form("/deconnexion").submit()
    assert page.h1 == "Retrouver mes rendez-vous" and page.has("Vous êtes déconnecté")
    assert copied.get(HERE).h1 == "Retrouver mes rendez-vous"


def test_coming_first_then_thirty_days_with_what_became_of_each(app: Flask, client: PageClient, yasmina: str) -> None:
    with app.app_context():
        org = db.session.scalars(select(Organisation)).one()
        service = make.service(org)
        who = make.usager(org, phone="+33639980011")
        now = utcnow()

        def place(name: str, days: int, statut: Statut = Statut.INSCRIT, **fields: Any) -> None:
            rdv = make.rdv(make.motif(service, name=name), starts_at=now + timedelta(days=days), **fields)
            make.participation(rdv, who, statut)

        place("Passé", -3, Statut.PRESENT)
        place("Oublié", -40, Statut.PRESENT)
        place("Annulé", 5, Statut.ANNULE, cancelled_at=now)
        place("Bientôt", 2)
        place("Retiré", 8, Statut.ANNULE)
        place("Empêché", 9, Statut.EXCUSE)
        db.session.commit()
    page = open_list(app, client, "0639980011")
    names = [link.text().split(",")[0] for link in page.select("main h3 a")]
    assert names == ["Bientôt", "Annulé", "Retiré", "Empêché", "Passé"]
    assert page.has("Annulé par le service") and page.has("Place retirée") and page.has("vous ne viendrez pas")


def test_an_invitation_is_found_again(app: Flask, client: PageClient, yasmina: str) -> None:
    """By who was sent it and nobody else, while it opens something."""
    with app.app_context():
        motif = make.motif(make.service(db.session.scalars(select(Organisation)).first()), name="Cuisine")
        person = make.usager(motif.organisation_id, first_name="Zineb", phone="+33639980012")
        make.invitation(motif, person)
        make.invitation(make.motif(motif.service), person, retiree_le=utcnow())
        make.rdv(motif)
        db.session.commit()
    page = open_list(app, client, "06 39 98 00 12")
    assert page.has("Une date à choisir") and not page.has("Les messages d’aucun")
    (link,) = page.select("main h3 a")
    assert client.get(str(link.attributes["href"]), follow=True).has("Invitation pour Zineb")


def test_nothing_to_show_says_whom_to_call(app: Flask, client: PageClient, yasmina: str) -> None:
    page = open_list(app, client, "06 39 98 00 77")
    assert page.status == 200 and page.has("Aucun rendez-vous à venir")
    assert page.select('main a[href="tel:+33475990100"]')


TYPED = [
    ("", "Écrivez un portable"),
    ("truc", "Écrivez un portable (06…) ou une adresse"),
    ("06 12", "dix chiffres"),
    ("a@", "fin"),
]


@pytest.mark.parametrize(("typed", "words"), TYPED)
def test_what_is_no_contact_is_said_and_kept(client: PageClient, yasmina: str, typed: str, words: str) -> None:
    page = ask(client, typed)
    assert page.status == 422 and words in page.errors["contact"]
    assert page.title.startswith("Erreur : ")
    assert page.select("#contact")[0].attributes["value"] == typed


@pytest.mark.parametrize(("typed", "words"), [("", "Écrivez le code"), ("12345", "6 chiffres"), ("abcdef", "6 c")])
def test_what_is_no_code_is_said_kept_and_no_try(
    app: Flask, client: PageClient, yasmina: str, typed: str, words: str
) -> None:
    page = ask(client)
    found = page.form(HERE).submit(code=typed)
    assert found.status == 422 and words in found.errors["code"]
    assert found.select("#code")[0].attributes["value"] == typed
    with app.app_context():
        assert db.session.scalars(select(Acces.essais)).one() == 0


def test_a_page_left_open_is_filled_again(app: Flask, client: PageClient, yasmina: str) -> None:
    form = client.get(HERE).form(HERE)
    page = form.submit({"csrf_token": "vieux"}, contact=PHONE)
    assert page.status == 419 and page.select("#contact")[0].attributes["value"] == PHONE
    assert promised(app) == 0


def test_too_many_posts_of_one_address_keep_what_was_typed(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "enabled", False)  # put back when the test is over
    monkeypatch.setattr(limites, "SEATS", "1 per minute")
    client = PageClient(make_app(RATE_LIMITS="on"))
    with client.app.app_context():
        make.organisation()
        db.session.commit()
    ask(client)
    page = ask(client)
    assert page.status == 429 and page.headers["Retry-After"]
    assert page.select("#contact")[0].attributes["value"] == PHONE


def test_no_token_is_logged(app: Flask, client: PageClient, yasmina: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask(client)
    code, link = last(app)
    client.get(link).form(link).submit()
    assert link not in caplog.text and code not in caplog.text and "39980001" not in caplog.text


def test_several_organisations(app: Flask, client: PageClient, yasmina: str) -> None:
    with app.app_context():
        other = make.organisation(name="Maison de l’île", timezone="Indian/Reunion")
        rdv = make.rdv(make.motif(make.service(other), name="Au loin"), starts_at=NOW + timedelta(days=10))
        make.participation(rdv, make.usager(other, phone="+33639980001"))
        db.session.commit()
    page = open_list(app, client)
    assert page.has("Au loin") and page.has("13 h") and page.has("Mes droits au RSA")
