"""The way back from paper: who came, line by line in the order of the sign-in sheet, saved in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Response, flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Perime, Refus
from webapp.domain.participation import Statut, holds_seat
from webapp.models import Participation, Rdv, ouverture
from webapp.queries import fiche as queries
from webapp.services import feuille
from webapp.services.feuille import Pointage
from webapp.web.auth import current_agent, declares
from webapp.web.forms.feuille import PointageForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp, vues
from .emargement import relative_of
from .fiche import find

ALL = {"present": Statut.PRESENT, "absent": Statut.ABSENT}
"""« Tous présents, sauf… »: how those not yet noted are marked to begin with."""
AGAIN = " Votre choix n’a pas été enregistré : regardez, puis choisissez à nouveau."


@dataclass(frozen=True, slots=True)
class LigneVue:
    """One line: as on paper, what is known, what is marked, why it was refused. Who had said before the start that they
    would not come has no number: they were not on paper."""

    id: int
    numero: int | None
    nom: str
    avec: str
    connu: str
    coche: Statut
    alerte: str


@bp.route("/rdv/<int:rdv_id>/pointage", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def pointage(rdv_id: int) -> ResponseReturnValue:
    """Type in the signed sheet: everybody as they are, or all marked alike by `reste` and then corrected."""
    rdv = find(rdv_id)
    if rdv.cancelled_at is not None:
        raise Refus("Cette séance est annulée : il n’y a personne à noter.")
    if ouverture(rdv).reservable_par is ReservablePar.ENTREE_LIBRE:
        return go_to(url_for(".fiche", rdv_id=rdv.id, _anchor="comptage"))  # nobody has a line: people are counted
    form, people = PointageForm(), queries.people(rdv)
    asked = form.asked(p.id for p in people)
    if vues.too_early(rdv) or not form.validate_on_submit():
        return _page(rdv, form, people, asked=asked)
    changed = {p.id: asked[p.id] for p in people if p.id in asked and asked[p.id].statut is not p.statut}
    refused = feuille.point(changed, agent=current_agent())
    added, left = _add(rdv, form)
    noted = len(changed) - len(refused) + added
    said = f"{pluriel(noted, 'personne notée', 'personnes notées')}." if noted else "Rien n’a changé."
    if not refused and not left:
        flash(said, "success")
        return go_to(url_for(".fiche", rdv_id=rdv.id))
    kept = pluriel(len(refused) + left, "ligne n’est pas enregistrée", "lignes ne sont pas enregistrées")
    form.refuse(Refus(f"{said} {kept}."))
    return _page(rdv, form, queries.people(rdv), alerts=refused)


def _add(rdv: Rdv, form: PointageForm) -> tuple[int, int]:
    """Those who came without having booked, by name: how many were added, how many could not be; these stay in the
    form, with the reason."""
    done = left = 0
    for place, who in form.people:
        try:
            feuille.add_present(rdv.id, who, envoi=f"{form.envoi.data}-{place}", agent=current_agent())
        except DomainError as refusal:
            if refusal.status != 409:
                raise
            form.refuse_line(place, refusal)
            left += 1
        else:
            form.forget(place)
            done += 1
    return done, left


def _page(
    rdv: Rdv,
    form: PointageForm,
    people: Sequence[Participation],
    *,
    asked: Mapping[int, Pointage] | None = None,
    alerts: Mapping[int, DomainError] | None = None,
) -> Response:
    """Everybody's line: what was asked for stays marked, unless it was refused."""
    rest = ALL.get(request.args.get("reste", ""), Statut.INSCRIT) if request.method == "GET" else Statut.INSCRIT
    if rest is Statut.ABSENT and utcnow() < rdv.starts_at:
        rest = Statut.INSCRIT
    on_paper = [p for p in people if _on_paper(rdv, p)]
    numbers = {p.id: number for number, p in enumerate(on_paper, 1)}
    others = [p for p in people if p.id not in numbers and p.statut is Statut.EXCUSE]
    lines = []
    for p in [*on_paper, *others]:
        mark = asked[p.id].statut if asked and p.id in asked else rest if p.statut is Statut.INSCRIT else p.statut
        alert = (alerts or {}).get(p.id)
        said = alert.message + (AGAIN if isinstance(alert, Perime) else "") if alert else ""
        known = f"{p.version} {p.statut.value}"
        lines.append(LigneVue(p.id, numbers.get(p.id), p.usager.nom_liste, relative_of(p), known, mark, said))
    return respond(
        "agent/feuille.html",
        form=form,
        rdv=rdv,
        vue=vues.heading(rdv),
        lignes=[one for one in lines if one.numero],
        autres=[one for one in lines if not one.numero],
        refusees=[one for one in lines if one.alerte],
        reste=rest.value,
        trop_tot=vues.too_early(rdv),
        commence=utcnow() >= rdv.starts_at,
    )


def _on_paper(rdv: Rdv, p: Participation) -> bool:
    """Had they a line when the session began? Who was noted excused since has kept it."""
    return holds_seat(p.statut) or (p.statut is Statut.EXCUSE and p.statut_le >= rdv.starts_at)
