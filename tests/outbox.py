"""People who are to be told, and how long it takes: for tests of workers, providers and faults."""

import time
from collections.abc import Callable

from tests import factories as make
from tests.servers import Site
from webapp.domain.events import Inscription
from webapp.extensions import db
from webapp.notifications.base import emit
from webapp.services.transaction import transaction


def booked(people: int) -> None:
    """That many people, each with a mobile and an e-mail, just booked."""
    rdv = make.rdv(make.motif(capacite_max=people))
    for number in range(people):
        make.participation(rdv, make.usager(rdv.organisation_id, email=f"personne{number}@exemple.fr"))
    db.session.commit()
    with transaction():
        for row in list(rdv.participations):
            emit(Inscription(participation_id=row.id, version=1))
    db.session.remove()


def until(what: Callable[[], bool], site: Site, seconds: float = 30) -> float:
    """Seconds until it happened; fails with what the site said when that is too long."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, site.output()
        time.sleep(0.05)
    return time.monotonic() - began
