"""The figures kept by month: made again from the very rows of the exports, so that both always say the same."""

from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta

from dateutil.relativedelta import relativedelta
from sqlalchemy import delete

from webapp.domain.dates import local
from webapp.domain.participation import Acteur, Statut
from webapp.domain.recurrence import to_utc
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import FIGURES, Agregat, Comptage, Organisation
from webapp.queries import exports
from webapp.queries import statistiques as queries

from .transaction import transaction

OVERLAP = timedelta(minutes=15)
"""What was being written while figures were counted is looked at again."""
STATUTS = {
    Statut.INSCRIT: "inscrits",
    Statut.PRESENT: "presents",
    Statut.ABSENT: "absents",
    Statut.EXCUSE: "excuses",
    Statut.ANNULE: "annules",
}
COMMENT = {Acteur.USAGER: "en_ligne", Acteur.AGENT: "par_agent", Acteur.PRESCRIPTEUR: "par_prescripteur"}


def due(organisation: Organisation, now: datetime) -> list[date]:
    """The months (their first day) whose figures may have changed since they were counted."""
    kept = db.session.get(Comptage, organisation.id)
    since = kept.jusqua - OVERLAP if kept else None
    starts = queries.begun_since(organisation.id, since, now)
    return sorted({local(start, organisation.timezone).date().replace(day=1) for start in starts})


def count_month(organisation: Organisation, month: date, now: datetime) -> None:
    """Count one month of one organisation again, and put it in the place of what was counted before."""
    debut = to_utc(month, time(), organisation.timezone)
    fin = min(to_utc(month + relativedelta(months=1), time(), organisation.timezone), now + timedelta(microseconds=1))
    figures = _figures(organisation.id, debut, fin)
    rows = [
        {"organisation_id": organisation.id, "mois": month, "motif_id": motif_id, "lieu_id": lieu_id}
        | {name: counted[name] for name in FIGURES}
        for (motif_id, lieu_id), counted in figures.items()
    ]
    with transaction():
        db.session.execute(delete(Agregat).where(Agregat.organisation_id == organisation.id, Agregat.mois == month))
        if rows:
            db.session.execute(Agregat.__table__.insert(), rows)


def counted_until(organisation_id: int, now: datetime) -> None:
    """Every month is counted until then."""
    with transaction():
        kept = insert(Comptage.__table__, db.session.get_bind().dialect.name)
        said = kept.on_conflict_do_update(index_elements=["organisation_id"], set_={"jusqua": kept.excluded.jusqua})
        db.session.execute(said, {"organisation_id": organisation_id, "jusqua": now})


def _figures(organisation_id: int, debut: datetime, fin: datetime) -> dict[tuple[int, int | None], Counter[str]]:
    found: dict[tuple[int, int | None], Counter[str]] = defaultdict(Counter)
    choix = exports.Choix(debut=debut, fin=fin)
    for sessions in exports.seances(organisation_id, choix):
        for one in sessions:
            there = found[one.motif_id, one.lieu_id]
            there["annulees" if one.annulee else "seances"] += 1
            there["anonymes"] += one.anonymes
            if one.capacite is not None and not one.annulee:
                there["capacite"] += one.capacite
                there["prises_limitees"] += one.prises
            for statut, count in one.statuts.items():
                there[STATUTS[statut]] += count
    for places in exports.participations(organisation_id, choix):
        for place in places:
            there = found[place.seance.motif_id, place.seance.lieu_id]
            there[COMMENT.get(place.origine, "par_agent")] += 1
            there["par_invitation"] += place.invitee
            there["delai_jours"] += (place.seance.starts_at - place.inscrit_le).days
    for row in (*queries.messages(organisation_id, debut, fin), *queries.waits(organisation_id, debut, fin)):
        counted = dict(row._mapping)
        found[counted.pop("motif_id"), counted.pop("lieu_id")].update(counted)
    return found
