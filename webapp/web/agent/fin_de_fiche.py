"""At a person's request: what is kept about them, as a file they can take away; or nothing of it any more."""

import json

from flask import Response, flash, make_response, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.dates import long_moment
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError
from webapp.services import fiches
from webapp.services import fin_de_fiche as services
from webapp.web.auth import current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.usager import SuppressionForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp

PAGE = "agent/usager_supprimer.html"


@bp.post("/usagers/<int:usager_id>/donnees")
@declares(Droit.GERER_USAGERS)
def donnees_usager(usager_id: int) -> Response:
    """All that my services keep about that person."""
    said = services.export(current_agent(), usager_id)
    response = make_response(json.dumps(said, ensure_ascii=False, indent=2) + "\n")
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="donnees-{usager_id}.json"'
    return response


@bp.route("/usagers/<int:usager_id>/suppression", methods=["GET", "POST"])
@declares(Droit.GERER_USAGERS)
@keeps_form
def supprimer_usager(usager_id: int) -> ResponseReturnValue:
    """Erase a file, once what goes, what stays and who is told have been read."""
    agent = current_agent()
    usager = fiches.require_whole(agent, usager_id)
    found = services.preview(agent, usager_id)
    form, tz, name = SuppressionForm(proches=bool(found.proches)), agent.organisation.timezone, usager.nom_complet
    context = {
        "usager": usager,
        "suppression": found,
        "a_venir": [f"{p.rdv.motif.name}, {long_moment(p.rdv.starts_at, tz)}" for p in found.a_venir],
    }
    if form.validate_on_submit():
        try:
            freed = services.delete(agent, usager_id, form.why, form.relatives)
        except DomainError as refusal:
            if refusal.status != 409:
                raise
            return refused(refusal, PAGE, form=form, **context)
        given = f" : {pluriel(freed, 'place rendue', 'places rendues')}" if freed else ""
        flash(f"La fiche de {name} est supprimée{given}.", "success")
        return go_to(url_for(".usagers"))
    return respond(PAGE, form=form, **context)
