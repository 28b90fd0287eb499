"""The second step of logging in: a code of the agent's app, or one of their recovery codes. What is known between the
two is in the signed cookie of the browser that typed the password, for ten minutes."""

from datetime import timedelta
from typing import Any

from flask import flash, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from webapp.clock import utcnow
from webapp.domain.otp import FEW
from webapp.extensions import db
from webapp.models import Agent
from webapp.queries import agents as queries
from webapp.services import deux_etapes as service
from webapp.web.auth import log_in, log_out, open_to_all
from webapp.web.forms.compte import EtapeForm, SecoursForm
from webapp.web.htmx import go_to, respond
from webapp.web.templating import pluriel

from . import bp
from .limites import PENDING, limit_codes, login_failed

STEP_LIFE = timedelta(minutes=10)


def enter(agent: Agent, suite: str) -> Response:
    """The password was right: the session opens, or the code is asked for first."""
    if queries.second_factor(agent.id) is None:
        log_in(agent)
        return go_to(suite)
    log_out()
    until = (utcnow() + STEP_LIFE).timestamp()
    session[PENDING] = {"agent": agent.id, "version": agent.auth_version, "jusqu_a": until, "suite": suite}
    return go_to(url_for("agent.connexion_code"))


def _pending() -> tuple[Agent, str] | None:
    """Who typed their password in this browser less than ten minutes ago, and where they wanted to go; nobody when
    their account changed meanwhile."""
    known: dict[str, Any] = session.get(PENDING) or {}
    if not known or known["jusqu_a"] < utcnow().timestamp():
        return None
    agent = db.session.get(Agent, known["agent"])
    if agent is None or not agent.actif or agent.auth_version != known["version"]:
        return None
    return agent, known["suite"]


def _start_again() -> Response:
    session.pop(PENDING, None)
    flash("Recommencez par votre mot de passe : il vaut dix minutes.", "warning")
    return go_to(url_for("agent.connexion"))


@bp.route("/connexion/code", methods=["GET", "POST"])
@open_to_all
@limit_codes
def connexion_code() -> ResponseReturnValue:
    """The code the app shows."""
    pending = _pending()
    if pending is None:
        return _start_again()
    agent, suite = pending
    form = EtapeForm()
    if form.validate_on_submit():
        if service.right_code(agent.id, form.code.data or ""):
            log_in(agent)
            return go_to(suite)
        login_failed()
        form.fail()
    return respond("agent/connexion_code.html", form=form, secours=False)


@bp.route("/connexion/secours", methods=["GET", "POST"])
@open_to_all
@limit_codes
def connexion_secours() -> ResponseReturnValue:
    """A recovery code, for who does not have the telephone at hand."""
    pending = _pending()
    if pending is None:
        return _start_again()
    agent, suite = pending
    form = SecoursForm()
    if form.validate_on_submit():
        if service.right_recovery(agent.id, form.code.data or ""):
            log_in(agent)
            left = queries.recovery_left(agent.id)
            advice = " Faites-en d’autres depuis « Mon compte »." if left <= FEW else ""
            flash(f"Il vous reste {pluriel(left, 'code de secours', 'codes de secours')}.{advice}", "warning")
            return go_to(suite)
        login_failed()
        form.fail()
    return respond("agent/connexion_code.html", form=form, secours=True)
