"""The organisation sent as many texts as a day allows: what comes next leaves by e-mail only, its admins are told."""

from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.links import address
from webapp.models import Agent, Notification

from .account import OrganisationNotice


class BudgetSms(OrganisationNotice, event=events.BudgetSms):
    def context(self, agent: Agent, notification: Notification, now: datetime) -> dict[str, Any]:
        return {"budget": agent.organisation.budget_sms_jour, "lien": address("/configuration/messages")}
