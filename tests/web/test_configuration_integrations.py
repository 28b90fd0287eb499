"""The page where tokens are made, shown once, seen in use, revoked."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from tests.pages import Page, PageClient
from tests.programs import Program
from webapp.clock import utcnow
from webapp.domain.droits import Droit
from webapp.extensions import db
from webapp.models import Agent, DroitAgent, Jeton, Journal

NEW = "/configuration/integrations/jetons/nouveau"


def made(page: Page) -> str:
    """The token this page shows."""
    return str(page.select("#jeton")[0].attributes["value"])


def create(client: PageClient, **typed: object) -> Page:
    return client.get(NEW).form(css="main form").submit(**{"nom": "Accueil du Vallon", **typed})


def test_a_token_is_shown_once_serves_and_is_revoked(app: Flask) -> None:
    here = desk(app)
    client = here.log_in("admin")
    page = create(client, droits=["tous:voir", "tous:gerer_rdv"], duree="90")
    token = made(page)
    assert page.h1.endswith("est créé") and page.headers["Cache-Control"] == "no-store"
    with app.app_context():
        kept = db.session.scalars(select(Jeton)).one()
        assert token not in repr(vars(kept)) and token.endswith(kept.repere)
        assert utcnow() + timedelta(days=89) < kept.expire_le < utcnow() + timedelta(days=91)
    assert "jamais" in client.get("/configuration/integrations").text
    assert Program(app, token).get("/motifs").status_code == 200
    page = client.get("/configuration/integrations")
    assert token not in page.html and "vers" in page.text and "Voir les séances, gérer les séances" in page.text
    page = page.link("Révoquer").form(css="main form").submit()
    assert "est révoqué" in page.text
    assert Program(app, token).get("/motifs").status_code == 401
    with app.app_context():
        about = select(Journal).where(Journal.sujet_type == "jeton").order_by(Journal.id)
        lines = [(line.action, line.details["nom"]) for line in db.session.scalars(about)]
        assert lines == [("jeton_cree", "Accueil du Vallon"), ("jeton_revoque", "Accueil du Vallon")]
    assert "a créé le jeton d’accès" in client.get("/configuration/journal?quoi=integrations").text


def test_the_same_form_twice_makes_one_token(app: Flask) -> None:
    client = desk(app).log_in("admin")
    form = client.get(NEW).form(css="main form")
    assert form.submit(nom="Un").status == 200
    again = form.submit(nom="Un")
    assert "déjà créé" in again.h1 and not again.select("#jeton")
    with app.app_context():
        assert len(db.session.scalars(select(Jeton)).all()) == 1


def test_no_more_rights_than_its_author_has(app: Flask) -> None:
    """Somebody who manages integrations, and no session but those of one service."""
    here: Desk = desk(app)
    with app.app_context():
        agent = db.session.scalars(select(Agent).where(Agent.email == here.emails["agent"])).one()
        agent.droits.append(DroitAgent(organisation_id=agent.organisation_id, droit=Droit.GERER_INTEGRATIONS))
        service = agent.services[0].id
        db.session.commit()
    client = here.log_in("agent")
    page = create(client, droits=[f"{service}:voir"])
    assert made(page)
    token_of_all = client.get(NEW).form(css="main form")
    for stolen in ("tous:gerer_rdv", f"{service}:surbooker"):
        data = {**{name: values[-1] for name, values in token_of_all.values.items()}, "nom": "Trop", "droits": stolen}
        refused = client.post(NEW, data=data)
        assert refused.status == 422 and "plus de droits que vous" in refused.text
    nothing = client.post(NEW, data={**data, "droits": [], "nom": ""})
    assert nothing.status == 422 and len(nothing.select(".error")) == 2
    with app.app_context():
        assert len(db.session.scalars(select(Jeton)).all()) == 1


def test_what_became_of_tokens_is_said(app: Flask) -> None:
    here = desk(app)
    with app.app_context():
        service = db.session.scalars(select(Agent).where(Agent.email == here.emails["agent"])).one().services[0]
        author = make.agent(service)
        make.jeton(author, nom="En service")
        make.jeton(author, nom="Fini", expire_le=utcnow() - timedelta(days=1))
        make.jeton(make.agent(service, actif=False), nom="Orphelin")
        make.jeton(make.agent(service, droits=[]), nom="Démuni")
        db.session.commit()
    page = here.log_in("admin").get("/configuration/integrations")
    rows = {row.css_first("th").text().partition("rdv_")[0].strip(): row.text() for row in page.select("tbody tr")}
    assert "en service" in rows["En service"] and "son auteur ne les a plus" in rows["Démuni"]
    ended = page.select("details li")
    assert {"expiré" in one.text() or "arrêté" in one.text() for one in ended} == {True} and len(ended) == 2
