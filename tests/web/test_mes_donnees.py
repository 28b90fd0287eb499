"""« Mes données »: a code of its own first, two clicks, told what happened; without it, nothing is given nor erased."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from tests.pages import Page, PageClient
from webapp import links
from webapp.extensions import db, limiter
from webapp.models import Acces, Journal, Participation, Usager
from webapp.web.public import limites, mes_rendez_vous

HERE, FILE, ERASE = "/mes-rendez-vous", "/mes-rendez-vous/donnees", "/mes-rendez-vous/suppression"
PHONE = "06 39 98 00 01"
NOW = datetime(2026, 2, 20, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[time_machine.Traveller]:
    monkeypatch.setattr(mes_rendez_vous, "ANSWER_SECONDS", 0)
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def link(app: Flask) -> str:
    """Yasmina has a place to come and one that is over, Karim one of his own. Answers her link."""
    with app.app_context():
        org = make.organisation(name="Maison des solidarités de Valmont")
        motif = make.motif(make.service(org), name="Mes droits au RSA")
        rdv = make.rdv(motif, lieu_id=make.lieu(org).id)
        hers = make.usager(org, first_name="Yasmina", last_name="Amrani", phone="+33639980001")
        place = make.participation(rdv, hers)
        make.participation(make.rdv(motif, starts_at=NOW - timedelta(days=3)), hers)
        make.participation(rdv, make.usager(org, first_name="Karim", phone="+33639980002"))
        db.session.commit()
        return f"/p/{links.token(links.PARTICIPATION, place.lien_nonce)}"


def code(app: Flask) -> str:
    """The last code that was asked for."""
    with app.app_context():
        nonce = db.session.scalars(select(Acces.lien_nonce).order_by(Acces.id.desc())).first()
        assert nonce
        return links.code(nonce)


def opened(app: Flask, client: PageClient) -> Page:
    client.get(f"{HERE}?autre=1").form(HERE).submit(contact=PHONE)
    page = client.get(HERE).form(HERE).submit(code=code(app))
    assert page.h1 == "Mes rendez-vous"
    return page


def asked_for(app: Flask, client: PageClient, what: str) -> Page:
    """The page behind « Télécharger » or « Supprimer », once its own code was typed."""
    page = opened(app, client).link(what)
    assert page.h1 == what and page.has("06 •• •• •• 01") and not page.has("Yasmina")
    page = page.form(css="form").submit()
    assert page.h1 == "Écrivez le code reçu"
    return page.form(HERE).submit(code=code(app))


def left(app: Flask) -> tuple[int, int]:
    """People who have a name, seats taken."""
    with app.app_context():
        people = db.session.scalar(select(func.count()).where(Usager.anonymise_le.is_(None))) or 0
        seats = select(func.count()).where(Participation.statut == "inscrit")
        return people, db.session.scalar(seats) or 0


def test_all_that_is_kept_in_a_file(app: Flask, client: PageClient, link: str) -> None:
    page = asked_for(app, client, "Télécharger mes données")
    assert page.h1 == "Télécharger mes données" and page.has("06 •• •• •• 01")
    answer = page.form(FILE).submit()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mes-donnees.json"'
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Referrer-Policy"] == "no-referrer"
    said = json.loads(answer.answer.get_data(as_text=True))
    assert said["personnes"] == [
        {
            "prénom": "Yasmina",
            "nom": "Amrani",
            "téléphone": "+33639980001",
            "accepte les SMS": "oui",
            "accepte les courriels": "oui",
        }
    ]
    assert [place["statut"] for place in said["rendez-vous"]] == ["Inscrit", "Inscrit"]
    text = answer.answer.get_data(as_text=True)
    assert "Karim" not in text and link not in text and "é" in text


def test_erased_after_two_clicks_and_told_so(app: Flask, client: PageClient, link: str) -> None:
    page = asked_for(app, client, "Supprimer mes données")
    assert page.has("1 place sera rendue") and page.has("Mes droits au RSA") and page.has("pour Yasmina")
    assert page.has("Pour 2 rendez-vous") and page.link("Non, garder mes données").h1 == "Mes rendez-vous"
    assert left(app) == (2, 3)
    page = page.form(ERASE).submit()
    assert page.url == HERE and page.h1 == "Retrouver mes rendez-vous"
    assert page.has("Vos données sont supprimées : 1 place rendue, 2 rendez-vous") and "Yasmina" not in page.html
    assert left(app) == (1, 2)
    assert client.get(link).status == 404
    with app.app_context():
        (line,) = db.session.scalars(select(Journal).where(Journal.action == "donnees_supprimees"))
        assert line.details == {"rendez_vous": 2}


def test_the_list_alone_gives_and_erases_nothing(app: Flask, client: PageClient, link: str) -> None:
    page = opened(app, client)
    token = page.form("/deconnexion").values["csrf_token"][0]
    for address, title in ((FILE, "Télécharger mes données"), (ERASE, "Supprimer mes données")):
        for answer in (client.get(address), client.post(address, data={"csrf_token": token})):
            assert answer.status == 200 and answer.h1 == title and answer.has("nous envoyons un nouveau code")
            assert "Content-Disposition" not in answer.headers and not answer.has("Yasmina")
    assert left(app) == (2, 3)


def test_a_code_for_one_is_no_code_for_the_other(app: Flask, client: PageClient, link: str) -> None:
    token = asked_for(app, client, "Télécharger mes données").form(FILE).values["csrf_token"][0]
    answer = client.post(ERASE, data={"csrf_token": token})
    assert answer.has("nous envoyons un nouveau code") and left(app) == (2, 3)


def test_the_code_is_fresh_for_ten_minutes(
    app: Flask, client: PageClient, link: str, clock: time_machine.Traveller
) -> None:
    page = asked_for(app, client, "Supprimer mes données")
    clock.shift(timedelta(minutes=11))
    page = page.form(ERASE).submit()
    assert page.status == 200 and page.has("nous envoyons un nouveau code") and left(app) == (2, 3)


def test_a_second_click_finds_it_done(app: Flask, client: PageClient, link: str) -> None:
    form = asked_for(app, client, "Supprimer mes données").form(ERASE)
    assert form.submit().has("Vos données sont supprimées")
    again = form.submit()
    assert again.status == 200 and again.h1 == "Retrouver mes rendez-vous" and left(app) == (1, 2)


def test_a_link_opens_the_list_but_not_these(app: Flask, client: PageClient, link: str) -> None:
    opened(app, client).link("Supprimer mes données").form(css="form").submit()
    with app.app_context():
        nonce = db.session.scalars(select(Acces.lien_nonce).order_by(Acces.id.desc())).first()
        assert nonce
        address = f"{HERE}/{links.token(links.ACCES, nonce)}"
    page = client.another().get(address)
    page = page.form(address).submit()
    assert page.h1 == "Mes rendez-vous"
    assert page.link("Supprimer mes données").has("nous envoyons un nouveau code")


@pytest.mark.parametrize("address", [FILE, ERASE, f"{HERE}/nouveau-code/suppression"])
def test_who_proved_nothing_is_sent_to_the_beginning(client: PageClient, link: str, address: str) -> None:
    token = client.get(HERE).form(HERE).values["csrf_token"][0]
    answers = [client.post(address, data={"csrf_token": token})]
    answers += [client.get(address)] if "code" not in address else []
    assert {(answer.status, answer.location) for answer in answers} == {(303, HERE)}
    assert client.post(f"{HERE}/nouveau-code/autre", data={"csrf_token": token}).status == 404


def test_a_stale_page_changes_nothing(app: Flask, client: PageClient, link: str) -> None:
    page = asked_for(app, client, "Supprimer mes données")
    assert page.form(ERASE).submit({"csrf_token": "vieux"}).status == 419 and left(app) == (2, 3)


def nobody(app: Flask, client: PageClient) -> Page:
    """The page behind « Supprimer », for a contact nothing is kept with."""
    client.get(f"{HERE}?autre=1").form(HERE).submit(contact="06 39 98 00 77")
    page = client.get(HERE).form(HERE).submit(code=code(app)).link("Supprimer mes données").form(css="form").submit()
    return page.form(HERE).submit(code=code(app))


def test_nothing_to_erase_says_so(app: Flask, client: PageClient, link: str) -> None:
    page = nobody(app, client)
    assert page.has("aucun rendez-vous n’est enregistré avec ce contact")
    assert page.form(ERASE).submit().has("Vos données sont supprimées") and left(app) == (2, 3)


def test_too_many_posts_keep_the_page(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "enabled", False)  # put back when the test is over
    app = make_app(RATE_LIMITS="on")
    with app.app_context():
        motif = make.motif(make.service(make.organisation()))
        make.participation(make.rdv(motif), make.usager(motif.organisation_id, phone="+33639980001"))
        db.session.commit()
    page, neighbour = asked_for(app, PageClient(app), "Supprimer mes données"), nobody(app, PageClient(app))
    monkeypatch.setattr(limites, "SEATS", "1 per hour")
    assert neighbour.form(ERASE).submit(follow=False).status == 303  # behind the same address
    page = page.form(ERASE).submit()
    assert page.status == 429 and page.headers["Retry-After"] and page.has("viennent d’arriver de votre réseau")
    assert left(app) == (1, 1) and page.form(ERASE)


def test_the_journal_page_says_it_in_words(app: Flask, client: PageClient, link: str) -> None:
    asked_for(app, client, "Supprimer mes données").form(ERASE).submit()
    with app.app_context():
        service = db.session.scalars(select(Participation)).first().rdv.motif.service  # type: ignore[union-attr]
        email = make.agent(service, "admin").email
        db.session.commit()
    desk = client.another()
    desk.get("/agent/connexion").form("/agent/connexion").submit(courriel=email, mot_de_passe=make.PASSWORD)
    page = desk.get("/configuration/journal")
    assert page.has("Une personne a supprimé ses données (2 rendez-vous).") and not page.has("Yasmina")
