"""What the clock enqueues, and the clock.

RQ's own cron ends with the first call Redis refuses and starts each interval from its last run: a clock of ours goes
on while Redis is away, keeps to the minute, and two of them enqueue each thing once.
"""

import importlib
import logging
import threading
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from webapp.broker import Unavailable, broker
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.notifications import wake
from webapp.queries import notifications as queries
from webapp.queries import webhooks

log = logging.getLogger(__name__)

MINUTE, DAY = 60, 24 * 3600
TICK_SECONDS = 5.0
LOCK_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Periodic:
    """A function, named by string, to run once in every `every` seconds (counted from the epoch: no drift)."""

    function: str
    every: int


PERIODIC = (
    Periodic("webapp.jobs.reminders.emit_due", MINUTE),
    Periodic("webapp.jobs.waitlist.pass_on_due", MINUTE),
    Periodic("webapp.jobs.invitations.emit_due", MINUTE),
    Periodic("webapp.jobs.alerts.under_minimum", MINUTE),
    Periodic("webapp.jobs.alerts.digests", MINUTE),
    Periodic("webapp.jobs.alerts.stuck", MINUTE),
    Periodic("webapp.jobs.exports.resume_due", MINUTE),
    Periodic("webapp.jobs.statistiques.count_due", 10 * MINUTE),
    Periodic("webapp.services.rdvs.freeze_started", MINUTE),
    Periodic("webapp.services.plages.extend_horizons", DAY),
    Periodic("webapp.services.retention.purge", DAY),
    Periodic("webapp.services.exports.purge", DAY),
    Periodic("webapp.services.webhooks.purge", DAY),
)


def run_alone(function: str) -> None:
    """Run a periodic function unless it is running elsewhere: what it missed, the next tick does."""
    if function not in {periodic.function for periodic in PERIODIC}:
        raise ValueError(f"not a periodic job: {function}")
    lock = broker().client.lock(f"rdv:seul:{function}", timeout=LOCK_SECONDS, blocking=False)
    if not broker().call(lambda _: lock.acquire()):
        log.info("%s is already running", function)
        return
    try:
        module, _, name = function.rpartition(".")
        getattr(importlib.import_module(module), name)()
    finally:
        db.session.remove()
        broker().call(lambda _: lock.release())


RUN_ALONE = f"{run_alone.__module__}.{run_alone.__name__}"


def sweep() -> bool:
    """Hint every queue where something is due, expired claims included; False when Redis can't be told."""
    try:
        files = list(queries.due_files(utcnow()))
        if webhooks.anything_due(utcnow()):
            files.append(wake.WEBHOOKS)
    finally:
        db.session.remove()
    hinted = [wake.hint(file) for file in files]
    return all(hinted)


@dataclass(slots=True)
class Clock:
    """Ticks every 5 s; what could not be done (Redis or the database away) is tried again at the next tick."""

    done: dict[str, int] = field(default_factory=dict)
    """Function → the last period that was taken care of, by this clock or another."""

    def tick(self) -> None:
        """Do what the present period asks for and was not done yet, and sweep: a message whose hint was lost, or whose
        worker died, waits 5 s more, not a minute."""
        now = utcnow().timestamp()
        for periodic in PERIODIC:
            period = int(now // periodic.every)
            if self.done.get(periodic.function) != period and _enqueue(periodic, period):
                self.done[periodic.function] = period
        try:
            sweep()
        except SQLAlchemyError as error:
            log.warning("sweep: database unavailable: %s", type(error).__name__)
        try:
            broker().call(lambda client: client.set(wake.CLOCK_SEEN, int(now)))
        except Unavailable:
            log.debug("nobody can see that the clock ticks")

    def run(self, stop: threading.Event) -> None:
        """Tick until asked to stop."""
        while True:
            self.tick()
            if stop.wait(TICK_SECONDS):
                return


def _enqueue(periodic: Periodic, period: int) -> bool:
    """Put it in the queue unless another clock did; it stays there until its turn comes round again at most."""
    key = f"rdv:horloge:{periodic.function}:{period}"

    def ask(client: Any) -> None:
        if not client.exists(key):
            wake.enqueue(
                client,
                RUN_ALONE,
                periodic.function,
                queue=wake.DEFAULT,
                seconds=LOCK_SECONDS,
                within=periodic.every,
            )
            client.set(key, 1, ex=2 * periodic.every)

    try:
        broker().call(ask)
    except Unavailable:
        return False
    return True
