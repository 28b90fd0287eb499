"""The agent's first page: today, tomorrow, what is left to note, what comes."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from flask import request
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import day_month, local, span, zone
from webapp.domain.droits import Droit
from webapp.domain.participation import Etat, Statut, etat
from webapp.models import Rdv
from webapp.queries import agenda
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.htmx import macro_html, partial, respond
from webapp.web.intake import number
from webapp.web.vues import SeanceVue

from . import bp, vues
from .a_faire import mine, regard, rubriques

DAYS = 14
LIVE = 20  # sessions one stream may carry
PAGES = 26


@dataclass(frozen=True, slots=True)
class Seance:
    """One session in the agents' lists: the card, its state, who holds it."""

    vue: SeanceVue
    etat: Etat
    agents: str


@bp.get("/")
@declares(Droit.VOIR)
def accueil() -> ResponseReturnValue:
    """Today and tomorrow with their gauges, « à renseigner », then two weeks at a time."""
    agent, now = current_agent(), utcnow()
    tz = agent.organisation.timezone
    today = local(now, tz).date()
    page = min(max(request.args.get("page", 1, type=number), 1), PAGES)
    start, end = today + timedelta(days=DAYS * (page - 1)), today + timedelta(days=DAYS * page)
    seen, moi = regard(), mine()
    found = agenda.sessions(
        agent.organisation_id, seen.services, midnight(start, tz), midnight(end, tz), agent_id=seen.agent_id
    )
    waits = rubriques(seen, now) if page == 1 else []
    to_note = {ligne.rdv_id for one in waits if one.cle == "renseigner" for ligne in one.lignes}
    views = [seance(rdv, now, tz, to_note=rdv.id in to_note) for rdv in found]
    near = [s for s in views if s.vue.debut_local.date() <= today + timedelta(days=1)] if page == 1 else []
    return respond(
        "agent/accueil.html",
        agent=agent,
        today=today,
        qui=moi,
        jours=[(name, day, [s for s in near if s.vue.debut_local.date() == day]) for name, day in _near(today)],
        live=_followed([s.vue.id for s in near], [ligne.rdv_id for one in waits for ligne in one.lignes]),
        jauges=[s.vue.id for s in near][:LIVE],
        rubriques=waits,
        semaines=weeks(views[len(near) :]),
        page=page,
        du=start,
        au=end - timedelta(days=1),
        suite=page < PAGES
        and agenda.any_after(agent.organisation_id, seen.services, midnight(end, tz), agent_id=seen.agent_id),
    )


@bp.get("/jauges")
@declares(Droit.VOIR, passive=True)
def jauges() -> ResponseReturnValue:
    """The gauges of the first page again, one by one, and what is left to do: asked by the page when a stream says that
    something moved."""
    wanted = request.args.getlist("rdv", type=number)[:LIVE]
    found = agenda.gauges(current_agent().organisation_id, allowed_services(), wanted)
    html = [
        partial(f"#jauge-{rdv.id}", macro_html("components/jauge.html", "jauge_agent", rdv.jauge())) for rdv in found
    ]
    if "a_faire" in request.args:
        page = "agent/a_faire_macros.html"
        waits = rubriques(regard(), utcnow())
        html += [partial(f"#{name}", macro_html(page, name, waits, mine())) for name in ("compteurs", "listes")]
    return "".join(html)


def _followed(near: list[int], waits: list[int]) -> list[int]:
    """The sessions one stream carries: those of the two days first, with room for what is left to do."""
    kept = near[: max(LIVE - len(set(waits)), LIVE // 2)]
    return list(dict.fromkeys([*kept, *waits, *near]))[:LIVE]


def seance(rdv: Rdv, now: datetime, tz: str, *, to_note: bool = False) -> Seance:
    """A session as the lists show it; `to_note`: it is over, and somebody's presence is not noted."""
    cancelled = rdv.cancelled_at is not None
    people = {Statut.INSCRIT} if to_note else ()
    state = etat(now=now, starts_at=rdv.starts_at, ends_at=rdv.ends_at, cancelled=cancelled, statuts=people)
    vue = SeanceVue(
        id=rdv.id,
        debut_local=local(rdv.starts_at, tz),
        fin_local=local(rdv.ends_at, tz),
        heures=span(rdv.starts_at, rdv.ends_at, tz),
        lieu_nom=vues.place(rdv),
        jauge=rdv.jauge(),
        intitule=rdv.intitule,
        motif_nom=rdv.motif.name,
    )
    return Seance(vue, state, vues.listed([agent.nom_court for agent in rdv.agents]))


def weeks(views: list[Seance]) -> list[tuple[str, list[Seance]]]:
    """The sessions by calendar week, under its name."""
    found: dict[date, list[Seance]] = {}
    for one in views:
        day = one.vue.debut_local.date()
        found.setdefault(day - timedelta(days=day.weekday()), []).append(one)
    return [(f"Semaine du {day_month(monday)}", group) for monday, group in found.items()]


def midnight(day: date, tz: str) -> datetime:
    """The first moment of a day on the organisation's clock."""
    return datetime.combine(day, time(), tzinfo=zone(tz))


def _near(today: date) -> list[tuple[str, date]]:
    return [("Aujourd’hui", today), ("Demain", today + timedelta(days=1))]
