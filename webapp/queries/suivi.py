"""What became of a change to many sessions: how far its messages are, and who is still to be called."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import joinedload

from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import EtatNotification, Journal, Notification, Participation, Rdv

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
    rows = db.session.execute(
        select(
            row.event,
            func.count().label("total"),
            func.count(case((in_state(row, *WAITING), 1))).label("waiting"),
            func.count(case((row.etat == EtatNotification.ECHEC, 1))).label("failed"),
            row.cree_le.label("written"),
        )
        .where(row.rdv_id.in_(sessions), row.event.in_(TO_MANY), row.destinataire_type == "usager", row.cree_le > since)
        .group_by(row.event, row.cree_le)
        .order_by(row.cree_le.desc(), row.event)
    )
    return [Depart(found.event, found.total, found.waiting, found.failed, found.written) for found in rows]


def told_of(sessions: Sessions, since: datetime) -> Sequence[Participation]:
    """The people who were to be told that these sessions changed since then, with their session and reader."""
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
    return db.session.scalars(
        select(Participation)
        .join(Participation.rdv)
        .where(
            Rdv.id.in_(changed),
            or_(
                and_(Rdv.cancelled_at.is_(None), Participation.statut == Statut.INSCRIT),
                and_(Participation.statut == Statut.ANNULE, Participation.statut_le == Rdv.cancelled_at),
            ),
            Participation.prevenir,
        )
        .options(with_readers(), joinedload(Participation.rdv).joinedload(Rdv.motif))
        .options(joinedload(Participation.rdv).joinedload(Rdv.lieu))
        .order_by(Rdv.starts_at, Participation.id)
    ).all()


def failed(sessions: Sessions, since: datetime) -> set[int]:
    """The participations whose messages about such a change all failed, or could not leave for want of texts."""
    row = Notification
    rows = db.session.execute(
        select(row.participation_ids, row.etat).where(
            row.rdv_id.in_(sessions), row.event.in_(CHANGES), row.destinataire_type == "usager", row.cree_le > since,
            or_(
                in_state(row, EtatNotification.ENVOYEE, EtatNotification.ECHEC, *WAITING),
                row.erreur.like(LEFT_OUT),
            ),
        )
    ).all()  # fmt: skip
    lost = (EtatNotification.ECHEC, EtatNotification.IGNOREE)
    bad = {place for ids, etat in rows for place in ids if etat in lost}
    return bad - {place for ids, etat in rows for place in ids if etat not in lost}
