"""What tells an agent's page that a session moved: an event with a version, never content (docs/house.md law 8)."""

import json

from flask import request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable
from webapp.extensions import db
from webapp.live import sse
from webapp.queries import agenda
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.intake import number
from webapp.web.streams import event_stream

from . import bp

MOST = 20  # sessions one page may follow


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

    def state() -> list[str]:
        now = agenda.gauges(organisation_id, services, asked)
        return [sse(json.dumps({"rdv": rdv.id, "version": rdv.version}), event="maj") for rdv in now]

    return event_stream(asked, "agent", state)
