"""The JSON API, version 1 (docs/api.md): for programs, with a token, by the same services as the pages.

`registry.operation` declares each address once: what it reads, answers and needs. The document and its page come from
there.
"""

from flask import Blueprint, Flask, Request, Response
from flask import request as current_request
from flask.sessions import SecureCookieSessionInterface, SessionMixin

from webapp.extensions import csrf

PREFIX = "/api/v1"
bp = Blueprint("api", __name__, url_prefix=PREFIX)

from . import documentation, limites, motifs, participations, rdvs, usagers  # noqa: E402,F401


class NoSession(SecureCookieSessionInterface):
    """The site's sessions, but for the API: there none is read nor set, whatever a browser sends by itself."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        return self.session_class() if _ours(request) else super().open_session(app, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if not _ours(current_request):
            super().save_session(app, session, response)


def _ours(request: Request) -> bool:
    return request.path.startswith(PREFIX)


def init_app(app: Flask) -> None:
    """No session, so nothing to forge: no form token either."""
    csrf.exempt(bp)
    app.session_interface = NoSession()
    app.register_blueprint(bp)
