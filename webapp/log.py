"""Logs: one line an event, as text or JSON, never a secret, a token or personal data."""

import json
import logging
import re
import sys
from datetime import UTC, datetime

from flask import Flask

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
