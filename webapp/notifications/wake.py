"""The hint that a queue has something to send. Losing it costs a minute (the sweeper finds the row), no message."""

import logging
from typing import Any

from rq import Queue

from webapp.aftercommit import after_commit
from webapp.broker import Unavailable, broker
from webapp.log import request_id
from webapp.models import Canal

log = logging.getLogger(__name__)

URGENT, DEFAULT, MASS, WEBHOOKS = "urgent", "default", "mass", "webhooks"
QUEUES = (URGENT, DEFAULT, MASS, WEBHOOKS)
"""In the order the worker empties them: a code never waits behind a mass message, nor anybody behind a program."""

CLOCK_SEEN = "rdv:horloge:vue"
"""The Redis key where the clock says, at each tick, what time it is (seconds since 1970)."""

RESTING = "rdv:repos:"
DELIVER = "webapp.jobs.messages.deliver"
TELL = "webapp.jobs.webhooks.deliver"
HINT_SECONDS = 60
JOB_SECONDS = 120
"""A delivery works 2 s; a provider that hangs may hold it for some time more."""


def key(file: str) -> str:
    """The Redis key that says a delivery is already on its way."""
    return f"rdv:reveil:{file}"


def rest(canal: Canal, seconds: float) -> None:
    """Nothing leaves by this channel for that long: its provider is slow or silent, the others must not wait for it."""
    try:
        broker().call(lambda client: client.set(f"{RESTING}{canal}", 1, px=max(1, int(seconds * 1000))))
    except Unavailable:
        log.info("channel %s: not rested, redis is away", canal)


def resting() -> set[Canal]:
    """The channels that rest now; none when Redis can't be asked."""
    keys = [f"{RESTING}{canal}" for canal in Canal]
    try:
        found = broker().call(lambda client: client.mget(keys))
    except Unavailable:
        return set()
    return {canal for canal, kept in zip(Canal, found, strict=True) if kept}


def enqueue(
    client: Any, function: str, *args: Any, queue: str, seconds: int = JOB_SECONDS, within: int = HINT_SECONDS
) -> None:
    """One RQ job, named by string; its result is in the database, so Redis keeps nothing of it. Not started `within`
    seconds it is dropped: jobs do not pile up while there is no worker, and the clock asks again."""
    Queue(queue, connection=client).enqueue_call(
        function,
        args=args,
        timeout=seconds,
        ttl=within,
        result_ttl=0,
        failure_ttl=3600,
        description=function,
        meta={"request": request_id.get()},
    )


def hint(file: str) -> bool:
    """Ask for a delivery of this queue unless one is already asked for; False when Redis can't be told."""

    def ask(client: Any) -> None:
        if client.set(key(file), 1, nx=True, ex=5):
            enqueue(client, *((TELL,) if file == WEBHOOKS else (DELIVER, file)), queue=file)

    try:
        broker().call(ask)
    except Unavailable:
        log.info("queue %s: hint not given, the sweeper will", file)
        return False
    return True


def hint_after_commit(file: str) -> None:
    """The same, once what it announces is committed."""

    def give() -> None:
        hint(file)

    after_commit(("queue", file), give)
