"""A program that speaks to the API: each answer is held to what the document says of it."""

import json
from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Map
from werkzeug.test import TestResponse

from tests import factories as make
from webapp.api.documentation import document
from webapp.extensions import db
from webapp.models import Participation, Rdv, Usager
from webapp.services.checks import broken


class Program:
    """One token, or none. What it gets must have a status, a type and a shape the document promises."""

    def __init__(self, app: Flask, token: str = "") -> None:
        self.app, self.client = app, app.test_client(use_cookies=False)
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self.ask("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> TestResponse:
        return self.ask("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> TestResponse:
        return self.ask("DELETE", path, None, **headers)

    def ask(self, method: str, path: str, body: Any, **headers: str) -> TestResponse:
        """`If_Match` is If-Match."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {} if body is None else {"data": body} if isinstance(body, bytes | str) else {"json": body}
        answer = self.client.open(f"/api/v1{path}", method=method, headers={**self.headers, **named}, **sent)
        assert "Set-Cookie" not in answer.headers
        check(self.app.url_map, method, path, answer)
        return answer


class Town:
    """Ids of an organisation with two services, and a token of an agent of the first."""

    def __init__(self, app: Flask, preset: str = "agent", **motif: Any) -> None:
        with app.app_context():
            org = make.organisation()
            mine, other = make.service(org), make.service(org, name="PMI")
            agent = make.agent(mine, preset)
            self.token, self.agent = make.jeton(agent)[1], agent.id
            self.lieu = make.lieu(org).id
            rdv = make.rdv(make.motif(mine, **motif), agents=[agent], lieu_id=self.lieu)
            self.org, self.service, self.motif, self.rdv = org.id, mine.id, rdv.motif_id, rdv.id
            self.place = make.participation(rdv, make.usager(org, email="y@exemple.fr", last_name="Amrani")).id
            elsewhere = make.rdv(make.motif(other))
            self.elsewhere = elsewhere.id
            self.hidden = make.usager(org, last_name="Amrani", phone="+33639981234", birth_date=rdv.starts_at.date()).id
            make.participation(elsewhere, db.session.get(Usager, self.hidden))
            abroad = make.rdv()
            self.abroad, self.abroad_place = abroad.id, make.participation(abroad).id
            self.elsewhere_place = db.session.scalars(
                select(Participation.id).where(Participation.rdv_id == elsewhere.id)
            ).one()
            db.session.commit()
        self.program = Program(app, self.token)


AWA = {"prenom": "Awa", "nom": "Diallo", "telephone": "06 39 98 12 34"}


def book(town: Town, body: Any = AWA, **headers: str) -> TestResponse:
    """Ask for a seat in its session."""
    return town.program.post(f"/rdvs/{town.rdv}/participations", body, **headers)


def change(app: Flask, rdv_id: int, **values: Any) -> None:
    """What somebody else did to a session meanwhile."""
    with app.app_context():
        rdv = db.session.get_one(Rdv, rdv_id)
        for name, value in values.items():
            setattr(rdv, name, value)
        db.session.commit()


def sound(app: Flask) -> bool:
    """Does every invariant hold?"""
    with app.app_context():
        return list(broken()) == []


@cache
def described() -> dict[str, Any]:
    """The document as programs get it."""
    return json.loads(json.dumps(document()))  # type: ignore[no-any-return]


def check(urls: Map, method: str, path: str, answer: TestResponse) -> None:
    """Is it one of the operation's answers, as it is described?"""
    rule, _ = urls.bind("localhost").match(f"/api/v1{path.partition('?')[0]}", method=method, return_rule=True)
    template = rule.rule.removeprefix("/api/v1").replace("<int:", "{").replace(">", "}")
    responses = described()["paths"][template][method.lower()]["responses"]
    if answer.status_code == 304:
        assert answer.data == b""
        return
    assert str(answer.status_code) in responses, f"{method} {path}: {answer.status_code} {answer.text}"
    content = responses[str(answer.status_code)].get("content")
    if content is None:
        assert answer.data == b""
        return
    ((kind, said),) = content.items()
    assert answer.mimetype == kind
    schema = {**said["schema"], "components": described()["components"]}
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(answer.get_json(force=True))
