"""Somebody is on the phone: find a session with a seat, or a waitlist, and put them in (docs/ux.md).

The address keeps what is looked for, never for whom.
"""

from datetime import timedelta

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import DomainError
from webapp.domain.identity import FOYER_MAX
from webapp.models import Rdv
from webapp.queries import configuration, fiche, seances
from webapp.services import attente
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.agent import AjoutForm, said_yes, typed_in_search
from webapp.web.htmx import block_html, go_to, is_htmx, partial, respond
from webapp.web.intake import iso_day, number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp, vues
from .accueil import midnight, seance
from .fiche import find
from .usagers import LONGEST, shown

SHOWN = 30
PAGE = "agent/trouver.html"


@bp.get("/seances")
@declares(Droit.GERER_RDV)
def trouver() -> ResponseReturnValue:
    """Motif, period and place; then sessions to come where there is a seat, or a waitlist to join."""
    agent, services, now = current_agent(), allowed_services(), utcnow()
    tz, organisation_id = agent.organisation.timezone, agent.organisation_id
    motif_id, lieu_id = (request.args.get(name, 0, type=number) for name in ("motif", "lieu"))
    du, au = (request.args.get(name, type=iso_day) for name in ("du", "au"))
    found = seances.with_room(
        organisation_id,
        services,
        now,
        limit=SHOWN + 1,
        since=midnight(du, tz) if du else None,
        until=midnight(au + timedelta(days=1), tz) if au else None,
        motif_id=motif_id,
        lieu_id=lieu_id,
    )
    page = {
        "trouvees": [(seance(rdv, now, tz), rdv.jauge().libres > 0) for rdv in found[:SHOWN]],
        "encore": len(found) > SHOWN,
        "compte": pluriel(min(len(found), SHOWN), "séance") if found else "Aucune séance",
    }
    if is_htmx():
        said = partial("#annonces", page["compte"], "innerHTML")
        return block_html(PAGE, "resultats", page).strip() + said
    motifs = [m for m in configuration.motifs(organisation_id, services) if m.archived_at is None]
    return respond(
        PAGE,
        motifs=motifs,
        lieux=seances.lieux(organisation_id, services, now),
        motif_id=motif_id,
        lieu_id=lieu_id,
        du=du.isoformat() if du else "",
        au=au.isoformat() if au else "",
        aujourdhui=local(now, tz).date().isoformat(),
        **page,
    )


@bp.route("/rdv/<int:rdv_id>/attente/ajout", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def ajout_attente(rdv_id: int) -> ResponseReturnValue:
    """Somebody known, or created here, waits for a seat of a full session."""
    rdv = find(rdv_id, whole=True)
    text = request.values.get("q", "").strip()[:LONGEST]
    form = AjoutForm(motif=rdv.motif, data=typed_in_search(text) if request.method == "GET" else {})
    places = request.form.get("places", 1, type=int)
    if form.validate_on_submit():
        try:
            entry = attente.add(
                rdv_id,
                form.identity,
                usager_id=form.known,
                places=min(max(places, 1), FOYER_MAX),
                agent=current_agent(),
                envoi=form.envoi.data or "",
                prevenir=said_yes("prevenir", default=True),
            )
        except DomainError as refusal:
            if refusal.status != 409:
                raise
            return refused(refusal, "agent/attente_ajout.html", form=form, places=places, **_page(rdv, text))
        flash(f"{entry.usager.nom_complet} est sur la liste d’attente.", "success")
        return go_to(url_for(".fiche", rdv_id=rdv_id, _anchor="attente"))
    return respond("agent/attente_ajout.html", form=form, places=places, **_page(rdv, text))


def _page(rdv: Rdv, text: str) -> dict[str, object]:
    agent = current_agent()
    services = services_with(agent.octrois(), Droit.VOIR, agent.organisation_id)
    rows, more = fiche.known_people(agent.organisation_id, services, text, rdv.id)
    return {
        "rdv": rdv,
        "vue": vues.heading(rdv),
        "jauge": rdv.jauge(),
        "q": text,
        "trouves": [shown(usager, full, here) for usager, full, here in rows],
        "encore": more,
        "refus": attente.why_not(rdv),
        "places_max": FOYER_MAX,
    }
