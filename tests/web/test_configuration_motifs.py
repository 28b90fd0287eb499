"""Motifs are set up from pages: every setting, helpful refusals, the messages in view, and only where one may."""

from typing import Any

import pytest
from flask import Flask

from tests import factories
from tests.pages import PageClient
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.extensions import db
from webapp.models import Agent, Discretion, Motif, TypeLieu
from webapp.services.motifs import EDITABLE
from webapp.web.forms.motif import MotifForm

NOUVEAU = "/configuration/motifs/nouveau"


def log_in(client: PageClient, agent: Agent) -> PageClient:
    client.get("/agent/connexion").form().submit(courriel=agent.email, mot_de_passe=factories.PASSWORD)
    return client


@pytest.fixture
def service(app: Flask) -> Any:
    with app.app_context():
        found = factories.service(factories.organisation(sms_sender="MDSValmont"))
        found.organisation.name = "Maison de Valmont"
        db.session.commit()
        yield found


@pytest.fixture
def admin(client: PageClient, service: Any) -> PageClient:
    agent = factories.agent(service, "référent")
    db.session.commit()
    return log_in(client, agent)


def motif(service: Any, **fields: Any) -> Motif:
    found = factories.motif(service, **fields)
    db.session.commit()
    return found


def again(found: Motif) -> Motif:
    db.session.rollback()  # what we had read may be old
    row = db.session.get(Motif, found.id, populate_existing=True)
    assert row is not None
    return row


def test_a_motif_is_created_with_every_setting(admin: PageClient, service: Any) -> None:
    page = admin.get(NOUVEAU)
    typed = {
        "name": "Mes droits au RSA",
        "description": "Pour bien commencer.",
        "location_type": "visio",
        "colour": "#7a1f5c",
        "capacite_max": "14",
        "capacite_min": "5",
        "minimum_heures": "24",
        "instructions_avant": "Pour les nouveaux allocataires.",
        "instructions_apres": "Venez avec une pièce d’identité.",
        "nom_sms": "Atelier RSA",
        "nom_courriel": "Atelier « Mes droits au RSA »",
        "avertissement_annulation": "Cet atelier est obligatoire.",
        "reservable_par": "agents",
        "delai_min_minutes": "1440",
        "delai_max_jours": "183",
        "visibilite": "visible_notifie",
        "discretion": "neutre",
        "rappels": ["168", "24"],
        "liste_attente": "y",
        "champs": ["telephone", "date_naissance"],
    }
    assert set(typed) == set(EDITABLE)
    page = page.form("/nouveau").submit({**typed, "liste_attente": True}, button="Créer le motif")
    assert page.status == 200 and page.has("est enregistré")
    saved = db.session.query(Motif).one()
    assert (saved.service_id, saved.location_type, saved.discretion) == (service.id, TypeLieu.VISIO, Discretion.NEUTRE)
    assert (saved.capacite_max, saved.rappels, saved.champs) == (14, [168, 24], ["telephone", "date_naissance"])
    assert saved.liste_attente and saved.reservable_par is ReservablePar.AGENTS
    # What was saved is what the form shows again.
    assert page.form(f"/motifs/{saved.id}").values["rappels"] == ["168", "24"]


def test_every_setting_has_a_field(app: Flask) -> None:
    with app.test_request_context():
        assert set(EDITABLE) <= set(MotifForm()._fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "Donnez un nom"),
        ({"capacite_max": "0"}, "entre 1 et 2000"),
        ({"capacite_max": ""}, "facultatif qu’en entrée libre"),
        ({"capacite_max": "douze"}, "nombre entier"),
        ({"capacite_min": "20"}, "Le minimum (20) dépasse"),
        ({"nom_sms": "x" * 61}, "60 caractères au plus"),
        ({"colour": "#ffee00"}, "trop claire"),
        ({"champs": ["date_naissance"]}, "au moins le téléphone"),
        ({"delai_max_jours": "7", "delai_min_minutes": "10080"}, "fermerait avant d’ouvrir"),
        ({"visibilite": "invisible", "liste_attente": True}, "liste d’attente"),
        ({"rappels": ["168", "72", "48", "24"]}, "Trois rappels"),
    ],
)
def test_errors_say_what_to_mend_and_keep_what_was_typed(
    admin: PageClient, service: Any, fields: dict[str, Any], words: str
) -> None:
    found = motif(service, name="Atelier")
    page = admin.get(f"/configuration/motifs/{found.id}")
    page = page.form(f"/motifs/{found.id}").submit({"description": "Tapé", **fields}, button="Enregistrer")
    assert page.status == 422 and page.title.startswith("Erreur") and page.select("#erreurs li") and page.has(words)
    assert page.form(f"/motifs/{found.id}").values["description"] == ["Tapé"]
    assert again(found).description == ""


def test_what_has_frozen_says_why(admin: PageClient, service: Any) -> None:
    found = motif(service)
    factories.rdv(found)
    db.session.commit()
    page = admin.get(f"/configuration/motifs/{found.id}")
    assert "location_type" not in page.form(f"/motifs/{found.id}").names
    assert page.has("des séances existent déjà")
    forged = {"location_type": ["visio"], **page.form(f"/motifs/{found.id}").values}
    admin.post(f"/configuration/motifs/{found.id}", data=forged)
    assert again(found).location_type is TypeLieu.SUR_PLACE


def test_the_preview_is_what_will_be_sent(admin: PageClient, service: Any) -> None:
    found = motif(service)
    form = admin.get(f"/configuration/motifs/{found.id}").form(f"/motifs/{found.id}")
    form.fill(nom_sms="Café des parents")
    fragment = admin.post("/configuration/motifs/apercu", data=form.values, htmx=True)
    assert "<title" not in fragment.html  # the tab keeps its name
    assert not fragment.whole and fragment.has("Café des parents")
    assert fragment.has("MDSValmont") and fragment.has("1 SMS, alphabet GSM-7")
    form.fill(discretion="neutre")
    fragment = admin.post("/configuration/motifs/apercu", data=form.values, htmx=True)
    assert not fragment.has("Café des parents") and fragment.has("rendez-vous à la Maison")
    form.fill(nom_sms="Кафе", discretion="complet")
    assert "alphabet Unicode" in admin.post("/configuration/motifs/apercu", data=form.values, htmx=True).text
    assert again(found).nom_sms == ""


def test_without_javascript_a_button_shows_the_preview_and_saves_nothing(admin: PageClient, service: Any) -> None:
    page = admin.get(NOUVEAU).form("/nouveau").submit(button="Actualiser", name="Couture", nom_sms="Atelier couture")
    assert page.status == 200 and "Atelier couture" in page.tree.css_first("#apercu").text()
    assert page.form("/nouveau").values["name"] == ["Couture"]
    assert db.session.query(Motif).count() == 0


def test_a_double_click_makes_one_motif(admin: PageClient, service: Any) -> None:
    form = admin.get(NOUVEAU).form("/nouveau").fill(name="Couture", capacite_max="8")
    answers = [admin.post(NOUVEAU, data=form.values) for _ in range(2)]
    assert [answer.status for answer in answers] == [303, 303]
    assert db.session.query(Motif).count() == 1


def test_a_stale_page_comes_back_filled(admin: PageClient, service: Any) -> None:
    form = admin.get(NOUVEAU).form("/nouveau").fill(name="Couture", capacite_max="8", csrf_token="vieux")
    page = form.submit(button="Créer le motif")
    assert page.status == 419 and page.form("/nouveau").values["name"] == ["Couture"]
    page = page.form("/nouveau").submit(button="Créer le motif")
    assert page.status == 200 and db.session.query(Motif).count() == 1


def test_a_motif_is_put_away_and_taken_back(admin: PageClient, service: Any) -> None:
    found = motif(service, name="Couture")
    factories.rdv(found)
    db.session.commit()
    page = admin.get(f"/configuration/motifs/{found.id}").link("Archiver")
    assert page.has("1 séance reste prévue") and again(found).archived_at is None
    page = page.form("/archivage").submit(button="Archiver")
    assert page.has("1 motif archivé") and again(found).archived_at <= utcnow()
    page.link("Proposer à nouveau Couture").form("/archivage").submit(button="Proposer à nouveau")
    assert again(found).archived_at is None


def test_other_services_are_unknown_and_a_missing_right_is_named(client: PageClient, service: Any) -> None:
    found = motif(service)
    agent, stranger = factories.agent(service), factories.agent(factories.service(service.organisation), "référent")
    db.session.commit()
    log_in(client, agent)
    for address in ("", "/nouveau", f"/{found.id}", f"/{found.id}/archivage"):
        page = client.get(f"/configuration/motifs{address}")
        assert page.status == 403 and page.has("configurer les motifs")
    other = log_in(client.another(), stranger)
    assert found.name not in other.get("/configuration/motifs").text
    for address in (f"/{found.id}", f"/{found.id}/archivage"):
        assert other.get(f"/configuration/motifs{address}").status == 404
    form = other.get(NOUVEAU).form("/nouveau").fill(name="Ailleurs", capacite_max="8")
    page = other.post(NOUVEAU, data={**form.values, "service_id": str(service.id)})
    assert page.status == 422 and db.session.query(Motif).count() == 1
