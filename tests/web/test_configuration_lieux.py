"""Places and rooms are set up from pages: helpful refusals, sessions seen before, people told only when asked."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.databases import statements
from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from tests.pages import Page, PageClient
from webapp.clock import utcnow
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Lieu, Notification, Rdv, Salle

LIST = "/configuration/lieux"
NEW = f"{LIST}/nouveau"
TYPED = {
    "name": "Espace Rosa-Parks",
    "address": "1 place Haute",
    "postal_code": "26 990",
    "city": "Valmont",
    "phone": "04 75 99 01 02",
    "pmr": "rampe côté cour",
}


@pytest.fixture
def made(app: Flask) -> Desk:
    found = desk(app)
    with app.app_context():
        rdv = db.session.get_one(Rdv, found.rdv)
        lieu = make.lieu(rdv.organisation)
        rdv.lieu, rdv.salle = lieu, make.salle(lieu)
        db.session.commit()
    return found


@pytest.fixture
def admin(made: Desk) -> PageClient:
    return made.log_in("admin")


def place(made: Desk) -> Lieu:
    """Where the desk's session is held, as it is now."""
    with made.app.app_context():
        lieu = db.session.get_one(Rdv, made.rdv).lieu
        assert lieu is not None
        return lieu


def address(made: Desk) -> str:
    return f"{LIST}/{place(made).id}"


def room(made: Desk) -> str:
    return f"{address(made)}/salles/{made.session().salle_id}"


def told(made: Desk) -> list[Notification]:
    with made.app.app_context():
        of_usagers = Notification.destinataire_type == "usager"
        return list(db.session.scalars(select(Notification).where(Notification.event == "modification", of_usagers)))


def correct(client: PageClient, where: str, **values: str) -> Page:
    return client.get(where).form(where).submit(**values, button="Enregistrer")


def test_a_place_is_created_then_its_rooms(made: Desk, admin: PageClient) -> None:
    page = admin.get("/configuration/").link("Lieux et salles").link("Ajouter un lieu").form(NEW).submit(TYPED)
    assert page.status == 200 and page.h1 == "Espace Rosa-Parks" and page.has("est créé")
    with made.app.app_context():
        saved = db.session.scalars(select(Lieu).where(Lieu.name == "Espace Rosa-Parks")).one()
    assert (saved.postal_code, saved.phone, saved.pmr) == ("26990", "+33475990102", "rampe côté cour")
    assert page.form(f"{LIST}/{saved.id}").values["phone"] == ["04 75 99 01 02"]
    page = page.link("Ajouter une salle").form("/nouvelle").submit(name="Salle A", capacite="14")
    assert page.h1 == "Espace Rosa-Parks" and page.has("14 places · 0 séance à venir")
    page = page.link("Salle A").form(css="form.card").submit(capacite="")
    assert page.has("nombre de places inconnu")
    page = page.link("Salle A").link("Retirer cette salle").form("/retrait").submit()
    assert page.has("est retirée") and page.has("Aucune salle")
    with made.app.app_context():
        assert db.session.scalars(select(Salle.name)).all() == ["Salle Simone-Veil"]


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", " ", "Donnez un nom"),
        ("name", "x" * 121, "120 caractères au plus"),
        ("address", "x" * 201, "200 caractères au plus"),
        ("postal_code", "2699", "cinq chiffres"),
        ("postal_code", "2A004", "20000 pour Ajaccio"),
        ("postal_code", "00100", "ne commence ainsi"),
        ("postal_code", "", "Indiquez le code postal"),
        ("city", "", "Indiquez la ville"),
        ("phone", "04 75 99", "six"),
        ("pmr", "x" * 201, "200 caractères au plus"),
    ],
)
def test_what_is_wrong_says_how_to_mend_it(made: Desk, admin: PageClient, field: str, typed: str, words: str) -> None:
    page = admin.get(NEW).form(NEW).submit({**TYPED, field: typed})
    assert page.status == 422 and page.title.startswith("Erreur") and words in page.errors[field]
    with made.app.app_context():
        assert len(db.session.scalars(select(Lieu)).all()) == 1


@pytest.mark.parametrize("code", ["20000", "97400", "98800", "01000", "98000"])
def test_every_french_postal_code_is_taken(admin: PageClient, code: str) -> None:
    assert admin.get(NEW).form(NEW).submit({**TYPED, "postal_code": code}).status == 200


def test_a_name_already_taken_is_refused_and_nothing_typed_is_lost(made: Desk, admin: PageClient) -> None:
    page = admin.get(NEW).form(NEW).submit({**TYPED, "name": "maison des solidarites"})
    assert page.status == 409 and page.has("Un lieu s’appelle déjà « Maison des solidarités »")
    assert page.form(NEW).values["city"] == ["Valmont"]


def test_a_correction_says_who_would_be_told_before_anything_is_saved(made: Desk, admin: PageClient) -> None:
    with made.app.app_context():
        rdv = db.session.get_one(Rdv, made.rdv)
        away = make.usager(rdv.organisation_id, phone="+33475990155", last_name="Sans-Portable")
        make.participation(rdv, away)
        make.participation(rdv, statut=Statut.EXCUSE)
        make.rdv(rdv.motif, lieu_id=rdv.lieu_id)
        db.session.commit()
    page = correct(admin, address(made), address="5 rue des Lilas")
    assert page.status == 200 and page.h1 == "Prévenir les inscrits\u00a0?" and page.has("Rien n’est encore enregistré")
    assert page.has("une séance à venir où des personnes sont inscrites")
    assert page.has("4 personnes : 3 SMS, 1 à appeler.") and page.has("SANS-PORTABLE") and page.has("04 75 99 01 55")
    assert page.has("Maison des solidarités, 5 rue des Lilas, 26990 Valmont")
    assert place(made).address == "3 rue des Lilas" and told(made) == []
    form = page.form(address(made))
    assert form.values["prevenir"] == ["0"]  # a mere correction tells nobody unless asked
    back = page.form(address(made)).submit(button="Corriger encore")
    assert (
        back.form(address(made)).values["address"] == ["5 rue des Lilas"] and place(made).address != "5 rue des Lilas"
    )
    page = page.form(address(made)).submit(button="Enregistrer")
    assert page.has("est enregistré") and place(made).address == "5 rue des Lilas" and told(made) == []


def test_people_are_told_once_however_often_the_form_is_sent(made: Desk, admin: PageClient) -> None:
    asked = correct(admin, address(made), name="Maison Nelson-Mandela").form(address(made))
    asked.values["prevenir"] = ["0", "1"]
    done = asked.submit(button="Enregistrer")
    assert done.has("Les messages partent : 3 SMS.")
    again = asked.submit(button="Enregistrer")
    assert again.status == 200 and again.has("Rien n’a changé")
    assert len(told(made)) == 3 and made.session().version == 2
    sheet = admin.get(f"/agent/rdv/{made.rdv}/journal")
    assert sheet.has("a changé la date ou le lieu")


def test_a_room_with_another_name_is_news_too(made: Desk, admin: PageClient) -> None:
    page = correct(admin, room(made), name="Salle Lovelace")
    assert page.h1 == "Prévenir les inscrits\u00a0?" and page.has("avec cette salle")
    asked = page.form(room(made))
    asked.values["prevenir"] = ["0", "1"]
    assert asked.submit(button="Enregistrer").has("La salle « Salle Lovelace » est enregistrée")
    assert len(told(made)) == 3
    assert correct(admin, room(made), capacite="40").has("est enregistrée")  # nobody was told how many seats it has
    kept = admin.get(f"{room(made)}/retrait")
    assert kept.has("elle sert à 1 séance") and not kept.select("main form")
    token = admin.get(room(made)).form(room(made)).values["csrf_token"]
    assert admin.post(f"{room(made)}/retrait", data={"csrf_token": token}).status == 409


def test_a_colleague_who_was_faster_is_seen_before_saving(made: Desk, admin: PageClient) -> None:
    mine = admin.get(address(made)).form(address(made))
    with made.app.app_context():
        db.session.get_one(Lieu, place(made).id).pmr = "ascenseur"
        db.session.commit()
    page = mine.submit(phone="04 75 99 01 02", button="Enregistrer")
    assert (
        page.status == 409 and page.has("« Maison des solidarités » vient de changer") and page.has("C’est maintenant")
    )
    page = page.form(address(made)).submit(button="Enregistrer")
    assert page.has("est enregistré") and place(made).phone == "+33475990102"


def test_a_place_in_use_is_put_aside_once_its_sessions_have_been_seen(made: Desk, admin: PageClient) -> None:
    page = admin.get(address(made)).link("Ne plus proposer ce lieu")
    assert page.has("1 séance y reste prévue") and page.has("Mes droits au RSA · Salle Simone-Veil")
    assert page.has("3 inscrits") and page.select(f'a[href="/agent/rdv/{made.rdv}"]')
    form = page.form("/activation")
    page = form.submit(button="Ne plus proposer ce lieu")
    assert page.has("n’est plus proposé") and page.has("1 lieu désactivé") and not place(made).enabled
    assert not form.submit().has("de nouveau proposé") and not place(made).enabled  # the same form twice
    assert made.session().lieu_id == place(made).id and told(made) == []
    page = page.link("Proposer à nouveau Maison des solidarités").form("/activation").submit()
    assert page.has("est de nouveau proposé") and place(made).enabled


def test_a_place_of_one_session_stands_apart(made: Desk, admin: PageClient) -> None:
    with made.app.app_context():
        ponctuel = make.lieu(db.session.get_one(Rdv, made.rdv).organisation, ponctuel=True)
        ponctuel.name = "Chez l’habitant"
        db.session.commit()
        where = f"{LIST}/{ponctuel.id}"
    page = admin.get(LIST)
    assert page.has("1 lieu ponctuel") and page.has("Chez l’habitant")
    assert admin.get(where).status == 200 and admin.get(f"{where}/activation").status == 404


def test_pages_cost_the_same_however_many_sessions(made: Desk, admin: PageClient) -> None:
    addresses = [LIST, address(made), f"{address(made)}/activation", room(made)]

    def costs() -> list[int]:
        found = []
        for where in addresses:
            with made.app.app_context(), statements() as seen:
                assert admin.get(where).status == 200
            found.append(len(seen))
        form = admin.get(address(made)).form(address(made))
        with made.app.app_context(), statements() as seen:
            assert form.submit(city="Montval", button="Enregistrer").h1 == "Prévenir les inscrits\u00a0?"
        return [*found, len(seen)]

    few = costs()
    with made.app.app_context():
        rdv = db.session.get_one(Rdv, made.rdv)
        other = make.motif(db.session.get_one(Rdv, made.elsewhere).motif.service, name="Autre")
        for number in range(30):
            motif: Any = (rdv.motif, other)[number % 2]
            more = make.rdv(motif, starts_at=utcnow() + timedelta(days=number + 1), lieu_id=rdv.lieu_id)
            more.salle_id = rdv.salle_id
            make.participation(more)
        make.salle(rdv.lieu, name="Salle B")
        make.lieu(rdv.organisation, name="Autre lieu")
        db.session.commit()
    assert costs() == few
    assert max(few) < 15, few


RIGHTS = {"agent": 403, "référent": 403, "accueil": 403, "voisin": 403, "admin": 200, "étranger": 404}


@pytest.mark.parametrize("who", sorted(RIGHTS))
def test_every_address_of_places_answers_each_as_it_should(made: Desk, who: str) -> None:
    client = made.log_in(who)
    token = str(client.get("/agent/").select("input[name=csrf_token]")[0].attributes["value"])
    mine, rooms, expected = address(made), room(made), RIGHTS[who]
    lists = 200 if who == "étranger" else expected  # an admin elsewhere has places of their own
    for where, status in (
        (LIST, lists),
        (NEW, lists),
        (mine, expected),
        (f"{mine}/activation", expected),
        (f"{mine}/salles/nouvelle", expected),
        (rooms, expected),
        (f"{rooms}/retrait", expected),
    ):
        page = client.get(where)
        assert page.status == status, where
        if status == 403:
            assert page.has("configurer les lieux et les salles") and page.has("Peuvent vous le donner : Nadia")
        if where != LIST:
            sent = client.post(where, data={"csrf_token": token, "name": "Forcé"}).status
            assert sent == status if status != 200 else sent in (200, 303, 409, 422), where
    kept = place(made)
    assert kept.name == "Maison des solidarités" and kept.enabled is (expected != 200)
    cards = client.get("/configuration/").select('a[href="/configuration/lieux"]')
    assert bool(cards) is (lists == 200)
