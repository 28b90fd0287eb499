"""The booking form: what is asked, how it is read, what it says when something is wrong."""

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select
from wtforms import ValidationError

from tests.pages import PageClient
from tests.visitors import PERSON, book, counts, session
from webapp.extensions import db
from webapp.models import Organisation, Participation, Rdv, Usager
from webapp.web.forms.public import birth_date_typed, email_typed

TODAY = date(2027, 3, 2)


@pytest.fixture
def rdv_id(app: Flask) -> int:
    return session(app, motif_champs=["telephone", "courriel", "date_naissance", "numero_dossier"])


@pytest.mark.parametrize(
    "text",
    [
        "03/04/1990",
        "3/4/1990",
        "03-04-1990",
        "3.4.1990",
        "03 04 1990",
        "03041990",
        "1990-04-03",
        "3 avril 1990",
        "3 AVR. 1990",
    ],
)
def test_birth_dates_as_people_write_them(text: str) -> None:
    assert birth_date_typed(text, TODAY) == date(1990, 4, 3)


def test_the_first_of_the_month() -> None:
    assert birth_date_typed("1er août 1985", TODAY) == date(1985, 8, 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hier", "le jour, le mois et l’année"),
        ("03/04", "le jour, le mois et l’année"),
        ("3 brumaire 1990", "le jour, le mois et l’année"),
        ("03/04/90", "quatre chiffres"),
        ("31/02/1990", "n’existe pas"),
        ("03/13/1990", "n’existe pas"),
        ("03/04/2028", "futur"),
        ("03/04/1890", "Vérifiez l’année"),
        ("٠٣/٠٤/١٩٩٠", "le jour, le mois et l’année"),
    ],
)
def test_birth_dates_that_are_none(text: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        birth_date_typed(text, TODAY)


def test_addresses_are_read_without_the_network() -> None:
    assert email_typed("Élodie.NDIAYE@Exemple.FR") == "élodie.ndiaye@exemple.fr"
    assert email_typed("a @exemple.fr") == "a@exemple.fr"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("elodie", "signe @"),
        ("elodie@exemple", "la fin de l’adresse"),
        ("elodie@@exemple.fr", "n’est pas correcte"),
        ("elodie@exemple..fr", "n’est pas correcte"),
        ("x@exemple.fr\nBcc: y@exemple.fr", "n’est pas correcte"),
        ("a" * 250 + "@exemple.fr", "trop longue"),
    ],
)
def test_addresses_that_are_none(text: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        email_typed(text)


def test_each_error_is_beside_its_field_and_in_the_summary(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    page = form.submit(
        prenom=" ",
        nom="",
        telephone="06 12 34",
        courriel="elodie@",
        date_naissance="31/02/1990",
        numero_dossier="x" * 41,
    )
    assert page.status == 422 and page.title.startswith("Erreur")
    assert set(page.errors) == {"prenom", "nom", "telephone", "courriel", "date_naissance", "numero_dossier"}
    assert "dix chiffres" in page.errors["telephone"]
    for field in page.errors:
        assert page.select(f'#erreurs a[href="#{field}"]'), field
        assert page.select(f'[id="{field}"]'), field
    assert page.select("#erreurs[data-focus][autofocus]") and page.has("Il reste 6 points à corriger")
    assert page.select('#telephone[value="06 12 34"]') and page.select('#date_naissance[value="31/02/1990"]')
    assert counts(app) == (0, 0, 0)


def test_one_contact_is_enough(client: PageClient, app: Flask) -> None:
    rdv_id = session(app)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    page = form.submit(prenom="Awa", nom="Sow", telephone="", courriel="")
    assert page.status == 422 and list(page.errors) == ["telephone"] and page.has("nous devons pouvoir vous prévenir")
    page = page.form("/inscription").submit(telephone="0639981234")
    assert page.has("06 •• •• •• 34")
    page = book(client.another(), rdv_id, nom="Autre", telephone="", courriel="autre@exemple.fr")
    assert page.has("a••••@exemple.fr") and not page.has("par SMS")


@pytest.mark.parametrize(
    ("champs", "asked"),
    [
        (["telephone"], {"telephone"}),
        (["courriel"], {"courriel"}),
        ([], {"telephone", "courriel"}),
        (["date_naissance"], {"date_naissance", "telephone", "courriel"}),
        (["courriel", "numero_dossier"], {"courriel", "numero_dossier"}),
    ],
)
def test_only_what_the_motif_asks(client: PageClient, app: Flask, champs: list[str], asked: set[str]) -> None:
    rdv_id = session(app, motif_champs=champs)
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    assert form.names == {"prenom", "nom", "csrf_token", "envoi", "connu", "precision", *asked}
    page = form.submit(prenom="Awa", nom="Sow")
    contact = "telephone" if "telephone" in asked else "courriel"
    assert contact in page.errors and "numero_dossier" not in page.errors


def test_what_the_motif_does_not_ask_is_not_kept(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, motif_champs=["telephone"])
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    data = {**{name: values[0] for name, values in form.values.items()}, **PERSON, "date_naissance": "03/03/1990"}
    assert client.post(form.action, data=data).status == 303
    with app.app_context():
        person = db.session.scalars(select(Usager)).one()
        assert (person.email, person.birth_date, person.phone) == (None, None, "+33639981278")


def test_a_birth_date_and_a_case_number_are_kept(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = book(client, rdv_id, date_naissance="3/4/1990", numero_dossier=" 26-4815 ")
    assert page.h1 == "Votre place est réservée"
    with app.app_context():
        person = db.session.scalars(select(Usager)).one()
        assert (person.birth_date, person.numero_dossier) == (date(1990, 4, 3), "26-4815")


@pytest.mark.parametrize(
    ("prenom", "nom"),
    [
        ("Jean-Baptiste", "d’Aubigné"),
        ("J.-P. M", "St. Jean / Roy"),
        ("Ngọc Ánh", "Nguyễn"),
        ("Zoé 🎉", "O'Brien"),
        ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'),
        ("A" * 80, "É" * 80),
        ("  Marie   Claire ", "Le\tGoff"),
        ("Robert'); DROP TABLE usagers;--", "{{ 7 * 7 }}"),
        ("ليلى", "李"),
    ],
)
def test_names_of_every_kind(client: PageClient, app: Flask, prenom: str, nom: str) -> None:
    rdv_id = session(app)
    page = book(client, rdv_id, prenom=prenom, nom=nom, telephone="")
    assert page.h1 == "Votre place est réservée"
    with app.app_context():
        row = db.session.scalars(select(Participation)).one()
        assert row.usager.first_name == " ".join(prenom.split()) and row.usager.last_name == " ".join(nom.split())
    book(client, rdv_id, prenom=prenom, nom=nom, telephone="", courriel="mauvais")  # shown again, as text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("A" * 81, "80 caractères"),
        ("A" * 200_000, "80 caractères"),  # at once: nothing that reads a name takes the square of its length
        ("🎉", "avec des lettres"),
        ("\u200b\u202e", "Écrivez votre prénom."),
        ("--", "avec des lettres"),
        ("Gagnez sur prime-rsa.exemple", "sans adresse ni lien"),
        ("Zoé https://exemple", "sans adresse ni lien"),
        ("zoe@exemple.fr", "sans adresse ni lien"),
    ],
)
def test_names_that_are_none(client: PageClient, app: Flask, name: str, sentence: str) -> None:
    page = book(client, session(app), prenom=name)
    assert page.status == 422 and sentence in page.errors["prenom"]
    assert counts(app) == (0, 0, 0)


def test_phones_are_read_where_the_organisation_is(client: PageClient, app: Flask) -> None:
    rdv_id = session(app, org_timezone="Indian/Reunion")
    page = book(client, rdv_id, telephone="0692 12 34 56")
    assert page.has("0692 •• •• 56")
    with app.app_context():
        assert db.session.scalars(select(Usager.phone)).one() == "+262692123456"
        assert db.session.get_one(Organisation, db.session.get_one(Rdv, rdv_id).organisation_id).timezone


def test_a_form_that_is_too_old_comes_back_filled(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/inscription").form("/inscription")
    form.values["csrf_token"] = ["perimé"]
    page = form.submit({**PERSON, "date_naissance": "03/04/1990"})
    assert page.status == 419 and page.has("Rien n’est perdu") and page.select('#nom[value="N’Diaye"]')
    assert counts(app) == (0, 0, 0)
    assert page.form("/inscription").submit().h1 == "Votre place est réservée"
