"""Motifs are set up from pages: every setting, helpful refusals, the messages in view, and only where one may."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from tests import factories
from tests.databases import statements
from tests.desk import inside
from tests.pages import PageClient
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.extensions import db
from webapp.models import Agent, Discretion, Journal, Motif, Notification, PlageOuverture, TypeLieu
from webapp.notifications.render import preview_email, preview_sms
from webapp.services.motifs import EDITABLE
from webapp.web.configuration.motifs import APERCUS
from webapp.web.forms.motif import MotifForm

NOUVEAU = "/configuration/motifs/nouveau"


def log_in(client: PageClient, agent: Agent) -> PageClient:
    return inside(client, agent.email)


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
        ({"rappels": ["168"], "delai_max_jours": "4"}, "Choisissez une des réponses"),
        ({"rappels": ["169"]}, "Choisissez parmi les réponses"),
        ({"name": "x" * 121}, "120 caractères au plus"),
        ({"capacite_max": "2001"}, "entre 1 et 2000"),
        ({"capacite_min": "0"}, "au moins une personne"),
        ({"minimum_heures": "0"}, "entre 1 et 720 heures"),
        ({"minimum_heures": ""}, "un nombre d’heures"),
        ({"reservable_par": "entree_libre", "capacite_min": "3"}, "laissez ce minimum vide"),
        ({"reservable_par": "entree_libre", "liste_attente": True}, "retirez la liste d’attente"),
        ({"instructions_apres": "x" * 2001}, "2000 caractères au plus"),
        ({"avertissement_annulation": "x" * 301}, "300 caractères au plus"),
        ({"nom_courriel": "x" * 121}, "120 caractères au plus"),
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


def test_a_reminder_that_would_leave_before_bookings_open_is_refused(admin: PageClient, service: Any) -> None:
    found = motif(service, delai_max_jours=5)
    page = admin.get(f"/configuration/motifs/{found.id}")
    page = page.form(f"/motifs/{found.id}").submit(rappels=["168", "24"], button="Enregistrer")
    assert page.status == 422 and page.has("Le rappel « une semaine avant » ne partirait jamais")
    page = page.form(f"/motifs/{found.id}").submit(reservable_par="agents", button="Enregistrer")
    assert page.status == 200 and again(found).rappels == [168, 24]


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


def preview(client: PageClient, form: Any, **choices: str) -> Any:
    chosen = {f"apercu_{name}": value for name, value in choices.items()}
    return client.post("/configuration/motifs/apercu", data=form.values | chosen, htmx=True)


def test_the_preview_is_what_will_be_sent(admin: PageClient, service: Any) -> None:
    found = motif(service)
    form = admin.get(f"/configuration/motifs/{found.id}").form(f"/motifs/{found.id}")
    form.fill(nom_sms="Café des parents")
    fragment = preview(admin, form)
    assert "<title" not in fragment.html  # the tab keeps its name
    assert not fragment.whole and fragment.has("Café des parents")
    assert fragment.has("MDSValmont") and fragment.has("1 SMS, alphabet GSM-7")
    form.fill(discretion="neutre")
    fragment = preview(admin, form)
    assert not fragment.has("Café des parents") and fragment.has("rendez-vous à la Maison")
    form.fill(nom_sms="Кафе", discretion="complet")
    assert "alphabet Unicode" in preview(admin, form).text
    assert again(found).nom_sms == ""


@pytest.mark.parametrize("event", APERCUS)
def test_each_message_is_shown_in_both_levels_by_the_templates_that_serve(
    admin: PageClient, service: Any, event: str
) -> None:
    found = motif(service, name="Café des parents", instructions_apres="Venez avec un pull.")
    form = admin.get(f"/configuration/motifs/{found.id}").form(f"/motifs/{found.id}")
    for level, named in (("", True), ("complet", True), ("neutre", False)):
        fragment = preview(admin, form, message=event, niveau=level)
        found.discretion = Discretion(level or "complet")
        organisation = service.organisation
        assert fragment.status == 200 and fragment.has(preview_sms(found, organisation, event=event).texte)
        assert fragment.has(preview_email(found, organisation, event=event).subject)
        assert ("Café des parents" in fragment.text) is named
        db.session.rollback()


def test_what_a_change_was_is_in_its_preview(admin: PageClient, service: Any) -> None:
    form = admin.get(NOUVEAU).form("/nouveau").fill(name="Couture")
    assert "avant" in preview(admin, form, message="modification").text
    assert "Raison" in preview(admin, form, message="annulation").text
    assert "Raison" not in preview(admin, form, message="annulation", niveau="neutre").text


def test_what_never_leaves_is_not_shown_as_if_it_did(admin: PageClient, service: Any) -> None:
    form = admin.get(NOUVEAU).form("/nouveau").fill(name="Couture", visibilite="invisible")
    assert preview(admin, form).has("ce message ne part pas")
    shown = preview(admin, form, message="annulation", niveau="complet")
    assert shown.has("imposée par la discrétion") and "Couture" not in shown.text
    form.fill(visibilite="visible_notifie", rappels=[])
    assert preview(admin, form, message="rappel").has("Aucun rappel n’est choisi")
    assert preview(admin, form, message="inconnu", niveau="inconnu").has("Confirmation d’inscription")


def test_the_preview_reads_only_who_asks(admin: PageClient, service: Any) -> None:
    found = motif(service)
    form = admin.get(f"/configuration/motifs/{found.id}").form(f"/motifs/{found.id}").fill(nom_sms="Café")
    with statements() as nothing:
        admin.get("/configuration/")
    with statements() as seen:
        preview(admin, form, message="modification")
    assert len(seen) <= len(nothing) and not [text for text in seen if "motifs" in text or "rdvs" in text]


def test_without_javascript_a_button_shows_the_preview_and_saves_nothing(admin: PageClient, service: Any) -> None:
    page = admin.get(NOUVEAU).form("/nouveau").submit(button="Actualiser", name="Couture", nom_sms="Atelier couture")
    assert page.status == 200 and "Atelier couture" in page.tree.css_first("#apercu").text()
    assert page.form("/nouveau").values["name"] == ["Couture"]
    sent = {**page.form("/nouveau").values, "apercu": "1", "apercu_message": "annulation", "apercu_niveau": "neutre"}
    page = admin.post(NOUVEAU, data=sent)
    assert page.has("Annulation de la séance") and "Annulé : rendez-vous" in page.tree.css_first("#apercu").text()
    assert page.select('#apercu-message [selected][value="annulation"]')
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


def test_a_duplicate_takes_the_settings_and_never_the_plages(admin: PageClient, service: Any) -> None:
    found = motif(service, name="Couture", delai_max_jours=45, rappels=[30], location_type=TypeLieu.VISIO)
    factories.rdv(found)
    factories.plage(found, [factories.agent(service)])
    db.session.commit()
    page = admin.get(f"/configuration/motifs/{found.id}").link("Dupliquer")
    assert page.has("Rien n’est créé avant") and db.session.query(Motif).count() == 1
    assert page.form("/nouveau").values["name"] == ["Couture (copie)"]
    page = page.form("/nouveau").submit(button="Créer le motif")
    assert page.status == 200 and page.has("0 séance à venir")
    found = again(found)
    made = db.session.query(Motif).filter(Motif.id != found.id).one()
    for name in set(EDITABLE) - {"name"}:
        assert getattr(made, name) == getattr(found, name), name
    assert (made.name, made.service_id) == ("Couture (copie)", service.id)
    assert db.session.query(PlageOuverture).one().motif_id == found.id
    long = motif(service, name="x" * 120)
    name = admin.get(f"{NOUVEAU}?copie={long.id}").form("/nouveau").values["name"][0]
    assert len(name) == 120 and name.endswith(" (copie)")


def test_people_who_read_something_else_are_counted_before_it_changes(admin: PageClient, service: Any) -> None:
    found = motif(service, name="Couture", instructions_apres="Apportez du fil.")
    booked, own = factories.rdv(found), factories.rdv(found, instructions_apres="Rien.")
    factories.participation(booked), factories.participation(booked), factories.participation(own)
    past = factories.rdv(found, starts_at=utcnow() - timedelta(days=3))
    gone = factories.rdv(found, cancelled_at=utcnow())
    factories.participation(past), factories.participation(gone), factories.rdv(found)
    db.session.commit()
    address = f"/configuration/motifs/{found.id}"
    page = admin.get(address).form(address).submit(button="Enregistrer", capacite_max="9")
    assert again(found).capacite_max == 9  # nobody was told of it
    page = admin.get(address).form(address).submit(button="Enregistrer", instructions_apres="Apportez du tissu.")
    assert page.has("Rien n’est encore enregistré") and page.has("2 personnes inscrites à 1 séance à venir")
    assert again(found).instructions_apres == "Apportez du fil."
    page = page.form(address).submit(button="Enregistrer", name="Couture facile")
    assert page.has("3 personnes inscrites à 2 séances à venir") and page.has("personne ne sera prévenu")
    assert page.select('button[name="confirme"][form="formulaire-motif"]')
    page = admin.post(address, data={**page.form(address).values, "confirme": "1"})
    assert page.status == 303
    saved = again(found)
    assert (saved.name, saved.instructions_apres) == ("Couture facile", "Apportez du tissu.")
    assert db.session.query(Notification).count() == 0
    line = db.session.query(Journal).filter_by(action="motif_modifie").order_by(Journal.id.desc()).first()
    assert line is not None and line.details["changements"] == {
        "name": {"de": "Couture", "a": "Couture facile"},
        "instructions_apres": {"de": "Apportez du fil.", "a": "Apportez du tissu."},
    }


def test_fewer_places_than_people_and_a_closed_door_are_read_first(admin: PageClient, service: Any) -> None:
    found = motif(service, name="Couture", capacite_max=8, reservable_par=ReservablePar.TOUS)
    crowded, own, open_by_itself = factories.rdv(found), factories.rdv(found, capacite_propre=6), factories.rdv(
        found, reservable_par=ReservablePar.TOUS
    )  # fmt: skip
    for rdv, people in ((crowded, 5), (own, 6), (open_by_itself, 1)):
        for _ in range(people):
            factories.participation(rdv)
    db.session.commit()
    address = f"/configuration/motifs/{found.id}"
    page = admin.get(address).form(address).submit(button="Enregistrer", capacite_max="4")
    assert page.has("1 séance à venir aurait plus d’inscrits que de places") and page.has("5 inscrits pour 4 places")
    assert page.select(f'a[href="/agent/rdv/{crowded.id}"]') and again(found).capacite_max == 8
    page = page.form(address).submit(button="Enregistrer", capacite_max="8", reservable_par="agents")
    assert page.has("2 séances à venir ne se réserveraient plus en ligne")
    assert page.has("11 personnes y sont inscrites et gardent leur place")
    page = admin.post(address, data={**page.form(address).values, "confirme": "1"})
    assert page.status == 303 and again(found).reservable_par is ReservablePar.AGENTS
    assert db.session.query(Notification).count() == 0


def test_the_list_is_searched_and_filtered_by_its_address(client: PageClient, service: Any) -> None:
    other = factories.service(service.organisation, name="PMI")
    boss = factories.agent(service, "admin")
    motif(service, name="Été des familles", description="Ateliers de COUTURE")
    motif(other, name="Couture", reservable_par="agents")
    motif(other, name="Ancien", archived_at=utcnow())
    motif(factories.service(), name="Couture d’ailleurs")
    log_in(client, boss)

    def names(query: str) -> list[str]:
        page = client.get(f"/configuration/motifs{query}")
        assert page.status == 200
        return [node.text() for node in page.select("tbody th a")]

    assert names("") == ["Couture", "Été des familles"]
    assert names("?q=ETE") == names(f"?service={service.id}") == ["Été des familles"]
    assert names("?q=couture") == ["Couture", "Été des familles"]
    assert names("?q=couture+ete") == ["Été des familles"]
    assert names("?qui=agents") == ["Couture"]
    assert names("?etat=archives") == ["Ancien"]
    assert names("?etat=tous&service=x&qui=x") == ["Ancien", "Couture", "Été des familles"]
    assert names("?q=rien") == []
    page = client.get("/configuration/motifs?q=couture&qui=agents")
    assert page.form(css="main form").values["q"] == ["couture"]
    with statements() as few:
        names("")
    for number in range(10):
        motif(service, name=f"Atelier {number}")
    with statements() as many:
        names("")
    assert len(many) == len(few)


def test_a_motif_is_put_away_and_taken_back(admin: PageClient, service: Any) -> None:
    found = motif(service, name="Couture")
    factories.rdv(found)
    db.session.commit()
    page = admin.get(f"/configuration/motifs/{found.id}").link("Archiver")
    assert page.has("1 séance reste prévue") and again(found).archived_at is None
    page = page.form("/archivage").submit(button="Archiver")
    assert page.has("Aucun motif n’est proposé") and again(found).archived_at <= utcnow()
    page = page.link("Voir les motifs archivés")
    page.link("Proposer à nouveau Couture").form("/archivage").submit(button="Proposer à nouveau")
    assert again(found).archived_at is None


def test_other_services_are_unknown_and_a_missing_right_is_named(client: PageClient, service: Any) -> None:
    found = motif(service)
    agent, stranger = factories.agent(service), factories.agent(factories.service(service.organisation), "référent")
    db.session.commit()
    log_in(client, agent)
    for address in ("", "/nouveau", f"/nouveau?copie={found.id}", f"/{found.id}", f"/{found.id}/archivage"):
        page = client.get(f"/configuration/motifs{address}")
        assert page.status == 403 and page.has("configurer les motifs")
    other = log_in(client.another(), stranger)
    assert found.name not in other.get("/configuration/motifs").text
    for address in (f"/{found.id}", f"/{found.id}/archivage", f"/nouveau?copie={found.id}"):
        assert other.get(f"/configuration/motifs{address}").status == 404
    form = other.get(NOUVEAU).form("/nouveau").fill(name="Ailleurs", capacite_max="8")
    page = other.post(NOUVEAU, data={**form.values, "service_id": str(service.id)})
    assert page.status == 422 and db.session.query(Motif).count() == 1
