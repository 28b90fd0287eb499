"""Help inside the product: one short page for each way to work with it."""

from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.web.auth import allowed_services, declares
from webapp.web.htmx import respond

from . import bp


@bp.get("/aide")
@declares(Droit.VOIR)
def aide() -> ResponseReturnValue:
    """Which page is whose."""
    allowed_services()
    return respond("agent/aide.html")


@bp.get("/aide/atelier")
@declares(Droit.VOIR)
def aide_atelier() -> ResponseReturnValue:
    """« Je tiens un atelier »."""
    allowed_services()
    return respond("agent/aide_atelier.html")


@bp.get("/aide/accueil")
@declares(Droit.VOIR)
def aide_accueil() -> ResponseReturnValue:
    """« Je suis à l’accueil »."""
    allowed_services()
    return respond("agent/aide_accueil.html")


@bp.get("/aide/configuration")
@declares(Droit.VOIR)
def aide_configuration() -> ResponseReturnValue:
    """« Je configure »."""
    allowed_services()
    return respond("agent/aide_configuration.html")
