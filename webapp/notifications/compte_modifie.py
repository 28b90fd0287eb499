"""How an agent logs in was changed: they are told, whoever did it."""

from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.models import Agent, Notification

from .account import ALERT_LIFE, AccountNotice
from .wake import URGENT


class CompteModifie(AccountNotice, event=events.CompteModifie):
    queue = URGENT

    def changement(self, event: Any) -> str:
        return f"{event.quoi} {event.le}"

    def stale(self, agent: Agent, notification: Notification, now: datetime) -> str | None:
        if not agent.actif:
            return "Ce compte n’est plus actif."
        return None if notification.cree_le > now - ALERT_LIFE else "Le changement date de plus d’un jour."

    def context(self, agent: Agent, notification: Notification, now: datetime) -> dict[str, Any]:
        return {"quoi": notification.changement.partition(" ")[0]}
