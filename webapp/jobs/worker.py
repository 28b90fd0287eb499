"""The RQ worker of this site: urgent before default before mass, one fork per job, nothing shared with the fork."""

import logging
import os
import signal
import time
from typing import Any, NoReturn

import redis
from flask import Flask
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, Worker
from rq.job import Job
from rq.utils import now as rq_now

from webapp.extensions import db
from webapp.log import request_id
from webapp.notifications import wake

from . import (
    exports,
    messages,
    reminders,
    schedule,
    webhooks,
)  # loaded before the fork, so that a job starts in milliseconds

log = logging.getLogger(__name__)

__all__ = ["QuietWorker", "exports", "messages", "reminders", "run", "schedule", "webhooks"]

# RQ reads at most TTL − 15 s at a time and takes a silent Redis for dead 10 s later.
TTL_SECONDS = 20
RETRY_SECONDS = 1.0
NICE = 10


class QuietWorker(Worker):
    """RQ's worker without remote commands (no listening thread beside the fork), quick to come back to Redis."""

    max_connection_wait_time = 2.0
    log_job_description = False
    stopping = False

    def subscribe(self) -> None:
        """Nobody commands our workers through Redis."""

    def unsubscribe(self) -> None:
        """Nothing was subscribed to."""

    def request_stop(self, signum: Any, frame: Any) -> None:
        """Leave now, or when the job in hand is finished; without a word to Redis, which may be away.

        RQ's own asks Redis in the middle of whatever runs, and the loop that waits for Redis does not hear it.
        """
        if not self.horse_pid:
            _leave(signum, frame)
        self.stopping = self._stop_requested = True
        self._shutdown_requested_date = rq_now()
        signal.signal(signal.SIGINT, self.request_force_stop)
        signal.signal(signal.SIGTERM, self.request_force_stop)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """In the fork: the parent's database connections are the parent's; the log says which request asked."""
        db.engine.dispose(close=False)
        request_id.set(job.get_meta(refresh=False).get("request", ""))
        super().main_work_horse(job, queue)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """RQ's own line would quote the error's words, which may hold a name or a telephone number."""
        log.error("job %s failed", job.func_name, exc_info=exc_info)


def _short(record: logging.LogRecord) -> bool:
    """Redis going away is a line in the log, not a page."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, redis.RedisError | OSError):
        record.msg, record.args, record.exc_info = "redis unavailable: %s", (type(error).__name__,), None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def connection(url: str) -> redis.Redis:
    """A client whose reads may wait (the web's gives up after 0.3 s)."""
    return redis.Redis.from_url(url, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0))


def _leave(_signum: int, _frame: object) -> NoReturn:
    """End at once: between two jobs there is nothing to put away. An exception would be lost when the signal comes
    while Python destroys an object (seen with redis-py's pipelines)."""
    os._exit(0)


def run(app: Flask) -> None:
    """Work until SIGTERM or SIGINT; when Redis goes away, wait for it as long as it takes.

    Messages leave a little later rather than pages: where both share processors, the worker gives way.
    """
    os.nice(NICE)
    logging.getLogger("rq.worker").addFilter(_short)
    db.session.remove()
    db.engine.dispose()
    said = False
    worker = None
    while worker is None or not worker.stopping:
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGINT, _leave)
        try:
            client = connection(app.config["REDIS_URL"])
            client.ping()
            worker = QuietWorker(list(wake.QUEUES), connection=client, worker_ttl=TTL_SECONDS)
            log.info("worker ready")
            said = False
            worker.work(logging_level="WARNING")
        except (redis.RedisError, OSError) as error:
            if not said:
                log.warning("redis unavailable (%s): waiting for it", type(error).__name__)
                said = True
        if worker is None or not worker.stopping:
            time.sleep(RETRY_SECONDS)
