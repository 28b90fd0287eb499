"""The OpenAPI document and its page, both read from the declarations: neither can say anything else than the code."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from flask import Response, current_app, make_response, request
from pydantic.json_schema import models_json_schema

from webapp import links

from . import bp, limites, schemas
from .registry import KEY, KEYS, OPERATIONS, VERSION, VERSIONS, Operation

REF = "#/components/schemas/{model}"
PROBLEMS = {
    400: "Le corps n’est pas du JSON, ou l’adresse contient ce qu’aucun clavier n’écrit",
    401: "Pas de jeton, ou un jeton qui n’ouvre rien",
    403: "Un droit manque : « droit » le nomme",
    404: "Rien à cette adresse, ou rien que ce jeton puisse voir",
    405: "Cette adresse ne répond pas à cette méthode",
    409: "Une règle dit non : séance complète, annulée, statut impossible…",
    412: "La place a changé depuis la version donnée",
    413: "Trop long",
    415: "Ce n’est pas du JSON",
    422: "Des valeurs sont à corriger : « errors » dit lesquelles",
    428: "If-Match manque",
    429: "Trop de demandes",
    503: "Occupé : réessayer dans un instant",
}
ANSWERS = {200: "C’est fait", 201: "Inscrit", 204: "Retiré"}
LIMITS = {
    "RateLimit-Limit": "Demandes permises par minute.",
    "RateLimit-Remaining": "Ce qu’il en reste.",
    "RateLimit-Reset": "Dans combien de secondes le compte repart.",
}


@bp.get("/openapi.json")
def openapi() -> Response:
    """OpenAPI 3.1."""
    return _public(make_response(_text(), {"Content-Type": "application/json"}))


@bp.get("/")
def documentation() -> Response:
    """The same for people. No session is read: the page is rendered without what pages say of who looks."""
    context = {
        "operations": [_described(one) for one in OPERATIONS],
        "modeles": list(_models()),
        "problemes": PROBLEMS,
        "par_minute": limites.PAR_MINUTE,
        "racine": links.address("/"),
        "organisation": None,
        "request": request,
        "mode": current_app.config["MODE"],
        "get_flashed_messages": lambda **_: [],
    }
    page = current_app.jinja_env.get_template("api/documentation.html").render(context)
    return _public(make_response(page))


def _public(response: Response) -> Response:
    response.headers["Cache-Control"] = "public, max-age=300"
    response.add_etag()
    response.make_conditional(request)
    return response


@cache
def _text() -> str:
    return json.dumps(document(), ensure_ascii=False)


def document() -> dict[str, Any]:
    """The whole document; its address is that of the site it is read from."""
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        path = re.sub(r"<int:(\w+)>", r"{\1}", one.path)
        paths.setdefault(path, {})[one.method.lower()] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "RDV Collectifs",
            "version": "1",
            "description": "Séances collectives : les lire, y inscrire, noter les présences.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"jeton": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"jeton": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas()[1],
            "headers": {name: {"description": words, "schema": {"type": "integer"}} for name, words in LIMITS.items()},
        },
    }


@cache
def _schemas() -> tuple[dict[Any, Any], dict[str, Any]]:
    """Each model's reference, and the definitions they refer to."""
    sent = {one.body for one in OPERATIONS if one.body}
    answered = {model for one in OPERATIONS for model in one.answers.values() if model} | {schemas.Probleme}
    wanted: list[Any] = [(model, "validation") for model in sent]
    wanted += [(model, "serialization") for model in answered]
    found, definitions = models_json_schema(sorted(wanted, key=lambda one: one[0].__name__), ref_template=REF)
    return found, definitions["$defs"]


def _operation(one: Operation) -> dict[str, Any]:
    refs, _ = _schemas()
    described: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.resume,
        "description": f"Droit demandé : {one.droit.label} (`{one.droit}`).",
        "parameters": list(_parameters(one)),
        "responses": {},
    }
    if one.body is not None:
        content = {"application/json": {"schema": refs[one.body, "validation"]}}
        described["requestBody"] = {"required": True, "content": content}
    limits = {name: {"$ref": f"#/components/headers/{name}"} for name in LIMITS}
    for status, model in one.answers.items():
        answer: dict[str, Any] = {"description": ANSWERS[status], "headers": limits}
        if model is not None:
            answer["content"] = {"application/json": {"schema": refs[model, "serialization"]}}
        described["responses"][str(status)] = answer
    problem = {"application/problem+json": {"schema": refs[schemas.Probleme, "serialization"]}}
    for status in sorted(_refusals(one)):
        described["responses"][str(status)] = {"description": PROBLEMS[status], "content": problem}
    return described


def _refusals(one: Operation) -> set[int]:
    """What an operation may refuse with, from what it declares."""
    found = {400, 401, 403, 422, 429, 503} | set(one.errors)
    if one.target is not None:
        found |= {404, 405}
    if one.body is not None:
        found |= {413, 415}
    if one.if_match:
        found |= {412, 428}
    if one.writes:
        found.add(409)
    return found


def _parameters(one: Operation) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"<int:(\w+)>", one.path):
        schema = {"type": "integer", "minimum": 1, "maximum": schemas.LARGEST}
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    described = one.query.model_json_schema(ref_template=REF)
    for name, schema in described.get("properties", {}).items():
        words = schema.pop("description", "")
        required = name in described.get("required", ())
        yield {"name": name, "in": "query", "required": required, "description": words, "schema": _without_null(schema)}
    if one.if_match:
        words = 'La version que vous connaissez, comme "3" (l’ETag de la place), ou * pour n’importe laquelle.'
        shape = {"type": "string", "pattern": VERSIONS}
        yield {"name": VERSION, "in": "header", "required": True, "description": words, "schema": shape}
    if one.writes:
        words = "Choisie au hasard par vous : la même demande envoyée deux fois avec elle reçoit deux fois la première "
        words += "réponse, pendant 24 heures."
        shape = {"type": "string", "pattern": KEYS}
        yield {"name": KEY, "in": "header", "required": False, "description": words, "schema": shape}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is not there is not sent: nothing in an address reads « null »."""
    schema = {key: value for key, value in schema.items() if key != "default" or value is not None}
    others = [one for one in schema.pop("anyOf", ()) if one.get("type") != "null"]
    return schema | others[0] if others else schema


# --- the page --------------------------------------------------------------------------------------------------------


def _described(one: Operation) -> dict[str, Any]:
    described = _operation(one)
    return {
        "nom": one.name,
        "methode": one.method,
        "chemin": "/api/v1" + re.sub(r"<int:(\w+)>", r"{\1}", one.path),
        "resume": one.resume,
        "droit": one.droit.label,
        "parametres": described["parameters"],
        "corps": one.body.__name__ if one.body else "",
        "reponses": [(status, model.__name__ if model else "") for status, model in one.answers.items()],
        "refus": sorted(_refusals(one)),
    }


def _models() -> Iterator[tuple[str, str, list[tuple[str, str, bool, str]]]]:
    """Name, words and fields (name, type, required, words) of each."""
    _, definitions = _schemas()
    for name, schema in sorted(definitions.items()):
        required = schema.get("required", ())
        fields = [
            (field, kind(about), field in required, about.get("description", ""))
            for field, about in schema.get("properties", {}).items()
        ]
        yield name, schema.get("description", ""), fields


def kind(schema: dict[str, Any]) -> str:
    """A type in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        words = _schemas()[1].get(name, {}).get("enum")
        return " | ".join(words) if words else name
    if "anyOf" in schema:
        return " ou ".join(kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"liste de {kind(schema.get('items', {}))}"
    names = {"integer": "entier", "string": "texte", "boolean": "booléen", "null": "null"}
    formats = {"date": "date", "date-time": "date et heure"}
    return formats.get(schema.get("format", ""), names.get(schema.get("type", ""), schema.get("type", "")))
