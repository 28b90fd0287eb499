"""The agents' back office."""

from flask import Blueprint

bp = Blueprint("agent", __name__, url_prefix="/agent")

from . import accueil, annulation, compte, fiche, flux, participations, plages, seance, usagers  # noqa: E402,F401
