"""Absences: mine, and those of colleagues where I manage them; the sessions they leave without anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import hour, long_date, span
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import DomainError, Introuvable, Perime
from webapp.domain.recurrence import Recurrence
from webapp.models import Absence, Agent
from webapp.queries import absences as queries
from webapp.services import absences as service
from webapp.services.animation import replace_agent
from webapp.web.auth import allowed, current_agent, declares, may
from webapp.web.errors import refused
from webapp.web.forms.absence import AbsenceForm
from webapp.web.forms.base import BaseForm
from webapp.web.htmx import go_to, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp
from .conflits import reason

FORM, SESSIONS = "agent/absence.html", "agent/absence_seances.html"
ANNULER = "annuler"


@dataclass(frozen=True, slots=True)
class Choix:
    """One coming session during an absence; `libres` and `pris` could hold it, the latter with what they have then."""

    touchee: queries.Touchee
    quand: str
    permis: bool
    libres: Sequence[Agent]
    pris: Sequence[tuple[Agent, str]]
    choisi: int | str | None = None


@bp.get("/absences")
@declares(Droit.VOIR)
def absences() -> ResponseReturnValue:
    """My absences, then my colleagues' where I manage them; those that are over apart."""
    agent, now = current_agent(), utcnow()
    colleagues = [one.id for one in _people() if one.id != agent.id]
    found = queries.absences(agent.organisation_id, [agent.id, *colleagues])
    coming = [one for one in found if not one.over(now, agent.organisation.timezone)]
    return respond(
        "agent/absences.html",
        miennes=[(one, in_words(one)) for one in coming if one.agent_id == agent.id],
        autres=[(one, in_words(one)) for one in coming if one.agent_id != agent.id],
        passees=[(one, in_words(one)) for one in reversed(found) if one not in coming],
        equipe=bool(colleagues),
        moi=agent,
    )


@bp.route("/absences/nouvelle", methods=["GET", "POST"])
@declares(Droit.VOIR)
@keeps_form
def nouvelle_absence() -> ResponseReturnValue:
    """Note an absence of mine, or of a colleague where I manage them."""
    return _edit(None)


@bp.route("/absences/<int:absence_id>", methods=["GET", "POST"])
@declares(Droit.VOIR)
@keeps_form
def absence(absence_id: int) -> ResponseReturnValue:
    """Change an absence."""
    return _edit(_find(absence_id))


@bp.route("/absences/<int:absence_id>/suppression", methods=["GET", "POST"])
@declares(Droit.VOIR)
@keeps_form
def suppression_absence(absence_id: int) -> ResponseReturnValue:
    """Take an absence away; its sessions keep the agents they have now."""
    found, form = _find(absence_id), BaseForm()
    mine = found.agent_id == current_agent().id
    if form.validate_on_submit():
        service.delete_absence(absence_id, current_agent())
        flash("L’absence est supprimée.", "success")
        return go_to(url_for(".absences"))
    return respond("agent/absence_suppression.html", form=form, absence=found, quand=in_words(found), mienne=mine)


@bp.route("/absences/<int:absence_id>/seances", methods=["GET", "POST"])
@declares(Droit.VOIR)
@keeps_form
def seances_absence(absence_id: int) -> ResponseReturnValue:
    """The coming sessions during an absence: for those it leaves without anybody, somebody else, or nothing for now, or
    the page that says who will be told of their cancellation."""
    found, form = _find(absence_id), BaseForm()
    if form.validate_on_submit():
        alone = {one.rdv.id for one in _touched(found) if not one.restent}
        asked = {rdv_id: choice for rdv_id, choice in _asked().items() if rdv_id in alone}
        given = {rdv_id: choice for rdv_id, choice in asked.items() if isinstance(choice, int)}
        try:
            changed = replace_agent(found.agent_id, given, agent=current_agent())
        except DomainError as refusal:
            return refused(refusal, SESSIONS, **_sessions(_find(absence_id), form))
        said = pluriel(changed, "séance a un autre agent", "séances ont un autre agent")
        cancelled = sorted(rdv_id for rdv_id, choice in asked.items() if choice == ANNULER)
        if changed or not cancelled:
            tell = f"Personne n’est prévenu : dites-le-{'lui' if changed == 1 else 'leur'}."
            flash(f"{said}. {tell}" if changed else "Rien n’a changé.", "success")
        if cancelled:
            return go_to(url_for(".annulation_seances", rdv=cancelled))
        return go_to(url_for(".seances_absence", absence_id=absence_id))
    return respond(SESSIONS, **_sessions(found, form))


def _find(absence_id: int) -> Absence:
    found = queries.absence(current_agent().organisation_id, absence_id)
    if found is None:
        raise Introuvable(service.GONE)
    allowed(found, Droit.GERER_ABSENCES)
    return found


def _people() -> Sequence[Agent]:
    """Myself first, then the colleagues whose absences I manage."""
    me = current_agent()
    among = services_with(me.octrois(), Droit.GERER_ABSENCES, me.organisation_id)
    if among == set():
        return [me]
    return [me, *(one for one in queries.colleagues(me.organisation_id, among) if one.id != me.id)]


def _edit(found: Absence | None) -> ResponseReturnValue:
    form = AbsenceForm(found, _people() if found is None else (), current_agent())
    context: dict[str, Any] = {
        "form": form,
        "absence": found,
        "mienne": found is None or found.agent_id == current_agent().id,
    }
    if form.validate_on_submit():
        version = int(form.version.data) if (form.version.data or "").isdigit() else None
        try:
            saved, changed = service.save_absence(
                found.id if found else None, form.absence_data, current_agent(), version=version
            )
        except DomainError as refusal:
            if isinstance(refusal, Perime) and found is not None:
                form.version.data = str(_find(found.id).version)
            return refused(refusal, FORM, **context)
        return _saved(saved, found is None, changed)
    return respond(FORM, **context)


def _saved(absence: Absence, created: bool, changed: bool) -> ResponseReturnValue:
    """Say so; the sessions that have nobody left are the next page (docs/domain.md rule 6)."""
    done = "L’absence est notée." if created else "L’absence est modifiée." if changed else "Rien n’a changé."
    touched = _touched(absence)
    alone = sum(not one.restent for one in touched)
    if alone:
        left = pluriel(alone, "séance n’a plus d’agent", "séances n’ont plus d’agent")
        flash(f"{done} {left} : choisissez pour chacune.", "warning")
        return go_to(url_for(".seances_absence", absence_id=absence.id))
    if touched:
        done += f" {pluriel(len(touched), 'séance garde', 'séances gardent')} un autre agent."
    flash(done, "success")
    return go_to(url_for(".absences"))


def _touched(absence: Absence) -> list[queries.Touchee]:
    """The sessions during it that I may see."""
    me = current_agent()
    return queries.touched(absence, services_with(me.octrois(), Droit.VOIR, me.organisation_id), utcnow())


def _asked() -> dict[int, int | str]:
    """What was chosen, session by session: `rdv-12=5` is agent 5 for session 12, `rdv-12=annuler` to cancel it."""
    found: dict[int, int | str] = {}
    for name, value in request.form.items():
        if name.startswith("rdv-") and value:
            try:
                found[number(name.removeprefix("rdv-"))] = ANNULER if value == ANNULER else number(value)
            except ValueError:
                continue
    return found


def _sessions(absence: Absence, form: BaseForm) -> dict[str, Any]:
    """What the page of its sessions shows."""
    tz, asked = absence.agent.organisation.timezone, _asked()
    found = []
    for one in _touched(absence):
        free = [r.agent for r in one.remplacants if r.prise is None]
        busy = [(r.agent, reason([r.prise], tz)) for r in one.remplacants if r.prise is not None]
        when = f"{long_date(one.rdv.starts_at, tz)}, {span(one.rdv.starts_at, one.rdv.ends_at, tz)}"
        found.append(Choix(one, when, may(Droit.GERER_RDV, one.rdv), free, busy, asked.get(one.rdv.id)))
    return {
        "form": form,
        "absence": absence,
        "quand": in_words(absence),
        "seules": [one for one in found if not one.touchee.restent],
        "tenues": [one for one in found if one.touchee.restent],
        "mienne": absence.agent_id == current_agent().id,
    }


def in_words(absence: Absence) -> str:
    """ "du mardi 1er décembre 2026 au vendredi 4 décembre 2026", "toutes les semaines, le mardi, de 14 h à 16 h…"."""
    first, last = absence.first_day, absence.last_day
    hours = absence.start_time is not None and absence.end_time is not None
    start, end = (hour(one) if one else "" for one in (absence.start_time, absence.end_time))
    rule = Recurrence.from_rrule(absence.rrule)
    if absence.rrule:
        days = (last - first).days
        how = f"de {start} à {end}" if hours else "toute la journée"
        if days:
            later = "le lendemain" if days == 1 else f"{days} jours plus tard"
            how = f"de {start} à {end}, {later}" if hours else f"pendant {days + 1} jours"
        return f"{rule.in_words()}, {how}, à partir du {long_date(first)}"
    if first == last:
        return f"{long_date(first)}, {f'de {start} à {end}' if hours else 'toute la journée'}"
    return f"du {long_date(first)}{f' à {start}' if hours else ''} au {long_date(last)}{f' à {end}' if hours else ''}"
