"""The places one person answers for in a session, and by what they were told of each."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from webapp.extensions import db
from webapp.models import Canal, EtatNotification, Notification, Participation, Usager


def _read_by(rdv_ids: Collection[int | None], usager_ids: Collection[int]) -> Select[tuple[Participation]]:
    """The places of these sessions whose messages these people read, first booked first."""
    return (
        select(Participation)
        .join(Participation.usager)
        .where(Participation.rdv_id.in_(rdv_ids), func.coalesce(Usager.responsable_id, Usager.id).in_(usager_ids))
        .options(joinedload(Participation.usager).joinedload(Usager.responsable))
        .order_by(Participation.id)
    )


def places_read_by(usager_id: int, rdv_id: int) -> Sequence[Participation]:
    """The places of that session whose messages this person reads, first booked first."""
    return db.session.scalars(_read_by([rdv_id], [usager_id])).all()


def households_of(messages: Sequence[Notification]) -> Mapping[tuple[int, int], Sequence[Participation]]:
    """(session, reader) of these messages → the places that person answers for there; one statement at most."""
    found: dict[tuple[int, int], list[Participation]] = defaultdict(list)
    if messages:
        wanted = {row.rdv_id for row in messages}, {row.destinataire_id for row in messages}
        for place in db.session.scalars(_read_by(*wanted)):
            found[place.rdv_id, place.lecteur.id].append(place)
    return found


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
