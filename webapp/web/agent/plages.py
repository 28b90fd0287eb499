"""Plages d'ouverture: when, where and with whom; saving one makes its sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import DomainError, Introuvable
from webapp.domain.feries import ferie
from webapp.domain.intervals import Interval
from webapp.domain.recurrence import Recurrence, RecurrenceError, going_on, horizon, interval_utc
from webapp.models import Agent, Motif, PlageOuverture
from webapp.queries import configuration as queries
from webapp.services.plages import coming_days, save_plage
from webapp.web.auth import allowed, allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.motif import RESERVABLE_PAR
from webapp.web.forms.plage import PlageForm
from webapp.web.htmx import go_to, is_htmx, respond
from webapp.web.intake import iso_day, number
from webapp.web.security import keeps_form

from . import bp, changement, suivi
from .changement import PAGE
from .conflits import Conflits, conflits

SHOWN = 8


@dataclass(frozen=True, slots=True)
class Dates:
    """The coming dates of a plage being typed: `encore` follow those shown; `suite`, the horizon others come after.
    `feries`: those that are public holidays there, a year beyond the horizon included."""

    jours: Sequence[date] = ()
    encore: int = 0
    dernier: date | None = None
    suite: date | None = None
    raison: str = ""
    feries: Mapping[date, str] = field(default_factory=dict)
    conflits: Conflits = field(default_factory=Conflits)

    @property
    def total(self) -> int:
        return len(self.jours) + self.encore


@bp.get("/plages")
@declares(Droit.VOIR)
def plages() -> ResponseReturnValue:
    """Plages of my services, mine first, those that are over apart."""
    agent, now = current_agent(), utcnow()
    venir = queries.coming_by_plage(agent.organisation_id, now)
    found = queries.plages(agent.organisation_id, allowed_services())
    lines = [(plage, Recurrence.from_rrule(plage.rrule), venir.get(plage.id, queries.Venir())) for plage in found]
    coming = [line for line in lines if line[2].seances]
    mine = [line for line in coming if any(a.id == agent.id for a in line[0].agents)]
    groups = [("Mes plages", mine), ("Les autres plages de mes services", [x for x in coming if x not in mine])]
    return respond(
        "agent/plages.html",
        groupes=groups,
        sans_suite=[line for line in lines if not line[2].seances],
        tz=agent.organisation.timezone,
        creation=_my_services() != set(),
    )


@bp.route("/plages/nouvelle", methods=["GET", "POST"])
@declares(Droit.GERER_SES_PLAGES)
@keeps_form
def nouvelle_plage() -> ResponseReturnValue:
    """Create a plage of one of my services' motifs; with `copie`, the settings of another one, never its people."""
    copie = request.args.get("copie", type=number)
    form = _form(None, copie=copy_of(find_plage(copie)) if copie is not None else None)
    if form.motif is None and len(form.motif_id.choices) == 1:
        return respond("agent/plage_sans_motif.html", creation=may_configure())
    return _edit(None, form)


@bp.route("/plages/<int:plage_id>", methods=["GET", "POST"])
@declares(Droit.GERER_PLAGES)
@keeps_form
def plage(plage_id: int) -> ResponseReturnValue:
    """A plage, its coming sessions, and the form that changes it."""
    found = find_plage(plage_id)
    return _edit(found, _form(found))


@bp.route("/plages/<int:plage_id>/suite", methods=["GET", "POST"])
@declares(Droit.GERER_PLAGES)
@keeps_form
def suite(plage_id: int) -> ResponseReturnValue:
    """Change the session of a day (`depuis`) and all that follow: the plage ends there, another one goes on."""
    found = find_plage(plage_id)
    depuis = request.args.get("depuis", type=iso_day)
    if depuis is None or not queries.held_before(found, depuis):
        return _edit(found, _form(found), entiere=True)
    address = url_for(".suite", plage_id=found.id, depuis=depuis)
    return _edit(found, _form(found, suite=going_on_from(found, depuis)), depuis=depuis, adresse=address)


@bp.route("/plages/heritage", methods=["GET", "POST"])
@declares(Droit.GERER_SES_PLAGES)
@keeps_form
def heritage() -> ResponseReturnValue:
    """What the plage being typed inherits; with `pour=motif`, also the agents and places of the motif just chosen.

    The page posts: instructions are too long for an address.
    """
    found = _edited()
    form = _form(found, formdata=request.args if request.method == "GET" else None)
    if not is_htmx():
        return go_to(url_for(".nouvelle_plage", motif_id=request.args.get("motif_id")))
    if request.args.get("pour") == "motif":
        form.propose_holder()
    return respond("agent/plages_heritage.html", status=200, **_context(form, found), pour=request.args.get("pour"))


@bp.post("/plages/apercu")
@declares(Droit.GERER_SES_PLAGES)
@keeps_form
def apercu_plage() -> ResponseReturnValue:
    """The coming dates of what is being typed; nothing is saved."""
    found = _edited()
    return respond("agent/plages_dates.html", "dates", status=200, preview=True, **_context(_form(found), found))


def copy_of(plage: PlageOuverture) -> PlageOuverture:
    """The same settings for other days: the first one is to be chosen, the dates to skip were of the old ones."""
    return _like(plage, first_day=None, rrule=plage.rrule, excluded=[])


def going_on_from(plage: PlageOuverture, depuis: date) -> PlageOuverture:
    """The same settings from that day on, in the same rhythm."""
    first, rule = going_on(plage.first_day, Recurrence.from_rrule(plage.rrule), depuis)
    skipped = [day for day in plage.excluded if date.fromisoformat(day) >= depuis]
    return _like(plage, first_day=first, rrule=rule.to_rrule(), excluded=skipped)


def _like(plage: PlageOuverture, **fields: Any) -> PlageOuverture:
    same = (
        "motif_id", "title", "lieu_id", "salle_id", "lien_visio", "start_time", "end_time", "capacite_max",
        "instructions_avant", "instructions_apres", "reservable_par", "nom_sms",
    )  # fmt: skip
    found = PlageOuverture(**{name: getattr(plage, name) for name in same}, **fields)
    found.agents = list(plage.agents)
    return found


def may_configure() -> bool:
    """Whether I may create the motif that is missing."""
    agent = current_agent()
    return services_with(agent.octrois(), Droit.CONFIGURER_MOTIFS, agent.organisation_id) != set()


def _my_services() -> set[int] | None:
    """Where I may create plages, all of them or my own."""
    agent, found = current_agent(), set()
    for droit in (Droit.GERER_PLAGES, Droit.GERER_SES_PLAGES):
        there = services_with(agent.octrois(), droit, agent.organisation_id)
        if there is None:
            return None
        found |= there
    return found


def find_plage(plage_id: int) -> PlageOuverture:
    """That plage, if I may manage it: 404 or 403 otherwise."""
    found = queries.plage(current_agent().organisation_id, plage_id)
    if found is None:
        raise Introuvable("Cette plage d’ouverture n’existe pas ou n’existe plus.")
    allowed(found, Droit.GERER_PLAGES)
    return found


def _edited() -> PlageOuverture | None:
    """The saved plage a fragment is about, if it is not a new one."""
    return find_plage(request.args.get("plage", 0, type=number)) if "plage" in request.args else None


def _form(
    found: PlageOuverture | None,
    formdata: Any = None,
    *,
    copie: PlageOuverture | None = None,
    suite: PlageOuverture | None = None,
) -> PlageForm:
    """The form, with the choices that the motif chosen so far leaves. `copie` fills a new one in; `suite` is what the
    plage would go on as."""
    agent = current_agent()
    motifs: Sequence[Motif] = []
    motif = found.motif if found else None
    if found is None:
        services = _my_services()
        if services == set():
            allowed_services()
        motifs = [m for m in queries.motifs(agent.organisation_id, services) if m.archived_at is None]
        wanted = request.values.get("motif_id", copie.motif_id if copie else 0, type=number)
        motif = next((m for m in motifs if m.id == wanted), motifs[0] if len(motifs) == 1 else None)
    return PlageForm(
        suite or found,
        copy=copie,
        motif=motif,
        motifs=motifs,
        agents=queries.agents_of(agent.organisation_id, motif.service_id) if motif else (),
        lieux=queries.lieux(agent.organisation_id, found.lieu_id if found else None),
        holder=_usual_holder(agent),
        formdata=formdata,
    )


def _usual_holder(agent: Agent) -> Agent | None:
    """Whom a new plage proposes to hold it: its creator, but for an administrator who has never held a session."""
    holds = services_with(agent.octrois(), Droit.CONFIGURER_ORGANISATION, agent.organisation_id) == set()
    return agent if holds or queries.holds_sessions(agent) else None


def _edit(found: PlageOuverture | None, form: PlageForm, **page: Any) -> ResponseReturnValue:
    if "actualiser" in request.form and not form.stale:
        if request.form["actualiser"] == "salle" and form.salle is not None and form.salle.capacite:
            form.capacite_max.data, form.capacite_max.raw_data = form.salle.capacite, None
        if request.form["actualiser"] == "motif":
            form.propose_holder()
        if request.form["actualiser"] == "feries":
            form.skip(_dates(form, found).feries)
        return respond(PAGE, status=200, **whole(form, found), **page)
    if "corriger" in request.form and not form.stale:
        return respond(PAGE, status=200, **whole(form, found), **page)
    if form.validate_on_submit():
        look = _dates(form, found).conflits.check
        if found is not None:
            return changement.save(found, form, page, lambda: whole(form, found) | page, look)
        try:
            saved = save_plage(None, form.plage_data(), current_agent(), look=look)
        except DomainError as refusal:
            return refused(refusal, PAGE, **whole(form, found), **page)
        changement.say(saved, created=True)
        return go_to(url_for(".plage", plage_id=saved.plage.id))
    return respond(PAGE, **whole(form, found), **page)


def _context(form: PlageForm, found: PlageOuverture | None) -> dict[str, Any]:
    """What the page and its fragments show beside the fields."""
    return {"form": form, "plage": found, "motif": form.motif, "dates": _dates(form, found), "qui": RESERVABLE_PAR}


def whole(form: PlageForm, found: PlageOuverture | None) -> dict[str, Any]:
    """What the page shows, read when it is shown: a save that was refused took what we knew with it."""
    context = _context(form, found)
    if found is None:
        return context
    now = utcnow()
    return context | {
        "tz": found.organisation.timezone,
        "seances": queries.coming_sessions(found.organisation_id, found.id, now),
        "venir": queries.coming_by_plage(found.organisation_id, now).get(found.id, queries.Venir()),
        "jours": queries.coming_days(found, now),
        **suivi.of_plage(found),
    }


def _dates(form: PlageForm, found: PlageOuverture | None) -> Dates:
    if form.motif is None or form.first_day.data is None or form.start_time.data is None:
        return Dates(raison="Choisissez un motif, un premier jour et des heures pour voir les dates.")
    try:
        rule = form.recurrence()
        rule.check(form.first_day.data)
        what = (form.motif, form.first_day.data, form.start_time.data, rule, form.excluded())
    except RecurrenceError as error:
        return Dates(raison=error.message_fr)
    except ValueError as error:
        return Dates(raison=f"« {error} » n’est pas une date à sauter. Exemple : 25/12/2026")
    days = coming_days(*what)
    tz = form.motif.organisation.timezone
    end = horizon(utcnow(), form.motif.delai_max_jours, tz)
    later = coming_days(*what, until=end.replace(year=end.year + 1, day=min(end.day, 28)))
    suite = end if len(later) > len(days) else None
    if not days:
        today = local(utcnow(), tz).date()
        past = form.first_day.data < today and not later
        return Dates(
            suite=suite,
            raison="Toutes les dates sont passées." if past else "Aucune date à venir avec ces réglages." if not suite
            else "Ces dates sont lointaines : les séances seront créées à l’approche.",
        )  # fmt: skip
    holidays = {day: name for day in later if (name := ferie(day, tz))}
    return Dates(
        days[:SHOWN],
        max(0, len(days) - SHOWN),
        days[-1],
        suite,
        feries=holidays,
        conflits=_clashes(form, days, found),
    )


def _clashes(form: PlageForm, days: Sequence[date], found: PlageOuverture | None) -> Conflits:
    """What else its agents have on these days at these hours, and what else is held in its room."""
    assert form.motif is not None
    start, end, organisation = form.start_time.data, form.end_time.data, form.motif.organisation
    if end is None or end <= start:
        return Conflits()
    when = [Interval(*interval_utc(day, start, end, organisation.timezone)) for day in days]
    return conflits(organisation, when, form.agents, form.salle, sauf_plage=found.id if found else None)
