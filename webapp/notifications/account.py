"""Mails to agents about something else than one session: their account, their day, what goes wrong."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from webapp.domain.droits import Droit
from webapp.extensions import db
from webapp.models import Agent, Canal, Notification
from webapp.queries.agents import agents_with

from .base import AGENT, Destination, Notice
from .wake import URGENT

ALERT_LIFE = timedelta(days=1)


class AgentNotice(Notice):
    """A mail to agents about something else than one session: their account, their day, what goes wrong."""

    channels = (Canal.COURRIEL,)

    @abstractmethod
    def agents(self, event: Any) -> Sequence[Agent]:
        """Who is told."""

    @abstractmethod
    def sujet(self, event: Any) -> tuple[str, int]:
        """What it is about, for the unique key."""

    @abstractmethod
    def changement(self, event: Any) -> str:
        """What makes this event different from the same one another day."""

    @abstractmethod
    def stale(self, agent: Agent, notification: Notification, now: datetime) -> str | None:
        """Why this is no longer to be said to them; None while it is."""

    def context(self, agent: Agent, notification: Notification, now: datetime) -> dict[str, Any]:
        """What its templates say beside the agent's and the organisation's names; the outbox does not keep `secret`."""
        return {}

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        sujet_type, sujet_id = self.sujet(event)
        return [
            self.row(
                Destination(AGENT, agent.id, Canal.COURRIEL),
                now,
                organisation_id=agent.organisation_id,
                sujet_type=sujet_type,
                sujet_id=sujet_id,
                changement=self.changement(event),
                file=self.queue,
            )
            for agent in self.agents(event)
            if agent.actif
        ]


class AccountNotice(AgentNotice):
    """To one agent, about themself."""

    def agents(self, event: Any) -> Sequence[Agent]:
        agent = db.session.get(Agent, event.agent_id)
        return [agent] if agent else []

    def sujet(self, event: Any) -> tuple[str, int]:
        return "agent", event.agent_id


class OrganisationNotice(AgentNotice):
    """To those who configure the organisation, about how its messages leave."""

    queue = URGENT

    def agents(self, event: Any) -> Sequence[Agent]:
        return agents_with(event.organisation_id, Droit.CONFIGURER_ORGANISATION)

    def sujet(self, event: Any) -> tuple[str, int]:
        return "organisation", event.organisation_id

    def changement(self, event: Any) -> str:
        return str(event.jour)

    def stale(self, agent: Agent, notification: Notification, now: datetime) -> str | None:
        if not agent.actif:
            return "Ce compte n’est plus actif."
        return None if notification.cree_le > now - ALERT_LIFE else "L’alerte date de plus d’un jour."
