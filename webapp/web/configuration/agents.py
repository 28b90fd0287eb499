"""Agents: who works here, what each may do, who was invited and has not come yet."""

from dataclasses import dataclass
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.contacts import fold
from webapp.domain.dates import day_month, hour
from webapp.domain.droits import Droit, preset_of
from webapp.domain.errors import DomainError, Introuvable
from webapp.models import Agent
from webapp.queries import configuration, equipe
from webapp.queries.agents import second_factor
from webapp.services import agents as service
from webapp.services import deux_etapes
from webapp.web.auth import allowed_services, current_agent, declares, may
from webapp.web.errors import refused
from webapp.web.forms.agents import GROUPES, PROFILS, AgentForm, InvitationForm
from webapp.web.forms.base import BaseForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp

MANY = 8
"""Agents beyond which the list can be searched."""
SHOWN = 30
"""Coming sessions listed before an account is deactivated."""


@dataclass(frozen=True, slots=True)
class Membre:
    """One agent as a line of the list."""

    agent: Agent
    services: str
    profil: str
    etat: str
    ton: str


@bp.get("/agents")
@declares(Droit.GERER_AGENTS)
def agents() -> ResponseReturnValue:
    """The agents of the services where I manage them, those deactivated apart."""
    scope, text = allowed_services(), request.args.get("q", "")
    everybody = equipe.agents(current_agent().organisation_id, scope)
    found = [one for one in everybody if fold(text) in fold(f"{one.nom_complet} {one.email}")]
    return respond(
        "configuration/agents.html",
        membres=[_member(one) for one in found if one.actif],
        partis=[_member(one) for one in found if not one.actif],
        nombreux=len(everybody) > MANY,
        cherche=text,
    )


@bp.route("/agents/invitation", methods=["GET", "POST"])
@declares(Droit.GERER_AGENTS)
@keeps_form
def inviter_agent() -> ResponseReturnValue:
    """Open an account for somebody, who chooses a password from a mail."""
    services = configuration.services(current_agent().organisation_id, allowed_services())
    form = InvitationForm(services, service.presets_for(current_agent(), [one.id for one in services]))
    page = "configuration/agent_invitation.html"
    context = {"form": form, "precisions": {name: hint for name, (_, hint) in PROFILS.items()}}
    if form.validate_on_submit():
        try:
            invited = service.invite(form.invitation, current_agent())
        except DomainError as refusal:
            return refused(refusal, page, **context)
        flash(f"L’invitation part à {invited.email} : {invited.first_name} a 7 jours pour choisir un mot de passe.")
        return go_to(url_for(".agents"))
    return respond(page, **context)


@bp.route("/agents/<int:agent_id>", methods=["GET", "POST"])
@declares(Droit.GERER_AGENTS)
@keeps_form
def agent(agent_id: int) -> ResponseReturnValue:
    """Services and rights of one agent; « Cocher » only shows what a preset would give."""
    found, scope = _find(agent_id), allowed_services()
    services = configuration.services(found.organisation_id, scope)
    form = AgentForm(found, current_agent(), services, scope)
    page, context = "configuration/agent.html", _context(found, form)
    if "cocher" in request.form and not form.stale:
        return respond(page, status=200 if form.tick_profil() else 422, coche=True, **context)
    if form.validate_on_submit():
        try:
            changed = service.save_agent(
                found.id, form.services.data or (), form.octrois, form.vus.data or "", current_agent()
            )
        except DomainError as refusal:
            form.look_again(_find(agent_id))
            return refused(refusal, page, **context)
        said = "sont enregistrés" if changed else "n’ont pas changé"
        flash(f"Les services et les droits de {found.nom_complet} {said}.", "success")
        return go_to(_after(found))
    return respond(page, **context)


@bp.post("/agents/<int:agent_id>/invitation")
@declares(Droit.GERER_AGENTS)
def renvoyer_invitation(agent_id: int) -> ResponseReturnValue:
    """Send the invitation again: the link before dies."""
    found = _find(agent_id)
    if service.resend_invitation(found.id, current_agent()):
        flash(f"Une nouvelle invitation part à {found.email}. Le lien d’avant ne sert plus.", "success")
    else:
        flash(f"L’invitation vient de partir à {found.email} : laissez-lui une minute.", "message")
    return go_to(url_for(".agent", agent_id=found.id))


@bp.route("/agents/<int:agent_id>/desactivation", methods=["GET", "POST"])
@declares(Droit.GERER_AGENTS)
def desactivation(agent_id: int) -> ResponseReturnValue:
    """Close an account, once the sessions that count on that agent have been seen."""
    found, form, page = _find(agent_id), BaseForm(), "configuration/agent_desactivation.html"
    coming, total = equipe.coming_sessions(found.organisation_id, found.id, utcnow(), SHOWN)
    context = {
        "form": form,
        "agent": found,
        "soi": found.id == current_agent().id,
        "prevues": [(one, may(Droit.VOIR, one.rdv)) for one in coming],
        "seul": any(one.seul for one in coming),
        "total": total,
        "plages": equipe.plages_of(found.organisation_id, found.id),
    }
    if form.validate_on_submit():
        try:
            service.deactivate(found.id, current_agent())
        except DomainError as refusal:
            return refused(refusal, page, **context)
        flash(f"Le compte de {found.nom_complet} est désactivé.", "success")
        return go_to(url_for(".agents"))
    return respond(page, **context)


@bp.post("/agents/<int:agent_id>/reactivation")
@declares(Droit.GERER_AGENTS)
def reactivation(agent_id: int) -> ResponseReturnValue:
    """Open an account again, with the rights it had."""
    found = _find(agent_id)
    service.reactivate(found.id, current_agent())
    flash(f"Le compte de {found.nom_complet} est de nouveau ouvert, avec les droits qu’il avait.", "success")
    return go_to(url_for(".agent", agent_id=found.id))


@bp.route("/agents/<int:agent_id>/deux-etapes", methods=["GET", "POST"])
@declares(Droit.GERER_AGENTS)
def reinitialisation(agent_id: int) -> ResponseReturnValue:
    """Take an agent's second step off: they lost the telephone and the recovery codes."""
    found, form, page = _find(agent_id), BaseForm(), "configuration/agent_deux_etapes.html"
    soi = found.id == current_agent().id
    context = {"form": form, "agent": found, "soi": soi, "facteur": second_factor(found.id)}
    if form.validate_on_submit():
        try:
            done = deux_etapes.reset(found.id, current_agent())
        except DomainError as refusal:
            return refused(refusal, page, **context)
        said = "est réinitialisée" if done else "n’était pas activée"
        flash(f"La connexion en deux étapes de {found.nom_complet} {said}.", "success")
        return go_to(url_for(".agent", agent_id=found.id))
    return respond(page, **context)


def _find(agent_id: int) -> Agent:
    found = equipe.agent(current_agent().organisation_id, agent_id, allowed_services())
    if found is None:
        raise Introuvable("Cet agent n’existe pas.")
    return found


def _after(found: Agent) -> str:
    """Where who has just saved goes: elsewhere, when these were their own rights and they may not come back here."""
    me = current_agent()
    keeps = any(octroi.droit is Droit.GERER_AGENTS for octroi in service.own_octrois(me))
    return url_for(".agent", agent_id=found.id) if keeps else url_for("agent.accueil")


def _context(found: Agent, form: AgentForm) -> dict[str, Any]:
    expires, tz = found.reset_expire_le, found.organisation.timezone
    live = expires is not None and expires > utcnow()
    return {
        "form": form,
        "agent": found,
        "membre": _member(found),
        "groupes": GROUPES,
        "soi": found.id == current_agent().id,
        "facteur": second_factor(found.id),
        "ailleurs": [one.name for one in found.services if one.id not in {s.id for s in form.columns}],
        "jusqu_au": f"{day_month(expires, tz)} à {hour(expires, tz)}" if expires and live else "",
    }


def _member(found: Agent) -> Membre:
    grants, own = service.own_octrois(found), [one.id for one in found.services]
    preset = preset_of(grants, found.organisation_id, own)
    if not found.actif:
        state, tone = "désactivé", "flat"
    elif found.password_hash is None:
        state, tone = "invitation envoyée", "info"
    else:
        state, tone = "actif", "ok"
    chosen = pluriel(len(grants), "droit choisi", "droits choisis") if grants else "aucun droit"
    return Membre(
        found,
        ", ".join(one.short_name or one.name for one in found.services),
        PROFILS[preset][0] if preset else chosen.capitalize(),
        state,
        tone,
    )
