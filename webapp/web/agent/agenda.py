"""The agenda: a day, a week or a month of mine, of a colleague, of a service; all that is chosen is in its address."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import day_month, local, long_date, month_year
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import Introuvable
from webapp.domain.intervals import Interval
from webapp.models import Agent, Lieu, Motif, Service
from webapp.queries import calendrier as queries
from webapp.queries import configuration, disponibilites
from webapp.queries.agenda import gauges
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.htmx import macro_html, partial, respond
from webapp.web.intake import iso_day, number

from . import bp, calendrier
from .accueil import LIVE, midnight, weeks

SEMAINE, JOUR, LISTE = "semaine", "jour", "liste"
VUES = {SEMAINE: "Semaine", JOUR: "Jour", LISTE: "Liste"}
MOI, TOUS = "moi", "tous"
ROWS = 200
"""Lines of a month on one page."""


@dataclass(frozen=True, slots=True)
class Choix:
    """What the address asks for. What means nothing there is as if it were not; `qui` is `moi`, `tous` or an agent's
    id, and everybody when only a service is named."""

    vue: str
    jour: date
    qui: str
    service: int | None
    motif: int | None
    lieu: int | None

    @classmethod
    def asked(cls, today: date, me: Agent) -> "Choix":
        args = request.args
        service = args.get("service", type=number)
        agent = args.get("qui", type=number)
        who = args.get("qui") if args.get("qui") in (MOI, TOUS) else str(agent) if agent else ""
        return cls(
            vue=args["vue"] if args.get("vue") in VUES else SEMAINE,
            jour=args.get("jour", type=iso_day) or today,
            qui=MOI if agent == me.id else who or (TOUS if service else MOI),
            service=service,
            motif=args.get("motif", type=number),
            lieu=args.get("lieu", type=number),
        )

    def address(self, **other: Any) -> str:
        """The same agenda, but for that."""
        asked = replace(self, **other)
        values = {name: getattr(asked, name) for name in ("vue", "qui", "service", "motif", "lieu")}
        kept = {name: value for name, value in values.items() if value}
        return url_for("agent.agenda", jour=asked.jour.isoformat(), **kept)

    @property
    def filtre(self) -> queries.Filtre:
        return queries.Filtre(_id(self.qui), self.service, self.motif, self.lieu)

    @property
    def periode(self) -> tuple[date, date]:
        """The first day, and the one after the last."""
        if self.vue == JOUR:
            return self.jour, self.jour + timedelta(days=1)
        if self.vue == LISTE:
            first = self.jour.replace(day=1)
            return first, (first + timedelta(days=31)).replace(day=1)
        first = calendrier.monday(self.jour)
        return first, first + timedelta(days=7)


def _id(who: str) -> int | None:
    return int(who) if who.isdigit() else None


@dataclass(frozen=True, slots=True)
class Options:
    """What there is to choose from, all of it the agent's to see."""

    equipe: Sequence[Agent]
    services: Sequence[Service]
    motifs: Sequence[Motif]
    lieux: Sequence[Lieu]

    def check(self, asked: Choix) -> None:
        """Raise `Introuvable` for anything else: it does not say whether that exists."""
        wanted = (
            (_id(asked.qui), self.equipe),
            (asked.service, self.services),
            (asked.motif, self.motifs),
            (asked.lieu, self.lieux),
        )
        for chosen, among in wanted:
            if chosen is not None and chosen not in {one.id for one in among}:
                raise Introuvable


@bp.get("/agenda")
@declares(Droit.VOIR)
def agenda() -> ResponseReturnValue:
    """Sessions with their gauges, the plages behind them, who is away: as many statements for three as for hundreds."""
    me, services, now = current_agent(), allowed_services(), utcnow()
    organisation, tz = me.organisation, me.organisation.timezone
    today = local(now, tz).date()
    asked = Choix.asked(today, me)
    options = Options(
        equipe=queries.team(organisation, services),
        services=configuration.services(organisation.id, services),
        motifs=configuration.motifs(organisation.id, services),
        lieux=queries.lieux(organisation),
    )
    options.check(asked)
    first, after = asked.periode
    window = Interval(midnight(first, tz), midnight(after, tz))
    filtre = replace(asked.filtre, agent_id=me.id) if asked.qui == MOI else asked.filtre
    rdvs = queries.sessions(organisation, services, window, filtre)
    left = queries.to_note(organisation, window, now) if window.start < now else set()
    seances = {rdv.id: (rdv, calendrier.shown(rdv, now, tz, to_note=rdv.id in left)) for rdv in rdvs}
    away = disponibilites.absences(organisation, window, _people(asked, options, me))
    page: dict[str, Any] = {
        "choix": asked,
        "options": options,
        "vues": VUES,
        "moi": me,
        "titre": _title(asked, first, after),
        "qui_dit": _whose(asked, options),
        "avant": asked.address(jour=_before(asked)),
        "apres": asked.address(jour=after),
        "aujourdhui": asked.address(jour=today),
        "total": calendrier.totals([one for _, one in seances.values()]),
        "ouvrir": services_with(me.octrois(), Droit.GERER_RDV, me.organisation_id) != set(),
    }
    if asked.vue == LISTE:
        return respond("agent/agenda_liste.html", **page, **_listed(asked, seances, away, window, me))
    days = [first + timedelta(days=n) for n in range((after - first).days)]
    plages = queries.plages(organisation, services, window, filtre)
    held = queries.occurrences(organisation, [plage.id for plage in plages], days[0], days[-1])
    found = calendrier.Donnees(seances, away, plages, held)
    grille = calendrier.grid(days, window, found, me, today)
    return respond("agent/agenda.html", **page, grille=grille, live=_live(seances, now))


@bp.get("/agenda/jauges")
@declares(Droit.VOIR, passive=True)
def jauges_agenda() -> ResponseReturnValue:
    """The gauges of the agenda again: asked by the page when a stream says that something moved."""
    wanted = request.args.getlist("rdv", type=number)[:LIVE]
    found = gauges(current_agent().organisation_id, allowed_services(), wanted)
    return "".join(
        partial(f"#jauge-{rdv.id}", macro_html("components/jauge.html", "jauge_breve", rdv.jauge())) for rdv in found
    )


def _people(asked: Choix, options: Options, me: Agent) -> list[int]:
    """Whose absences are shown."""
    if asked.qui == MOI:
        return [me.id]
    if (agent_id := _id(asked.qui)) is not None:
        return [agent_id]
    return [
        one.id for one in options.equipe if asked.service is None or any(s.id == asked.service for s in one.services)
    ]


def _listed(
    asked: Choix, seances: dict[int, tuple[Any, Any]], away: Sequence[Any], window: Interval, me: Agent
) -> dict[str, Any]:
    """A month in lines, by week, two hundred at a time."""
    views = [one for _, one in seances.values()]
    pages = max(1, -(-len(views) // ROWS))
    page = min(max(request.args.get("page", 1, type=number), 1), pages)
    return {
        "semaines": weeks(views[ROWS * (page - 1) : ROWS * page]),
        "absences": calendrier.away_words(away, window, me),
        "page": page,
        "pages": pages,
        "adresse_page": lambda n: f"{asked.address()}&page={n}",
    }


def _live(seances: dict[int, tuple[Any, Any]], now: datetime) -> list[int]:
    """The sessions the page follows: those to come first, as many as one stream carries."""
    ids = [rdv.id for rdv, _ in seances.values() if rdv.ends_at > now and rdv.cancelled_at is None]
    return ids[:LIVE]


def _before(asked: Choix) -> date:
    first, after = asked.periode
    return (first - timedelta(days=1)).replace(day=1) if asked.vue == LISTE else first - (after - first)


def _title(asked: Choix, first: date, after: date) -> str:
    """ "Semaine du 30 novembre au 6 décembre 2026", "Mardi 1er décembre 2026", "Décembre 2026"."""
    last = after - timedelta(days=1)
    if asked.vue == JOUR:
        words = long_date(first)
    elif asked.vue == LISTE:
        words = month_year(first)
    else:
        words = f"semaine du {day_month(first)} au {day_month(last)} {last.year}"
    return words[:1].upper() + words[1:]


def _whose(asked: Choix, options: Options) -> str:
    """ "Mon agenda", "Agenda de Paul Roy · Insertion · Mes droits au RSA"…: all that is chosen but the dates."""

    def name(chosen: int | None, among: Sequence[Agent | Service | Motif | Lieu]) -> str:
        found = next((one for one in among if one.id == chosen), None)
        return found.nom_complet if isinstance(found, Agent) else found.name if found else ""

    colleague, service = name(_id(asked.qui), options.equipe), name(asked.service, options.services)
    whose = "Mon agenda" if asked.qui == MOI else f"Agenda de {colleague}" if colleague else service
    others = (
        service if whose != service else "",
        name(asked.motif, options.motifs),
        name(asked.lieu, options.lieux),
    )
    return " · ".join([whose or "Tous mes services", *filter(None, others)])
