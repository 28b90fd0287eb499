"""How often a token may ask, said in the headers of each answer; and how often an address may show a wrong one."""

import math
import time

from flask import Response, g
from flask_limiter import RateLimitExceeded
from redis.exceptions import RedisError

from webapp.extensions import limiter, visitor
from webapp.models import Jeton

from . import bp
from .errors import TropVite

PAR_MINUTE = 600
WRONG = "60 per minute"


def count(jeton: Jeton) -> None:
    """Count one request of this token; raises `TropVite` past the limit."""
    _count(f"{PAR_MINUTE} per minute", f"jeton {jeton.id}", "Ce jeton a fait trop de demandes.")
    g.api_limit = limiter.current_limit


def count_wrong() -> None:
    """Count one wrong token from this address."""
    _count(WRONG, f"refus {visitor()}", "Trop de jetons refusés depuis cette adresse.")


def _count(limits: str, key: str, refusal: str) -> None:
    try:
        with limiter.shared_limit(limits, scope="api", key_func=lambda: key):
            return
    except RateLimitExceeded:
        g.api_limit = limiter.current_limit
        error = TropVite(f"{refusal} Attendez, puis recommencez.")
        error.retry_after = _headers().get("RateLimit-Reset", error.retry_after)
        raise error from None


def _headers() -> dict[str, int]:
    """What is left of the limit, and in how many seconds it starts again; nothing when nobody can say."""
    limit = g.get("api_limit")
    if limit is None:
        return {}
    try:
        reset, left = limit.reset_at, limit.remaining
    except RedisError:
        return {}
    seconds = max(0, math.ceil(reset - time.time()))
    return {"RateLimit-Limit": limit.limit.amount, "RateLimit-Remaining": left, "RateLimit-Reset": seconds}


@bp.after_request
def say(response: Response) -> Response:
    """On every answer, refusals included."""
    for name, value in _headers().items():
        response.headers[name] = str(value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
