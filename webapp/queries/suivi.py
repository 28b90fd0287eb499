"""What became of a change to many sessions: how far its messages are, and who is still to be called."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, case, func, not_, or_, select
from sqlalchemy.orm import aliased, joinedload

from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import EtatNotification, Journal, Notification, Participation, Rdv, Usager

from .notifications import WAITING, in_state, with_readers

Sessions = Select[tuple[int]] | Collection[int]
CHANGES = ("annulation", "modification")
"""What the journal and the outbox call what people are told of a session that changes."""
LEFT_OUT = "%budget SMS%"
"""Why a text to somebody without e-mail was not sent, among reasons that mean there was nothing more to say."""


def of_plage(plage_id: int) -> Select[tuple[int]]:
    """The ids of its sessions."""
    return select(Rdv.id).where(Rdv.plage_ouverture_id == plage_id)


@dataclass(frozen=True, slots=True)
class Depart:
    """How far a message to many people of a session is: of `total`, what waits, what failed."""

    event: str
    total: int
    attend: int
    echecs: int
    cree_le: datetime

    @property
    def faits(self) -> int:
        return self.total - self.attend


TO_MANY = ("annulation", "modification", "message")


def progress(sessions: Sessions, since: datetime) -> list[Depart]:
    """How far the messages to the people of these sessions written down since then are, each change to many of them in
    one line, latest first; one statement."""
    row = Notification
    many = or_(row.event.in_(TO_MANY), and_(row.event == "inscription", row.file == "mass"))  # copied by an agent
    rows = db.session.execute(
        select(
            row.event,
            func.count().label("total"),
            func.count(case((in_state(row, *WAITING), 1))).label("waiting"),
            func.count(case((row.etat == EtatNotification.ECHEC, 1))).label("failed"),
            row.cree_le.label("written"),
        )
        .where(row.rdv_id.in_(sessions), many, row.destinataire_type == "usager", row.cree_le > since)
        .group_by(row.event, row.cree_le)
        .order_by(row.cree_le.desc(), row.event)
    )
    return [Depart(found.event, found.total, found.waiting, found.failed, found.written) for found in rows]


def perhaps_to_call(sessions: Sessions, since: datetime) -> Sequence[Participation]:
    """Among the people who were to be told that these sessions changed since then, those nobody writes an e-mail to and
    those of `failed`, with their session and reader."""
    lines = db.session.execute(
        select(Journal.rdv_id, Journal.details).where(
            Journal.rdv_id.in_(sessions),
            Journal.sujet_type == "rdv",
            Journal.action.in_(CHANGES),
            Journal.quand > since,
        )
    )
    changed = {rdv_id for rdv_id, details in lines if details.get("prevenir")}
    if not changed:
        return []
    person, reader = aliased(Usager), aliased(Usager)
    by_mail = and_(
        reader.notify_by_email,
        Participation.refus_courriel.is_(False),
        func.coalesce(func.nullif(Participation.courriel, ""), func.nullif(reader.email, "")).is_not(None),
    )
    return db.session.scalars(
        select(Participation)
        .join(Participation.rdv)
        .join(person, person.id == Participation.usager_id)
        .join(reader, reader.id == func.coalesce(person.responsable_id, person.id))
        .where(
            Rdv.id.in_(changed),
            or_(
                and_(Rdv.cancelled_at.is_(None), Participation.statut == Statut.INSCRIT),
                and_(Participation.statut == Statut.ANNULE, Participation.statut_le == Rdv.cancelled_at),
            ),
            Participation.prevenir,
            or_(not_(by_mail), Participation.id.in_(failed(changed, since))),
        )
        .options(with_readers(), joinedload(Participation.rdv).joinedload(Rdv.motif))
        .options(joinedload(Participation.rdv).joinedload(Rdv.lieu))
        .order_by(Rdv.starts_at, Participation.id)
    ).all()


def failed(sessions: Sessions, since: datetime) -> set[int]:
    """The participations whose messages about such a change all failed, or could not leave for want of texts."""
    row = Notification
    told = row.rdv_id.in_(sessions), row.event.in_(CHANGES), row.destinataire_type == "usager", row.cree_le > since
    lost = or_(in_state(row, EtatNotification.ECHEC), row.erreur.like(LEFT_OUT))
    bad = {place for ids in db.session.scalars(select(row.participation_ids).where(*told, lost)) for place in ids}
    if not bad:
        return bad
    fine = select(row.participation_ids).where(*told, in_state(row, EtatNotification.ENVOYEE, *WAITING))
    return bad - {place for ids in db.session.scalars(fine) for place in ids}
