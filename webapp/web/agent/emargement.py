"""Sign-in sheets on paper: one session's, or all those of a day in one file."""

import re
from collections.abc import Sequence
from datetime import time, timedelta

from flask import Response, abort, flash, make_response, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.contacts import fold
from webapp.domain.dates import full_date, hour, local, long_date, span
from webapp.domain.droits import Droit
from webapp.domain.errors import Refus
from webapp.domain.participation import OCCUPENT
from webapp.domain.recurrence import to_utc
from webapp.exports.emargement import Feuille, Ligne, pdf
from webapp.links import address
from webapp.models import Participation, Rdv
from webapp.queries import agenda
from webapp.queries.fiche import by_name
from webapp.queries.notifications import places_of
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.htmx import go_to
from webapp.web.intake import iso_day

from . import bp, vues
from .fiche import find


@bp.get("/rdv/<int:rdv_id>/emargement.pdf")
@declares(Droit.VOIR)
def emargement(rdv_id: int) -> ResponseReturnValue:
    """The sheet people sign, with whoever has a seat at this moment."""
    rdv = find(rdv_id, whole=True)
    if rdv.cancelled_at is not None:
        raise Refus("Cette séance est annulée : il n’y a pas de feuille à imprimer.")
    day = local(rdv.starts_at, rdv.organisation.timezone).date()
    return _paper([rdv], f"Émargement, {vues.heading(rdv)}", f"emargement-{day.isoformat()}-{_slug(rdv.motif.name)}")


@bp.get("/emargement.pdf")
@declares(Droit.VOIR)
def emargement_jour() -> ResponseReturnValue:
    """All the sheets of the day `jour` (today by itself), in order: mine (`qui=moi`), or those of my services."""
    agent, services = current_agent(), allowed_services()
    day = request.args.get("jour", type=iso_day)
    if day is None:
        if "jour" in request.args:
            abort(404)
        day = local(utcnow(), agent.organisation.timezone).date()
    mine, tz = request.args.get("qui") == "moi", agent.organisation.timezone
    start, end = (to_utc(one, time(), tz) for one in (day, day + timedelta(days=1)))
    found = agenda.sessions(agent.organisation_id, services, start, end, agent_id=agent.id if mine else None)
    held = [rdv for rdv in found if rdv.cancelled_at is None]
    if not held:
        flash(f"Aucune séance à imprimer le {long_date(day)}.", "warning")
        return go_to(url_for(".accueil", qui="moi" if mine else None))
    return _paper(held, f"Émargement du {long_date(day)}", f"emargement-{day.isoformat()}")


def on_paper(people: Sequence[Participation]) -> list[Participation]:
    """Who has a line on the sheet, in its order: who holds a seat, by name."""
    held = [p for p in people if p.statut in OCCUPENT]
    return sorted(held, key=lambda p: by_name(p.usager.last_name, p.usager.first_name, p.id))


def _paper(rdvs: Sequence[Rdv], title: str, name: str) -> Response:
    """The file, shown by the browser and kept by nobody on the way."""
    now, people = utcnow(), places_of([rdv.id for rdv in rdvs])
    tz = rdvs[0].organisation.timezone
    printed = f"Imprimée le {full_date(now, tz)} à {hour(now, tz)}"
    sheets = [_sheet(rdv, on_paper(people[rdv.id])) for rdv in rdvs]
    response = make_response(pdf(sheets, title, imprimee=printed, moment=local(now, tz)))
    response.mimetype = "application/pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _sheet(rdv: Rdv, people: Sequence[Participation]) -> Feuille:
    tz = rdv.organisation.timezone
    return Feuille(
        organisation=rdv.organisation.name,
        titre=(rdv.fige or {}).get("motif", rdv.motif.name),
        intitule=rdv.intitule,
        quand=f"{long_date(rdv.starts_at, tz)}, {span(rdv.starts_at, rdv.ends_at, tz)}",
        lieu=vues.place(rdv),
        agents=vues.listed([agent.nom_court for agent in rdv.agents]),
        lignes=[Ligne(p.usager.nom_liste, relative_of(p)) for p in people],
        places=rdv.capacite_max,
        adresse=address(url_for(".fiche", rdv_id=rdv.id)),
    )


def relative_of(p: Participation) -> str:
    """What tells a relative from who answers for them."""
    return f"proche de {p.usager.responsable.nom_liste}" if p.usager.responsable else ""


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-")[:40].strip("-") or "seance"
