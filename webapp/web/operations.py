"""For machines that watch this one: is it up, is it fit to serve, and its figures. Nothing personal in any of them."""

import functools
import hmac
import ipaddress
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST
from rq import Queue
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import NotFound

from webapp import metrics
from webapp.broker import Unavailable, broker
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.notifications import wake
from webapp.queries import notifications as queries

bp = Blueprint("operations", __name__)
NO_STORE = {"Cache-Control": "no-store"}


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers; nothing else is asked."""
    return {"etat": "ok"}, 200, NO_STORE


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """May this process be given visitors? 503 when its database can't be used. Without Redis, with old messages or a
    stopped clock, the site still takes bookings: those are said (`degrade`), for whoever must be woken up."""
    now = utcnow()
    base, oldest = "ok", None
    try:
        base = _schema()
        if base != "a migrer":
            oldest = _oldest(queries.waiting(now))
    except SQLAlchemyError:
        base = "injoignable"
    finally:
        db.session.remove()
    known = _redis()
    seen = known["seen"] if known else None
    said: dict[str, Any] = {
        "base": base,
        "redis": "ok" if known else "injoignable",
        "message_en_retard_s": None if base == "injoignable" else int((now - oldest).total_seconds()) if oldest else 0,
        "horloge_vue_il_y_a_s": None if seen is None else max(0, int(now.timestamp()) - int(seen)),
    }
    if base in {"injoignable", "a migrer"}:
        return {"etat": "indisponible", **said}, 503, {**NO_STORE, "Retry-After": "5"}
    late = said["message_en_retard_s"] > LATE or seen is None or said["horloge_vue_il_y_a_s"] > STOPPED
    return {"etat": "degrade" if late else "ok", **said}, 200, NO_STORE


LATE = 600  # seconds a message may wait after its time: a provider's bad minutes are no alarm
STOPPED = 60  # the clock ticks every 5 s


@functools.cache
def _revisions(folder: str) -> tuple[set[str], str | None]:
    """The migrations this code knows, and the last of them."""
    scripts = ScriptDirectory(folder)
    return {script.revision for script in scripts.walk_revisions()}, scripts.get_current_head()


def _schema() -> str:
    """ok, `a migrer`, or `plus recente` (a deployment migrates before it replaces the processes, and each migration
    is compatible with the code before it: not a reason to stop serving). Raises SQLAlchemyError."""
    found = MigrationContext.configure(db.session.connection()).get_current_revision()
    known, head = _revisions(current_app.extensions["migrate"].directory)
    if found == head:
        return "ok"
    return "a migrer" if found is None or found in known else "plus recente"


def _oldest(rows: Any) -> Any:
    return min((row.due for row in rows if row.due), default=None)


def _redis() -> dict[str, Any] | None:
    """In one round trip: when the clock was last seen, what waits in the queues, what workers counted."""

    def ask(client: Any) -> list[Any]:
        pipe = client.pipeline(transaction=False)
        pipe.get(wake.CLOCK_SEEN)
        pipe.hgetall(metrics.DELIVERIES)
        for name in wake.QUEUES:
            pipe.llen(Queue.redis_queue_namespace_prefix + name)
        return pipe.execute()  # type: ignore[no-any-return]

    try:
        seen, deliveries, *lengths = broker().call(ask)
    except Unavailable:
        return None
    return {"seen": seen, "deliveries": deliveries, "lengths": dict(zip(wake.QUEUES, lengths, strict=True))}


@bp.get("/metrics")
def figures() -> ResponseReturnValue:
    """Prometheus's text. For this machine, or for who has METRICS_TOKEN; for others the page does not exist."""
    if not _may_measure():
        raise NotFound
    now = utcnow()
    families = []
    try:
        rows = queries.waiting(now)
        oldest = _oldest(rows)
        waiting = {(row.file, row.etat.value): row.count for row in rows}
        age = (now - oldest).total_seconds() if oldest else 0
        families += [
            metrics.gauge("rdv_outbox", "Messages that wait.", waiting, ("file", "etat")),
            metrics.gauge("rdv_outbox_late_seconds", "How late the latest of them is.", {(): age}),
        ]
    except SQLAlchemyError:
        rows = None
    finally:
        db.session.remove()
    known = _redis()
    up = {("base",): rows is not None, ("redis",): known is not None}
    families.append(metrics.gauge("rdv_up", "Is it reachable from here?", up, ("part",)))
    if known:
        lengths = {(name,): length for name, length in known["lengths"].items()}
        families.append(metrics.gauge("rdv_queue_jobs", "Jobs that wait.", lengths, ("file",)))
        families.append(metrics.deliveries(known["deliveries"]))
        if known["seen"]:
            seen = {(): float(known["seen"])}
            families.append(metrics.gauge("rdv_clock_seen_timestamp_seconds", "The clock's last tick.", seen))
    return Response(
        metrics.page(current_app.config["METRICS_FOLDER"], families), 200, NO_STORE, content_type=CONTENT_TYPE_LATEST
    )


def _may_measure() -> bool:
    """With a token, its bearer. Without, a direct request from this machine: one that a reverse proxy passed on comes
    from this machine too, and says so in a header."""
    if token := current_app.config["METRICS_TOKEN"]:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")):
        return False
    return ipaddress.ip_address(request.remote_addr or "0.0.0.0").is_loopback
