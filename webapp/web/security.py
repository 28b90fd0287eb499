"""What protects every answer: CSRF on every post, the headers, the compression."""

import gzip
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g, request, session
from flask.sansio.app import App

from webapp.extensions import csrf

from .csrf import masked_token, token_fits
from .errors import FormTooOld
from .htmx import CDN, FILES

View = TypeVar("View", bound=Callable[..., Any])
PERSONAL = ("/agent", "/configuration", "/p/", "/i/", "/agenda/", "/mes-rendez-vous", "/demo")
KEYS = ("/p/", "/i/", "/agenda/", "/mes-rendez-vous", "/agent/mot-de-passe/")
"""Where an address, or one it leads to, is a key."""
COMPRESSIBLE = {"text/html", "text/plain", "text/css", "text/calendar", "application/json", "application/problem+json"}


def init_app(app: Flask) -> None:
    """Register the hooks; after_request hooks run last registered first, so compression comes after the headers."""
    app.before_request(check_csrf)
    app.after_request(compress)
    app.after_request(headers)
    app.jinja_env.globals["csrf_token"] = masked_token
    app.context_processor(lambda: {"csrf_token": masked_token})


def keeps_form(view: View) -> View:
    """Mark a view that answers a stale form itself: it is entered with `g.stale_form`, its `BaseForm` never validates,
    and it shows the form again, filled, with status 419. It must write nothing before `form.validate()` says yes."""
    view.keeps_form = True  # type: ignore[attr-defined]
    return view


ONE_CLICK = {"List-Unsubscribe": ["One-Click"]}
"""All that the post of a mail program holds when its reader unsubscribes in one click (RFC 8058)."""


def one_click(view: View) -> View:
    """Mark a view that mail programs post to, without cookie nor token: it is entered with `g.one_click`. The secret is
    in its address, and no session is looked at: there is nothing to forge."""
    view.one_click = True  # type: ignore[attr-defined]
    return view


def check_csrf() -> None:
    """Refuse a post without this session's token, whatever its view; those that keep their form say it themselves."""
    if request.method not in {"POST", "PUT", "PATCH", "DELETE"} or request.endpoint is None:
        return
    if not current_app.config.get("WTF_CSRF_ENABLED", True) or csrf._is_exempt():
        return
    view = current_app.view_functions.get(request.endpoint)
    if getattr(view, "one_click", False) and request.form.to_dict(flat=False) == ONE_CLICK:
        g.one_click = True
    elif token_fits():
        g.csrf_valid = True  # Flask-WTF's forms look here
    elif getattr(view, "keeps_form", False):
        g.stale_form = True
    else:
        raise FormTooOld


@cache
def content_security_policy(app: App) -> str:
    """Only our own files, and the two files of htmx by their full path; no inline script, no inline style."""
    scripts = ["'self'"]
    if app.config["HTMX_SOURCE"] == "cdn":
        scripts += [CDN + path for path, _, _ in FILES]
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(scripts)}",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "frame-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ]
    )


# The one exception: a mail shown as received, in a sandboxed frame, with the inline styles mail programs need.
MAIL_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'; "
    "sandbox allow-top-navigation-by-user-activation"
)


def headers(response: Response) -> Response:
    """The security headers. A view replaces the policy with `g.csp`, or sets its own Cache-Control."""
    policy = g.get("csp") or content_security_policy(current_app._get_current_object())
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    if "frame-ancestors 'none'" in policy:
        response.headers["X-Frame-Options"] = "DENY"
    # A personal link is a key: its address never leaves with a click.
    response.headers["Referrer-Policy"] = "no-referrer" if request.path.startswith(KEYS) else "same-origin"
    response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if current_app.config["PUBLIC_URL"].startswith("https://"):
        response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    if "Cache-Control" not in response.headers:
        # Shared computers: what belongs to a person, or to whoever has a session, is not kept by the browser.
        personal = request.path.startswith(PERSONAL) or bool(session)
        response.headers["Cache-Control"] = "no-store" if personal else "no-cache"
    return response


def compress(response: Response) -> Response:
    """gzip, at a low level, what is text and over 1 kB; never a stream. CSRF tokens are masked (see `csrf.py`), and no
    other secret is written in a page beside words a stranger chooses."""
    if (
        response.is_streamed
        or response.direct_passthrough
        or response.status_code in (204, 304)
        or response.mimetype not in COMPRESSIBLE
        or "Content-Encoding" in response.headers
    ):
        return response
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) < 1024 or not request.accept_encodings.quality("gzip"):
        return response
    response.set_data(gzip.compress(body, 4, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    etag, _ = response.get_etag()
    if etag:
        response.set_etag(etag, weak=True)
    return response
