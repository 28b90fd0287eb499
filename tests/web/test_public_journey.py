"""The main job, as a person without JavaScript lives it: from the list of workshops to one's own appointment."""

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories
from tests.pages import Page, PageClient
from webapp import links
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Organisation, Participation, Rdv, Usager

PERSON = {"prenom": "Élodie", "nom": "N’Diaye", "telephone": "06 39 98 12 78", "courriel": "elodie@exemple.fr"}


@pytest.fixture
def rdv_id(app: Flask) -> int:
    """A session in ten days with twelve free seats."""
    with app.app_context():
        service = factories.service()
        where = factories.lieu(db.session.get(Organisation, service.organisation_id))  # type: ignore[arg-type]
        motif = factories.motif(
            service,
            instructions_avant="Pour qui vient d’ouvrir un droit.",
            instructions_apres="Prévoyez une pièce d’identité.",
        )
        rdv = factories.rdv(motif, lieu_id=where.id)
        db.session.commit()
        return rdv.id


def book(client: PageClient, rdv_id: int, **fields: str) -> Page:
    """Fill the form of that session and send it."""
    return client.get(f"/rdv/{rdv_id}/inscription").form("/inscription").submit({**PERSON, **fields})


def counts(app: Flask) -> tuple[int, int, int]:
    """People, places, seats taken."""
    with app.app_context():
        return (
            db.session.scalar(select(func.count()).select_from(Usager)) or 0,
            db.session.scalar(select(func.count()).select_from(Participation)) or 0,
            db.session.scalar(select(func.sum(Rdv.places_prises))) or 0,
        )


def token(app: Flask) -> str:
    """The only place's personal link."""
    with app.app_context():
        row = db.session.scalars(select(Participation)).one()
        return links.token(links.PARTICIPATION, row.lien_nonce)


def test_from_the_list_to_the_confirmation(client: PageClient, app: Flask, rdv_id: int) -> None:
    page = client.get("/")
    assert page.has("Mes droits au RSA") and page.has("12 places libres") and page.has("26990 Valmont")
    page = page.link("Mes droits au RSA")
    assert page.h1 == "Mes droits au RSA" and page.has("Pour qui vient d’ouvrir un droit.")
    page = page.link("Réserver le")
    assert page.url == f"/rdv/{rdv_id}" and page.has("Accessible en fauteuil") and page.has("12 places libres")
    page = page.link("Réserver ma place")
    page = page.form("/inscription").submit(PERSON)
    assert page.history[0].status == 303 and page.url == f"/rdv/{rdv_id}/confirmation"
    assert page.h1 == "Votre place est réservée"
    assert page.has("06 •• •• •• 78") and page.has("e••••@exemple.fr") and page.has("Prévoyez une pièce d’identité.")
    assert "/p/" not in page.html and "N’Diaye" not in page.html and token(app) not in page.html
    assert page.headers["Cache-Control"] == "no-store"
    assert counts(app) == (1, 1, 1)


def test_excuse_oneself_and_come_back(client: PageClient, app: Flask, rdv_id: int) -> None:
    book(client, rdv_id)
    visitor = client.another()
    page = visitor.get(f"/p/{token(app)}")
    assert page.has("Rendez-vous de Élodie") and page.has("Vous êtes inscrit·e") and "N’Diaye" not in page.html
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "no-referrer"
    assert page.select('meta[name="robots"][content="noindex"]')
    page = page.link("Je ne pourrai pas venir")
    page = page.form("/desistement").submit(raison="Je suis malade")
    assert page.has("C’est noté") and page.has("Vous avez prévenu que vous ne viendrez pas")
    assert counts(app) == (1, 1, 0)
    with app.app_context():
        row = db.session.scalars(select(Participation)).one()
        assert (row.statut, row.raison) == (Statut.EXCUSE, "Je suis malade")
    page = page.form("/reinscription").submit()
    assert page.has("Votre place est à nouveau réservée") and page.has("Vous êtes inscrit·e")
    assert counts(app) == (1, 1, 1)
