"""Tell webhooks what happened: each receiver by one worker at a time, in order, several receivers at once.

A receiver may be slow or dead, and people's messages must not wait for it: the posts run in threads, while this run
sends whatever message is due. A worker that dies leaves a claim that expires; what it was telling is told again, under
the same number.
"""

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import joinedload

from webapp.broker import Unavailable, broker
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import Webhook, WebhookEnvoi
from webapp.notifications import wake
from webapp.notifications.channels.webhook import Reponse
from webapp.queries import webhooks as queries
from webapp.services.transaction import transaction
from webapp.services.webhook_delivery import Colis, pack, record

from .messages import let_messages_go

log = logging.getLogger(__name__)

CLAIM = timedelta(seconds=60)
"""More than twice what one attempt may take, after the last one was begun."""
RECEIVERS = 8
WORK_SECONDS = 2.0
LOOK_SECONDS = 0.2


def deliver() -> int:
    """Tell up to eight receivers what waits for them, for 2 s; what is left is for the next run. Safe to run twice: one
    run claims a webhook. Answers how many tellings were taken."""
    _forget_hint()
    until = utcnow() + CLAIM
    claimed = _claim(until)
    taken = 0
    ends = time.monotonic() + WORK_SECONDS
    with ThreadPoolExecutor(RECEIVERS) as pool:
        running: dict[Future[Reponse], Colis] = {}
        try:
            for webhook_id in claimed:
                _next(pool, running, webhook_id)
            while running:
                done, _ = wait(running, LOOK_SECONDS, FIRST_COMPLETED)
                for future in done:
                    colis, answer = running.pop(future), future.result()
                    taken += answer.prise
                    if record(colis, answer) and time.monotonic() < ends:
                        _next(pool, running, colis.webhook_id)
                let_messages_go()
        finally:
            _release(claimed, until)
    if claimed:
        log.info("webhooks: %d told", taken)
    if queries.anything_due(utcnow()):
        wake.hint(wake.WEBHOOKS)
    db.session.remove()
    return taken


def _claim(until: datetime) -> list[int]:
    """Webhooks that are this run's."""
    now = utcnow()
    due = queries.due(now).limit(RECEIVERS).with_for_update(skip_locked=True, key_share=True)
    with transaction() as session:
        return list(
            session.scalars(
                update(Webhook)
                .where(Webhook.id.in_(due), or_(Webhook.claimed_until.is_(None), Webhook.claimed_until < now))
                .values(claimed_until=until)
                .returning(Webhook.id)
                .execution_options(synchronize_session=False)
            )
        )


def _next(pool: ThreadPoolExecutor, running: dict[Future[Reponse], Colis], webhook_id: int) -> None:
    """Begin telling it the first thing that waits for it."""
    first = queries.waiting(webhook_id, utcnow()).limit(1).scalar_subquery()
    envoi = db.session.scalars(
        select(WebhookEnvoi)
        .where(WebhookEnvoi.id == first)
        .options(joinedload(WebhookEnvoi.webhook))
        .execution_options(populate_existing=True)
    ).first()
    colis = pack(envoi) if envoi is not None and envoi.webhook.actif else None
    db.session.remove()
    if colis is not None:
        running[pool.submit(colis.send)] = colis


def _release(webhook_ids: list[int], until: datetime) -> None:
    if not webhook_ids:
        return
    with transaction() as session:
        session.execute(
            update(Webhook)
            .where(Webhook.id.in_(webhook_ids), Webhook.claimed_until == until)
            .values(claimed_until=None)
            .execution_options(synchronize_session=False)
        )


def _forget_hint() -> None:
    """From here on a new telling needs a new hint: this run may have looked already."""
    try:
        broker().call(lambda client: client.delete(wake.key(wake.WEBHOOKS)))
    except Unavailable:
        log.info("redis is away, telling webhooks all the same")
