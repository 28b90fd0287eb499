"""What a token is worth: its rights met with its author's at each request, counted, and never written down."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select

from tests import factories as make
from tests.desk import sqlite_only  # noqa: F401
from tests.programs import Program, Town
from webapp.api import limites
from webapp.clock import utcnow
from webapp.domain.droits import Droit, Octroi, communs
from webapp.extensions import db, limiter
from webapp.log import without_secrets
from webapp.models import Agent, DroitAgent, Jeton


@pytest.fixture
def town(app: Flask) -> Town:
    return Town(app, preset="référent")


def grants(*pairs: tuple[int | None, Droit]) -> list[Octroi]:
    return [Octroi(1, service, droit) for service, droit in pairs]


V, G, S = Droit.VOIR, Droit.GERER_RDV, Droit.SURBOOKER


@pytest.mark.parametrize(
    ("author", "token", "both"),
    [
        ([(None, V)], [(None, V)], {(None, V)}),
        ([(None, G)], [(3, G)], {(3, G), (3, V)}),
        ([(3, G)], [(None, G)], {(3, G), (3, V)}),
        ([(3, G)], [(4, G)], set()),
        ([(3, G), (4, V)], [(None, V)], {(3, V), (4, V)}),
        ([(3, S)], [(3, G)], {(3, V)}),
        ([], [(None, G)], set()),
    ],
)
def test_what_two_have_in_common(author: Any, token: Any, both: set[Any]) -> None:
    found = communs(grants(*author), grants(*token))
    assert {(one.service_id, one.droit) for one in found} == both
    assert found == communs(grants(*token), grants(*author))


def change(app: Flask, model: type[Any], number: int, **values: Any) -> None:
    with app.app_context():
        row = db.session.get_one(model, number)
        for name, value in values.items():
            setattr(row, name, value)
        db.session.commit()


@pytest.mark.parametrize("end", ["expired", "revoked", "deactivated"])
def test_a_token_that_is_over_opens_nothing(app: Flask, town: Town, end: str) -> None:
    assert town.program.get("/motifs").status_code == 200
    with app.app_context():
        number = db.session.scalars(select(Jeton.id)).one()
    if end == "deactivated":
        change(app, Agent, town.agent, actif=False)
    elif end == "revoked":
        change(app, Jeton, number, revoque_le=utcnow())
    else:
        change(app, Jeton, number, expire_le=utcnow() - timedelta(seconds=1))
    refused = town.program.get("/motifs")
    unknown = Program(app, "rdv_" + "x" * 43).get("/motifs")
    assert refused.status_code == unknown.status_code == 401 and refused.data == unknown.data
    assert "invalid_token" in refused.headers["WWW-Authenticate"]


def test_it_ends_with_its_author_s_rights(app: Flask, town: Town) -> None:
    path, body = f"/rdvs/{town.rdv}/participations", {"prenom": "Awa", "nom": "Diallo"}
    assert town.program.post(path, body).status_code == 201
    with app.app_context():
        mine = DroitAgent.agent_id == town.agent
        db.session.execute(delete(DroitAgent).where(mine, DroitAgent.droit == Droit.GERER_RDV))
        db.session.commit()
    refused = town.program.post(path, body)
    assert refused.status_code == 403 and refused.get_json()["droit"] == "gerer_rdv"
    assert town.program.get(path).status_code == 200
    with app.app_context():
        db.session.execute(delete(DroitAgent).where(mine))
        db.session.commit()
    assert town.program.get(path).status_code == 403
    with app.app_context():
        db.session.add(
            DroitAgent(agent_id=town.agent, organisation_id=town.org, service_id=None, droit=Droit.GERER_RDV)
        )
        db.session.commit()
    assert town.program.get(f"/rdvs/{town.elsewhere}").status_code == 200  # given for all services, so is the token


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer mds", "rdv_abc"])
def test_no_token_no_answer(app: Flask, town: Town, header: str) -> None:
    answer = Program(app).get("/rdvs", Authorization=header)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_session_of_the_site_is_worth_nothing_here(app: Flask, town: Town) -> None:
    from tests.desk import inside
    from tests.pages import PageClient

    with app.app_context():
        email = db.session.get_one(Agent, town.agent).email
    answer = inside(PageClient(app), email).flask.get("/api/v1/motifs")
    assert answer.status_code == 401 and "Set-Cookie" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers and "Cookie" not in answer.headers.get("Vary", "")


def test_the_last_use_is_noted_once_in_a_while(app: Flask, town: Town) -> None:
    def seen() -> Any:
        with app.app_context():
            return db.session.scalars(select(Jeton.vu_le)).one()

    assert seen() is None
    town.program.get("/motifs")
    first = seen()
    town.program.get("/motifs")
    assert first is not None and seen() == first
    with app.app_context():
        number = db.session.scalars(select(Jeton.id)).one()
    change(app, Jeton, number, vu_le=utcnow() - timedelta(minutes=16))
    town.program.get("/motifs")
    assert utcnow() - seen() < timedelta(minutes=1)


def test_limits_are_said_and_held(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiter, "enabled", False)  # put back when the test is over
    monkeypatch.setattr(limites, "PAR_MINUTE", 3)
    app = make_app(RATE_LIMITS="on")
    town = Town(app)
    left = [int(town.program.get("/motifs").headers["RateLimit-Remaining"]) for _ in range(2)]
    assert left == [2, 1]
    assert town.program.get("/rdvs/2000000000").headers["RateLimit-Remaining"] == "0"  # refusals count, and say it
    over = town.program.get("/rdvs")
    assert over.status_code == 429 and over.headers["RateLimit-Limit"] == "3"
    assert over.headers["Retry-After"] == over.headers["RateLimit-Reset"] and over.headers["RateLimit-Remaining"] == "0"
    with app.app_context():
        other = make.jeton(db.session.get_one(Agent, town.agent))[1]
        db.session.commit()
    assert Program(app, other).get("/motifs").status_code == 200
    monkeypatch.setattr(limites, "WRONG", "2 per minute")
    tries = [Program(app, "rdv_" + "y" * 43).get("/motifs").status_code for _ in range(3)]
    assert tries == [401, 401, 429]


def test_no_log_holds_a_token(app: Flask, town: Town, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        town.program.get("/motifs")
        Program(app, town.token + "x").get("/motifs")
    assert town.token not in caplog.text
    assert without_secrets(f"?jeton={town.token}&x") == "?jeton=rdv_[jeton]&x"
