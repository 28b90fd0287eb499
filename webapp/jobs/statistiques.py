"""Figures kept up to date: the months something happened to are counted again, one transaction each."""

import logging

from sqlalchemy import select

from webapp.clock import utcnow
from webapp.extensions import db
from webapp.models import Organisation
from webapp.services import agregats

from .messages import let_messages_go

log = logging.getLogger(__name__)


def count_due() -> int:
    """Count again what may have changed. Answers how many months; twice in a row changes nothing."""
    done = 0
    for organisation_id in db.session.scalars(select(Organisation.id).order_by(Organisation.id)).all():
        now = utcnow()
        organisation = db.session.get_one(Organisation, organisation_id)
        months = agregats.due(organisation, now)
        for month in months:
            agregats.count_month(db.session.get_one(Organisation, organisation_id), month, now)
            let_messages_go()
        agregats.counted_until(organisation_id, now)
        done += len(months)
    if done:
        log.info("figures: %d months counted", done)
    return done
