"""Each request has an id, which follows it into the log, the answer and its jobs; each answer is counted."""

import time

from flask import Flask, Response, g, request

from webapp import metrics
from webapp.log import request_id, well_formed_id


def init_app(app: Flask) -> None:
    app.before_request(begin)
    app.after_request(end)
    app.teardown_request(forget)


def begin() -> None:
    """The id the reverse proxy gave, or one of ours."""
    g.began = time.perf_counter()
    request_id.set(well_formed_id(request.headers.get("X-Request-ID", "")))


def end(response: Response) -> Response:
    """Say the id and count the answer."""
    response.headers["X-Request-ID"] = request_id.get()
    # A stranger may invent addresses and methods; only those of the site make figures of their own.
    endpoint, method = (request.endpoint, request.method) if request.endpoint else ("aucun", "aucune")
    metrics.answered(endpoint, method, response.status_code, time.perf_counter() - g.began)
    return response


def forget(_error: BaseException | None) -> None:
    """What comes after on the same connection is another request."""
    request_id.set("")
