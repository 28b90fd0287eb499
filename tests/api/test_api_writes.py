"""What programs write: through the same doors as the pages, once, and never over what somebody else did meanwhile."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from tests.desk import sqlite_only  # noqa: F401
from tests.programs import AWA, Program, Town, book, change, sound
from webapp.clock import utcnow
from webapp.domain.droits import Droit
from webapp.extensions import db
from webapp.models import Agent, Journal, Notification, Rdv


@pytest.fixture
def town(app: Flask) -> Town:
    return Town(app, preset="référent")


def test_a_seat_is_taken_as_an_agent_gives_one(app: Flask, town: Town) -> None:
    answer = book(town)
    place = answer.get_json()
    assert answer.status_code == 201 and place["usager"]["telephone"] == "+33639981234"
    assert town.program.get(answer.headers["Location"].removeprefix("/api/v1")).get_json() == place
    again = book(town)
    assert (again.status_code, again.get_json()) == (200, place)
    assert town.program.get(f"/rdvs/{town.rdv}").get_json()["places_prises"] == 2
    with app.app_context():
        line = db.session.scalars(select(Journal).where(Journal.action == "inscription")).one()
        assert (line.agent_id, line.acteur, line.sujet_id) == (town.agent, "agent", place["id"])
        assert db.session.scalar(select(func.count()).select_from(Notification)) > 0
    assert sound(app)


def test_somebody_known_and_nobody_told(app: Flask, town: Town) -> None:
    answer = book(town, {"usager_id": town.hidden, "prevenir": False})
    assert answer.status_code == 201 and answer.get_json()["usager"]["id"] == town.hidden
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Notification)) == 0


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 422, "#/prenom"),
        ({"prenom": "Awa"}, 422, "#/nom"),
        ({**AWA, "nom": "***"}, 422, "#/nom"),
        ({**AWA, "nom": "D\0"}, 422, "#/nom"),
        ({**AWA, "nom": "D" * 10_000}, 422, "#/nom"),
        ({**AWA, "telephone": "12"}, 422, "#/telephone"),
        ({**AWA, "courriel": "awa"}, 422, "#/courriel"),
        ({**AWA, "date_naissance": "1990-01-01"}, 422, "#/date_naissance"),
        ({**AWA, "numero_dossier": "A1"}, 422, "#/numero_dossier"),
        ({**AWA, "age": 3}, 422, "#/age"),
        ({**AWA, "prevenir": "non"}, 422, "#/prevenir"),
        ({"usager_id": 2000000000}, 422, "#/usager_id"),
        ({**AWA, "usager_id": 1}, 422, "#/prenom"),
        ([], 422, "#"),
        (b"{", 400, None),
        (b"[" * 100_000, 400, None),
        (b'{"prenom": "\xff"}', 400, None),
        (b'{"prenom": "\\ud800"}', 400, None),
        (b"x" * 300_000, 413, None),
    ],
)
def test_what_is_wrong_is_pointed_at(town: Town, body: Any, status: int, pointer: str | None) -> None:
    refused = book(town, body, Content_Type="application/json")
    assert refused.status_code == status
    if pointer is not None:
        assert pointer in [error["pointer"] for error in refused.get_json()["errors"]]


def test_only_json_is_read(town: Town) -> None:
    refused = book(town, b"prenom=Awa", Content_Type="application/x-www-form-urlencoded")
    assert refused.status_code == 415 and refused.headers["Accept"] == "application/json"


def test_a_full_session_and_going_over_on_purpose(app: Flask) -> None:
    town = Town(app, preset="référent", capacite_max=1)
    full = book(town)
    assert full.status_code == 409 and full.get_json()["code"] == "complet"
    with app.app_context():
        db.session.get_one(Rdv, town.rdv).organisation.surbooking_autorise = False
        db.session.commit()
    refused = book(town, {**AWA, "surbooking": True})
    assert refused.status_code == 403 and refused.get_json()["droit"] == "surbooker"
    with app.app_context():
        db.session.get_one(Rdv, town.rdv).organisation.surbooking_autorise = True
        db.session.commit()
    assert book(town, {**AWA, "surbooking": True}).status_code == 201
    assert sound(app)
    with app.app_context():
        weak = make.jeton(db.session.get_one(Agent, town.agent), [Droit.VOIR, Droit.GERER_RDV])[1]
        db.session.commit()
    other = Program(app, weak).post(f"/rdvs/{town.rdv}/participations", {**AWA, "nom": "Ba", "surbooking": True})
    assert other.status_code == 403 and other.get_json()["droit"] == "surbooker"


def test_a_cancelled_session_says_so(app: Flask, town: Town) -> None:
    change(app, town.rdv, cancelled_at=utcnow())
    assert book(town).get_json()["code"] == "ferme"
    moved = town.program.patch(f"/participations/{town.place}", {"statut": "excuse"}, If_Match="*")
    assert moved.get_json()["code"] == "refus"


def test_statuses_move_by_the_same_table(app: Flask, town: Town) -> None:
    path = f"/participations/{town.place}"
    early = town.program.patch(path, {"statut": "present"}, If_Match='"1"')
    assert early.status_code == 409 and "jour" in early.get_json()["detail"]
    assert town.program.patch(path, {"statut": "excuse"}).status_code == 428
    moved = town.program.patch(path, {"statut": "excuse"}, If_Match='"1"')
    assert moved.get_json()["statut"] == "excuse" and moved.headers["ETag"] == '"2"'
    stale = town.program.patch(path, {"statut": "inscrit"}, If_Match='"1"')
    assert stale.status_code == 412 and stale.headers["ETag"] == '"2"' and stale.get_json()["code"] == "perime"
    assert town.program.patch(path, {"statut": "excuse"}, If_Match='"1"').status_code == 200  # it is already
    back = town.program.patch(path, {"statut": "inscrit"}, If_Match='"2", "7"')
    assert back.headers["ETag"] == '"3"'
    assert town.program.delete(path).status_code == 428
    assert town.program.delete(path, If_Match='"2"').status_code == 412
    gone = town.program.delete(f"{path}?prevenir=0", If_Match='"3"')
    assert gone.status_code == 204 and gone.headers["ETag"] == '"4"'
    assert town.program.delete(path, If_Match="*").status_code == 204
    assert town.program.get(path).get_json()["statut"] == "annule"
    assert town.program.patch(path, {"statut": "parti"}, If_Match="*").get_json()["errors"][0]["pointer"] == "#/statut"
    assert sound(app)
