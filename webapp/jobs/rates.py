"""How fast a provider may be spoken to: one message every so often, counted in Redis for all workers."""

import time
from typing import Any

from flask import current_app

from webapp.broker import Unavailable, broker
from webapp.models import Canal

KEY = "rdv:debit:"
SETTINGS = {Canal.SMS: "SMS_RATE", Canal.COURRIEL: "MAIL_RATE"}

# KEYS[1] holds the moment (in µs) from which the next message may leave. ARGV: µs between two messages, µs the caller
# can wait. Answers how long to wait, having taken that turn; or minus how long it would be, having taken nothing.
_TURN = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local turn = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local wait = turn - now
if wait > tonumber(ARGV[2]) then return -wait end
redis.call('SET', KEYS[1], string.format('%.0f', turn + ARGV[1]), 'PX', math.ceil((wait + ARGV[1]) / 1000) + 1000)
return wait
"""

_own: dict[Canal, float] = {}
"""The same moments for this process alone, while Redis is away."""


def turn(canal: Canal, patience: float) -> float:
    """Take a turn to send by this channel: the seconds to wait for it, `patience` at most. A negative answer is how
    long it would be: no turn was taken."""
    rate = current_app.config[SETTINGS[canal]]
    if not rate:
        return 0.0
    patience = max(0.0, patience)

    def ask(client: Any) -> int:
        return int(client.eval(_TURN, 1, f"{KEY}{canal}", int(1e6 / rate), int(patience * 1e6)))

    try:
        return broker().call(ask) / 1e6
    except Unavailable:
        return _alone(canal, 1 / rate, patience)


def _alone(canal: Canal, pause: float, patience: float) -> float:
    now = time.monotonic()
    at = max(now, _own.get(canal, 0.0))
    if at - now > patience:
        return now - at
    _own[canal] = at + pause
    return at - now
