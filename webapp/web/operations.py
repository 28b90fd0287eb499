"""For machines that watch this one."""

from flask import Blueprint
from flask.typing import ResponseReturnValue

bp = Blueprint("operations", __name__)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers; nothing else is asked."""
    return {"etat": "ok"}, 200, {"Cache-Control": "no-store"}
