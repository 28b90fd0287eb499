"""The door of the back office: closed by default, sessions that end, and the right each view declares."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Flask, current_app, flash, g, request, session, url_for
from flask_login import current_user, login_user
from werkzeug.wrappers import Response

from webapp.clock import utcnow
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import Occupe
from webapp.extensions import login
from webapp.models import Agent
from webapp.queries import agents
from webapp.services import comptes, deux_etapes, droits

from .htmx import asked_by_htmx, go_to, page_path, redirect_header

View = TypeVar("View", bound=Callable[..., Any])

CLOSED = ("agent", "configuration")
"""Blueprints nobody enters without a session."""
CONFIGURE = {
    Droit.CONFIGURER_MOTIFS,
    Droit.CONFIGURER_LIEUX,
    Droit.CONFIGURER_ORGANISATION,
    Droit.GERER_AGENTS,
    Droit.GERER_INTEGRATIONS,
    Droit.VOIR_JOURNAL,
}
"""Rights of who sets something up, or looks back at it."""
SETUP = "a_activer"
"""In the session of who must set up the second step of their way in before anything else."""
SEEN_EVERY = 60  # seconds: the cookie is written again no more often
_ID, _SINCE, _SEEN = "id", "depuis", "vu"

log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Tell Flask-Login who somebody is, and close the back office."""
    login.user_loader(load)
    app.before_request(guard)
    app.jinja_env.globals.update(peut_configurer=may_configure, a_le_droit=may_somewhere)


def open_to_all(view: View) -> View:
    """Mark a view of the back office that answers without a session: logging in, choosing a password."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def before_setup(view: View) -> View:
    """Mark a view that also answers who must set up their second step first."""
    view.before_setup = True  # type: ignore[attr-defined]
    return view


def declares(droit: Droit, *, passive: bool = False) -> Callable[[View], View]:
    """Mark a back-office view with the right it needs; `allowed()` or `allowed_services()` checks it.

    `passive`: the page asks by itself (a stream, a refresh), so it does not keep an idle session alive.
    """

    def mark(view: View) -> View:
        view.droit, view.passive = droit, passive  # type: ignore[attr-defined]
        return view

    return mark


def current_agent() -> Agent:
    """The agent who asks. Only inside the back office, where there always is one."""
    return current_user._get_current_object()  # type: ignore[no-any-return]


def declared() -> Droit:
    """The right the running view declares."""
    return _view().droit  # type: ignore[no-any-return]


def allowed(obj: Any, droit: Droit | None = None) -> None:
    """The view's declared right (or `droit`) on that object: 404 outside my services, 403 inside without it."""
    droits.require(current_agent(), droit or declared(), obj)


def allowed_services(droit: Droit | None = None) -> set[int] | None:
    """For lists: the agent's services with the view's declared right (None: all of them); 403 when there is none."""
    agent, needed = current_agent(), droit or declared()
    droits.require_somewhere(agent, needed)
    return services_with(agent.octrois(), needed, agent.organisation_id)


def may(droit: Droit, obj: Any) -> bool:
    """For what a page shows."""
    return droits.may(current_agent(), droit, obj)


def may_configure() -> bool:
    """For the navigation: is there something for this agent to set up, in one of their services at least?"""
    return any(octroi.droit in CONFIGURE for octroi in current_agent().octrois())


def may_somewhere(droit: str) -> bool:
    """The same for one right."""
    return any(octroi.droit == droit for octroi in current_agent().octrois())


def log_in(agent: Agent) -> None:
    """A new session for this agent: nothing of the one before stays, its CSRF token included."""
    log_out()
    login_user(agent)
    now = utcnow().timestamp()
    session[_ID] = comptes.open_session(agent, request.user_agent.string)
    session[_SINCE], session[_SEEN] = now, now
    if deux_etapes.wanted(agent):
        session[SETUP] = True


def session_id() -> str:
    """The random id of the session of who asks."""
    return str(session[_ID])


def log_out() -> None:
    """End this session for good: a copy of its cookie opens nothing any more."""
    if _ID in session:
        comptes.close_session(session[_ID])
    session.clear()


def load(agent_id: str) -> Agent | None:
    """The agent of the session, unless it is over: closed here or from elsewhere, idle 4 h, 12 h old, another password
    since, an account closed."""
    now = utcnow().timestamp()
    ident, since, seen = session.get(_ID), session.get(_SINCE), session.get(_SEEN)
    if ident is None or since is None or seen is None:
        return None
    if now - since > agents.SESSION_LIFE.total_seconds() or now - seen > agents.SESSION_IDLE.total_seconds():
        return None
    found = agents.with_rights(int(agent_id), comptes.session_key(ident))
    if found is None:
        return None
    agent, g.session_noted = found
    return agent if agent.actif else None


def guard() -> Response | None:
    """Before every request: nobody enters a closed blueprint without a session, nor a view that declares no right."""
    if request.blueprint not in CLOSED:
        return None
    view = _view()
    if current_user.is_authenticated:
        g.organisation = current_agent().organisation
    if getattr(view, "open_to_all", False):
        return None
    if not current_user.is_authenticated:
        return _to_the_door()
    if getattr(view, "droit", None) is None:
        raise RuntimeError(f"the view {request.endpoint} declares no right")
    if SETUP in session and not getattr(view, "before_setup", False):
        return _to(url_for("agent.deux_etapes"))
    now = utcnow()
    if not view.passive and now.timestamp() - session[_SEEN] > SEEN_EVERY:
        session[_SEEN] = now.timestamp()
        if now - g.session_noted > agents.SESSION_NOTED:
            try:
                comptes.session_seen(session[_ID])
            except Occupe:  # a page that only reads is not refused for that: the next one notes it
                log.info("a session could not be noted as seen")
    return None


def local_path(address: str | None) -> str:
    """Where to go after logging in: a path of the back office, or its first page for anything else."""
    text = address or ""
    if not text.startswith(("/agent/", "/configuration/")) or not text.isprintable() or "\\" in text:
        return "/agent/"
    parts = urlsplit(text)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _to_the_door() -> Response:
    if _SINCE in session:
        session.clear()
        flash("Par sécurité, votre session s’est fermée. Connectez-vous à nouveau pour continuer.", "warning")
    whole = request.method == "GET" and not asked_by_htmx()
    # Otherwise the page that was open, not the address of a button in it.
    path = local_path(request.full_path.removesuffix("?") if whole else page_path())
    return _to(url_for("agent.connexion", suite=None if path == "/agent/" else path))


def _to(door: str) -> Response:
    if getattr(_view(), "passive", False):
        # A stream that comes back by itself must read a refusal, or it would come back twice a second.
        return Response(status=401, headers=redirect_header(door))
    return go_to(door)


def _view() -> Any:
    return current_app.view_functions[request.endpoint or ""]
