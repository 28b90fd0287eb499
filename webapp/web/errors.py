"""One function says every error: a page in the site's look, a fragment for htmx, problem+json for programs."""

import logging
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, current_app, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from webapp.domain.errors import DomainError, Interdit
from webapp.services.transaction import out_of_reach

from .htmx import asked_by_htmx, block_html, into_notice, respond

log = logging.getLogger(__name__)

# status → title, what happened, what to do
WORDS = {
    400: (
        "Demande incomprise",
        "Nous n’avons pas compris cette demande.",
        "Revenez à la page précédente et essayez à nouveau.",
    ),
    401: (
        "Jeton demandé",
        "Cette adresse demande un jeton d’accès.",
        "Envoyez-le dans l’en-tête Authorization.",
    ),
    403: (
        "Accès réservé",
        "Vous n’avez pas le droit de voir ou de faire cela.",
        "Si vous en avez besoin, demandez à la personne qui gère les droits de votre service.",
    ),
    404: (
        "Page introuvable",
        "Cette page n’existe pas ou n’existe plus.",
        "Vérifiez l’adresse, ou repartez de l’accueil pour voir les ateliers proposés.",
    ),
    405: (
        "Action impossible",
        "Cette adresse ne répond pas à ce type de demande.",
        "Revenez à la page précédente et utilisez ses boutons.",
    ),
    409: (
        "Ce n’est pas possible",
        "La situation a changé depuis que vous avez ouvert la page.",
        "Revenez à la page précédente et actualisez-la.",
    ),
    412: (
        "Changé entre-temps",
        "La version que vous connaissez n’est plus la dernière.",
        "Lisez-la à nouveau, puis recommencez.",
    ),
    413: (
        "Envoi trop lourd",
        "Ce que vous avez envoyé est trop volumineux.",
        "Réduisez le texte ou le fichier, puis essayez à nouveau.",
    ),
    415: (
        "Format refusé",
        "Cette adresse ne lit pas ce format.",
        "Envoyez du JSON.",
    ),
    419: (
        "Page ouverte depuis trop longtemps",
        "Par sécurité, cette page n’est plus valable et rien n’a été enregistré.",
        "Revenez à la page précédente, actualisez-la, puis validez à nouveau.",
    ),
    422: (
        "À corriger",
        "Ce qui est demandé n’est pas valable.",
        "Corrigez, puis recommencez.",
    ),
    428: (
        "Version demandée",
        "Dites quelle version vous connaissez.",
        "Envoyez l’en-tête If-Match.",
    ),
    429: (
        "Trop de demandes",
        "Vous avez fait beaucoup de demandes en peu de temps.",
        "Attendez une minute, puis essayez à nouveau.",
    ),
    500: (
        "Une erreur s’est produite",
        "Le problème vient de notre côté et il est signalé.",
        "Essayez à nouveau dans quelques minutes. Si cela continue, appelez-nous.",
    ),
    503: (
        "Service momentanément indisponible",
        "Beaucoup de monde utilise le site en ce moment, ou une mise à jour est en cours.",
        "Essayez à nouveau dans un instant.",
    ),
}
# What to do about a page that is not there, by the beginning of its address, where the usual advice would mislead.
LOST = {
    "/agent": "Vérifiez l’adresse, ou repartez de la page « Aujourd’hui ».",
    "/configuration": "Vérifiez l’adresse, ou repartez de la page « Aujourd’hui ».",
    **dict.fromkeys(
        ("/p/", "/i/"), "Le lien est peut-être coupé : copiez-le en entier, ou ouvrez celui du dernier message reçu."
    ),
}
CODES = {
    400: "illisible",
    401: "jeton",
    404: "introuvable",
    405: "methode",
    409: "refus",
    413: "trop_lourd",
    429: "trop_de_demandes",
    500: "erreur",
    503: "occupe",
}
"""What a program is told when no rule gave a code of its own."""
UNKNOWN = ("Introuvable", "Rien à cette adresse, ou rien que ce jeton puisse voir.")
"""To a program: the same for what there is not, and for what is somebody else's."""
RETRY_AFTER = {429: 60, 503: 5}


class FormTooOld(HTTPException):
    """419: the page's token is too old, or is not this session's."""

    code = 419
    description = WORDS[419][1]


def init_app(app: Flask) -> None:
    app.register_error_handler(DomainError, _domain)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _domain(error: DomainError) -> Response:
    advice = ""
    if isinstance(error, Interdit):
        advice = f"Peuvent vous le donner : {', '.join(error.grantors)}." if error.grantors else WORDS[403][2]
    response = error_response(error.status, error.message, advice, code=error.code, details=error.details)
    response.headers.update(error.headers)
    return later(response, error)


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return make_response(error.response)
    status = error.code or 500
    response = error_response(status)
    for name, value in error.get_headers():
        if name not in {"Content-Type", "Content-Length"}:
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    """A bug: the log has its trace, the person has words. Debuggers and tests that want it see the exception itself.
    A database that can't answer now is no bug: come back in a moment."""
    if out_of_reach(error):
        log.error("the database does not answer: %s on %s", type(error).__name__, request.url_rule)
        return error_response(503)
    propagate = current_app.config["PROPAGATE_EXCEPTIONS"]
    if propagate or (propagate is None and (current_app.testing or current_app.debug)):
        raise error
    log.error("unexpected error on %s %s", request.method, request.url_rule, exc_info=error)
    return error_response(500)


def error_response(
    status: int, message: str = "", advice: str = "", code: str = "", details: Mapping[str, Any] | None = None
) -> Response:
    """What happened and what to do, in the form the asker understands."""
    title, usual_message, usual_advice = WORDS.get(status, WORDS[500 if status >= 500 else 400])
    message = message or usual_message
    if status == 404:
        usual_advice = next((words for start, words in LOST.items() if request.path.startswith(start)), usual_advice)
    advice = advice or usual_advice
    if request.path.startswith("/api/"):
        code = code or CODES.get(status, str(status))
        if status == 404:
            title, message = UNKNOWN
        problem: dict[str, Any] = {
            "type": f"urn:rdv:{code}",
            "title": title,
            "status": status,
            "detail": message,
            "code": code,
            **(details or {}),
        }
        response = make_response(problem, status)
        response.mimetype = "application/problem+json"
    else:
        response = _page(status, title=title, message=message, advice=advice)
    return later(response)


def _page(status: int, **words: str) -> Response:
    context: dict[str, Any] = {"status": status, **words}
    if asked_by_htmx():
        return into_notice(make_response(block_html("errors/erreur.html", "fragment", context), status))
    agents = request.path.startswith(("/agent", "/configuration"))
    context["layout"] = "layouts/agent.html" if agents and status < 500 else "layouts/public.html"
    if status >= 500:
        # Whatever is broken (the database, often), this page asks it nothing: no user, no organisation.
        context |= {"request": request, "mode": current_app.config["MODE"], "organisation": None, "current_user": None}
        return make_response(current_app.jinja_env.get_template("errors/erreur.html").render(context), status)
    return make_response(render_template("errors/erreur.html", **context), status)


def refused(error: DomainError, page: str, /, block: str | None = None, **context: Any) -> Response:
    """A rule said no to a form: the same page, everything typed kept, the sentence on top (`form` of the context)."""
    form = context.get("form")
    if form is None:
        return error_response(error.status, error.message, code=error.code)
    form.refuse(error)
    return later(respond(page, block, status=error.status, **context), error)


def later(response: Response, error: DomainError | None = None) -> Response:
    """Says when to try again, if that is what its status means."""
    if response.status_code in RETRY_AFTER:
        seconds = getattr(error, "retry_after", RETRY_AFTER[response.status_code])
        response.headers["Retry-After"] = str(seconds)
    return response
