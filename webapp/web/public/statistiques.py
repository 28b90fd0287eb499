"""Public figures, that nobody can be recognised in: whole months, and no number under five."""

from dataclasses import dataclass
from datetime import timedelta

from dateutil.relativedelta import relativedelta
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.statistiques import Chiffres
from webapp.queries import statistiques as queries
from webapp.web.htmx import respond

from . import bp
from .informations import house

MONTHS = 12
LEAST = 5
"""A smaller count could tell who came."""
HERE = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class Ligne:
    """One organisation in words."""

    nom: str
    slug: str
    seances: str
    accueillies: str
    remplissage: str


@bp.get("/statistiques")
def statistiques() -> ResponseReturnValue:
    """What was held over the last twelve whole months: a day's bookings never show in it."""
    last = local(utcnow(), HERE).date().replace(day=1) - timedelta(days=1)
    first = (last - relativedelta(months=MONTHS - 1)).replace(day=1)
    return respond(
        "public/statistiques.html",
        lignes=[_line(*one) for one in queries.everywhere(first, last.replace(day=1))],
        premier=first,
        dernier=last,
        moins=LEAST,
        organisations=house(),
    )


def _line(name: str, slug: str, figures: Chiffres) -> Ligne:
    enough = min(figures.prises_limitees, figures.seances) >= LEAST
    filled = f"{figures.remplissage} %" if enough else ""
    return Ligne(name, slug, _count(figures.seances), _count(figures.accueillies), filled)


def _count(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f") if number >= LEAST else ""
