"""What one session says for itself, and where the rest comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable, Perime
from webapp.domain.settings import nom_sms, resolve
from webapp.models import Motif, PlageOuverture, Rdv
from webapp.services import reglages as service
from webapp.web.auth import current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.motif import RESERVABLE_PAR
from webapp.web.forms.seance import ReglagesForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp, vues
from .fiche import find

PAGE = "agent/reglages.html"


@dataclass(frozen=True, slots=True)
class Herite:
    """What a session inherits when it says nothing, in words, and from where ("la plage", "le motif")."""

    valeur: str
    source: str


def inherited(motif: Motif, plage: PlageOuverture | None) -> Mapping[str, Herite]:
    """Setting → what a session of that motif and plage takes from them."""
    found = {}
    for name in ("capacite_max", "reservable_par", "nom_sms", "instructions_avant", "instructions_apres"):
        one = resolve(name, rdv=None, plage=plage, motif=motif)
        value = one.valeur
        if name == "reservable_par":
            value = RESERVABLE_PAR[value].lower()
        elif name == "nom_sms":
            value = nom_sms(rdv=None, plage=plage, motif=motif)
        found[name] = Herite(str(value or ""), one.source)
    return found


@bp.route("/rdv/<int:rdv_id>/reglages", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def reglages(rdv_id: int) -> ResponseReturnValue:
    """Give one session a title, a capacity or words of its own, or back what its plage or motif says."""
    rdv = find(rdv_id, whole=True)
    form = ReglagesForm(rdv)
    page = {
        "form": form,
        "rdv": rdv,
        "vue": vues.heading(rdv),
        "herites": inherited(rdv.motif, rdv.plage_ouverture),
        "possible": rdv.cancelled_at is None and vues.will_be_told(rdv),
    }
    if form.validate_on_submit():
        try:
            saved, changed = service.set_reglages(
                rdv_id, form.propres, agent=current_agent(), connu=form.connu.data or ""
            )
        except Introuvable:
            raise
        except DomainError as refusal:
            if isinstance(refusal, Perime):
                form.connu.data = service.Propres.of(rdv).cle
            return refused(refusal, PAGE, **page)
        flash("Les réglages de la séance sont changés." if changed else "Rien n’a changé.", "success")
        if changed and saved.capacite_max is not None and saved.places_prises > saved.capacite_max:
            flash("La séance compte déjà plus d’inscrits que sa nouvelle capacité. Personne n’est retiré.", "warning")
        if changed:
            warn_room(saved)
        return go_to(url_for(".fiche", rdv_id=rdv_id))
    return respond(PAGE, **page)


def warn_room(rdv: Rdv) -> None:
    """More seats than its room has is a warning, not a refusal."""
    room, seats = rdv.salle, rdv.capacite_max
    if room is not None and room.capacite and seats and seats > room.capacite:
        flash(
            f"La salle « {room.name} » a {room.capacite} places, la séance en propose {seats}. C’est permis.", "warning"
        )
