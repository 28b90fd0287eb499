"""What became of an organisation's messages: what waits, what failed, and all of some days (docs/notifications.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, case, func, literal, or_, select, union_all
from sqlalchemy.orm import aliased

from webapp.extensions import db
from webapp.models import Canal, CompteurSms, EtatNotification, Notification

from .notifications import WAITING, in_state

AT_ONCE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choix:
    """Which messages are asked for: those promised from `debut` to before `fin`, narrowed down by what is given."""

    debut: datetime
    fin: datetime
    canal: Canal | None = None
    event: str = ""
    etat: EtatNotification | None = None

    def conditions(self, row: Any, *, etat: bool = True) -> list[ColumnElement[bool]]:
        """The same in SQL, but for the period."""
        found = []
        if self.canal:
            found.append(row.canal == self.canal)
        if self.event:
            found.append(row.event == self.event)
        if etat and self.etat:
            found.append(in_state(row, self.etat))
        return found


def waiting(organisation_id: int, now: datetime) -> Sequence[Any]:
    """What waits, by channel: canal, count, due (how many should have left), oldest (since when). Reads only what
    waits, however much was sent."""
    row = Notification
    due = row.prevue_le <= now
    return db.session.execute(
        select(
            row.canal,
            func.count().label("count"),
            func.count().filter(due).label("due"),
            func.min(case((due, row.prevue_le))).label("oldest"),
            func.max(row.tentatives).label("attempts"),
        )
        .where(row.organisation_id == organisation_id, in_state(row, *WAITING))
        .group_by(row.canal)
        .order_by(row.canal)
    ).all()


_SHOWN = (
    Notification.id,
    Notification.event,
    Notification.canal,
    Notification.etat,
    Notification.rdv_id,
    Notification.destinataire_type,
    Notification.adresse,
    Notification.objet,
    Notification.corps,
    Notification.segments,
    Notification.cree_le,
    Notification.envoyee_le,
    Notification.a_envoyer_le,
    Notification.tentatives,
    Notification.erreur,
)


def failed(organisation_id: int, since: datetime, limit: int) -> tuple[Sequence[Any], int]:
    """The last failures since then, and how many there are."""
    row = Notification
    rows = db.session.execute(
        select(*_SHOWN, func.count().over().label("total"))
        .where(row.organisation_id == organisation_id, row.cree_le >= since, in_state(row, EtatNotification.ECHEC))
        .order_by(row.cree_le.desc(), row.id.desc())
        .limit(limit)
    ).all()
    return rows, rows[0].total if rows else 0


def messages(organisation_id: int, choix: Choix, before: int | None = None) -> tuple[Sequence[Any], int | None]:
    """Those messages, latest first, 20 at a time; and the cursor of the next ones: give it as `before`."""
    row, last = Notification, aliased(Notification)
    question = select(*_SHOWN).where(
        row.organisation_id == organisation_id,
        row.cree_le >= choix.debut,
        row.cree_le < choix.fin,
        *choix.conditions(row),
    )
    if before is not None:
        seen = select(last.cree_le).where(last.organisation_id == organisation_id, last.id == before).scalar_subquery()
        question = question.where(row.cree_le <= seen, or_(row.cree_le < seen, row.id < before))
    rows = db.session.execute(question.order_by(row.cree_le.desc(), row.id.desc()).limit(AT_ONCE + 1)).all()
    return rows[:AT_ONCE], rows[AT_ONCE - 1].id if len(rows) > AT_ONCE else None


def by_day(
    organisation_id: int, days: Sequence[tuple[date, datetime, datetime]], choix: Choix
) -> dict[date, Sequence[Any]]:
    """Day → event, canal, envoyees, echecs, ignorees, attente, segments (of texts that left), most frequent first.

    `days` are local days with their first moment and that of the next day; the index is read once for each.
    """
    spans = union_all(
        *(
            select(
                literal(rank, Integer).label("rank"),
                literal(start, Notification.cree_le.type).label("start"),
                literal(end, Notification.cree_le.type).label("end"),
            )
            for rank, (_, start, end) in enumerate(days)
        )
    ).cte("days")
    row = Notification

    def count(*etats: EtatNotification) -> Any:
        return func.count().filter(in_state(row, *etats))

    total = func.count()
    rows = db.session.execute(
        select(
            spans.c.rank,
            row.event,
            row.canal,
            count(EtatNotification.ENVOYEE).label("envoyees"),
            count(EtatNotification.ECHEC).label("echecs"),
            count(EtatNotification.IGNOREE).label("ignorees"),
            count(*WAITING).label("attente"),
            func.coalesce(func.sum(row.segments).filter(in_state(row, EtatNotification.ENVOYEE)), 0).label("segments"),
        )
        .select_from(spans)
        .join(row, and_(row.cree_le >= spans.c.start, row.cree_le < spans.c.end))
        .where(row.organisation_id == organisation_id, *choix.conditions(row, etat=False))
        .group_by(spans.c.rank, row.event, row.canal)
        .order_by(spans.c.rank, total.desc(), row.event, row.canal)
    ).all()
    found: dict[date, list[Any]] = {}
    for one in rows:
        found.setdefault(days[one.rank][0], []).append(one)
    return dict(found)


def texts_sent(organisation_id: int, day: date) -> int:
    """How much of that day's budget of texts is used."""
    return (
        db.session.scalar(
            select(CompteurSms.nombre).where(
                CompteurSms.cle == f"organisation:{organisation_id}", CompteurSms.jour == day
            )
        )
        or 0
    )
