"""The negative control of the seat race: the same site with the lock taken away. It must oversell, or the race proves
nothing."""

import webapp.services.attente as attente
import webapp.services.booking as booking
import webapp.services.foyer as foyer
from webapp import create_app
from webapp.extensions import db
from webapp.models import Rdv


def no_lock(*rdv_ids: int) -> list[Rdv]:
    """The rows as they were when the request first read them: no lock, no second look."""
    return [db.session.get(Rdv, rdv_id) for rdv_id in rdv_ids]


def no_look(rdv: Rdv, keys: list[str]) -> bool:
    """Nothing is counted when one's turn comes; the person may be known."""
    return True


booking.seat_lock = foyer.seat_lock = attente.seat_lock = no_lock
booking.people.room_and_person = no_look
app = create_app()
