"""« Mes courriels », in « Mon compte »: what an agent is told by e-mail."""

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError
from webapp.services.preferences import save_agent
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.preferences import NIVEAUX, PreferencesForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp

PAGE = "agent/preferences.html"


@bp.route("/preferences", methods=["GET", "POST"])
@declares(Droit.VOIR)
@keeps_form
def preferences() -> ResponseReturnValue:
    """Which sessions to be told about, and the morning's digest."""
    allowed_services()
    agent = current_agent()
    form = PreferencesForm(agent)
    context = {"form": form, "agent": agent, "precisions": {level.value: hint for level, (_, hint) in NIVEAUX.items()}}
    if form.validate_on_submit():
        try:
            save_agent(agent.id, niveau=form.niveau, recapitulatif=bool(form.recapitulatif.data))
        except DomainError as refusal:
            return refused(refusal, PAGE, **context)
        flash("Vos préférences sont enregistrées.", "success")
        return go_to(url_for(".preferences"))
    return respond(PAGE, **context)
