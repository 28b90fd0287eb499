"""« Mon agenda dans Outlook ou Google »: the address of an agent's private calendar feed."""

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp import links
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError
from webapp.services import abonnements
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.base import BaseForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp

PAGE, END = "agent/abonnement.html", "agent/abonnement_fin.html"


@bp.route("/agenda/abonnement", methods=["GET", "POST"])
@declares(Droit.VOIR)
@keeps_form
def abonnement() -> ResponseReturnValue:
    """The address, how to use it, or how to have one."""
    allowed_services()
    agent, form = current_agent(), BaseForm()
    context = {"form": form, "agent": agent, "adresse": _address()}
    if form.validate_on_submit():
        try:
            abonnements.open_feed(agent.id)
        except DomainError as refusal:
            return refused(refusal, PAGE, **context)
        flash("Votre lien est prêt.", "success")
        return go_to(url_for(".abonnement"))
    return respond(PAGE, **context)


@bp.route("/agenda/abonnement/fin", methods=["GET", "POST"])
@declares(Droit.VOIR)
@keeps_form
def fin_abonnement() -> ResponseReturnValue:
    """Replace the address, or take it away: calendars that use it stop being filled."""
    allowed_services()
    agent, form = current_agent(), BaseForm()
    if form.validate_on_submit():
        try:
            _end(agent.id)
        except DomainError as refusal:
            return refused(refusal, END, form=form, marque=abonnements.mark(agent))
        return go_to(url_for(".abonnement"))
    if agent.agenda_hash is None and form.status == 200:
        return go_to(url_for(".abonnement"))
    return respond(END, form=form, marque=abonnements.mark(agent))


def _end(agent_id: int) -> None:
    if request.form.get("geste") != "remplacer":
        abonnements.stop_feed(agent_id)
        flash("L’abonnement est arrêté : le lien n’ouvre plus rien.", "success")
    elif abonnements.replace_feed(agent_id, request.form.get("vu", "")):
        flash("Le lien est remplacé : donnez le nouveau à votre logiciel d’agenda.", "success")
    else:
        flash("Ce lien avait déjà été remplacé ou arrêté : rien d’autre n’a changé.", "warning")


def _address() -> str:
    """The whole address of the feed; nothing when there is none."""
    nonce = current_agent().agenda_nonce
    if nonce is None:
        return ""
    return links.address(url_for("public.agenda_ics", token=links.token(links.AGENDA, nonce)))
