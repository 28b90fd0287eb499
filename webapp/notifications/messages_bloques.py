"""Messages wait for longer than they should: the organisation's admins are told, once a day and channel."""

from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.alertes import stuck
from webapp.links import address
from webapp.models import Agent, Canal, Notification
from webapp.queries import notifications as queries

from .account import OrganisationNotice

WORDS = {Canal.SMS: "SMS", Canal.COURRIEL: "courriels"}


class MessagesBloques(OrganisationNotice, event=events.MessagesBloques):
    again = True

    def changement(self, event: Any) -> str:
        return f"{event.jour} {event.canal}"

    def stale(self, agent: Agent, notification: Notification, now: datetime) -> str | None:
        if reason := super().stale(agent, notification, now):
            return reason
        waiting = self._waiting(notification, now)
        return None if waiting and stuck(waiting.oldest, now) else "Les messages sont repartis."

    def context(self, agent: Agent, notification: Notification, now: datetime) -> dict[str, Any]:
        waiting = self._waiting(notification, now)
        return {
            "canal": WORDS[_canal(notification)],
            "nombre": waiting.count if waiting else 0,
            "minutes": int((now - waiting.oldest).total_seconds() // 60) if waiting else 0,
            "lien": address("/configuration/messages"),
        }

    def _waiting(self, notification: Notification, now: datetime) -> Any:
        late = queries.late_messages(now, without_event=self.name)
        wanted = notification.organisation_id, _canal(notification)
        return next((row for row in late if (row.organisation_id, row.canal) == wanted), None)


def _canal(notification: Notification) -> Canal:
    return Canal(notification.changement.rpartition(" ")[2])
