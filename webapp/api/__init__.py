"""The JSON API, version 1 (docs/api.md): for programs, with a token, by the same services as the pages.

`registry.operation` declares each address once: what it reads, answers and needs. The document and its page come from
there.
"""

from flask import Blueprint, Flask

from webapp.extensions import csrf

bp = Blueprint("api", __name__, url_prefix="/api/v1")

from . import documentation, limites, motifs, participations, rdvs, usagers  # noqa: E402,F401


def init_app(app: Flask) -> None:
    """No session is read nor set here: nothing a browser sends by itself opens anything, so there is no form token."""
    csrf.exempt(bp)
    app.register_blueprint(bp)
