"""The agents' back office."""

from flask import Blueprint

bp = Blueprint("agent", __name__, url_prefix="/agent")

from . import compte  # noqa: E402,F401
