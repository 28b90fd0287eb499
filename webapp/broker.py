"""The one door to Redis: 0.3 s for each call, and after a failure nobody asks again for 5 s.

What goes through here is a hint (a job to run sooner, a gauge to move): losing it costs time, never data.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from flask import Flask, current_app
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
T = TypeVar("T")

TIMEOUT = 0.3
PAUSE = 5.0


class Unavailable(Exception):
    """Redis did not answer in time, or did not a moment ago."""


class Broker:
    """A connection pool and a breaker, one per process and application."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
        self._closed_until = 0.0

    @property
    def open(self) -> bool:
        """May we ask now?"""
        return time.monotonic() >= self._closed_until

    def call(self, action: Callable[[Any], T]) -> T:
        """`action(client)`, or `Unavailable` within 0.3 s a command."""
        if not self.open:
            raise Unavailable
        try:
            return action(self.client)
        except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
            self._closed_until = time.monotonic() + PAUSE
            log.warning("redis unavailable: %s", type(error).__name__)
            raise Unavailable from error


def init_app(app: Flask) -> None:
    app.extensions["broker"] = Broker(app.config["REDIS_URL"])


def broker() -> Broker:
    """The current application's broker."""
    return current_app.extensions["broker"]  # type: ignore[no-any-return]
