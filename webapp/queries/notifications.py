"""What messages need to know: the people to tell with who answers for them, what waits, what became of it."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import joinedload
from sqlalchemy.orm.interfaces import ExecutableOption

from webapp.extensions import db
from webapp.models import Participation, Usager


def with_readers() -> ExecutableOption:
    """Loads with a participation its usager and who answers for them: what `notifications.people` reads."""
    return joinedload(Participation.usager).joinedload(Usager.responsable)


def participations_to_tell(rdv_id: int, participation_ids: Collection[int]) -> Sequence[Participation]:
    """These participations of one session, with their readers, in one statement."""
    found = db.session.scalars(
        select(Participation).where(Participation.rdv_id == rdv_id).options(with_readers()).order_by(Participation.id)
    )
    wanted = set(participation_ids)
    return [participation for participation in found if participation.id in wanted]
