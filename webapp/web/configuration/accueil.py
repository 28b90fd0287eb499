"""The first page of the configuration: what there is to set up."""

from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.web.auth import allowed_services, declares
from webapp.web.htmx import respond

from . import bp


@bp.get("/")
@declares(Droit.VOIR)
def accueil() -> ResponseReturnValue:
    """Links, nothing more."""
    allowed_services()
    return respond("configuration/accueil.html")
