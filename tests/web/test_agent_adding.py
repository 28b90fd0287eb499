"""Adding people to a session from its sheet: known or new, once, within its capacity or on purpose beyond it."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.desk import Desk, desk, order, sound, tap, today, told
from tests.pages import Page, PageClient
from webapp.domain.capacity import ReservablePar
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Participation, Rdv, Usager
from webapp.services.booking import book_seat, change_statut


@pytest.fixture
def made(app: Flask) -> Desk:
    """A session in ten days with three people."""
    return desk(app)


@pytest.fixture
def going_on(app: Flask) -> Desk:
    """A session that has just begun, with three people."""
    return desk(app, starts_at=today())


def known(made: Desk, **fields: object) -> int:
    """Somebody the organisation knows, who has no place in the session."""
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        person = make.usager(rdv.organisation_id, **{"first_name": "Zoé", "last_name": "Lefèvre-Ünal", **fields})
        db.session.commit()
        return person.id


def search(client: PageClient, made: Desk, text: str, **options: bool) -> Page:
    return client.get("/agent/usagers/recherche", query_string={"rdv": made.rdv, "q": text}, **options)


def test_who_is_not_seen_in_full_is_found_by_a_whole_number_or_address_only(made: Desk) -> None:
    known(made, phone="+33639987766", email="zoe.unal@exemple.fr", numero_dossier="A12B")
    client = made.log_in()

    def found(text: str) -> bool:
        return search(client, made, text, htmx=True).has("LEFÈVRE-ÜNAL Zoé")

    assert found("zoé lefev") and found("lefevre 06 39 98 77 66")
    assert found("06 39 98 77 66") and found("+33 6 39 98 77 66") and found("Zoe.Unal@exemple.fr")
    for part in (
        "06 39 98",
        "7766",
        "63998776",
        "zoe 0639",
        "zoe.u@",
        "@exemple.fr",
        "exemple",
        "a12",
        "lefevre a12b",
    ):
        assert not found(part), part
    with made.app.app_context():
        rdv = db.session.get(Rdv, made.rdv)
        make.participation(rdv, db.session.scalars(select(Usager).where(Usager.first_name == "Zoé")).one())
        db.session.commit()
    for part in ("06 39 98", "7766", "@exemple.fr", "exemple", "a12", "lefevre a12b"):  # their own sessions' people
        assert found(part), part


def test_search_then_add_without_javascript(made: Desk) -> None:
    person = known(made)
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}").form("/recherche").submit(q="lefevre zoe")
    assert page.has("LEFÈVRE-ÜNAL Zoé")
    page = page.form("/participations", css="#trouvees").submit(button="Zoé Lefèvre-Ünal")
    assert page.url == f"/agent/rdv/{made.rdv}" and page.has("4 places prises sur 12")
    assert order(page)[0] == "LEFÈVRE-ÜNAL Zoé"
    (message,) = told(made, "inscription")
    assert message.destinataire_id == person
    assert sound(made)


def test_adding_with_htmx_puts_the_row_in_its_place(made: Desk) -> None:
    known(made, first_name="Ana", last_name="Nom001bis")
    client = made.log_in()
    form = search(client, made, "nom001bis").form("/participations", css="#resultats form")
    form.values |= {"depuis": ["1"], "dernier": [str(made.places[-1])]}
    page = form.submit(button="Ana", htmx=True)
    assert page.status == 200 and not page.whole
    new = max(int(found) for found in re.findall(r'id="participation-(\d+)"', page.html))
    targets = re.findall(r'<hx-partial hx-target="([^"]+)" hx-swap="([^"]+)"', page.html)
    assert (f"#participation-{new}", "delete") in targets
    assert (f"#participation-{made.places[2]}", "beforebegin") in targets
    assert f'name="dernier" value="{new}"' in page.html
    assert page.has("Ana Nom001bis a une place")


def test_the_same_form_twice_adds_one_person(made: Desk) -> None:
    form = made.log_in().get(f"/agent/rdv/{made.rdv}").form("/participations")
    for _ in range(2):
        page = form.submit(prenom="Awa", nom="Diallo", telephone="06 39 98 77 66", follow=False)
        assert page.status == 303
    assert made.session().places_prises == 4
    with made.app.app_context():
        assert len(db.session.scalars(select(Usager).where(Usager.last_name == "Diallo")).all()) == 1


def test_somebody_who_has_a_place_keeps_one(made: Desk) -> None:
    client = made.log_in()
    page = search(client, made, "nom001")
    assert page.has("a déjà une place") and not page.select("button[name=usager_id]")
    token = page.select("input[name=csrf_token]")[0].attributes["value"]
    person = made.place(1).usager_id
    data = {"csrf_token": token, "usager_id": person, "prevenir": "1"}
    page = client.post(f"/agent/rdv/{made.rdv}/participations", data=data, follow=True)
    assert page.status == 200 and made.session().places_prises == 3
    assert told(made, "inscription") == []


def test_creating_somebody_keeps_what_was_typed_on_errors(made: Desk) -> None:
    client = made.log_in()
    form = client.get(f"/agent/rdv/{made.rdv}").form("/participations")
    page = form.submit(prenom="Awa", nom="", telephone="06 12", courriel="awa@")
    assert page.status == 422 and page.title.startswith("Erreur : ")
    assert page.errors.keys() == {"nom", "telephone", "courriel"}
    assert page.select("#prenom")[0].attributes["value"] == "Awa"
    assert "open" in page.select("#creation")[0].attributes
    page = page.form("/participations", css="#creation form").submit(nom="Diallo", telephone="", courriel="")
    assert page.url == f"/agent/rdv/{made.rdv}" and page.has("DIALLO Awa") and page.has("à appeler")
    with made.app.app_context():
        row = db.session.scalars(select(Participation).order_by(Participation.id.desc())).first()
        assert row.origine is Acteur.AGENT and row.cree_par_agent_id


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ("awa diallo", {"prenom": "awa", "nom": "diallo"}),
        ("DIALLO Awa", {"prenom": "Awa", "nom": "DIALLO"}),
        ("Diallo", {"nom": "Diallo"}),
        ("06 39 98 00 99", {"telephone": "06 39 98 00 99"}),
        ("awa@exemple.fr", {"courriel": "awa@exemple.fr"}),
    ],
)
def test_what_was_looked_for_goes_to_the_form_that_creates(made: Desk, typed: str, fields: dict[str, str]) -> None:
    client = made.log_in()
    address = {"rdv": made.rdv, "q": typed}
    link = client.get("/agent/usagers/recherche", query_string=address, htmx=True).select("a[hx-get]")[0].attributes
    plain = client.get("/agent/usagers/recherche", query_string=address)
    fragment = client.get(str(link["hx-get"]), htmx=True)
    assert not fragment.whole and (link["hx-target"], link["hx-swap"]) == ("#ajout", "outerHTML")
    assert "data-focus" in fragment.select("#prenom")[0].attributes
    for page in (plain, fragment, client.get(str(link["href"]))):
        assert "open" in page.select("#creation")[0].attributes
        values = page.form("/participations", css="#creation form").values
        assert {name: values[name] for name in fields} == {name: [value] for name, value in fields.items()}


def test_creating_with_htmx_answers_the_form_and_its_errors(made: Desk) -> None:
    form = made.log_in().get(f"/agent/rdv/{made.rdv}").form("/participations")
    page = form.submit(prenom="", nom="Diallo", htmx=True)
    assert page.status == 422 and not page.whole and page.errors.keys() == {"prenom"}
    assert page.select("#ajout") and "data-focus" in page.html


def test_a_stale_form_comes_back_filled(made: Desk) -> None:
    form = made.log_in().get(f"/agent/rdv/{made.rdv}").form("/participations")
    form.values["csrf_token"] = ["périmé"]
    page = form.submit(prenom="Awa", nom="Diallo")
    assert page.status == 419 and page.select("#nom")[0].attributes["value"] == "Diallo"
    assert page.form("/participations", css="#creation form").submit().url == f"/agent/rdv/{made.rdv}"
    assert made.session().places_prises == 4


@pytest.mark.parametrize("htmx", [False, True])
def test_a_full_session_asks_who_may_to_say_it_on_purpose(app: Flask, htmx: bool) -> None:
    made = desk(app, people=3, capacite_max=3)
    known(made)
    client = made.log_in("référent")
    form = search(client, made, "zoé").form("/participations", css="#resultats form")
    page = form.submit(button="Zoé", htmx=htmx)
    assert page.status == 409 and page.has("La séance est complète") and page.has("4 personnes pour 3 places")
    assert page.has("Rien n’a été enregistré pour Zoé")
    if htmx:
        assert page.headers["HX-Retarget"] == "#avis"
    assert made.session().places_prises == 3
    box = page.select("#surbooking")[0].attributes
    assert "checked" not in box and "required" in box
    again = page.form("/participations", css="[role=alert] form")
    assert again.submit().status == 409  # the box was not ticked
    again.values["surbooking"] = ["1"]
    page = again.submit()
    assert page.url == f"/agent/rdv/{made.rdv}" and page.has("4 places prises sur 3") and page.has("en surnombre")
    assert sound(made)


def test_a_full_session_is_full_for_who_may_not_go_over(app: Flask) -> None:
    made = desk(app, people=3, capacite_max=3)
    person = known(made)
    client = made.log_in("agent")
    form = search(client, made, "zoé").form("/participations", css="#resultats form")
    page = form.submit(button="Zoé")
    assert page.status == 409 and page.has("inscrire au-delà de la capacité") and not page.select("#surbooking")
    assert page.has("Peuvent vous le donner : Nadia")
    data = {name: values[-1] for name, values in form.values.items()} | {"usager_id": person, "surbooking": "1"}
    page = client.post(f"/agent/rdv/{made.rdv}/participations", data=data)
    assert page.status == 403 and page.has("inscrire au-delà de la capacité")
    assert made.session().places_prises == 3


def test_coming_back_to_a_full_session_is_going_over_too(app: Flask) -> None:
    made = desk(app, people=3, capacite_max=3)
    with app.app_context():
        change_statut(made.places[0], Statut.EXCUSE, by=Acteur.USAGER)
        book_seat(made.rdv, Identity("Zoé", "Martin", "+33639980099"), by=Acteur.USAGER, envoi="zoé")
        db.session.remove()
    page = tap(made.log_in("référent"), made, 0, "inscrit")
    assert page.status == 409 and page.has("pour Prénom0 Nom000")
    again = page.form("/statut")
    again.values["surbooking"] = ["1"]
    assert again.submit().has("4 places prises sur 3")
    assert sound(made)


def test_somebody_of_another_organisation_is_unknown(made: Desk) -> None:
    with made.app.app_context():
        abroad = db.session.get(Rdv, made.abroad)
        stranger = make.usager(abroad.organisation_id, first_name="Inès", last_name="Ailleurs").id
        db.session.commit()
    client = made.log_in()
    page = search(client, made, "ailleurs")
    assert page.has("Aucune personne ne correspond")
    form = client.get(f"/agent/rdv/{made.rdv}").form("/participations")
    data = {name: values[-1] for name, values in form.values.items()} | {"usager_id": stranger}
    assert client.post(form.action, data=data).status == 404
    assert made.session().places_prises == 3


def test_an_open_door_session_takes_no_name(app: Flask) -> None:
    made = desk(app, people=0, reservable_par=ReservablePar.ENTREE_LIBRE, capacite_max=None)
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}")
    assert page.has("Entrée libre") and not page.select("#ajout")
    form = client.get(f"/agent/usagers/recherche?rdv={made.rdv}").form("/participations")
    page = form.submit(prenom="Awa", nom="Diallo")
    assert page.status == 409 and page.has("entrée libre")
