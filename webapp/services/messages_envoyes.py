"""Messages that failed: put back among those to send."""

from collections import Counter
from datetime import timedelta

from sqlalchemy import select, update

from webapp.clock import utcnow
from webapp.domain.errors import Introuvable
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Agent, EtatNotification, Notification, Organisation
from webapp.notifications import wake

from . import journal
from .transaction import transaction

KEPT_FAILURES = timedelta(days=30)
"""How far back failures are shown, and tried again together: older ones no longer help anybody."""


def retry_message(message_id: int, *, agent: Agent) -> bool:
    """Send this message of the agent's organisation again, if it failed; asked twice, the second changes nothing.
    Raises `Introuvable` for a message of somebody else's."""
    known = select(Notification.id).filter_by(id=message_id, organisation_id=agent.organisation_id)
    if db.session.scalar(known) is None:
        raise Introuvable("Ce message n’existe pas ou n’existe plus.")
    return bool(_retry(Notification.id == message_id, agent=agent))


def retry_all(*, agent: Agent) -> int:
    """Send again all that failed lately in the agent's organisation. Answers how many messages."""
    return _retry(Notification.cree_le >= utcnow() - KEPT_FAILURES, agent=agent)


def retry_everywhere() -> int:
    """Send again all that ever failed, whatever the organisation: what an operator does once a provider is back."""
    return _retry()


def _retry(*which: object, agent: Agent | None = None) -> int:
    """What failed and fits is to be sent again, as if it never had been tried; what left is never touched.

    It is meant to leave now: a message of last week does not count as waiting for a week.
    """
    now = utcnow()
    question = update(Notification).where(Notification.etat == EtatNotification.ECHEC, *which)  # type: ignore[arg-type]
    if agent is not None:
        question = question.where(Notification.organisation_id == agent.organisation_id)
    with transaction() as session:
        again = session.execute(
            question.values(
                etat=EtatNotification.A_ENVOYER, prevue_le=now, a_envoyer_le=now, tentatives=0, claimed_until=None
            )
            .returning(Notification.id, Notification.organisation_id, Notification.rdv_id, Notification.file)
            .execution_options(synchronize_session=False)
        ).all()
        for organisation_id, count in Counter(row.organisation_id for row in again).items():
            sessions = {row.rdv_id for row in again if row.organisation_id == organisation_id}
            journal.note(
                organisation_id,
                "nouvel_essai",
                db.session.get(Organisation, organisation_id),
                by=Acteur.AGENT if agent else Acteur.SYSTEME,
                agent=agent,
                rdv_id=sessions.pop() if len(sessions) == 1 else None,
                messages=count,
            )
        for file in sorted({row.file for row in again}):
            wake.hint_after_commit(file)
        return len(again)
