"""Public pages: what usagers see, without an account."""

# ruff: noqa: E402, F401

from flask import Blueprint

bp = Blueprint("public", __name__)

from . import (
    agenda,
    attente,
    canaux,
    contact,
    flux,
    informations,
    inscription,
    invitation,
    mes_donnees,
    mes_rendez_vous,
    motif,
    participation,
    recherche,
    seance,
    statistiques,
)
