"""An `Idempotency-Key` is answered once, whatever happens meanwhile (both databases)."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests import factories as make
from tests.programs import AWA, Program, Town, book, change, sound
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import Agent, Participation, ReponseApi, Usager
from webapp.services import reponses, retention


@pytest.fixture
def town(app: Flask) -> Town:
    return Town(app, preset="référent")


def test_the_same_key_gets_the_first_answer(app: Flask, town: Town) -> None:
    first = book(town, Idempotency_Key="une-cle")
    change(app, town.rdv, cancelled_at=utcnow())
    again = book(town, Idempotency_Key="une-cle")
    assert (again.status_code, again.data, again.headers["Location"]) == (201, first.data, first.headers["Location"])
    assert again.headers["Idempotency-Replayed"] == "true"
    other = book(town, {**AWA, "nom": "Ba"}, Idempotency_Key="une-cle")
    assert other.status_code == 422 and other.get_json()["code"] == "cle_reprise"
    assert book(town, Idempotency_Key="x" * 256).get_json()["errors"][0]["header"] == "Idempotency-Key"
    refused = book(town, {**AWA, "nom": "Ba"}, Idempotency_Key="autre")
    change(app, town.rdv, cancelled_at=None)
    assert refused.status_code == 409
    assert book(town, {**AWA, "nom": "Ba"}, Idempotency_Key="autre").data == refused.data  # a refusal is an answer too
    path, place = f"/participations/{first.get_json()['id']}", {"statut": "excuse"}
    once = town.program.patch(path, place, If_Match='"1"', Idempotency_Key="statut")
    twice = town.program.patch(path, place, If_Match='"1"', Idempotency_Key="statut")
    assert once.status_code == twice.status_code == 200 and once.data == twice.data
    assert [town.program.delete(path, If_Match="*", Idempotency_Key="fin").status_code for _ in range(2)] == [204, 204]
    assert sound(app)


def test_a_key_is_its_token_s_own_for_a_day(app: Flask, town: Town) -> None:
    with app.app_context():
        other = Program(app, make.jeton(db.session.get_one(Agent, town.agent))[1])
        db.session.commit()
    first = book(town, Idempotency_Key="k")
    theirs = other.post(f"/rdvs/{town.rdv}/participations", {**AWA, "nom": "Ba"}, Idempotency_Key="k")
    assert theirs.status_code == 201
    with app.app_context():
        for row in db.session.scalars(select(ReponseApi)):
            row.cree_le = utcnow() - timedelta(hours=25)
        db.session.commit()
    third = book(town, {**AWA, "nom": "Sow"}, Idempotency_Key="k")
    assert third.status_code == 201 and third.get_json()["id"] != first.get_json()["id"]
    with app.app_context():
        retention.purge()
        (_left,) = db.session.scalars(select(ReponseApi))
        retention.erase(db.session(), [third.get_json()["usager"]["id"]], utcnow())
        db.session.commit()
        assert db.session.scalars(select(ReponseApi)).all() == []


def test_an_answer_that_never_came_is_made_again(app: Flask, town: Town) -> None:
    """A process that died between the seat and its answer: the same key finds the seat it gave."""
    first = book(town, Idempotency_Key="k").get_json()
    with app.app_context():
        row = db.session.scalars(select(ReponseApi)).one()
        row.statut, row.corps, row.entetes = None, "", {}
        db.session.commit()
        kept, reponses.WAIT = reponses.WAIT, 0.06
    busy = book(town, Idempotency_Key="k")
    reponses.WAIT = kept
    assert (busy.status_code, busy.get_json()["code"], busy.headers["Retry-After"]) == (409, "en_cours", "1")
    with app.app_context():
        db.session.scalars(select(ReponseApi)).one().claimed_until = utcnow() - timedelta(seconds=1)
        db.session.commit()
    again = book(town, Idempotency_Key="k")
    assert (again.status_code, again.get_json()) == (201, first)


def test_the_same_request_many_times_at_once(app: Flask, town: Town) -> None:
    """No contact: nothing but the key tells that it is the same person."""

    def send(_number: int) -> TestResponse:
        return book(town, {"prenom": "Sans", "nom": "Contact"}, Idempotency_Key="ensemble")

    with ThreadPoolExecutor(4) as many:
        answers = list(many.map(send, range(8)))
    assert {(answer.status_code, answer.data) for answer in answers} == {(201, answers[0].data)}
    with app.app_context():
        assert db.session.scalar(select(func.count()).where(Participation.rdv_id == town.rdv)) == 2
        assert db.session.scalar(select(func.count()).where(Usager.last_name == "Contact")) == 1
    assert sound(app)
