"""Public gauges that move by themselves: one stream per page, the same message for everybody (docs/house.md law 8)."""

from typing import cast

from flask import Flask, Response, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from webapp.domain.errors import Introuvable
from webapp.extensions import db
from webapp.live import sse
from webapp.queries import public as queries
from webapp.web.htmx import partial
from webapp.web.intake import number
from webapp.web.streams import event_stream

from . import bp
from .seance import around, gauge

MOST = 20  # sessions one page may follow


@bp.record_once
def render_changes(state: BlueprintSetupState) -> None:
    """Tell the hub how a gauge that moved is written. It asks from a thread of its own: one context each time."""
    app = cast(Flask, state.app)

    def render(rdv_id: int) -> str:
        with app.app_context():
            try:
                return "".join(_messages([rdv_id]))
            finally:
                db.session.remove()

    app.extensions["live"].render = render


def _messages(rdv_ids: list[int]) -> list[str]:
    """For each session of these that exists for the public, its gauge and what follows it, as `<hx-partial>`s."""
    found = queries.sessions_by_id(rdv_ids)
    return ["".join([partial(f"#jauge-{rdv.id}", gauge(rdv)), *around(rdv)]) for rdv in found]


@bp.get("/flux")
def flux() -> ResponseReturnValue:
    """The gauges of up to 20 sessions: their state now, then each change."""
    asked = sorted(set(request.args.getlist("rdv", type=number)))
    if len(asked) > MOST:
        raise BadRequest
    return _stream(asked)


@bp.get("/flux/rdv/<int:rdv_id>")
def flux_rdv(rdv_id: int) -> ResponseReturnValue:
    """The same, for one session."""
    return _stream([rdv_id])


def _stream(asked: list[int]) -> Response:
    known = [rdv.id for rdv in queries.sessions_by_id(asked)]
    db.session.remove()
    if not known:
        raise Introuvable
    return event_stream(known, "public", lambda: [sse(message) for message in _messages(known)])
