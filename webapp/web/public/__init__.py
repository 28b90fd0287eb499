"""Public pages: what usagers see, without an account."""

from flask import Blueprint

bp = Blueprint("public", __name__)

from . import (  # noqa: E402
    canaux,  # noqa: F401
    flux,  # noqa: F401
    informations,  # noqa: F401
    inscription,  # noqa: F401
    invitation,  # noqa: F401
    mes_rendez_vous,  # noqa: F401
    participation,  # noqa: F401
    recherche,  # noqa: F401
    seance,  # noqa: F401
)
