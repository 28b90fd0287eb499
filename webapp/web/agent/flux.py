"""What tells an agent's page that a session moved: an event with a version, never content (docs/house.md law 8)."""

import json

from flask import Response, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest, ServiceUnavailable

from webapp.broker import Unavailable
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable
from webapp.extensions import db, visitor
from webapp.live import TooManyStreams, hub, sse
from webapp.queries import agenda
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.intake import number

from . import bp

MOST = 20  # sessions one page may follow
BACK_IN = 30  # seconds


@bp.get("/flux")
@declares(Droit.VOIR, passive=True)
def flux() -> ResponseReturnValue:
    """Named `maj` events of up to 20 sessions, all of them the agent's to see: their versions now, then each change."""
    asked = sorted(set(request.args.getlist("rdv", type=number)))
    if not asked or len(asked) > MOST:
        raise BadRequest
    organisation_id, services = current_agent().organisation_id, allowed_services()
    if len(agenda.gauges(organisation_id, services, asked)) < len(asked):
        raise Introuvable
    db.session.remove()
    if request.method == "HEAD":
        return Response(mimetype="text/event-stream")
    streams = hub()
    try:
        stream = streams.open(asked, "agent", visitor())
    except (TooManyStreams, Unavailable):
        raise ServiceUnavailable(retry_after=BACK_IN) from None
    try:  # read after opening: no change falls in between
        now = [(rdv.id, rdv.version) for rdv in agenda.gauges(organisation_id, services, asked)]
    except BaseException:
        streams.close(stream)
        raise
    finally:
        db.session.remove()
    first = [sse(json.dumps({"rdv": rdv_id, "version": version}), event="maj") for rdv_id, version in now]
    response = Response(streams.iterate(stream, first), mimetype="text/event-stream")
    response.call_on_close(lambda: streams.close(stream))  # a body nobody began to read never ends by itself
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["Cache-Control"] = "no-store"
    return response
