"""What an agent's morning mail says: their sessions of the day, those still to be filled in, what did not leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import contains_eager, joinedload

from webapp.clock import utcnow
from webapp.domain.participation import Statut
from webapp.domain.recurrence import to_utc
from webapp.extensions import db
from webapp.models import Agent, EtatNotification, Notification, Participation, Rdv
from webapp.models.rdv import rdv_agents

TO_FILL_DAYS = 31
TO_FILL_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Jour:
    """One agent's day; empty when there is nothing to say."""

    jour: date
    seances: Sequence[Rdv]
    a_renseigner: Sequence[Rdv]
    """Ended, and somebody's presence is not noted: the latest ones."""
    echecs: int
    """Messages about the agent's coming sessions that never left."""

    def __bool__(self) -> bool:
        return bool(self.seances or self.a_renseigner or self.echecs)


def _of(agent: Agent) -> Select[tuple[Rdv]]:
    return (
        select(Rdv)
        .join(rdv_agents, rdv_agents.c.rdv_id == Rdv.id)
        .join(Rdv.motif)
        .where(rdv_agents.c.agent_id == agent.id, Rdv.cancelled_at.is_(None))
        .options(contains_eager(Rdv.motif), joinedload(Rdv.lieu), joinedload(Rdv.salle))
        .order_by(Rdv.starts_at, Rdv.id)
    )


def day_of(agent: Agent, jour: date, now: datetime | None = None) -> Jour:
    """That local day of the agent: three statements."""
    now = now or utcnow()
    tz = agent.organisation.timezone
    begins, ends = to_utc(jour, time(), tz), to_utc(jour + timedelta(days=1), time(), tz)
    today = db.session.scalars(_of(agent).where(Rdv.starts_at >= begins, Rdv.starts_at < ends)).all()
    unmarked = exists().where(Participation.rdv_id == Rdv.id, Participation.statut == Statut.INSCRIT)
    to_fill = db.session.scalars(
        _of(agent)
        .where(Rdv.ends_at <= now, Rdv.ends_at > now - timedelta(days=TO_FILL_DAYS), unmarked)
        .order_by(None)
        .order_by(Rdv.starts_at.desc(), Rdv.id)
        .limit(TO_FILL_SHOWN)
    ).all()
    failed = db.session.scalar(
        select(func.count())
        .select_from(Notification)
        .join(Rdv, Rdv.id == Notification.rdv_id)
        .join(rdv_agents, rdv_agents.c.rdv_id == Rdv.id)
        .where(
            rdv_agents.c.agent_id == agent.id,
            Rdv.starts_at > now,
            Notification.destinataire_type == "usager",
            Notification.etat == EtatNotification.ECHEC,
        )
    )
    return Jour(jour, today, to_fill, failed or 0)


def who_wants() -> Sequence[Agent]:
    """Active agents who asked for the morning mail, with their organisation."""
    return db.session.scalars(
        select(Agent)
        .where(Agent.actif.is_(True), Agent.recapitulatif.is_(True))
        .options(joinedload(Agent.organisation))
        .order_by(Agent.id)
    ).all()
