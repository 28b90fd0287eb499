"""Copy people of a session to another one: choose it, choose them, read who will be told, then do it."""

from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable
from webapp.domain.participation import Statut
from webapp.models import Participation, Rdv
from webapp.services import copies
from webapp.web.auth import current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.agent import said_yes
from webapp.web.forms.lots import LotForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp, vues
from .deplacement import asked_target, cibles, surnombre
from .fiche import find
from .seance import leaving

PAGE = "agent/copie.html"
GROUPES = {
    "tous": ("tous", frozenset({Statut.INSCRIT, Statut.PRESENT, Statut.ABSENT, Statut.ANNULE})),
    "inscrit": ("les inscrits", frozenset({Statut.INSCRIT})),
    "present": ("les présents", frozenset({Statut.PRESENT})),
    "absent": ("les absents", frozenset({Statut.ABSENT})),
    "excuse": ("les excusés", frozenset({Statut.EXCUSE})),
}
"""Who is ticked at first: its words, the statuses."""
LEFT = {Statut.EXCUSE: "s’est excusé de cette séance", Statut.ANNULE: "a été retiré de cette séance"}


@bp.route("/rdv/<int:rdv_id>/copie", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def copie(rdv_id: int) -> ResponseReturnValue:
    """Another session for several people, who keep what they have here."""
    rdv = find(rdv_id, whole=True)
    vers, people = asked_target(rdv), copies.offered(rdv)
    _, statuts = GROUPES.get(request.values.get("groupe", ""), GROUPES["tous"])
    form = LotForm([p.id for p in people], [p.id for p in people if p.statut in statuts])
    if vers is None:
        return respond(PAGE, form=form, **_context(rdv, people), cibles=cibles(rdv), vers=None)
    context = {**_context(rdv, people), **_preview(rdv, vers, people, form)}
    if "apercu" in request.form and not form.stale:
        return respond(PAGE, "apercu", status=200, preview=True, form=form, **context)
    if form.validate_on_submit():
        plan, wanted = context["plan"], form.prevenir
        try:
            count = copies.copy_people(
                rdv_id,
                vers.id,
                form.chosen,
                agent=current_agent(),
                envoi=form.envoi.data or "",
                annonce=form.vu.data or "-",
                surbooking=said_yes("surbooking", default=False),
                prevenir=wanted,
            )
        except Introuvable:
            raise
        except DomainError as refusal:
            form.vu.data = plan.cle
            return refused(refusal, PAGE, form=form, **context)
        told = f" : {leaving(context['told'], wanted)}" if count else "."
        flash(
            f"{pluriel(count, 'personne inscrite', 'personnes inscrites')}{told}" if count else "C’était déjà fait.",
            "success",
        )
        return go_to(url_for(".fiche", rdv_id=vers.id))
    form.vu.data = context["plan"].cle
    return respond(PAGE, form=form, **context)


def _context(rdv: Rdv, people: list[Participation]) -> dict[str, Any]:
    there = {p.statut for p in people}
    return {
        "rdv": rdv,
        "vue": vues.heading(rdv),
        "personnes": people,
        "groupes": [(key, words) for key, (words, statuts) in GROUPES.items() if statuts & there],
        "groupe": request.values.get("groupe", "tous"),
    }


def _preview(rdv: Rdv, vers: Rdv, people: list[Participation], form: LotForm) -> dict[str, Any]:
    """What would happen to each of them, and who would be told."""
    chosen = set(form.chosen)
    over = said_yes("surbooking", default=False)
    plan = copies.plan(vers, [p for p in people if p.id in chosen], surbooking=over)
    whole = copies.plan(vers, people, surbooking=True)
    notes = {p.id: "a déjà une place" for p in whole.deja}
    notes |= {p.id: "a changé de séance" if q.deplacee_vers_id else LEFT[q.statut] for p, q in whole.parties}
    notes |= {p.id: "plus de place" for p in plan.depassent}
    return {
        "vers": vers,
        "vers_vue": vues.heading(vers),
        "plan": plan,
        "notes": notes,
        "surnombre": surnombre(vers, len(plan.inscrites) + len(plan.depassent)),
        "coche": over,
        "told": plan.told(vers, vues.texts_left(vers)),
        "prevenir": form.prevenir,
    }
