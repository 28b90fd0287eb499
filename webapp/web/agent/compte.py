"""An agent's way in and out: log in, log out, choose another password."""

import time

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from webapp.domain.errors import Refus
from webapp.services import comptes
from webapp.web.auth import local_path, log_out, open_to_all
from webapp.web.errors import refused
from webapp.web.forms.agent import ConnexionForm, MotDePasseOublieForm, NouveauMotDePasseForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp
from .etape import enter
from .limites import limit_links, limit_logins, login_failed

LINK_SECONDS = 0.4
"""A request for a link takes this long, whether the address is known or not."""


@bp.route("/connexion", methods=["GET", "POST"])
@open_to_all
@keeps_form
@limit_logins
def connexion() -> ResponseReturnValue:
    """Log in; `suite` is where the agent wanted to go."""
    suite = local_path(request.values.get("suite"))
    if request.method == "GET" and current_user.is_authenticated:
        return go_to(suite)
    form = ConnexionForm()
    if form.validate_on_submit():
        agent = comptes.authenticate(form.courriel.data or "", form.mot_de_passe.data or "")
        if agent is not None:
            return enter(agent, suite)
        login_failed()
        form.fail()
    return respond("agent/connexion.html", form=form, suite=suite)


@bp.post("/deconnexion")
@open_to_all
def deconnexion() -> ResponseReturnValue:
    """Log out."""
    log_out()
    flash("Votre session est fermée.", "success")
    return go_to(url_for(".connexion"))


@bp.route("/mot-de-passe", methods=["GET", "POST"])
@open_to_all
@keeps_form
@limit_links
def mot_de_passe() -> ResponseReturnValue:
    """Ask for a link to choose another password. The answer never says whether the address is known."""
    form = MotDePasseOublieForm()
    if form.validate_on_submit():
        started = time.monotonic()
        comptes.ask_reset(form.courriel.data or "")
        time.sleep(max(0.0, LINK_SECONDS - (time.monotonic() - started)))
        return go_to(url_for(".mot_de_passe", envoye=1))
    return respond("agent/mot_de_passe.html", form=form, envoye="envoye" in request.args)


@bp.route("/mot-de-passe/<token>", methods=["GET", "POST"])
@open_to_all
@keeps_form
def nouveau_mot_de_passe(token: str) -> ResponseReturnValue:
    """Choose another password. Opening the page uses nothing up; the first answer accepted does."""
    agent = comptes.agent_for_reset(token)
    form = NouveauMotDePasseForm()
    if form.validate_on_submit():
        try:
            comptes.reset_password(token, form.mot_de_passe.data or "")
        except Refus as refusal:
            return refused(refusal, "agent/nouveau_mot_de_passe.html", form=form, agent=agent)
        log_out()
        flash("Votre nouveau mot de passe est enregistré. Connectez-vous avec lui.", "success")
        return go_to(url_for(".connexion"))
    return respond("agent/nouveau_mot_de_passe.html", form=form, agent=agent)
