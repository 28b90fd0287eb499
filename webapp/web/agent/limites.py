"""How often somebody may try to log in, or ask for a link, without being able to lock anybody else out.

Failed logins are counted for an address on one account, and for an address: never for an account alone, or a stranger
could keep an agent out. Only failures count. Links are counted for an address, and for an account as well, so that a
mailbox can't be flooded: past that the answer is the same, and nothing is sent.
"""

import math
import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Response, g, make_response, request, session, url_for
from flask_limiter import RequestLimit
from flask_login import current_user

from webapp.domain.contacts import fold_email
from webapp.extensions import limiter, visitor
from webapp.web.errors import error_response
from webapp.web.htmx import go_to

View = TypeVar("View", bound=Callable[..., Any])
PENDING = "etape"
"""In the session of who has typed a right password and not yet a code."""


def account() -> str:
    """The account that was typed."""
    return fold_email(request.form.get("courriel", ""))[:254]


def login_failed() -> None:
    """Make this request count."""
    g.login_failed = True


def _failed(_response: Response) -> bool:
    return bool(g.get("login_failed"))


def _too_many(limit: RequestLimit) -> Response:
    return _wait(
        limit,
        "Il y a eu trop d’essais depuis votre connexion internet.",
        "Si vous avez oublié votre mot de passe, demandez-en un autre.",
    )


def _too_many_codes(limit: RequestLimit) -> Response:
    return _wait(
        limit, "Il y a eu trop d’essais.", "Si le téléphone est perdu, la personne qui gère les agents peut aider."
    )


def _wait(limit: RequestLimit, what: str, advice: str) -> Response:
    """429, with the seconds left."""
    seconds = max(1, math.ceil(limit.reset_at - time.time()))
    minutes = -(-seconds // 60)
    response = error_response(
        429,
        what,
        f"Attendez {minutes} minute{'s' if minutes > 1 else ''}, puis essayez à nouveau. {advice}",
    )
    response.headers["Retry-After"] = str(seconds)
    return response


def _as_usual(_limit: RequestLimit) -> Response:
    return make_response(go_to(url_for("agent.mot_de_passe", envoye=1)))


def limit_logins(view: View) -> View:
    """8 failures in 15 minutes on one account, 60 an hour in all, from one address."""
    for limit, key in (("60 per hour", visitor), ("8 per 15 minutes", lambda: f"{visitor()} {account()}")):
        view = limiter.limit(limit, key_func=key, methods=["POST"], deduct_when=_failed, on_breach=_too_many)(view)
    return view


def limit_codes(view: View) -> View:
    """What a login bears, for who is in or half in: 8 failures in 15 minutes from one address; and 30 an hour on one
    account from all of them. Who tries here knows the password: nobody else can keep an agent out so."""
    for limit, key in (
        ("30 per hour", _half_in),
        ("60 per hour", visitor),
        ("8 per 15 minutes", lambda: f"{visitor()} {_half_in()}"),
    ):
        view = limiter.limit(limit, key_func=key, methods=["POST"], deduct_when=_failed, on_breach=_too_many_codes)(
            view
        )
    return view


def _half_in() -> str:
    known = session.get(PENDING) or {}
    return str(known.get("agent") or current_user.get_id() or visitor())


def limit_links(view: View) -> View:
    """20 an hour from one address; 3 an hour to one mailbox, without saying so."""
    view = limiter.limit("3 per hour", key_func=account, methods=["POST"], on_breach=_as_usual)(view)
    return limiter.limit("20 per hour", key_func=visitor, methods=["POST"], on_breach=_too_many)(view)
