"""Which reminders are due now: a pure rule over the database at each tick, so that an outage is caught up."""

import logging

from webapp.clock import utcnow
from webapp.domain.events import Rappel
from webapp.domain.reminders import Due, due
from webapp.notifications.base import emit
from webapp.notifications.rappel import changement
from webapp.queries import notifications as queries
from webapp.services.transaction import transaction

log = logging.getLogger(__name__)


def emit_due() -> int:
    """Promise every reminder that is due; running it twice promises nothing more. Answers how many messages."""
    now = utcnow()
    sessions = queries.sessions_to_remind(now)
    if not sessions:
        return 0
    people = queries.people_to_remind([session.id for session in sessions])
    promised = queries.reminders_promised([session.id for session in sessions])
    events = []
    for session in sessions:
        start = session.starts_at.isoformat()
        for delay in session.rappels:
            told = promised.get((session.id, changement(delay, start)), set())
            ids = tuple(
                person.id
                for person in people.get(session.id, ())
                if person.id not in told
                and isinstance(due(session.starts_at, delay, person.inscrit_le, now, session.timezone), Due)
            )
            if ids:
                events.append(Rappel(rdv_id=session.id, delai=delay, starts_at_utc=start, participation_ids=ids))
    if not events:
        return 0
    with transaction():
        count = sum(emit(event) for event in events)
    log.info("%d reminders due", count)
    return count
