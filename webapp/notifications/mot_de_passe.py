"""An agent asked for a new password: a link that works once, for an hour."""

from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.links import MOT_DE_PASSE, address, token
from webapp.models import Agent, Notification

from .account import AccountNotice
from .wake import URGENT


class MotDePasse(AccountNotice, event=events.MotDePasse):
    queue = URGENT

    def changement(self, event: Any) -> str:
        return f"v{event.version}"

    def stale(self, agent: Agent, notification: Notification, now: datetime) -> str | None:
        if not agent.actif:
            return "Ce compte n’est plus actif."
        if agent.reset_nonce is None or self.asked(agent) != notification.changement:
            return "Un autre lien a été demandé depuis, ou celui-ci a servi."
        if agent.reset_expire_le is None or agent.reset_expire_le <= now:
            return "Le lien a expiré avant l’envoi."
        return None

    def asked(self, agent: Agent) -> str:
        """The change the agent's present link belongs to."""
        return f"v{agent.reset_version}"

    def context(self, agent: Agent, notification: Notification, now: datetime) -> dict[str, Any]:
        lien = address(f"/agent/mot-de-passe/{token(MOT_DE_PASSE, agent.reset_nonce or '')}")
        return {"lien": lien, "secret": lien}
