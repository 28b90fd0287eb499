"""The organisation says how it is called, reached and seen; what would mislead people is refused with the reason."""

import pytest
from flask import Flask
from sqlalchemy import delete, select

from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from tests.pages import PageClient
from webapp.domain.contrast import accent_ok
from webapp.domain.theme import accents
from webapp.extensions import db
from webapp.models import Agent, Journal, Organisation, Participation, Rdv
from webapp.services.organisation import EDITABLE, FUSEAUX, save_organisation
from webapp.services.preferences import REGLAGES
from webapp.web.forms.organisation import OrganisationForm

PAGE = "/configuration/organisation"


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app)


@pytest.fixture
def admin(made: Desk) -> PageClient:
    return made.log_in("admin")


def organisation(made: Desk) -> Organisation:
    with made.app.app_context():
        return db.session.scalars(select(Agent).where(Agent.email == made.emails["admin"])).one().organisation


def no_session(made: Desk) -> None:
    with made.app.app_context():
        db.session.execute(delete(Participation))
        db.session.execute(delete(Rdv))
        db.session.commit()


def test_every_setting_is_saved_and_the_journal_says_from_what_to_what(made: Desk, admin: PageClient) -> None:
    no_session(made)
    page = admin.get("/configuration/").link("Organisation")
    form = page.form(css="form.questions")
    limits = {
        "seances_par_contact": 0,
        "envois_par_contact": 30,
        "envois_par_adresse": 240,
        "secondes_formulaire": 3,
    }
    typed = {
        "name": "Maison de la Réunion",
        "timezone": "Indian/Reunion",
        "phone": "0262 12 34 56",
        "phone_hours": "du lundi au vendredi, 9 h – 12 h",
        "email": "Contact@Reunion.exemple.fr",
        "colour": "#7A1F5C",
        "retention_mois": "12",
        "surbooking_autorise": False,
        "second_facteur_obligatoire": True,
        "mentions": "1 rue du Port, 97400 Saint-Denis",
        **{name: str(value) for name, value in limits.items()},
    }
    assert set(typed) == set(EDITABLE) <= form.names
    page = form.submit(typed)
    assert page.status == 200 and page.history[0].status == 303 and page.has("L’organisation est enregistrée.")
    saved = organisation(made)
    assert {name: getattr(saved, name) for name in EDITABLE} == {
        **typed,
        "phone": "+262262123456",
        "email": "contact@reunion.exemple.fr",
        "colour": "#7a1f5c",
        "retention_mois": 12,
        **limits,
    }
    with made.app.app_context():
        (line,) = db.session.scalars(select(Journal).where(Journal.action == "organisation_modifiee"))
        assert line.details["changements"]["timezone"] == {"de": "Europe/Paris", "a": "Indian/Reunion"}
        assert set(line.details["changements"]) == set(EDITABLE)
    again = page.form(css="form.questions")
    assert again.values["phone"] == ["0262 12 34 56"]
    assert again.submit().has("Rien n’a changé.")
    with made.app.app_context():
        assert len(db.session.scalars(select(Journal).where(Journal.action == "organisation_modifiee")).all()) == 1


def test_the_public_pages_take_the_colour_at_once(made: Desk, admin: PageClient) -> None:
    admin.get(PAGE).form(css="form.questions").submit(colour="#7a1f5c")
    slug = organisation(made).slug
    visitor = admin.another()
    assert visitor.get(f"/o/{slug}").select(f'link[href="/o/{slug}/theme.css?v=7a1f5c"]')
    assert accents("#7a1f5c")[0].accent in visitor.get(f"/o/{slug}/theme.css").html
    assert admin.get(PAGE).link("Voir sa page publique").status == 200


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "Donnez un nom"),
        ("name", "x" * 121, "120 caractères au plus"),
        ("phone", "12", "dix chiffres"),
        ("phone_hours", "x" * 121, "120 caractères au plus"),
        ("email", "contact@", "Il manque la fin"),
        ("colour", "rouge", "#0b5f63"),
        ("retention_mois", "0", "entre 1 et 120"),
        ("retention_mois", "121", "entre 1 et 120"),
        ("retention_mois", "", "entre 1 et 120"),
        ("timezone", "Europe/Londres", "proposées"),
        ("mentions", "x" * 2001, "2000 caractères au plus"),
        ("seances_par_contact", "-1", "entre 0 et 100"),
        ("envois_par_contact", "0", "entre 1 et 1000"),
        ("envois_par_adresse", "4", "entre 5 et 1000"),
        ("secondes_formulaire", "11", "entre 0 et 10"),
        ("secondes_formulaire", "", "entre 0 et 10"),
    ],
)
def test_what_is_wrong_says_how_to_mend_it(made: Desk, admin: PageClient, field: str, typed: str, words: str) -> None:
    before = organisation(made)
    page = admin.get(PAGE).form(css="form.questions").submit({field: typed})
    assert page.status == 422 and words in page.errors[field]
    after = organisation(made)
    assert {name: getattr(after, name) for name in EDITABLE} == {name: getattr(before, name) for name in EDITABLE}


def test_a_colour_too_light_comes_with_one_that_is_not(made: Desk, admin: PageClient) -> None:
    page = admin.get(PAGE).form(css="form.questions").submit(colour="#ffd800")
    assert page.status == 422
    proposed = page.errors["colour"].split()[-1]
    assert accent_ok(proposed) and "La même, plus foncée" in page.errors["colour"]
    assert page.form(css="form.questions").submit(colour=proposed).has("enregistrée")


def test_hours_already_announced_do_not_move(made: Desk, admin: PageClient) -> None:
    page = admin.get(PAGE)
    assert page.has("2 séances sont prévues")
    page = page.form(css="form.questions").submit(timezone="America/Martinique", name="Autre nom")
    assert page.status == 409 and page.has("leurs heures ne seraient plus celles annoncées")
    assert organisation(made).timezone == "Europe/Paris" and organisation(made).name != "Autre nom"
    assert page.form(css="form.questions").values["name"] == ["Autre nom"]
    no_session(made)
    assert page.form(css="form.questions").submit().has("enregistrée")
    assert organisation(made).timezone == "America/Martinique"


def test_settings_of_messages_are_set_in_one_place(admin: PageClient, made: Desk) -> None:
    page = admin.get(PAGE)
    assert page.link("réglages des messages").h1 == "Réglages des messages"
    assert set(REGLAGES) & set(EDITABLE) == set() and not page.form(css="form.questions").names & set(REGLAGES)


def test_the_zones_are_those_of_the_library(app: Flask, made: Desk) -> None:
    from zoneinfo import available_timezones

    assert set(FUSEAUX) <= available_timezones()
    with app.test_request_context():
        odd = Organisation(name="Ailleurs", timezone="Europe/Brussels", phone="", colour="#0b5f63")
        assert "Europe/Brussels" in str(OrganisationForm(odd).timezone())


def test_another_setting_is_no_setting(app: Flask, made: Desk) -> None:
    with app.app_context(), pytest.raises(ValueError, match="not settings"):
        save_organisation(1, {"slug": "x"}, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("who", ["agent", "référent", "accueil", "voisin", "étranger"])
def test_only_who_may_sets_it_up(made: Desk, who: str) -> None:
    client = made.log_in(who)
    token = str(client.get("/agent/").select("input[name=csrf_token]")[0].attributes["value"])
    before = organisation(made).name
    if who == "étranger":  # what they set up is their own
        assert client.get(PAGE).form(css="form.questions").submit(name="À eux").status == 200
    else:
        for page in (client.get(PAGE), client.post(PAGE, data={"csrf_token": token, "name": "Forcé"})):
            assert page.status == 403 and page.has("configurer l’organisation")
            assert page.has("Peuvent vous le donner : Nadia")
        assert not client.get("/configuration/").select(f'a[href="{PAGE}"]')
    assert organisation(made).name == before
