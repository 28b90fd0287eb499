"""The journal: who changed what, from what to what, when, in the services an agent may follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.dates import hour, local, long_date, long_moment
from webapp.domain.droits import Droit
from webapp.queries import journal as queries
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.forms.journal import ACTEURS, SUJETS, Filtres
from webapp.web.htmx import respond
from webapp.web.intake import number
from webapp.web.recit import changes, sentence

from . import bp


@dataclass(frozen=True, slots=True)
class Ligne:
    """One line of the page; `ou` names the session or the thing it is about, at `adresse`."""

    jour: date
    iso: str
    heure: str
    phrase: str
    ou: str
    adresse: str
    changements: list[tuple[str, str, str]]


@bp.get("/journal")
@declares(Droit.VOIR_JOURNAL)
def journal() -> ResponseReturnValue:
    """What was done in the services I may follow, latest first."""
    among, organisation, asked = allowed_services(), current_agent().organisation, Filtres.of(request.args)
    tz = organisation.timezone
    rows, cursor = queries.lines(organisation.id, among, asked.choix(tz), request.args.get("avant", type=number))
    shown = _shown(organisation.id, rows, tz)
    return respond(
        "configuration/journal.html",
        filtres=asked,
        jours=[(long_date(day), list(lines)) for day, lines in groupby(shown, key=lambda line: line.jour)],
        agents=queries.authors(organisation.id, among),
        acteurs=ACTEURS,
        sujets=SUJETS,
        suite=cursor,
        debut="avant" not in request.args,
    )


def _shown(organisation_id: int, rows: Sequence[Any], tz: str) -> list[Ligne]:
    lieux, salles = queries.places(organisation_id, _ids(rows, "lieu"), _ids(rows, "salle"))
    names = {"lieu_id": lieux, "salle_id": salles, "agent_ids": queries.names_of(organisation_id, _agents(rows))}
    return [_line(row, tz, names) for row in rows]


def _ids(rows: Sequence[Any], kind: str) -> set[int]:
    """The ids of that kind these lines are about, or keep."""
    found = {row.Journal.sujet_id for row in rows if row.Journal.sujet_type == kind}
    for row in rows:
        found |= {one for one in _sides(row, f"{kind}_id") if one}
    return found


def _agents(rows: Sequence[Any]) -> set[int]:
    """The agents these lines say came or went."""
    return {agent for row in rows for side in _sides(row, "agent_ids") for agent in side or ()}


def _sides(row: Any, name: str) -> list[Any]:
    """What a line keeps of a field, before and after."""
    details = row.Journal.details
    change = (details.get("changements") or {}).get(name) or {}
    whole = (details.get("de"), details.get("a"))
    return [change.get("de"), change.get("a"), *(kept.get(name) for kept in whole if isinstance(kept, dict))]


def _line(row: Any, tz: str, names: dict[str, dict[int, str]]) -> Ligne:
    line = row.Journal
    who = f"{row.auteur_prenom} {row.auteur_nom}" if row.auteur_nom else ""
    person = f"{row.prenom} {row.nom}".strip() if row.nom else "quelqu’un"
    moment = local(line.quand, tz)
    where, address = "", ""
    if row.starts_at is not None:
        where, address = f"{row.motif}, {long_moment(row.starts_at, tz)}", url_for("agent.fiche", rdv_id=line.rdv_id)
    elif line.sujet_type == "plageouverture" and row.motif:
        where, address = row.titre or "La plage", url_for("agent.plage", plage_id=line.sujet_id)
    elif line.sujet_type == "invitation" and row.motif:
        where, address = row.motif, url_for("agent.invitations", motif_id=row.motif_id)
    return Ligne(
        jour=moment.date(),
        iso=moment.isoformat(timespec="minutes"),
        heure=hour(line.quand, tz),
        phrase=sentence(line, who, person, _thing(row, names)),
        ou=where,
        adresse=address,
        changements=changes(line.details, tz, names),
    )


def _thing(row: Any, names: dict[str, dict[int, str]]) -> str:
    """The name of what a line is about, as it is now, or as the line kept it when it is gone."""
    line = row.Journal
    if line.sujet_type in ("agent", "absence"):
        return f"{row.agent_prenom} {row.agent_nom}" if row.agent_nom else ""
    found = {
        "motif": row.motif,
        "plageouverture": row.motif,
        "lieu": names["lieu_id"].get(line.sujet_id),
        "salle": names["salle_id"].get(line.sujet_id),
    }.get(line.sujet_type)
    found = found or line.details.get("nom")
    return f"« {found} »" if found else ""
