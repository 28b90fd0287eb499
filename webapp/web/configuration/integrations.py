"""Integrations: what other programs hold to speak with this one. One section of the page for each kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from webapp import links
from webapp.clock import utcnow
from webapp.domain.dates import day_month, full_date, hour, local
from webapp.domain.droits import PAR_JETON, Droit, Octroi
from webapp.domain.errors import DomainError, Introuvable
from webapp.models import Jeton, Organisation
from webapp.queries import configuration
from webapp.queries import jetons as queries
from webapp.services import jetons as services
from webapp.web.auth import allowed, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.base import BaseForm
from webapp.web.forms.integrations import JetonForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp


@dataclass(frozen=True, slots=True)
class JetonVue:
    """One token as a line of the list."""

    id: int
    nom: str
    repere: str
    agent: str
    droits: str
    usage: str
    fin: str
    etat: str
    ton: str
    vivant: bool


@bp.get("/integrations")
@declares(Droit.GERER_INTEGRATIONS)
def integrations() -> ResponseReturnValue:
    """Everything that connects this organisation with other programs."""
    organisation = current_agent().organisation
    allowed(organisation)
    found = seen(organisation, queries.jetons(organisation.id))
    return respond(
        "configuration/integrations.html",
        jetons=[one for one in found if one.vivant],
        finis=[one for one in found if not one.vivant],
    )


@bp.route("/integrations/jetons/nouveau", methods=["GET", "POST"])
@declares(Droit.GERER_INTEGRATIONS)
@keeps_form
def nouveau_jeton() -> ResponseReturnValue:
    """Make a token, shown by this answer and never again: nothing keeps it, so there is no page to go back to."""
    agent, page = current_agent(), "configuration/jeton.html"
    allowed(agent.organisation)
    form = JetonForm(agent, configuration.services(agent.organisation_id, None))
    if not form.validate_on_submit():
        return respond(page, form=form, lignes=PAR_JETON)
    try:
        until, envoi = utcnow() + form.vie, form.envoi.data or ""
        made, text = services.create(form.nom.data or "", until, form.octrois, agent, envoi)
    except DomainError as refusal:
        return refused(refusal, page, form=form, lignes=PAR_JETON)
    adresse = url_for("api.documentation")
    return respond("configuration/jeton_cree.html", jeton=made, texte=text, racine=links.address("/"), adresse=adresse)


@bp.route("/integrations/jetons/<int:jeton_id>/revocation", methods=["GET", "POST"])
@declares(Droit.GERER_INTEGRATIONS)
def revocation_jeton(jeton_id: int) -> ResponseReturnValue:
    """Revoke a token, once it has been seen which."""
    organisation = current_agent().organisation
    found = queries.jeton(organisation.id, jeton_id)
    if found is None:
        raise Introuvable("Ce jeton n’existe pas.")
    allowed(organisation)
    form = BaseForm()
    if form.validate_on_submit():
        done = services.revoke(found.id, current_agent())
        flash(f"Le jeton « {found.nom} » {'est révoqué' if done else 'était déjà révoqué'}.", "success")
        return go_to(url_for(".integrations"))
    (vue,) = seen(organisation, [found])
    return respond("configuration/jeton_revocation.html", form=form, jeton=vue)


def seen(organisation: Organisation, jetons: Iterable[Jeton]) -> list[JetonVue]:
    """Tokens as the page shows them."""
    names = {one.id: one.short_name or one.name for one in configuration.services(organisation.id, None)}
    return [_line(one, organisation.timezone, names, utcnow()) for one in jetons]


def _line(jeton: Jeton, tz: str, names: Mapping[int, str], now: datetime) -> JetonVue:
    alive = services.in_force(jeton, now)
    end = full_date(local(jeton.expire_le, tz).date())
    state, tone = "en service", "ok"
    if jeton.revoque_le is not None:
        state, tone = f"révoqué le {day_month(jeton.revoque_le, tz)}", "flat"
    elif now >= jeton.expire_le:
        state, tone = "expiré", "flat"
    elif not alive:
        state, tone = "arrêté avec le compte de son auteur", "warn"
    elif not services.effective(jeton):
        state, tone = "sans droit : son auteur ne les a plus", "warn"
    last = jeton.vu_le
    return JetonVue(
        id=jeton.id,
        nom=jeton.nom,
        repere=jeton.repere,
        agent=jeton.agent.nom_complet,
        droits=_rights(jeton.octrois(), names),
        usage=f"{day_month(last, tz)} vers {hour(last, tz)}" if last else "jamais",
        fin=end,
        etat=state,
        ton=tone,
        vivant=alive,
    )


def _rights(octrois: Iterable[Octroi], names: Mapping[int, str]) -> str:
    """ "Voir les séances, gérer les séances… (tous les services) ; inscrire au-delà de la capacité (PMI)"."""
    held = list(octrois)
    among: dict[str, list[str]] = {}
    for droit in PAR_JETON:
        where = [one.service_id for one in held if one.droit is droit]
        if where:
            scope = "tous les services" if None in where else ", ".join(sorted(names.get(n or 0, "?") for n in where))
            among.setdefault(scope, []).append(droit.label)
    said = " ; ".join(f"{', '.join(labels)} ({scope})" for scope, labels in among.items())
    return said[:1].upper() + said[1:]
