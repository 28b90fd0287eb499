"""A colleague opened an account for an agent: a link to choose a password, that works once, for seven days."""

from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.dates import day_month, hour
from webapp.models import Agent, Notification

from .mot_de_passe import MotDePasse


class InvitationAgent(MotDePasse, event=events.InvitationAgent):
    def context(self, agent: Agent, notification: Notification, now: datetime) -> dict[str, Any]:
        expires, tz = agent.reset_expire_le or now, agent.organisation.timezone
        until = f"{day_month(expires, tz)} à {hour(expires, tz)}"
        return super().context(agent, notification, now) | {"courriel": agent.email, "jusqu_au": until}
