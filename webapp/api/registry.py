"""The addresses of the API, each declared once: routes, checks, the OpenAPI document and its page read the same lines.

Each request goes the same way: token, limit, right, parameters, the thing named by the address, body, version, key;
then the view, which only calls a service.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, TypeVar

from flask import Response, current_app, g, make_response, request
from pydantic import BaseModel, ValidationError

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Occupe
from webapp.models import Agent, Jeton
from webapp.services import droits, jetons
from webapp.services import reponses as kept

from . import bp, limites
from .errors import CleReprise, EnCours, FormatRefuse, Illisible, Invalide, SansJeton, VersionDemandee
from .lecture import problems
from .schemas import Vide

KEY, KEY_MAX = "Idempotency-Key", 255
KEYS = f"^[!-~]{{1,{KEY_MAX}}}$"
VERSION = "If-Match"
_ONE = '(W/)?"?[0-9]{1,9}"?'
VERSIONS = rf"^(\*|{_ONE}( ?, ?{_ONE})*)$"
"""A version as its ETag says it; a proxy that compresses answers makes it weak, and people forget quotes."""
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One address by one method."""

    name: str
    method: str
    path: str
    resume: str
    droit: Droit
    answers: Mapping[int, type[BaseModel] | None]
    query: type[BaseModel] = Vide
    body: type[BaseModel] | None = None
    target: Callable[..., Any] | None = None
    if_match: bool = False
    errors: frozenset[int] = frozenset()

    @property
    def writes(self) -> bool:
        """Does it take an `Idempotency-Key`?"""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request once everything it says has been checked. `target` is what its address names."""

    agent: Agent
    target: Any
    query: Any
    body: Any
    envoi: str
    """For services: the same request sent again is the same form."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a view answers; `participation_id`: whose data is in it, for what is kept of it."""

    status: int
    body: BaseModel | None = None
    headers: dict[str, str] = field(default_factory=dict)
    participation_id: int | None = None
    etag: bool = False
    """Say by its content whether it changed: 304 to who has it already."""


View = Callable[[Asked], Answer]
OPERATIONS: list[Operation] = []


def operation(method: str, path: str, **declared: Any) -> Callable[[View], View]:
    """Declare a view: its right, what it reads (`query`, `body`, `target` finds what the address names), what it
    answers. Its name is the operation's."""

    def register(view: View) -> View:
        one = Operation(name=view.__name__, method=method, path=path, **declared)
        OPERATIONS.append(one)

        @wraps(view)  # the limiter asks what the function is called
        def run(**path: int) -> Response:
            return _run(one, view, **path)

        bp.add_url_rule(path, endpoint=one.name, view_func=run, methods=[method])
        return view

    return register


def _run(one: Operation, view: View, **path: int) -> Response:
    jeton = _bearer()
    limites.count(jeton)
    agent = jeton.agent
    droits.require_somewhere(agent, one.droit)
    query = _query(one.query)
    target = one.target(agent, one.droit, **path) if one.target else None
    body = _body(one.body) if one.body else None
    if one.if_match:
        _check_version()
    try:
        jetons.used(jeton)
    except Occupe:
        current_app.logger.info("a token could not be noted as used")
    asked = partial(Asked, agent, target, query, body)
    key = _key() if one.writes else None
    if key is None:
        return _response(view(asked(secrets.token_urlsafe(16))))
    return _once(jeton, key, body, lambda envoi: view(asked(envoi)))


def _bearer() -> Jeton:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    challenge = 'Bearer realm="api"'
    if kind.lower() != "bearer" or not token.strip():
        message = "Envoyez un jeton d’accès : Authorization: Bearer rdv_…"
        raise SansJeton(message, headers={"WWW-Authenticate": challenge})
    found = jetons.bearer(token.strip())
    if found is None:
        limites.count_wrong()
        challenge += ', error="invalid_token"'
        raise SansJeton("Ce jeton n’ouvre rien, ou plus rien.", headers={"WWW-Authenticate": challenge})
    g.organisation = found.agent.organisation
    return found


def _query(model: type[Model]) -> Model:
    given = request.args.to_dict(flat=False)
    twice = [name for name, values in given.items() if len(values) > 1]
    if twice:
        raise Invalide([{"parameter": name, "detail": "Donnez ce paramètre une seule fois."} for name in twice])
    try:
        return model.model_validate_strings({name: values[0] for name, values in given.items()})
    except ValidationError as error:
        raise Invalide(problems(error, "parameter")) from None


def _body(model: type[Model]) -> Model:
    if request.mimetype != "application/json":
        raise FormatRefuse("Envoyez du JSON : Content-Type: application/json", headers={"Accept": "application/json"})
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        if any(one["type"] == "json_invalid" for one in error.errors()):
            raise Illisible("Le corps de la demande n’est pas du JSON.") from None
        raise Invalide(problems(error, "pointer")) from None


def _check_version() -> None:
    given = request.headers.get(VERSION, "")
    if not given:
        raise VersionDemandee('Envoyez If-Match avec la version que vous connaissez, par exemple "3", ou *.')
    if not re.fullmatch(VERSIONS, given):
        raise Invalide([{"header": VERSION, "detail": 'Écrivez une version comme "3", ou *.'}])


def known_versions() -> set[int] | None:
    """The versions the program says it knows; None for any."""
    given = request.headers[VERSION]
    return None if given == "*" else {int(one) for one in re.findall("[0-9]+", given)}


def _key() -> str | None:
    key = request.headers.get(KEY)
    if key is not None and not re.fullmatch(KEYS, key):
        raise Invalide([{"header": KEY, "detail": f"De 1 à {KEY_MAX} caractères ASCII, sans espace."}])
    return key


def _once(jeton: Jeton, key: str, body: BaseModel | None, view: Callable[[str], Answer]) -> Response:
    """The first answer to this key, or to this request if it is the first with it."""
    said = (request.method, request.full_path, body.model_dump_json() if body else "")
    cle, asked = kept.key_of(jeton, key), hashlib.sha256(repr(said).encode()).hexdigest()
    first = kept.claim(cle, jeton, asked)
    if first is kept.OTHER:
        raise CleReprise("Cette Idempotency-Key a déjà servi pour une autre demande : prenez-en une nouvelle.")
    if first is kept.BUSY:
        raise EnCours("La même demande est en train de recevoir sa réponse.", headers={"Retry-After": "1"})
    if isinstance(first, kept.Kept):
        again = make_response(first.corps, first.statut)
        again.headers.update(first.entetes)
        again.headers["Idempotency-Replayed"] = "true"
        return again
    about = None
    try:
        try:
            answer = view(cle)
            response, about = _response(answer), answer.participation_id
        except DomainError as refusal:
            response = current_app.make_response(current_app.handle_user_exception(refusal))
    except BaseException:
        kept.release(cle)
        raise
    if response.status_code >= 500 or response.status_code in (412, 429):  # to be tried again, with the same key
        kept.release(cle)
    else:
        names = [name for name in ("Content-Type", "Location", "ETag") if name in response.headers]
        headers = {name: response.headers[name] for name in names}
        kept.keep(cle, response.status_code, response.get_data(as_text=True), headers, about)
    return response


def _response(answer: Answer) -> Response:
    text = answer.body.model_dump_json() if answer.body is not None else ""
    response = make_response(text, answer.status)
    if answer.body is not None:
        response.mimetype = "application/json"
    else:
        del response.headers["Content-Type"]
    response.headers.update(answer.headers)
    if answer.etag:
        response.headers["Cache-Control"] = "private, no-cache"
        response.add_etag()
        response.make_conditional(request)
    return response
