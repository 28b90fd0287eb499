"""Invitations nobody used yet, said again 3 and 10 days later: a pure rule over the database at each tick."""

import logging

from webapp.clock import utcnow
from webapp.domain.events import Invitation
from webapp.domain.reminders import may_leave
from webapp.notifications.base import emit
from webapp.notifications.invitation import changement
from webapp.queries import invitations as queries
from webapp.queries import public
from webapp.services.transaction import transaction

log = logging.getLogger(__name__)


def emit_due() -> int:
    """Promise every repeat that is due, as long as there is a date to choose; running it twice promises nothing more.
    Answers how many messages."""
    now = utcnow()
    waiting = [one for one in queries.to_repeat(now) if may_leave(now, one.timezone)]
    told = queries.promised([one.id for one in waiting]) if waiting else set()
    choice: dict[int, bool] = {}
    events = []
    for one in waiting:
        days = one.moments.relance(now)
        if days is None or (one.id, changement(one.version, days)) in told:
            continue
        motif = one.motif
        if motif.id not in choice:
            choice[motif.id] = bool(public.bookable(motif, now, 1, invited=True))
        if choice[motif.id]:
            events.append(Invitation(invitation_id=one.id, version=one.version, relance=days))
    if not events:
        return 0
    with transaction():
        count = sum(emit(event) for event in events)
    log.info("%d invitations said again", count)
    return count
