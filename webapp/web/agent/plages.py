"""Plages d'ouverture: when, where and with whom; saving one makes its sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import NBSP, local
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import DomainError, Introuvable
from webapp.domain.feries import ferie
from webapp.domain.intervals import Interval
from webapp.domain.recurrence import Recurrence, RecurrenceError, horizon, interval_utc
from webapp.models import Agent, Motif, PlageOuverture, Rdv
from webapp.queries import configuration as queries
from webapp.services.plages import Reconciliation, coming_days, save_plage
from webapp.services.rdvs import effective_capacity
from webapp.web.auth import allowed, allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.motif import RESERVABLE_PAR
from webapp.web.forms.plage import PlageForm
from webapp.web.htmx import go_to, is_htmx, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp
from .conflits import Conflits, conflits

PAGE = "agent/plage.html"
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
    """Create a plage of one of my services' motifs."""
    form = _form(None)
    if form.motif is None and len(form.motif_id.choices) == 1:
        return respond("agent/plage_sans_motif.html", creation=may_configure())
    return _edit(None, form)


@bp.route("/plages/<int:plage_id>", methods=["GET", "POST"])
@declares(Droit.GERER_PLAGES)
@keeps_form
def plage(plage_id: int) -> ResponseReturnValue:
    """A plage, its coming sessions, and the form that changes it."""
    found = _find(plage_id)
    return _edit(found, _form(found))


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
    return respond("agent/plages_heritage.html", status=200, **_context(form, found), pour=request.args.get("pour"))


@bp.post("/plages/apercu")
@declares(Droit.GERER_SES_PLAGES)
@keeps_form
def apercu_plage() -> ResponseReturnValue:
    """The coming dates of what is being typed; nothing is saved."""
    found = _edited()
    return respond("agent/plages_dates.html", "dates", status=200, preview=True, **_context(_form(found), found))


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


def _find(plage_id: int) -> PlageOuverture:
    found = queries.plage(current_agent().organisation_id, plage_id)
    if found is None:
        raise Introuvable("Cette plage d’ouverture n’existe pas ou n’existe plus.")
    allowed(found, Droit.GERER_PLAGES)
    return found


def _edited() -> PlageOuverture | None:
    """The saved plage a fragment is about, if it is not a new one."""
    return _find(request.args.get("plage", 0, type=number)) if "plage" in request.args else None


def _form(found: PlageOuverture | None, formdata: Any = None) -> PlageForm:
    """The form, with the choices that the motif chosen so far leaves."""
    agent = current_agent()
    motifs: Sequence[Motif] = []
    motif = found.motif if found else None
    if found is None:
        services = _my_services()
        if services == set():
            allowed_services()
        motifs = [m for m in queries.motifs(agent.organisation_id, services) if m.archived_at is None]
        wanted = request.values.get("motif_id", type=number)
        motif = next((m for m in motifs if m.id == wanted), motifs[0] if len(motifs) == 1 else None)
    return PlageForm(
        found,
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


def _edit(found: PlageOuverture | None, form: PlageForm) -> ResponseReturnValue:
    if "actualiser" in request.form and not form.stale:
        if request.form["actualiser"] == "salle" and form.salle is not None and form.salle.capacite:
            form.capacite_max.data, form.capacite_max.raw_data = form.salle.capacite, None
        if request.form["actualiser"] == "feries":
            form.skip(_dates(form, found).feries)
        return respond(PAGE, status=200, **_whole(form, found))
    if form.validate_on_submit():
        version = int(form.version.data) if (form.version.data or "").isdigit() else None
        try:
            saved = save_plage(
                found.id if found else None,
                form.plage_data(),
                current_agent(),
                version=version,
                look=_dates(form, found).conflits.check,
            )
        except DomainError as refusal:
            return refused(refusal, PAGE, **_whole(form, found))
        _say(found is None, saved)
        return go_to(url_for(".plage", plage_id=saved.plage.id))
    return respond(PAGE, **_whole(form, found))


def _say(created: bool, saved: Reconciliation) -> None:
    """What saving did, in words."""
    done = [pluriel(saved.creees, "séance créée", "séances créées")] if saved.creees or created else []
    if saved.retirees:
        done.append(pluriel(saved.retirees, "séance sans inscrit retirée", "séances sans inscrit retirées"))
    words = f"{NBSP}: {', '.join(done)}." if done else "."
    if saved.gardees == 1:
        words += " Une séance où des personnes sont inscrites garde sa date et son lieu."
    elif saved.gardees:
        words += f" {saved.gardees} séances où des personnes sont inscrites gardent leur date et leur lieu."
    flash("Plage enregistrée" + words, "success")
    if saved.depassees:
        over = pluriel(saved.depassees, "séance compte", "séances comptent")
        flash(f"{over} déjà plus d’inscrits que la nouvelle capacité. Personne n’est retiré.", "warning")
    seats, room = effective_capacity(Rdv(motif=saved.plage.motif, plage_ouverture=saved.plage)), saved.plage.salle
    if room is not None and room.capacite and seats and seats > room.capacite:
        flash(
            f"La salle « {room.name} » a {room.capacite} places, la plage en propose {seats}. C’est permis.", "warning"
        )


def _context(form: PlageForm, found: PlageOuverture | None) -> dict[str, Any]:
    """What the page and its fragments show beside the fields."""
    return {"form": form, "plage": found, "motif": form.motif, "dates": _dates(form, found), "qui": RESERVABLE_PAR}


def _whole(form: PlageForm, found: PlageOuverture | None) -> dict[str, Any]:
    """What the page shows, read when it is shown: a save that was refused took what we knew with it."""
    context = _context(form, found)
    if found is None:
        return context
    now = utcnow()
    return context | {
        "tz": found.organisation.timezone,
        "seances": queries.coming_sessions(found.organisation_id, found.id, now),
        "venir": queries.coming_by_plage(found.organisation_id, now).get(found.id, queries.Venir()),
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
