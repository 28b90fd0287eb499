"""Texts over HTTP: one POST of {to, from, text} in JSON to SMS_URL, the row's key in the Idempotency-Key header."""

import json

import urllib3
from flask import current_app

from webapp.notifications.outgoing import Outgoing

from . import TIMEOUT, Permanent, Temporary

# What says "not this message" about the message itself. A wrong key, address or quota (401, 402, 403, 404…) is the
# operator's to mend: messages wait for it like they wait for a provider that is down.
REFUSED = {400, 406, 410, 411, 413, 414, 415, 422, 431, 451}
MAX_ANSWER = 65536

_http = urllib3.PoolManager(
    timeout=urllib3.Timeout(total=TIMEOUT.total_seconds()), retries=False, maxsize=2, cert_reqs="CERT_REQUIRED"
)


class HttpSms:
    """The provider behind SMS_URL."""

    def send(self, message: Outgoing) -> str:
        """The provider's message id (JSON "id", empty when it gives none). Raises `Permanent`, `Temporary`."""
        config = current_app.config
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Idempotency-Key": message.key,
            "User-Agent": "rdv-collectifs",
        }
        if config["SMS_AUTHORIZATION"]:
            headers["Authorization"] = config["SMS_AUTHORIZATION"]
        body = json.dumps({"to": message.to, "from": message.sender, "text": message.text}).encode()
        try:
            answer = _http.request(
                "POST", config["SMS_URL"], body=body, headers=headers, redirect=False, preload_content=False
            )
            try:
                said = answer.read(MAX_ANSWER) if 200 <= answer.status < 300 else b""
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            raise Temporary(f"SMS : {type(error).__name__}") from None
        if answer.status in REFUSED:
            raise Permanent(f"SMS refusé par l’opérateur (HTTP {answer.status})")
        if not 200 <= answer.status < 300:
            raise Temporary(f"SMS : HTTP {answer.status}")
        return _message_id(said)


def _message_id(said: bytes) -> str:
    """The id in the provider's answer; a text that was taken stays taken, whatever the answer looks like."""
    try:
        found = json.loads(said)
    except ValueError:
        return ""
    value = found.get("id", "") if isinstance(found, dict) else ""
    return str(value) if isinstance(value, str | int) else ""
