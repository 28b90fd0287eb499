"""An agent moves somebody to another session, from « Détails » on the sheet to the message (docs/domain.md rule 24)."""

from datetime import timedelta

import pytest
from flask import Flask

from tests import factories as make
from tests.desk import Desk, desk, sound, sqlite_only, told  # noqa: F401
from tests.pages import Page, PageClient
from webapp import links
from webapp.clock import utcnow
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Participation, Rdv
from webapp.services.booking import change_statut


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app, people=2, capacite_max=3)


def other(made: Desk, *, full: bool = False, **fields: object) -> int:
    """Another session of the same motif, two days later."""
    with made.app.app_context():
        found = make.rdv(db.session.get_one(Rdv, made.rdv).motif, starts_at=utcnow() + timedelta(days=12), **fields)
        if full:
            make.full(found)
        db.session.commit()
        return found.id


def address(made: Desk, who: int = 0) -> str:
    return f"/agent/rdv/{made.rdv}/participations/{made.places[who]}/deplacement"


def choose(client: PageClient, made: Desk) -> Page:
    page = client.get(f"/agent/rdv/{made.rdv}").link(f"Déplacer {made.place().usager.nom_complet} à une autre séance")
    return page.link("Choisir")


def seats(made: Desk, rdv_id: int) -> int:
    return made.session(rdv_id).places_prises


def test_three_clicks_from_the_sheet(made: Desk) -> None:
    there = other(made)
    page = choose(made.log_in(), made)
    assert page.has("1 personne : 1 SMS") and page.has("0 place prise sur 3 · 3 libres")
    page = page.form("/deplacement").submit(button="Déplacer à cette séance")
    assert page.history[0].status == 303 and page.has("place déplacée, 1 SMS part.")
    assert page.has("a changé de séance") and page.has("a déplacé")
    assert (seats(made, made.rdv), seats(made, there)) == (1, 1)
    assert len(told(made, "deplacement")) == 1 and told(made, "retrait") == told(made, "inscription") == []
    assert sound(made)


def test_a_full_session_is_said_before_and_taken_by_who_may(made: Desk) -> None:
    there = other(made, full=True)
    page = choose(made.log_in(), made)
    assert page.has("Cette séance est complète") and not page.has("Déplacer à cette séance")
    form = page.form("/deplacement")
    assert form.page.client.post(form.action, data={**form.values, "surbooking": "1"}).status == 403
    page = choose(made.log_in("référent"), made).form("/deplacement").submit(button="Déplacer à cette séance")
    assert page.status == 409 and page.has("La séance est complète") and seats(made, there) == 3
    page = page.form("/deplacement").submit(surbooking="1")
    assert page.history[0].status == 303 and seats(made, there) == 4


def test_a_colleague_was_quicker(made: Desk) -> None:
    other(made)
    page = choose(made.log_in(), made)
    with made.app.app_context():
        change_statut(made.places[0], Statut.EXCUSE, by=Acteur.USAGER)
    page = page.form("/deplacement").submit(button="Déplacer à cette séance")
    assert page.status == 409 and page.has("vient de passer à « Excusé »")


def test_without_a_word(made: Desk) -> None:
    there = other(made)
    page = choose(made.log_in(), made).form("/deplacement").submit(prevenir="0")
    assert page.has("personne n’est prévenu") and told(made, "deplacement") == [] and seats(made, there) == 1


def test_a_household_in_one_click(made: Desk) -> None:
    there = other(made)
    with made.app.app_context():
        mother = db.session.get_one(Participation, made.places[0]).usager
        rdv = db.session.get_one(Rdv, made.rdv)
        lea = make.usager(rdv.organisation_id, first_name="Léa", phone=None, responsable=mother)
        make.participation(rdv, lea)
        db.session.commit()
        child = str(rdv.participations[-1].id)
    page = choose(made.log_in(), made).form("/deplacement").submit(qui=child)
    assert page.history[0].status == 303 and seats(made, there) == 2
    assert len(told(made, "deplacement")) == 1


def test_the_old_link_leads_to_the_new_place(made: Desk) -> None:
    other(made)
    with made.app.app_context():
        old = links.token(links.PARTICIPATION, db.session.get_one(Participation, made.places[0]).lien_nonce)
    choose(made.log_in(), made).form("/deplacement").submit(button="Déplacer à cette séance")
    page = PageClient(made.app).get(f"/p/{old}", follow=True)
    assert page.has("Votre place est réservée") and not page.url.endswith(old)
    with made.app.app_context():
        place = db.session.get_one(Participation, made.places[0])
        assert place.deplacee_vers is not None
        place.deplacee_vers.telephone = "+33639980999"
        db.session.commit()
    page = PageClient(made.app).get(f"/p/{old}")
    assert page.has("Votre place a changé de séance") and page.url.endswith(old)


def test_what_cannot_be_chosen(made: Desk) -> None:
    other(made, cancelled_at=utcnow())
    client = made.log_in()
    assert client.get(address(made)).has("Aucune autre séance de votre service n’est à venir")
    assert client.get(f"{address(made)}?vers={made.elsewhere}").status == 404
    assert client.get(f"{address(made)}?vers={made.abroad}").status == 404
