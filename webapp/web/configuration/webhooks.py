"""Webhooks: which programs are told what happens, what they answered, and telling them again."""

from dataclasses import dataclass

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.dates import local
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable
from webapp.domain.webhooks import Evenement
from webapp.models import EtatEnvoi, Webhook, WebhookEnvoi
from webapp.queries import configuration
from webapp.queries import webhooks as queries
from webapp.services import webhook_delivery
from webapp.services import webhooks as services
from webapp.web.auth import allowed, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.base import BaseForm
from webapp.web.forms.webhooks import EVENEMENTS, GesteForm, WebhookForm
from webapp.web.htmx import go_to, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp

FORM, SECRET = "configuration/webhook_formulaire.html", "configuration/webhook_secret.html"
MOTS = {**EVENEMENTS, Evenement.TEST: "Essai"}
ETATS = {
    EtatEnvoi.A_ENVOYER: ("en attente", "info"),
    EtatEnvoi.ENVOYE: ("reçu", "ok"),
    EtatEnvoi.ECHEC: ("en échec", "bad"),
}


@dataclass(frozen=True, slots=True)
class Ligne:
    """One webhook as a line of the list."""

    webhook: Webhook
    mot: str
    ton: str
    compte: queries.Compte


@bp.get("/webhooks")
@declares(Droit.GERER_INTEGRATIONS)
def webhooks() -> ResponseReturnValue:
    """All of them, and how they are."""
    organisation = current_agent().organisation
    allowed(organisation)
    found = queries.webhooks(organisation.id)
    counts = queries.counts([one.id for one in found])
    lignes = [Ligne(one, *etat(one), counts.get(one.id, queries.Compte())) for one in found]
    return respond("configuration/webhooks.html", lignes=lignes)


@bp.route("/webhooks/nouveau", methods=["GET", "POST"])
@declares(Droit.GERER_INTEGRATIONS)
@keeps_form
def nouveau_webhook() -> ResponseReturnValue:
    """Make one; its secret is shown by this answer and never again."""
    agent = current_agent()
    allowed(agent.organisation)
    form = WebhookForm(configuration.services(agent.organisation_id, None))
    if not form.validate_on_submit():
        return respond(FORM, form=form, webhook=None)
    try:
        made, secret = services.create(form.values(), agent, form.envoi.data or "")
    except DomainError as refusal:
        return refused(refusal, FORM, form=form, webhook=None)
    return respond(SECRET, webhook=made, secret=secret, nouveau=True)


@bp.get("/webhooks/<int:webhook_id>")
@declares(Droit.GERER_INTEGRATIONS)
def webhook(webhook_id: int) -> ResponseReturnValue:
    """One of them: what it is told, what it answered."""
    found = _found(webhook_id)
    asked = request.args.get("etat", "")
    state = EtatEnvoi(asked) if asked in set(EtatEnvoi) else None
    lines, cursor = queries.log(found.id, state, request.args.get("avant", type=number))
    mot, ton = etat(found)
    return respond(
        "configuration/webhook.html",
        webhook=found,
        mot=mot,
        ton=ton,
        tz=current_agent().organisation.timezone,
        compte=queries.counts([found.id]).get(found.id, queries.Compte()),
        envois=lines,
        suite=cursor,
        filtre=asked if state else "",
        evenements=MOTS,
        etats=ETATS,
        form=GesteForm(data={"version": found.version}),
        iso=_iso,
    )


@bp.route("/webhooks/<int:webhook_id>/modification", methods=["GET", "POST"])
@declares(Droit.GERER_INTEGRATIONS)
@keeps_form
def modifier_webhook(webhook_id: int) -> ResponseReturnValue:
    """Tell it other things, or tell them elsewhere."""
    found = _found(webhook_id)
    form = WebhookForm(configuration.services(found.organisation_id, None), found)
    if form.validate_on_submit():
        try:
            changed = services.change(found.id, form.values(), current_agent(), form.version.data)
        except DomainError as refusal:
            return refused(refusal, FORM, form=form, webhook=found)
        flash("Le webhook est enregistré." if changed else "Rien n’a changé.", "success")
        return go_to(url_for(".webhook", webhook_id=found.id))
    return respond(FORM, form=form, webhook=found)


@bp.route("/webhooks/<int:webhook_id>/secret", methods=["GET", "POST"])
@declares(Droit.GERER_INTEGRATIONS)
@keeps_form
def secret_webhook(webhook_id: int) -> ResponseReturnValue:
    """Replace its secret, once it has been read what that means."""
    found = _found(webhook_id)
    form = GesteForm(data={"version": found.version})
    if not form.validate_on_submit():
        return respond("configuration/webhook_rotation.html", form=form, webhook=found)
    secret = services.rotate(found.id, current_agent(), form.version.data or 0)
    return respond(SECRET, webhook=found, secret=secret, nouveau=False)


@bp.post("/webhooks/<int:webhook_id>/etat")
@declares(Droit.GERER_INTEGRATIONS)
def etat_webhook(webhook_id: int) -> ResponseReturnValue:
    """Tell it what happens, or no more."""
    found = _found(webhook_id)
    on = request.form.get("actif") == "1"
    services.switch(found.id, on, current_agent())
    flash("Le webhook est activé." if on else "Le webhook est désactivé : il ne reçoit plus rien.", "success")
    return go_to(url_for(".webhook", webhook_id=webhook_id))


@bp.route("/webhooks/<int:webhook_id>/suppression", methods=["GET", "POST"])
@declares(Droit.GERER_INTEGRATIONS)
def suppression_webhook(webhook_id: int) -> ResponseReturnValue:
    """Delete it, once it has been seen which."""
    found = _found(webhook_id)
    form = BaseForm()
    if form.validate_on_submit():
        services.remove(found.id, current_agent())
        flash(f"Le webhook « {found.nom} » est supprimé.", "success")
        return go_to(url_for(".webhooks"))
    return respond("configuration/webhook_suppression.html", form=form, webhook=found)


@bp.post("/webhooks/<int:webhook_id>/essai")
@declares(Droit.GERER_INTEGRATIONS)
def essai_webhook(webhook_id: int) -> ResponseReturnValue:
    """Send it a test, and say what it answered."""
    found = _found(webhook_id)
    address = url_for(".webhook", webhook_id=found.id) + "#journal"
    answer = webhook_delivery.try_now(services.prepare_test(found.id, current_agent()))
    if answer.prise:
        flash(f"L’essai est arrivé : le serveur a répondu {answer.code} en {answer.duree_ms} ms.", "success")
    else:
        flash(f"L’essai n’est pas passé. {answer.erreur}", "error")
    return go_to(address)


@bp.post("/webhooks/<int:webhook_id>/echecs")
@declares(Droit.GERER_INTEGRATIONS)
def rejouer_echecs(webhook_id: int) -> ResponseReturnValue:
    """Tell it again all that failed."""
    found = _found(webhook_id)
    try:
        count = services.replay_failures(found.id, current_agent())
    except DomainError as refusal:
        flash(refusal.message, "warning")
    else:
        flash(
            f"{pluriel(count, 'événement repart', 'événements repartent')}." if count else "Plus rien en échec.",
            "message",
        )
    return go_to(url_for(".webhook", webhook_id=webhook_id))


@bp.post("/webhooks/envois/<int:envoi_id>/nouvel-envoi")
@declares(Droit.GERER_INTEGRATIONS)
def rejouer_envoi(envoi_id: int) -> ResponseReturnValue:
    """Tell that one again; clicked twice, it leaves once."""
    found = queries.envoi(current_agent().organisation_id, envoi_id)
    if found is None:
        raise Introuvable("Cet envoi n’existe pas ou n’existe plus.")
    allowed(current_agent().organisation)
    try:
        done = services.replay(found.id, current_agent())
    except DomainError as refusal:
        flash(refusal.message, "warning")
    else:
        flash("L’événement repart." if done else "Il était déjà en attente.", "success")
    return go_to(url_for(".webhook", webhook_id=found.webhook_id) + "#journal")


def _found(webhook_id: int) -> Webhook:
    organisation = current_agent().organisation
    found = queries.webhook(organisation.id, webhook_id)
    if found is None:
        raise Introuvable("Ce webhook n’existe pas ou n’existe plus.")
    allowed(organisation)
    return found


def etat(webhook: Webhook) -> tuple[str, str]:
    """How it is, in a word and the tone of its tag."""
    if webhook.suspendu_le is not None:
        return "suspendu", "bad"
    if not webhook.actif:
        return "désactivé", "flat"
    return ("ne répond pas", "warn") if webhook.echecs else ("actif", "ok")


def _iso(envoi: WebhookEnvoi, tz: str) -> str:
    return local(envoi.cree_le, tz).isoformat(timespec="seconds")
