"""Public figures, that nobody can be recognised in: whole months, and no number under five."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dateutil.relativedelta import relativedelta
from flask import current_app
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import end_of_month, local
from webapp.queries import statistiques as queries
from webapp.web.htmx import respond

from . import bp
from .informations import house

MONTHS = 12
LEAST = 5
"""A smaller count could tell who came."""
HERE = "Europe/Paris"
KEPT = timedelta(hours=1)


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
    until = end_of_month(local(utcnow(), HERE) - relativedelta(months=1), HERE)
    last = local(until, HERE) - timedelta(days=1)
    first = (last - relativedelta(months=MONTHS - 1)).replace(day=1)
    return respond(
        "public/statistiques.html",
        lignes=_lines(first, until),
        premier=first,
        dernier=last,
        moins=LEAST,
        organisations=house(),
    )


def _lines(since: datetime, until: datetime) -> list[Ligne]:
    """Counted once an hour by each process: closed months hardly move."""
    kept: dict[str, Any] = current_app.extensions.setdefault("statistiques", {})
    if kept.get("until") != until or kept["counted"] < utcnow() - KEPT:
        kept |= {"until": until, "counted": utcnow(), "lines": _in_words(queries.held(since, until))}
    return list(kept["lines"])


def _in_words(found: Sequence[queries.Bilan]) -> list[Ligne]:
    return [
        Ligne(
            each.organisation,
            each.slug,
            _count(each.seances),
            _count(each.accueillies),
            f"{round(100 * each.prises / each.places)} %" if min(each.prises, each.seances) >= LEAST else "",
        )
        for each in found
    ]


def _count(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f") if number >= LEAST else ""
