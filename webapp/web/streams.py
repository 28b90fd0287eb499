"""A page's live stream, as an answer: what the public's and the agents' have in common."""

import socket
from collections.abc import Callable, Sequence

from flask import Response, request
from werkzeug.exceptions import ServiceUnavailable

from webapp import metrics
from webapp.broker import Unavailable
from webapp.extensions import db, visitor
from webapp.live import TooManyStreams, hub

BACK_IN = 30  # seconds
ROOM = 16384  # bytes the kernel keeps for who does not read
PATIENCE_MS = 60_000  # what was sent and never arrived: a telephone that lost its network


def event_stream(rdv_ids: Sequence[int], kind: str, state: Callable[[], list[str]]) -> Response:
    """Stream these sessions: `state()`, read after opening so that no change falls in between, then each change. 503
    when this process or this address has its share, or without Redis: the page polls."""
    if request.method == "HEAD":
        return Response(mimetype="text/event-stream")
    streams = hub()
    connection = request.environ.get("gunicorn.socket")
    try:
        stream = streams.open(list(rdv_ids), kind, visitor(), connection)
    except (TooManyStreams, Unavailable):
        metrics.REFUSED.inc()
        raise ServiceUnavailable(retry_after=BACK_IN) from None
    try:
        first = state()
    except BaseException:
        streams.close(stream)
        raise
    finally:
        db.session.remove()
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PATIENCE_MS)
    response = Response(streams.iterate(stream, first, request.environ), mimetype="text/event-stream")
    response.call_on_close(lambda: streams.close(stream))  # a body nobody began to read never ends by itself
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["Cache-Control"] = "no-store"
    return response
