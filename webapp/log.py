"""Logs: one line an event, as text or JSON, never a secret, a token or personal data.

Each line says which request it belongs to, in the web process and in the job that request asked for.
"""

import json
import logging
import re
import sys
import traceback
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from flask import Flask

# Personal links carry 22 characters of base64url: whatever prints an address must not print those.
_TOKENS = re.compile(r"(/(?:p|i|agenda|agent/mot-de-passe|mes-rendez-vous)/)[\w-]{22}")
# Those of the API begin like this, wherever they stand.
_API_TOKENS = re.compile(r"rdv_[\w-]{20,}")
# What proxies make: 32 hexadecimal digits or a UUID. Anything looser would let a stranger write in our logs.
_REQUEST_ID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request being answered, or of the one that asked for the running job."""


def well_formed_id(given: str) -> str:
    """The proxy's id of a request when it is one, else a new one."""
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def without_secrets(text: str) -> str:
    """The same text with every personal link and every token of the API cut short."""
    return _API_TOKENS.sub("rdv_[jeton]", _TOKENS.sub(r"\1[lien personnel]", text))


def what(error: BaseException) -> str:
    """The kind of an error and the database's code for it. Its own words stay out: a database quotes the row it
    refuses, Python the value it can't read."""
    orig = getattr(error, "orig", None) or error
    code = next(
        (found for name in ("sqlstate", "sqlite_errorname", "errno") if (found := getattr(orig, name, None))), ""
    )
    return f"{type(error).__name__} {code}".rstrip()


def _trace(error: BaseException | None) -> str:
    """Where an error went through, then what it is; the same for those that caused it, first things first."""
    told: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        told.insert(0, "".join(traceback.format_tb(error.__traceback__)) + what(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(told)


class _Formatter(logging.Formatter):
    def formatException(self, ei: Any) -> str:
        return _trace(ei[1])


class _Text(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        record.request = f" [{asked}]" if (asked := request_id.get()) else ""
        return without_secrets(super().format(record))


class _Json(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if asked := request_id.get():
            line["request"] = asked
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return without_secrets(json.dumps(line, ensure_ascii=False))


def init_app(app: Flask) -> None:
    """Everything goes to standard error, in LOG_FORMAT; libraries speak from WARNING up."""
    to_stderr(app.config["LOG_FORMAT"])
    if dsn := app.config["SENTRY_DSN"]:
        _report_to(dsn)


def to_stderr(form: str) -> None:
    """Where this process's lines go, gunicorn's included (its own handler would quote addresses)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text("%(levelname)s %(name)s: %(message)s%(request)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("webapp").setLevel(logging.INFO)
    server = logging.getLogger("gunicorn.error")
    server.handlers, server.propagate = [], True
    server.addFilter(_without_addresses)


def _without_addresses(record: logging.LogRecord) -> bool:
    """gunicorn quotes the request it could not read or answer: a personal link, a name, somebody's IP address."""
    for start in ("Invalid request", "Error handling request"):
        if str(record.msg).startswith(start):
            record.msg, record.args = start, ()
    return True


def _report_to(dsn: str) -> None:
    """Errors go to Sentry as well, without request data, local variables, their own words or personal links."""
    try:
        import sentry_sdk
    except ImportError:
        from webapp.config import ConfigError

        raise ConfigError("SENTRY_DSN demande le paquet sentry-sdk : pip install 'sentry-sdk[flask]'.") from None

    def cleaned(event: Any, _hint: Any) -> Any:
        for name in ("request", "user", "extra"):
            event.pop(name, None)
        for error in event.get("exception", {}).get("values", ()):
            error["value"] = ""
        event.setdefault("tags", {})["request"] = request_id.get()
        return json.loads(without_secrets(json.dumps(event, default=str)))

    sentry_sdk.init(
        dsn=dsn, send_default_pii=False, include_local_variables=False, max_breadcrumbs=0, before_send=cleaned
    )
