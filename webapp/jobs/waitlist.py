"""What waitlists need at each tick: offers whose time is over, sessions too near for offers, seats nobody passed on."""

import logging

from webapp.clock import utcnow
from webapp.domain import waitlist
from webapp.domain.errors import Introuvable, Occupe
from webapp.queries import attente as queries
from webapp.services import attente, offres

log = logging.getLogger(__name__)


def pass_on_due() -> int:
    """Do what is due now in every waitlist; an outage is caught up, twice does nothing more. Answers in how many.

    Looked at without a lock, decided again under each session's own: a session somebody holds waits for the next tick.
    """
    now = utcnow()
    sessions = queries.sessions_with_somebody_waiting(now)
    files = queries.files([rdv.id for rdv in sessions]) if sessions else {}
    due = [
        rdv.id
        for rdv in sessions
        if waitlist.due(offres.waiting(files[rdv.id]), offres.decide(rdv, files[rdv.id], now))
    ]
    done = 0
    for rdv_id in due:
        try:
            attente.refresh(rdv_id)
            done += 1
        except (Occupe, Introuvable) as reason:
            log.warning("session %s: its waitlist was left for the next minute (%s)", rdv_id, reason.code)
    if done:
        log.info("%d waitlists moved on", done)
    return done
