"""Invite people of a session to choose another date: those who were absent, or anybody (docs/domain.md rule 8)."""

from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError
from webapp.domain.participation import Statut
from webapp.models import Motif, Rdv
from webapp.notifications.people import prevenus
from webapp.queries import configuration, fiche
from webapp.services import invitations
from webapp.services.copies import Futur
from webapp.web.auth import allowed, allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.lots import LotForm
from webapp.web.htmx import go_to, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp, vues
from .fiche import find
from .seance import leaving

PAGE = "agent/relance.html"


@bp.route("/rdv/<int:rdv_id>/relance", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def relance(rdv_id: int) -> ResponseReturnValue:
    """Some of its people are invited to a motif, each told once; who is invited already is left alone."""
    rdv = find(rdv_id, whole=True)
    motif = _motif(rdv)
    people = [p for p in fiche.people(rdv) if p.usager.anonymise_le is None]
    ticked = [p.id for p in people if p.statut is Statut.ABSENT]
    form = LotForm([p.id for p in people], ticked)
    chosen = {p.id for p in people if p.id in form.chosen}
    left = invitations.left_out(motif, [p.usager for p in people])
    going = [p.usager for p in people if p.id in chosen and p.usager_id not in left]
    context: dict[str, Any] = {
        "rdv": rdv,
        "vue": vues.heading(rdv),
        "motif": motif,
        "motifs": [m for m in configuration.motifs(rdv.organisation_id, allowed_services()) if m.archived_at is None],
        "ferme": invitations.closed(motif),
        "personnes": people,
        "laissees": left,
        "invitees": len(going),
        "told": prevenus(
            [Futur(usager, rdv_id=usager.id) for usager in going],  # type: ignore[misc]
            textes=vues.texts_left(rdv),
        ),
        "appeler": [p.usager for p in people if p.id in chosen and left.get(p.usager_id) == invitations.UNREACHABLE],
    }
    if "apercu" in request.form and not form.stale:
        return respond(PAGE, "apercu", status=200, preview=True, form=form, **context)
    if form.validate_on_submit():
        wanted = [p.usager_id for p in people if p.id in chosen]
        try:
            count = len(invitations.invite_many(wanted, motif, current_agent(), envoi=form.envoi.data or ""))
        except DomainError as refusal:
            if refusal.status != 409:
                raise
            return refused(refusal, PAGE, form=form, **context)
        told = leaving(context["told"], True) if count else "personne n’est prévenu."
        flash(f"{pluriel(count, 'personne invitée', 'personnes invitées')} : {told}", "success" if count else "warning")
        if "fiche" in request.form:  # one person, from their row
            return go_to(url_for(".fiche", rdv_id=rdv.id, _anchor=f"participation-{form.chosen[0]}"))
        return go_to(url_for(".invitations", motif_id=motif.id))
    return respond(PAGE, form=form, **context)


def _motif(rdv: Rdv) -> Motif:
    """The motif people are invited to: that of the session, unless another one is asked for."""
    wanted = request.values.get("motif", rdv.motif_id, type=number)
    found = configuration.motif(rdv.organisation_id, wanted)
    if found is None:
        return rdv.motif
    allowed(found)
    return found
