"""Figures of the sessions that have begun, in the services one may see them of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from dateutil.relativedelta import relativedelta
from flask import request
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import local, month_year
from webapp.domain.droits import Droit
from webapp.domain.statistiques import Chiffres
from webapp.queries import exports_demandes as names
from webapp.queries import statistiques as queries
from webapp.queries.statistiques import Choix
from webapp.web.auth import allowed_services, current_agent, declares, may_somewhere
from webapp.web.graphiques import bars
from webapp.web.htmx import respond
from webapp.web.intake import number
from webapp.web.templating import mois

from . import bp

MONTHS = 12
LONGEST = 120
"""Months at once."""


@dataclass(frozen=True, slots=True)
class Filtres:
    """What the address asks for; what means nothing is as if it said nothing."""

    choix: Choix
    service: int = 0
    motif: int = 0
    lieu: int = 0

    def address(self) -> dict[str, str]:
        """The parameters of an address that asks for the same."""
        asked = {"service": self.service, "motif": self.motif, "lieu": self.lieu}
        months = {"de": f"{self.choix.de:%Y-%m}", "a": f"{self.choix.a:%Y-%m}"}
        return months | {name: str(value) for name, value in asked.items() if value}


@bp.get("/statistiques")
@declares(Droit.VOIR_STATISTIQUES)
def statistiques() -> ResponseReturnValue:
    """Sessions held, how full, who came, how they booked and what messages cost: by month, motif, place and service."""
    among, agent = allowed_services(), current_agent()
    organisation = agent.organisation
    first, until = queries.known(organisation.id)
    this_month = local(utcnow(), organisation.timezone).date().replace(day=1)
    choices = names.choices(organisation.id, among)
    asked = _asked(choices, among, this_month)
    months = queries.by_month(organisation.id, asked.choix)
    services = queries.by_service(organisation.id, asked.choix)
    return respond(
        "agent/statistiques.html",
        filtres=asked,
        services=choices[0],
        motifs=choices[1],
        lieux=choices[2],
        mois_connus=_months(first or this_month, this_month),
        total=Chiffres.total(figures for _, figures in months),
        par_mois=[(month_year(month), figures) for month, figures in months],
        graphique=_chart(asked.choix, dict(months)),
        par_motif=queries.by_motif(organisation.id, asked.choix),
        par_lieu=[(name or "À distance", figures) for name, figures in queries.by_lieu(organisation.id, asked.choix)],
        par_service=services if len(services) > 1 else [],
        jusqua=until,
        tz=organisation.timezone,
        exportable=may_somewhere(Droit.EXPORTER),
    )


def _asked(choices: Sequence[Sequence[tuple[int, str]]], among: set[int] | None, this_month: date) -> Filtres:
    """The last twelve months unless the address says otherwise."""
    known = [{key for key, _ in some} for some in choices]
    ids = [request.args.get(name, 0, type=number) for name in ("service", "motif", "lieu")]
    service, motif, lieu = (one if one in some else 0 for one, some in zip(ids, known, strict=True))
    a = request.args.get("a", this_month, type=_month)
    de = request.args.get("de", a - relativedelta(months=MONTHS - 1), type=_month)
    de, a = min(de, a), max(de, a)
    de = max(de, a - relativedelta(months=LONGEST - 1))
    services = (service,) if service else None if among is None else tuple(sorted(among))
    return Filtres(Choix(de, a, services, motif or None, lieu or None), service, motif, lieu)


def _month(text: str) -> date:
    day = date.fromisoformat(f"{text}-01")
    if not 2000 < day.year < 2200:
        raise ValueError("not a month of ours")
    return day


def _months(first: date, last: date) -> list[tuple[str, str]]:
    """(2026-03, mars 2026), latest first."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    found = [last - relativedelta(months=ago) for ago in range(max(1, min(count, LONGEST)))]
    return [(f"{one:%Y-%m}", month_year(one)) for one in found]


def _chart(choix: Choix, by_month: Mapping[date, Chiffres]) -> Any:
    months = [choix.de]
    while months[-1] < choix.a:
        months.append(months[-1] + relativedelta(months=1))
    values = []
    for month in months:
        figures = by_month.get(month, Chiffres())
        words = mois(month) if month.month > 1 else f"{month:%Y}"
        values.append((month_year(month), words, (figures.presents, figures.absents, figures.excuses)))
    return bars(("Présents", "Absents", "Excusés"), values)
