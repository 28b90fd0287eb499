"""The agenda's days in values: what each shows, and where on its grid."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from flask import url_for

from webapp.domain.dates import hour, local, span, weekday_date, zone
from webapp.domain.droits import Droit
from webapp.domain.feries import ferie
from webapp.domain.grille import Tranche, lanes, tranches
from webapp.domain.intervals import Interval
from webapp.domain.participation import Etat, Statut, etat
from webapp.domain.recurrence import Recurrence, interval_utc, occurrences
from webapp.models import Absence, Agent, PlageOuverture, Rdv
from webapp.web.auth import may
from webapp.web.vues import SeanceVue

from .accueil import Seance
from .vues import listed

OPENS, CLOSES = 8, 18
"""Hours a grid always shows; earlier and later ones where something is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bloc:
    """One thing on a day's grid: a session, else an absence of some hours, or a plage whose session is not there. `ou`
    says where, in the words of `css/agenda.css`."""

    heures: str
    quarts: tuple[int, int]
    ou: str = ""
    titre: str = ""
    precision: str = ""
    url: str = ""
    seance: Seance | None = None
    plage: bool = False
    suite: bool = False  # it began the day before


@dataclass(frozen=True, slots=True)
class Journee:
    """Somebody who is away the whole day."""

    nom: str
    titre: str
    url: str


@dataclass(frozen=True, slots=True)
class Jour:
    """A day of the agenda. `fonds` are the plages behind its sessions; `caches`: how many had no column left."""

    jour: date
    ferie: str
    aujourdhui: bool
    absences: Sequence[Journee]
    blocs: Sequence[Bloc]
    fonds: Sequence[str]
    colonnes: int
    caches: int

    @property
    def vide(self) -> bool:
        return not (self.blocs or self.fonds or self.absences)

    @property
    def seances(self) -> list[Seance]:
        return [bloc.seance for bloc in self.blocs if bloc.seance is not None]


@dataclass(frozen=True, slots=True)
class Grille:
    """Days side by side, from one hour to another."""

    jours: Sequence[Jour]
    heures: Sequence[int]


@dataclass(frozen=True, slots=True)
class Donnees:
    """What the days are made of: all was asked for at once. `tenues`: (plage, occurrence) → its session and when it is,
    whether it is shown here or not."""

    seances: Mapping[int, tuple[Rdv, Seance]]
    absences: Sequence[Absence] = ()
    plages: Sequence[PlageOuverture] = ()
    tenues: Mapping[tuple[int, date], tuple[int, datetime]] = field(default_factory=dict)


class _Day(NamedTuple):
    """What a day has, before anything has a place; `fonds` are quarters of an hour."""

    blocs: list[Bloc]
    fonds: list[tuple[int, int]]
    absences: list[Journee]


def shown(rdv: Rdv, now: datetime, tz: str, *, to_note: bool) -> Seance:
    """A session as the agenda shows it; `to_note`: it is over, and somebody's presence is not noted."""
    people = {Statut.INSCRIT} if to_note else ()
    cancelled = rdv.cancelled_at is not None
    names = [one.name for one in (rdv.salle, rdv.lieu) if one is not None]
    vue = SeanceVue(
        id=rdv.id,
        debut_local=local(rdv.starts_at, tz),
        fin_local=local(rdv.ends_at, tz),
        heures=span(rdv.starts_at, rdv.ends_at, tz),
        lieu_nom=", ".join(names) or ("À distance" if rdv.lien_visio else "Lieu à préciser"),
        jauge=rdv.jauge(),
        intitule=rdv.intitule,
        motif_nom=rdv.motif.name,
    )
    state = etat(now=now, starts_at=rdv.starts_at, ends_at=rdv.ends_at, cancelled=cancelled, statuts=people)
    return Seance(vue, state, listed([agent.nom_court for agent in rdv.agents]))


def grid(days: Sequence[date], window: Interval, found: Donnees, me: Agent, today: date) -> Grille:
    """These days, with what they have, on one scale."""
    tz = me.organisation.timezone
    by_day = {day: _Day([], [], []) for day in days}
    for rdv, seance in found.seances.values():
        for part in tranches(Interval(rdv.starts_at, rdv.ends_at), tz):
            if part.jour in by_day:
                bloc = Bloc(heures=seance.vue.heures, quarts=part.quarts, seance=seance, suite=_later(part, seance))
                by_day[part.jour].blocs.append(bloc)
    for absence, when, part in away(found.absences, window, me):
        if part.jour in by_day:
            who = "Mon absence" if absence.agent_id == me.id else f"Absence : {absence.agent.nom_court}"
            if part.entiere:
                by_day[part.jour].absences.append(_whole_day(absence, me))
            else:
                known = may(Droit.GERER_ABSENCES, absence)
                by_day[part.jour].blocs.append(
                    Bloc(
                        heures=span(when.start, when.end, tz),
                        quarts=part.quarts,
                        titre=who,
                        precision=absence.title if known else "",
                        url=url_for("agent.absence", absence_id=absence.id) if known else "",
                        suite=part.debut == 0 and when.start < _midnight(part.jour, tz),
                    )
                )
    for plage in found.plages:
        for day in _days_of(plage, days):
            _behind(by_day[day], plage, day, found, tz, today)
    first, last = _scale(by_day.values())
    placed = [_placed(day, by_day[day], first, tz, today) for day in days]
    return Grille(placed, range(first, last))


def away(absences: Sequence[Absence], window: Interval, me: Agent) -> list[tuple[Absence, Interval, Tranche]]:
    """Each day of each time of these absences."""
    tz = me.organisation.timezone
    return [
        (absence, when, part)
        for absence in absences
        for when in absence.periods(window, tz)
        for part in tranches(when, tz)
    ]


def _whole_day(absence: Absence, me: Agent) -> Journee:
    known = may(Droit.GERER_ABSENCES, absence)
    return Journee(
        nom="Mon absence" if absence.agent_id == me.id else f"Absence : {absence.agent.nom_court}",
        titre=absence.title if known else "",
        url=url_for("agent.absence", absence_id=absence.id) if known else "",
    )


def _later(part: Tranche, seance: Seance) -> bool:
    return part.jour > seance.vue.debut_local.date()


def _midnight(day: date, tz: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone(tz))


def _days_of(plage: PlageOuverture, days: Sequence[date]) -> list[date]:
    excluded = {date.fromisoformat(one) for one in plage.excluded}
    return occurrences(plage.first_day, Recurrence.from_rrule(plage.rrule), excluded, days[0], days[-1])


def _behind(there: _Day, plage: PlageOuverture, day: date, found: Donnees, tz: str, today: date) -> None:
    """The plage on that day: behind its session, or by itself when that is somewhere else. What is past is as it was
    held, which the plage of today may not say."""
    start, end = interval_utc(day, plage.start_time, plage.end_time, tz)
    quarts = next(tranches(Interval(start, end), tz)).quarts
    rdv_id, moved = found.tenues.get((plage.id, day), (None, None))
    if rdv_id in found.seances and moved == start:
        there.fonds.append(quarts)
    elif day >= today:
        why = "pas encore de séance à cette date"
        if moved is not None and moved != start:
            why = f"séance déplacée au {weekday_date(moved, tz)}, {hour(moved, tz)}"
        elif rdv_id is not None:
            why = "séance tenue par quelqu’un d’autre, ou ailleurs"
        there.fonds.append(quarts)
        there.blocs.append(
            Bloc(
                heures=span(start, end, tz),
                quarts=quarts,
                titre=f"Plage : {plage.title or plage.motif.name}",
                precision=why,
                url=url_for("agent.plage", plage_id=plage.id) if may(Droit.GERER_PLAGES, plage) else "",
                plage=True,
            )
        )


def _scale(days: Collection[_Day]) -> tuple[int, int]:
    """The first hour and the one after the last, of all these days."""
    spans = [quarts for day in days for quarts in (*(bloc.quarts for bloc in day.blocs), *day.fonds)]
    first = min((start // 4 for start, _ in spans), default=OPENS)
    last = max((-(-end // 4) for _, end in spans), default=CLOSES)
    return min(first, OPENS), max(last, CLOSES)


def _placed(day: date, there: _Day, first: int, tz: str, today: date) -> Jour:
    blocs = sorted(there.blocs, key=lambda bloc: bloc.quarts)
    places, columns = lanes([bloc.quarts for bloc in blocs])
    shown = []
    for bloc, place in zip(blocs, places, strict=True):
        if place is not None:
            rows = _rows(bloc.quarts, first)
            shown.append(_put(bloc, f"{rows} c{place.colonne} l{place.largeur}"))
    return Jour(
        jour=day,
        ferie=ferie(day, tz) or "",
        aujourdhui=day == today,
        absences=there.absences,
        blocs=shown,
        fonds=sorted({_rows(quarts, first) for quarts in there.fonds}),
        colonnes=columns,
        caches=len(blocs) - len(shown),
    )


def _rows(quarts: tuple[int, int], first: int) -> str:
    start, end = quarts
    return f"q{start - 4 * first + 1} h{end - start}"


def _put(bloc: Bloc, ou: str) -> Bloc:
    return Bloc(**{name: getattr(bloc, name) for name in Bloc.__slots__} | {"ou": ou})


def totals(seances: Sequence[Seance]) -> dict[str, int]:
    """What a list counts: sessions, those cancelled, full, to be noted; seats taken and all seats."""
    held = [s for s in seances if s.etat is not Etat.ANNULE]
    return {
        "seances": len(seances),
        "annulees": len(seances) - len(held),
        "completes": sum(s.vue.jauge.niveau == "complet" for s in held),
        "a_renseigner": sum(s.etat is Etat.A_RENSEIGNER for s in held),
        "prises": sum(s.vue.jauge.prises for s in held if s.vue.jauge.capacite is not None),
        "places": sum(s.vue.jauge.capacite or 0 for s in held),
    }


def away_words(absences: Sequence[Absence], window: Interval, me: Agent) -> list[tuple[date, str, str]]:
    """(first day, who, when) of each time of these absences, for a list."""
    tz, found = me.organisation.timezone, []
    for absence in absences:
        for when in absence.periods(window, tz):
            parts = list(tranches(when, tz))
            first, last = parts[0], parts[-1]
            if all(part.entiere for part in parts):
                words = weekday_date(first.jour)
                words = f"le {words}" if first is last else f"du {words} au {weekday_date(last.jour)}"
            else:
                words = f"le {weekday_date(first.jour)}, {span(when.start, when.end, tz)}"
            who = "Vous" if absence.agent_id == me.id else absence.agent.nom_court
            found.append((first.jour, who, words))
    return sorted(found)


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def local_day(moment: datetime, tz: str) -> date:
    return local(moment, tz).date()
