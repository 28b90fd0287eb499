"""Cancel a session: first who will be told, then for good."""

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable
from webapp.notifications.people import prevenus
from webapp.queries.attente import waiting_in
from webapp.queries.notifications import active_participations
from webapp.services import rdvs
from webapp.web.auth import current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.agent import AnnulationForm, said_yes
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp, vues
from .fiche import find
from .seance import leaving


@bp.route("/rdv/<int:rdv_id>/annulation", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def annulation(rdv_id: int) -> ResponseReturnValue:
    """Who will be told and by what, whom to call; the reason; then every place is taken back and people are told."""
    rdv = find(rdv_id)
    form = AnnulationForm()
    people, waiting = active_participations(rdv.id), waiting_in([rdv.id])
    context = {
        "rdv": rdv,
        "vue": vues.heading(rdv),
        "inscrits": len(people),
        "attendent": len(waiting),
        "told": prevenus([*people, *waiting] if vues.will_be_told(rdv) else [], textes=vues.texts_left(rdv)),
        "commencee": not vues.will_be_told(rdv),
        "prevenir": said_yes("prevenir", default=True),
    }
    if form.validate_on_submit():
        try:
            rdvs.cancel_rdv(
                rdv_id,
                agent=current_agent(),
                raison=(form.raison.data or "").strip().rstrip("."),
                prevenir=said_yes("prevenir", default=True),
            )
        except Introuvable:
            raise  # its plage removed it meanwhile: there is no page to show again
        except DomainError as refusal:
            return refused(refusal, "agent/annulation.html", form=form, **context)
        told = f" : {leaving(context['told'], said_yes('prevenir', default=True))}" if people or waiting else "."
        flash(f"L’atelier est annulé{told}", "success")
        return go_to(url_for(".fiche", rdv_id=rdv_id))
    if rdv.cancelled_at is not None:
        return go_to(url_for(".fiche", rdv_id=rdv_id))
    return respond("agent/annulation.html", form=form, **context)
