"""« Connexion en deux étapes »: set it up with an app, recovery codes, take it off."""

import segno
from flask import flash, request, session, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from webapp.domain.droits import Droit
from webapp.domain.otp import FEW, grouped
from webapp.queries import agents as queries
from webapp.secrets_at_rest import seal, unseal
from webapp.services import comptes
from webapp.services import deux_etapes as service
from webapp.web.auth import SETUP, allowed_services, before_setup, current_agent, declares, log_in, session_id
from webapp.web.forms.base import BaseForm
from webapp.web.forms.compte import ActivationForm, EtapeForm, PreuveForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp
from .limites import limit_codes, login_failed

CODES = "codes_secours"
"""The recovery codes just made, sealed, in the cookie of the browser that made them: shown until they are noted."""
CODES_SHOWN = 600  # seconds


def qr_code(text: str) -> Markup:
    """An SVG that needs no style attribute: its size is the stylesheet's."""
    # Safe: segno draws squares, and writes nothing of the text.
    return Markup(segno.make(text, error="m").svg_inline(omitsize=True, dark="#000", light="#fff", border=3))


@bp.route("/compte/deux-etapes", methods=["GET", "POST"])
@declares(Droit.VOIR)
@before_setup
@keeps_form
@limit_codes
def deux_etapes() -> ResponseReturnValue:
    """Set up the second step, or see that it is."""
    allowed_services()
    agent = current_agent()
    factor = queries.second_factor(agent.id)
    if factor is not None:
        if request.method == "POST":  # a second click: the first one has the codes
            return go_to(url_for(".codes_secours"))
        return respond(
            "agent/deux_etapes.html", facteur=factor, restants=queries.recovery_left(agent.id), peu=FEW, agent=agent
        )
    form = ActivationForm()
    offered = service.propose(agent, form.cle.data or "")
    form.cle.data = offered.key
    if form.validate_on_submit():
        codes = None
        if not comptes.knows_password(agent, form.actuel.data or ""):
            form.fail_password()
        else:
            codes = service.activate(agent.id, offered.key, form.code.data or "", session_id())
            if codes is None:
                form.fail()
        if codes is not None:
            session.pop(SETUP, None)
            return _show(codes)
        login_failed()
    return respond(
        "agent/deux_etapes_activation.html",
        form=form,
        agent=agent,
        impose=SETUP in session,
        secret=grouped(offered.secret),
        qr=qr_code(offered.address),
    )


@bp.route("/compte/deux-etapes/codes", methods=["GET", "POST"])
@declares(Droit.VOIR)
def codes_secours() -> ResponseReturnValue:
    """The recovery codes just made, until they are noted."""
    allowed_services()
    if request.method == "POST":
        session.pop(CODES, None)
        flash("La connexion en deux étapes est prête.", "success")
        return go_to(url_for(".mon_compte"))
    shown = unseal(_codes(), session.get(CODES, ""), within=CODES_SHOWN)
    return respond("agent/codes_secours.html", form=BaseForm(), codes=(shown or "").split())


@bp.route("/compte/deux-etapes/nouveaux-codes", methods=["GET", "POST"])
@declares(Droit.VOIR)
@limit_codes
def nouveaux_codes() -> ResponseReturnValue:
    """Other recovery codes, against a code of the app."""
    allowed_services()
    form, agent = EtapeForm(), current_agent()
    if queries.second_factor(agent.id) is None:
        return go_to(url_for(".deux_etapes"))
    if form.validate_on_submit():
        codes = service.renew_codes(agent.id, form.code.data or "")
        if codes is not None:
            return _show(codes)
        login_failed()
        form.fail()
    return respond("agent/nouveaux_codes.html", form=form)


@bp.route("/compte/deux-etapes/retrait", methods=["GET", "POST"])
@declares(Droit.VOIR)
@limit_codes
def retrait_deux_etapes() -> ResponseReturnValue:
    """Take the second step off, against a code; where it is compulsory, another one is set up at once."""
    allowed_services()
    form, agent = PreuveForm(), current_agent()
    if queries.second_factor(agent.id) is None:
        return go_to(url_for(".deux_etapes"))
    if form.validate_on_submit():
        if service.remove(agent.id, form.code.data or ""):
            compulsory = agent.organisation.second_facteur_obligatoire
            if compulsory:
                log_in(agent)  # another session, that leads to the setting up and nowhere else
            flash("La connexion en deux étapes est retirée.", "success")
            return go_to(url_for(".deux_etapes" if compulsory else ".mon_compte"))
        login_failed()
        form.fail()
    return respond("agent/deux_etapes_retrait.html", form=form, impose=agent.organisation.second_facteur_obligatoire)


def _show(codes: list[str]) -> ResponseReturnValue:
    session[CODES] = seal(_codes(), " ".join(codes))
    return go_to(url_for(".codes_secours"))


def _codes() -> str:
    return f"codes_secours {current_agent().id}"
