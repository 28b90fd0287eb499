"""The waitlist of a session, for its agents: give somebody a place, take somebody off (docs/domain.md rule 12)."""

from flask import request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import Complet, Introuvable
from webapp.domain.participation import Acteur
from webapp.models import Canal, FileAttente, Rdv
from webapp.queries import attente as queries
from webapp.services import attente
from webapp.web.auth import current_agent, declares
from webapp.web.forms.agent import said_yes
from webapp.web.htmx import go_to, respond

from . import bp, vues
from .fiche import find
from .participations import done, find_participation, over


def _find(rdv_id: int, attente_id: int) -> tuple[Rdv, FileAttente]:
    """That session, and that wait for a seat there, if the agent has the running view's right."""
    rdv = find(rdv_id)
    entry = queries.in_organisation(current_agent().organisation_id, rdv_id, attente_id)
    if entry is None:
        raise Introuvable
    return rdv, entry


@bp.post("/rdv/<int:rdv_id>/attente/<int:attente_id>/place")
@declares(Droit.GERER_RDV)
def donner_place(rdv_id: int, attente_id: int) -> ResponseReturnValue:
    """« Donner une place », whatever the rank; over the capacity on purpose, by who may."""
    _, entry = _find(rdv_id, attente_id)
    name, places = entry.usager.nom_complet, entry.places
    try:
        place = attente.promote(
            entry.id,
            agent=current_agent(),
            version=request.form.get("version", type=int),
            surbooking=said_yes("surbooking", default=False),
            prevenir=said_yes("prevenir", default=True),
        )
    except Complet as refusal:
        kept = [("version", request.form.get("version"))]
        return over(find(rdv_id), refusal, request.path, kept, name=name, places=places)
    said = f"{name} a une place" if places == 1 else f"{name} a {places} places"
    return done(find_participation(rdv_id, place.id), said)


@bp.route("/rdv/<int:rdv_id>/attente/<int:attente_id>/retrait", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
def retrait_attente(rdv_id: int, attente_id: int) -> ResponseReturnValue:
    """Before somebody is taken off the list, then doing it."""
    rdv, entry = _find(rdv_id, attente_id)
    if request.method == "GET":
        return respond(
            "agent/attente_retrait.html",
            rdv=rdv,
            entree=entry,
            telephone=entry.contact_of(Canal.SMS),
            vue=vues.heading(rdv),
        )
    attente.leave(entry.id, by=Acteur.AGENT, agent=current_agent())
    return go_to(url_for(".fiche", rdv_id=rdv_id, _anchor="attente"))
