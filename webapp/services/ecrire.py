"""An agent writes to the participants of a session (docs/notifications.md, the row `message`)."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from webapp.domain.errors import Refus
from webapp.domain.events import Message as MessageEcrit
from webapp.domain.participation import Statut
from webapp.engine import insert
from webapp.extensions import db
from webapp.models import Agent, Message, Participation, Rdv
from webapp.notifications.base import emit

from . import journal
from .transaction import transaction

CORPS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Ecrit:
    """What is written, by which channels, to people of which statuses."""

    corps: str
    par_sms: bool
    par_courriel: bool
    statuts: frozenset[Statut]


def write_to(rdv: Rdv, ecrit: Ecrit, *, agent: Agent, envoi: str) -> Message:
    """Write to each of them once, also about a session that has started. The same form sent twice writes once.

    Raises `Refus` when there is nothing to say, no channel, or nobody.
    """
    if not ecrit.corps.strip():
        raise Refus("Écrivez le message.")
    if not (ecrit.par_sms or ecrit.par_courriel):
        raise Refus("Choisissez le SMS, le courriel, ou les deux.")
    content = repr((rdv.id, agent.id, envoi, ecrit.corps, ecrit.par_sms, ecrit.par_courriel, sorted(ecrit.statuts)))
    cle = hashlib.sha256(content.encode()).hexdigest()
    with transaction():
        ids = participations_of(rdv.id, ecrit.statuts)
        if not ids:
            raise Refus("Personne n’a ce statut dans cette séance.")
        values = {
            "organisation_id": rdv.organisation_id,
            "rdv_id": rdv.id,
            "agent_id": agent.id,
            "cle": cle,
            "corps": ecrit.corps.strip()[:CORPS_MAX],
            "par_sms": ecrit.par_sms,
            "par_courriel": ecrit.par_courriel,
            "statuts": sorted(ecrit.statuts),
        }
        new = insert(Message.__table__, db.session.get_bind().dialect.name)
        made = db.session.execute(new.on_conflict_do_nothing(index_elements=["cle"]).returning(Message.id), values)
        first = made.scalar()
        message = db.session.scalars(select(Message).where(Message.cle == cle)).one()
        if first is not None:
            journal.note(
                rdv.organisation_id,
                "message",
                message,
                agent=agent,
                rdv_id=rdv.id,
                personnes=len(ids),
                statuts=sorted(ecrit.statuts),
            )
            emit(MessageEcrit(auteur_agent_id=agent.id, message_id=message.id, rdv_id=rdv.id, participation_ids=ids))
        return message


def participations_of(rdv_id: int, statuts: Collection[Statut]) -> tuple[int, ...]:
    """Participations of a session that have one of these statuses now."""
    found = db.session.scalars(
        select(Participation.id)
        .where(Participation.rdv_id == rdv_id, Participation.statut.in_(statuts))
        .order_by(Participation.id)
    )
    return tuple(found)
