"""« Mes courriels »: what an agent is told by e-mail, for any agent."""

import pytest
from flask import Flask
from sqlalchemy import select

from tests.desk import Desk, desk, sqlite_only  # noqa: F401
from webapp.extensions import db
from webapp.models import Agent, Journal, NiveauNotification

PAGE = "/agent/preferences"


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app, people=0)


def agent(made: Desk, who: str = "agent") -> Agent:
    with made.app.app_context():
        return db.session.scalars(select(Agent).where(Agent.email == made.emails[who])).one()


@pytest.mark.parametrize("who", ["agent", "accueil", "admin"])
def test_an_agent_chooses_what_to_be_told(made: Desk, who: str) -> None:
    client = made.log_in(who)
    page = client.get("/agent/").link("Mon compte").link("Courriels")
    assert page.h1 == "Mes courriels" and page.has("Celles d’aujourd’hui et de demain")
    form = page.form(css="form.card")
    assert form.values["niveau_notification"] == ["toutes"] and "recapitulatif" not in form.values
    for _ in range(2):
        answer = form.submit(niveau_notification="proches", recapitulatif=True, follow=False)
        assert (answer.status, answer.location) == (303, PAGE)
    assert client.get(PAGE).has("sont enregistrées")
    found = agent(made, who)
    assert found.niveau_notification is NiveauNotification.PROCHES and found.recapitulatif
    with made.app.app_context():
        (line,) = db.session.scalars(select(Journal).where(Journal.action == "preferences"))
        assert line.agent_id == found.id
        assert line.details["changements"]["niveau_notification"] == {"de": "toutes", "a": "proches"}
    client.get(PAGE).form(css="form.card").submit(recapitulatif=False)
    assert not agent(made, who).recapitulatif and agent(made, "référent").niveau_notification == "toutes"


def test_another_answer_is_refused(made: Desk) -> None:
    form = made.log_in().get(PAGE).form(css="form.card")
    page = form.submit(niveau_notification="jamais")
    assert page.status == 422 and page.errors["niveau_notification"]
    assert agent(made).niveau_notification is NiveauNotification.TOUTES


@pytest.mark.parametrize(("who", "configures"), [("agent", False), ("accueil", False), ("référent", True)])
def test_the_navigation_says_what_one_may_set_up(made: Desk, who: str, configures: bool) -> None:
    client = made.log_in(who)
    links = [one.text() for one in client.get("/agent/").select(".nav a")]
    assert links[:2] == ["Mon compte", "Aujourd’hui"] and ("Configuration" in links) is configures
    home = client.get("/configuration/")
    assert home.status == 200 and bool(home.select('a[href="/configuration/motifs"]')) is configures
    assert not home.select('a[href="/configuration/messages"]')
