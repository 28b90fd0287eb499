"""Public pages: what usagers see, without an account."""

from flask import Blueprint

bp = Blueprint("public", __name__)

from . import attente, canaux, flux, informations, inscription, mes_rendez_vous, participation, recherche, seance  # noqa: E402,F401
