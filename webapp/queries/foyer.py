"""The places one person answers for in a session, and by what they were told of each."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import func, select

from webapp.extensions import db
from webapp.models import Canal, EtatNotification, Notification, Participation, Usager

from .notifications import with_readers


def places_read_by(usager_id: int, rdv_id: int) -> Sequence[Participation]:
    """The places of that session whose messages this person reads, first booked first."""
    return db.session.scalars(
        select(Participation)
        .join(Participation.usager)
        .where(Participation.rdv_id == rdv_id, func.coalesce(Usager.responsable_id, Usager.id) == usager_id)
        .options(with_readers())
        .order_by(Participation.id)
    ).all()


def told_by(usager_id: int, rdv_id: int) -> Mapping[int, set[Canal]]:
    """Place → the channels by which something was written to this person about it."""
    found: dict[int, set[Canal]] = defaultdict(set)
    for canal, ids in db.session.execute(
        select(Notification.canal, Notification.participation_ids).where(
            Notification.rdv_id == rdv_id,
            Notification.destinataire_type == "usager",
            Notification.destinataire_id == usager_id,
            Notification.etat != EtatNotification.IGNOREE,
        )
    ):
        for participation_id in ids:
            found[participation_id].add(canal)
    return found


def relatives_of(usager_id: int) -> Sequence[Usager]:
    """Those whose messages this person reads."""
    return db.session.scalars(select(Usager).where(Usager.responsable_id == usager_id)).all()
