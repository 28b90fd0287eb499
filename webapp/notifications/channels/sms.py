"""Texts over HTTP: one request to SMS_URL for each, worded as the provider wants it (docs/sms.md)."""

import email.utils
import threading
import time
from typing import Any

import urllib3
from flask import current_app

from webapp.clock import utcnow
from webapp.domain.sms_provider import Outcome, SmsProvider, Text
from webapp.notifications.outgoing import Outgoing

from . import TIMEOUT, Permanent, Saturated, Temporary, hurry

MAX_ANSWER = 65536
SATURATED = {429, 503}
PAUSE = 5.0
"""Seconds to leave in peace a provider that says it has too much to do, and not for how long."""

_request = threading.local()
"""`ends`: the monotonic moment at which this thread's request is given up."""


def _left() -> float:
    return hurry.patience(_request.ends)


class _Socket:
    """A socket whose answers are read until that moment."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def makefile(self, *_: Any, **__: Any) -> Any:
        return hurry.reader(self._sock, _left)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Connection(urllib3.connection.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _Socket(self.sock)  # type: ignore[assignment]


class _TlsConnection(urllib3.connection.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _Socket(self.sock)  # type: ignore[assignment]


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_http = urllib3.PoolManager(
    timeout=urllib3.Timeout(total=TIMEOUT.total_seconds()), retries=False, maxsize=2, cert_reqs="CERT_REQUIRED"
)
_http.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class HttpSms:
    """The provider behind SMS_URL. Its connection is kept from one text to the next."""

    def send(self, message: Outgoing) -> str:
        """The provider's message id (empty when it gives none). Raises `Permanent`, `Temporary`."""
        provider: SmsProvider = current_app.config["SMS_PROVIDER"]
        headers, body = provider.request(Text(message.to, message.sender, message.text, message.key))
        _request.ends = time.monotonic() + TIMEOUT.total_seconds()
        try:
            answer = _http.request(
                provider.method,
                current_app.config["SMS_URL"],
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
            )
            try:
                said = _read(answer)
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise Temporary(f"SMS : {type(error).__name__}") from None
        outcome = provider.verdict(answer.status, said)
        if outcome is Outcome.PERMANENT:
            raise Permanent(f"SMS refusé par l’opérateur (HTTP {answer.status})")
        if outcome is Outcome.TEMPORARY and answer.status in SATURATED:
            raise Saturated(f"SMS : HTTP {answer.status}", seconds_to_wait(answer.headers.get("Retry-After", "")))
        if outcome is Outcome.TEMPORARY:
            raise Temporary(f"SMS : HTTP {answer.status}")
        return provider.message_id(said)

    def close(self) -> None:
        """Nothing to say goodbye to: the connection ends with the process of the run."""


def _read(answer: urllib3.BaseHTTPResponse) -> bytes:
    """The answer, as far as it comes in time: its status came, the text is taken. Read to its end, it leaves the
    connection to the next text."""
    said = b""
    while len(said) < MAX_ANSWER and time.monotonic() < _request.ends:
        try:
            part = answer.read1(MAX_ANSWER)
        except urllib3.exceptions.TimeoutError:
            break
        if not part:
            break
        said += part
    return said


def seconds_to_wait(retry_after: str) -> float:
    """What a Retry-After header asks for, in seconds or as a date; a few seconds when it says nothing we understand."""
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(retry_after) - utcnow()).total_seconds())
    except (TypeError, ValueError):  # TypeError: a date without a zone
        return PAUSE
