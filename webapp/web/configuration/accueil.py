"""The first page of the configuration: what there is to set up."""

from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.web.auth import allowed_services, current_agent, declares, may
from webapp.web.htmx import respond

from . import bp


@bp.get("/")
@declares(Droit.VOIR)
def accueil() -> ResponseReturnValue:
    """Links, nothing more."""
    allowed_services()
    agent = current_agent()
    return respond(
        "configuration/accueil.html",
        journal=any(octroi.droit is Droit.VOIR_JOURNAL for octroi in agent.octrois()),
        motifs=any(octroi.droit is Droit.CONFIGURER_MOTIFS for octroi in agent.octrois()),
        lieux=may(Droit.CONFIGURER_LIEUX, agent.organisation),
        agents=any(octroi.droit is Droit.GERER_AGENTS for octroi in agent.octrois()),
        integrations=may(Droit.GERER_INTEGRATIONS, agent.organisation),
        messages=may(Droit.CONFIGURER_ORGANISATION, agent.organisation),
    )
