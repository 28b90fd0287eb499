"""A professional of another structure books for somebody (docs/domain.md rule 17)."""

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.pages import Page, PageClient
from tests.visitors import another, book, change, counts, fill_up, links_of, session
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Agent, Journal, Notification, Participation, Rdv, Usager
from webapp.services.booking import change_statut
from webapp.services.checks import broken
from webapp.services.rdvs import cancel_rdv

PERSON = {"prenom": "Yasmina", "nom": "Amrani", "telephone": "06 39 98 12 79", "courriel": ""}
WHO = {
    "prescripteur_nom": "Claire Petit",
    "prescripteur_structure": "Mission locale",
    "prescripteur_courriel": "Claire@Mission.exemple.fr",
}


@pytest.fixture
def rdv_id(app: Flask) -> int:
    return session(app)


def prescribe(client: PageClient, rdv_id: int, **fields: str) -> Page:
    form = client.get(f"/rdv/{rdv_id}/prescription").form("/prescription")
    return form.submit({**PERSON, **WHO, **fields})


def heard(app: Flask) -> list[str]:
    """What the professional was told: the first word of each change."""
    with app.app_context():
        rows = db.session.scalars(
            select(Notification).where(Notification.event == "prescription").order_by(Notification.id)
        ).all()
        assert {row.destinataire_type for row in rows} <= {"adresse"}
        return [row.changement.split()[0] for row in rows]


def agent_of(rdv_id: int) -> Agent:
    found = make.agent(db.session.get_one(Rdv, rdv_id).motif.service, email=f"agent{rdv_id}@exemple.fr")
    db.session.commit()
    return found


def test_the_session_page_has_a_discreet_way_in(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = client.get(f"/rdv/{rdv_id}")
    assert page.has("Vous êtes un professionnel et inscrivez quelqu’un ?")
    page = page.link("Inscrire une personne que vous accompagnez")
    assert page.h1 == "Inscrire quelqu’un" and page.has("rien sur sa présence")
    fill_up(app, rdv_id)
    assert client.get(f"/rdv/{rdv_id}/prescription").location == f"/rdv/{rdv_id}"
    assert not client.get(f"/rdv/{rdv_id}").has("Vous êtes un professionnel")


def test_the_person_is_told_and_so_is_the_professional(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = prescribe(client, rdv_id)
    assert page.history[0].status == 303 and page.h1 == "L’inscription est faite"
    assert page.has("06 •• •• •• 79") and page.has("c••••@mission.exemple.fr") and "Yasmina" not in page.html
    with app.app_context():
        place = db.session.scalars(select(Participation)).one()
        assert (place.origine, place.statut_par) == (Acteur.PRESCRIPTEUR, Acteur.PRESCRIPTEUR)
        assert place.prescripteur_nom == "Claire Petit" and place.prescripteur_structure == "Mission locale"
        assert place.prescripteur_courriel == "claire@mission.exemple.fr"
        assert place.usager.email is None and place.usager.phone == "+33639981279"
        rows = db.session.execute(select(Notification.event, Notification.canal, Notification.adresse)).all()
        assert {(event, canal.value, to) for event, canal, to in rows} == {
            ("inscription", "sms", ""),
            ("prescription", "courriel", "claire@mission.exemple.fr"),
        }
        assert db.session.scalar(select(Journal.acteur)) is Acteur.PRESCRIPTEUR
        assert list(broken()) == []
    assert client.another().get(f"/p/{links_of(app)[0]}").has("Rendez-vous pour Yasmina")


def test_each_field_has_its_error(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = prescribe(client, rdv_id, prenom="", telephone="", prescripteur_nom="", prescripteur_courriel="claire@")
    assert page.status == 422 and set(page.errors) == {
        "prenom",
        "telephone",
        "prescripteur_nom",
        "prescripteur_courriel",
    }
    assert "de la personne" in page.errors["prenom"] and "la prévenir" in page.errors["telephone"]
    assert page.select('#prescripteur_structure[value="Mission locale"]') and counts(app) == (0, 0, 0)
    page = page.form("/prescription").submit({**PERSON, **WHO, "prescripteur_structure": "www.gagnez.fr"})
    assert "sans adresse ni lien" in page.errors["prescripteur_structure"]


def test_what_is_not_for_everybody_is_unknown(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/prescription").form("/prescription")
    change(app, rdv_id, reservable_par="invites")
    assert form.submit({**PERSON, **WHO}).status == 404
    assert client.get(f"/rdv/{rdv_id}/prescription").status == 404
    change(app, rdv_id, reservable_par="entree_libre")
    assert form.submit({**PERSON, **WHO}).status == 409 and counts(app) == (0, 0, 0)


def test_a_full_session_carries_everything_to_another(client: PageClient, app: Flask, rdv_id: int) -> None:
    other = another(app, rdv_id)
    form = client.get(f"/rdv/{rdv_id}/prescription").form("/prescription")
    fill_up(app, rdv_id)
    page = form.submit({**PERSON, **WHO})
    assert page.status == 409 and page.select('#prescripteur_nom[value="Claire Petit"]')
    page = page.form(f"/rdv/{other}/prescription").submit()
    assert page.status == 200 and not page.errors and page.select('#prescripteur_structure[value="Mission locale"]')
    assert page.form("/prescription").submit().url == f"/rdv/{other}/confirmation"


def test_a_repeat_is_answered_as_a_first_booking(client: PageClient, app: Flask, rdv_id: int) -> None:
    book(client, rdv_id, **{name: value for name, value in PERSON.items() if value}, courriel="")
    first = prescribe(client.another(), another(app, rdv_id))
    again = prescribe(client.another(), rdv_id, prenom="YASMINA")
    assert again.h1 == first.h1 and again.status == first.status and again.has("c••••@mission.exemple.fr")
    assert heard(app) == ["inscrite", "inscrite"] and counts(app)[0] == 1
    with app.app_context():
        place = db.session.scalars(select(Participation).where(Participation.rdv_id == rdv_id)).one()
        assert (place.origine, place.prescripteur_nom) == (Acteur.USAGER, "Claire Petit")
    prescribe(client.another(), rdv_id, prescripteur_courriel="autre@mission.exemple.fr")
    assert len(heard(app)) == 3  # another professional is told as the first one was
    form = client.get(f"/rdv/{rdv_id}/prescription").form("/prescription")
    assert form.submit({**PERSON, **WHO}).url == form.submit({**PERSON, **WHO}).url
    assert len(heard(app)) == 3


def test_the_professional_hears_what_becomes_of_it_and_never_attendance(
    client: PageClient, app: Flask, rdv_id: int
) -> None:
    prescribe(client, rdv_id)
    with app.app_context():
        agent = agent_of(rdv_id)
        place = db.session.scalars(select(Participation.id)).one()
        change_statut(place, Statut.EXCUSE, by=Acteur.USAGER)
        change_statut(place, Statut.INSCRIT, by=Acteur.USAGER)
        change_statut(place, Statut.ANNULE, by=Acteur.AGENT, agent=agent)
        change_statut(place, Statut.INSCRIT, by=Acteur.AGENT, agent=agent, prevenir=False)
    assert heard(app) == ["inscrite", "annulee", "inscrite", "refusee"]
    with app.app_context():
        cancel_rdv(rdv_id, agent=db.session.scalars(select(Agent)).one())
    assert heard(app)[4:] == ["annulee"]
    past = another(app, rdv_id)
    prescribe(client.another(), past)
    before = len(heard(app))
    change(app, past, starts_at=utcnow(), ends_at=utcnow().replace(year=2099))
    with app.app_context():
        place = db.session.scalars(select(Participation.id).where(Participation.rdv_id == past)).one()
        for statut in (Statut.PRESENT, Statut.ABSENT, Statut.EXCUSE):
            change_statut(place, statut, by=Acteur.AGENT, agent=db.session.scalars(select(Agent)).one())
    assert len(heard(app)) == before


def test_the_sheet_says_who_booked(client: PageClient, app: Flask, rdv_id: int) -> None:
    prescribe(client, rdv_id)
    with app.app_context():
        email = agent_of(rdv_id).email
    desk = client.another()
    desk.get("/agent/connexion").form(css="main form").submit(courriel=email, mot_de_passe=make.PASSWORD)
    page = desk.get(f"/agent/rdv/{rdv_id}")
    assert page.has("Inscription par Claire Petit (Mission locale, claire@mission.exemple.fr)")
    assert page.has("Un professionnel a inscrit Yasmina Amrani")


def test_a_professional_books_one_person_at_a_time(client: PageClient, app: Flask, rdv_id: int) -> None:
    form = client.get(f"/rdv/{rdv_id}/prescription").form("/prescription")
    data = {**{name: values[0] for name, values in form.values.items()}, **PERSON, **WHO}
    data |= {"pour": "moi_et_proches", "accompagnants-0-prenom": "Léa"}
    assert client.post(form.action, data=data).status == 303
    with app.app_context():
        assert [one.first_name for one in db.session.scalars(select(Usager))] == ["Yasmina"]
