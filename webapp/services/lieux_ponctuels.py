"""A place typed on one session rather than chosen among those of the organisation."""

from dataclasses import asdict, dataclass

from sqlalchemy import select

from webapp.domain.errors import Refus
from webapp.extensions import db
from webapp.models import Agent, Lieu

from . import journal


@dataclass(frozen=True, slots=True)
class LieuPonctuel:
    """A place typed on one session, never offered again."""

    name: str
    address: str = ""
    postal_code: str = ""
    city: str = ""


def typed_place(organisation_id: int, typed: LieuPonctuel, agent: Agent) -> Lieu:
    """That place, in the running transaction: the same words are the same place, a form sent twice makes one."""
    data = asdict(typed)
    if not typed.name:
        raise Refus("Donnez un nom au lieu.")
    same = select(Lieu).filter_by(organisation_id=organisation_id, ponctuel=True, enabled=True, **data)
    found = db.session.scalars(same.order_by(Lieu.id)).first()
    if found is not None:
        return found
    lieu = Lieu(organisation_id=organisation_id, ponctuel=True, **data)
    db.session.add(lieu)
    db.session.flush()
    changes = {name: {"de": None, "a": value} for name, value in data.items() if value}
    journal.note(organisation_id, "lieu_cree", lieu, agent=agent, changements=changes)
    return lieu
