"""What the clock tells agents: sessions under their minimum, the morning's digest, messages that do not leave.

Each looks at the database at each tick and promises what is due; the outbox's unique keys make running it twice, or
after an outage, promise nothing more than once.
"""

import logging

from webapp.clock import utcnow
from webapp.domain import alertes
from webapp.domain.dates import local
from webapp.domain.events import MessagesBloques, Minimum, Recapitulatif
from webapp.notifications.base import emit
from webapp.notifications.messages_bloques import MessagesBloques as Alert
from webapp.queries import notifications as queries
from webapp.queries import recapitulatif
from webapp.services.transaction import transaction

log = logging.getLogger(__name__)


def under_minimum() -> int:
    """Tell the agents of sessions that too few people booked. Answers how many sessions."""
    now = utcnow()
    few = queries.sessions_with_minimum(now)
    told = queries.minimum_promised([row.id for row in few])
    found = [
        row
        for row in few
        if (row.id, row.starts_at.isoformat()) not in told
        and alertes.under_minimum(
            prises=row.places_prises,
            minimum=row.capacite_min,
            heures=row.minimum_heures,
            starts_at=row.starts_at,
            cree_le=row.cree_le,
            now=now,
        )
    ]
    if found:
        with transaction():
            for row in found:
                emit(Minimum(rdv_id=row.id, starts_at_utc=row.starts_at.isoformat()))
        log.info("%d sessions are under their minimum", len(found))
    return len(found)


def digests() -> int:
    """Write to agents who want their day by e-mail, on working mornings, when there is something to say. Answers to how
    many."""
    now = utcnow()
    told = queries.digests_promised(now)
    due = []
    for agent in recapitulatif.who_wants():
        day = alertes.digest_due(now, agent.organisation.timezone)
        if day and (agent.id, day.isoformat()) not in told and recapitulatif.day_of(agent, day, now):
            due.append(Recapitulatif(agent_id=agent.id, jour=day.isoformat()))
    if due:
        with transaction():
            for event in due:
                emit(event)
        log.info("%d digests due", len(due))
    return len(due)


def stuck() -> int:
    """Tell admins that messages wait for more than ten minutes. Answers for how many organisations and channels."""
    now = utcnow()
    late = [row for row in queries.late_messages(now, without_event=Alert.name) if alertes.stuck(row.oldest, now)]
    if late:
        zones = queries.timezones({row.organisation_id for row in late})
        with transaction():
            for row in late:
                log.error("%d messages by %s wait since %s", row.count, row.canal, row.oldest.isoformat())
                day = local(now, zones[row.organisation_id]).date().isoformat()
                emit(MessagesBloques(organisation_id=row.organisation_id, canal=row.canal.value, jour=day))
    return len(late)
