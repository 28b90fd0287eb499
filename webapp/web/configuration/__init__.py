"""What admins set up."""

from flask import Blueprint

bp = Blueprint("configuration", __name__, url_prefix="/configuration")

from . import accueil, agents, integrations, journal, lieux, messages, motifs, organisation, webhooks  # noqa: E402,F401
