"""Logs: one line an event, as text or JSON, never a secret, a token or personal data."""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from webapp.config import ConfigError

# Personal links carry 22 characters of base64url: whatever prints an address must not print those.
_TOKENS = re.compile(r"(/(?:p|i|agent/mot-de-passe|mes-rendez-vous)/)[\w-]{22}")


def without_secrets(text: str) -> str:
    """The same text with every personal link cut short."""
    return _TOKENS.sub(r"\1[lien personnel]", text)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return without_secrets(json.dumps(line, ensure_ascii=False))


def init_app(app: Flask) -> None:
    """Everything goes to standard error, in LOG_FORMAT; libraries speak from WARNING up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Json() if app.config["LOG_FORMAT"] == "json" else _Text("%(levelname)s %(name)s: %(message)s")
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("webapp").setLevel(logging.INFO)
    if dsn := app.config["SENTRY_DSN"]:
        _report_to(dsn)


def _report_to(dsn: str) -> None:
    """Errors go to Sentry as well, without request data, local variables or personal links."""
    try:
        import sentry_sdk
    except ImportError:
        raise ConfigError("SENTRY_DSN demande le paquet sentry-sdk : pip install 'sentry-sdk[flask]'.") from None

    def cleaned(event: Any, _hint: Any) -> Any:
        event.pop("request", None)
        return json.loads(without_secrets(json.dumps(event, default=str)))

    sentry_sdk.init(
        dsn=dsn, send_default_pii=False, include_local_variables=False, max_breadcrumbs=0, before_send=cleaned
    )
