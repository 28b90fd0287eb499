"""The morning mail of an agent who asked for it: the day's sessions, what is still to be filled in."""

from datetime import date, datetime
from typing import Any

from webapp.domain import events
from webapp.domain.alertes import digest_due
from webapp.links import address
from webapp.models import Agent, Notification
from webapp.queries import recapitulatif as queries

from .account import AccountNotice


class Recapitulatif(AccountNotice, event=events.Recapitulatif):
    refusable = True

    def changement(self, event: Any) -> str:
        return str(event.jour)

    def stale(self, agent: Agent, notification: Notification, now: datetime) -> str | None:
        if not (agent.actif and agent.recapitulatif):
            return "L’agent ne demande plus ce récapitulatif."
        morning = digest_due(now, agent.organisation.timezone)
        return None if str(morning) == notification.changement else "La matinée de ce récapitulatif est passée."

    def context(self, agent: Agent, notification: Notification, now: datetime) -> dict[str, Any]:
        day = queries.day_of(agent, date.fromisoformat(notification.changement), now)
        return {"jour": day, "lien": address("/agent/"), "fuseau": agent.organisation.timezone}
