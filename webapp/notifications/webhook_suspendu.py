"""A webhook took nothing for three days and is switched off: who looks after integrations is told, once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.droits import Droit
from webapp.extensions import db
from webapp.links import address
from webapp.models import Agent, Notification, Webhook
from webapp.queries.agents import agents_with

from .account import AgentNotice


class WebhookSuspenduNotice(AgentNotice, event=events.WebhookSuspendu):
    def agents(self, event: Any) -> Sequence[Agent]:
        return agents_with(event.organisation_id, Droit.GERER_INTEGRATIONS)

    def sujet(self, event: Any) -> tuple[str, int]:
        return "webhook", event.webhook_id

    def changement(self, event: Any) -> str:
        return str(event.le)

    def stale(self, agent: Agent, notification: Notification, now: datetime) -> str | None:
        if not agent.actif:
            return "Ce compte n’est plus actif."
        webhook = db.session.get(Webhook, notification.sujet_id)
        if webhook is None:
            return "Le webhook a été supprimé depuis."
        return "Le webhook a été réactivé depuis." if webhook.actif else None

    def context(self, agent: Agent, notification: Notification, now: datetime) -> dict[str, Any]:
        webhook = db.session.get(Webhook, notification.sujet_id)
        return {
            "nom": webhook.nom if webhook else "",
            "lien": address(f"/configuration/webhooks/{notification.sujet_id}"),
        }
