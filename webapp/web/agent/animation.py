"""Who holds one session: its agents change alone."""

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable, Perime
from webapp.domain.intervals import Interval
from webapp.models import Rdv
from webapp.queries import configuration
from webapp.queries.disponibilites import occupations
from webapp.services import animation
from webapp.web.auth import current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.seance import AnimationForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp, vues
from .conflits import reason
from .fiche import find

PAGE = "agent/animation.html"


@bp.route("/rdv/<int:rdv_id>/agents", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def agents_seance(rdv_id: int) -> ResponseReturnValue:
    """Give one session other agents than its plage's or than it had; who is not free then is marked."""
    rdv = find(rdv_id, whole=True)
    plage = rdv.plage_ouverture
    team = list(configuration.agents_of(rdv.organisation_id, rdv.motif.service_id))
    team += [one for one in rdv.agents if one not in team]
    form = AnimationForm(rdv, team, animation.agents_cle(rdv))
    if "reprendre" in request.form and plage is not None and not form.stale:
        form.agent_ids.data = [one.id for one in plage.agents]
    page = {
        "form": form,
        "rdv": rdv,
        "vue": vues.heading(rdv),
        "possible": rdv.cancelled_at is None and vues.will_be_told(rdv),
        "prises": _taken(rdv, [one.id for one in team]),
        "plage": vues.listed([one.nom_complet for one in plage.agents]) if plage else "",
    }
    if form.validate_on_submit():
        try:
            changed = animation.change_agents(
                rdv_id, form.agent_ids.data or (), agent=current_agent(), connu=form.connu.data or ""
            )
        except Introuvable:
            raise
        except DomainError as refusal:
            if isinstance(refusal, Perime):
                form.connu.data = animation.agents_cle(rdv)
                page["maintenant"] = vues.listed([one.nom_complet for one in rdv.agents])
            return refused(refusal, PAGE, **page)
        flash("Les agents de la séance sont changés." if changed else "Rien n’a changé.", "success")
        return go_to(url_for(".fiche", rdv_id=rdv_id))
    return respond(PAGE, **page)


def _taken(rdv: Rdv, agent_ids: list[int]) -> dict[int, str]:
    """Agent's id → what they have at that time, if anything."""
    moment = Interval(rdv.starts_at, rdv.ends_at)
    found = occupations(rdv.organisation, moment, agent_ids, sauf_rdvs=[rdv.id])
    tz = rdv.organisation.timezone
    return {who: f"À cette heure : {reason(prises, tz)}" for who, prises in found.agents.items() if prises}
