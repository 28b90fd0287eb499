"""What one session holds at this moment."""

from sqlalchemy import select

from webapp.extensions import db
from webapp.models import Rdv


def seats_left(rdv_id: int) -> int:
    """Free seats as the database has them now, without a lock; 1 where seats are not counted (entrée libre)."""
    row = db.session.execute(
        select(Rdv.capacite_max, Rdv.places_prises, Rdv.places_proposees).where(Rdv.id == rdv_id)
    ).first()
    if row is None or row.capacite_max is None:
        return 1
    return max(0, row.capacite_max - row.places_prises - row.places_proposees)
