"""« Mon compte »: how everything stands, the password, where the account is open."""

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.appareils import appareil
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError
from webapp.domain.otp import FEW
from webapp.queries import agents as queries
from webapp.services import comptes
from webapp.web.auth import allowed_services, current_agent, declares, session_id
from webapp.web.errors import refused
from webapp.web.forms.base import BaseForm
from webapp.web.forms.compte import ChangerMotDePasseForm
from webapp.web.forms.preferences import NIVEAUX
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp
from .limites import limit_codes, login_failed


@bp.get("/compte")
@declares(Droit.VOIR)
def mon_compte() -> ResponseReturnValue:
    """Everything there is to choose about one's own account, and how it stands."""
    allowed_services()
    agent = current_agent()
    factor = queries.second_factor(agent.id)
    return respond(
        "agent/compte.html",
        agent=agent,
        niveau=NIVEAUX[agent.niveau_notification][0],
        ouvertes=len(queries.open_sessions(agent.id, utcnow())),
        facteur=factor,
        restants=queries.recovery_left(agent.id) if factor else 0,
        peu=FEW,
    )


@bp.route("/compte/mot-de-passe", methods=["GET", "POST"])
@declares(Droit.VOIR)
@keeps_form
@limit_codes
def changer_mot_de_passe() -> ResponseReturnValue:
    """Choose another password; sessions open elsewhere end."""
    allowed_services()
    agent, form, page = current_agent(), ChangerMotDePasseForm(), "agent/compte_mot_de_passe.html"
    if form.validate_on_submit():
        try:
            known = comptes.change_password(
                agent.id, session_id(), form.actuel.data or "", form.mot_de_passe.data or ""
            )
        except DomainError as refusal:
            return refused(refusal, page, form=form, agent=agent)
        if known:
            flash("Votre nouveau mot de passe est enregistré. Les autres appareils sont déconnectés.", "success")
            return go_to(url_for(".mon_compte"))
        login_failed()
        form.fail()
    return respond(page, form=form, agent=agent)


@bp.get("/compte/appareils")
@declares(Droit.VOIR)
def appareils() -> ResponseReturnValue:
    """Where this account is open."""
    allowed_services()
    agent, here = current_agent(), comptes.session_key(session_id())
    found = queries.open_sessions(agent.id, utcnow())
    lines = [(one, appareil(one.navigateur), one.cle == here) for one in found]
    return respond("agent/compte_appareils.html", form=BaseForm(), appareils=lines, agent=agent)


@bp.post("/compte/appareils/fermeture")
@declares(Droit.VOIR)
def fermer_appareils() -> ResponseReturnValue:
    """End one session, or all but this one: they are out at their next request."""
    allowed_services()
    count = comptes.close_others(current_agent().id, session_id(), request.form.get("appareil", ""))
    words = {0: "Cet appareil était déjà déconnecté.", 1: "L’appareil est déconnecté."}
    flash(words.get(count, f"{count} appareils sont déconnectés."), "success")
    return go_to(url_for(".appareils"))
