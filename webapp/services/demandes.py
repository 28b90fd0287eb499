"""What a form asks of a session, and the first answer it got (docs/domain.md rule 19)."""

import hashlib
from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

from sqlalchemy import select

from webapp.domain.identity import Foyer, Identity, Prescripteur
from webapp.domain.participation import Acteur, holds_seat
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Agent, Envoi, Participation


@dataclass(frozen=True, slots=True)
class Booking:
    """The answer to a booking; `deja`: the person already had this seat (the page must not tell)."""

    participation_id: int
    deja: bool


@dataclass(frozen=True, slots=True)
class Demande:
    """Who asks for a seat, for whom, and by which form (`cle`)."""

    identity: Identity | None
    usager_id: int | None
    by: Acteur
    agent: Agent | None
    surbooking: bool
    prevenir: bool
    cle: str
    prescripteur: Prescripteur | None = None
    invitation_id: int | None = None
    changer: bool = False

    def keys(self) -> list[str]:
        """What the person is recognised by, unless their number in the file says who they are."""
        return self.identity.keys() if self.identity is not None and self.usager_id is None else []

    def by_form_only(self) -> bool:
        """No contact, no number: nothing but the form's own id tells that it was sent already."""
        return self.usager_id is None and not self.keys()


def form_key(rdv_id: int, envoi: str, who: Identity | Foyer | None, usager_id: int | None = None) -> str:
    """The same form with the same content, for the same session: another name typed after "back" is another booking."""
    content = repr(("inscription", rdv_id, envoi, astuple(who) if who else None, usager_id))
    return hashlib.sha256(content.encode()).hexdigest()


def first_answer(cle: str) -> Booking | None:
    """What this form was answered the first time, while the seat it gave is held."""
    found = db.session.execute(
        select(Participation.id, Participation.statut)
        .join(Envoi, Envoi.participation_id == Participation.id)
        .where(Envoi.cle == cle)
    ).first()
    return Booking(found.id, deja=False) if found is not None and holds_seat(found.statut) else None


@cache
def _answers(dialect: str) -> Any:
    row = insert(Envoi.__table__, dialect)
    return row.on_conflict_do_update(index_elements=["cle"], set_={"participation_id": row.excluded.participation_id})


def remember(cle: str, participation_id: int) -> None:
    """Remember a form's answer. It may have had one already, for a seat given up since."""
    answer = {"cle": cle, "participation_id": participation_id}
    db.session.execute(_answers(db.session.get_bind().dialect.name), answer)
