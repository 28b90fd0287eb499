"""What an agent writes to the participants of a session, all of them or by status."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from webapp.domain import events
from webapp.extensions import db
from webapp.models import Canal, Message, Notification, Participation, Rdv

from .base import Destination, GroupNotice

USEFUL = timedelta(days=1)
"""How long after a session, or after it was written, a message about it is still sent."""


class MessageAgent(GroupNotice, event=events.Message):
    tells_agents = False
    after_start = True
    refusable = True

    def changement(self, event: Any) -> str:
        return f"m{event.message_id}"

    def sujet(self, event: Any) -> tuple[str, int]:
        return "message", event.message_id

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        late = max(rdv.ends_at, notification.cree_le) + USEFUL
        return "La séance est passée : ce message ne sert plus." if now > late else None

    def concerns(self, participation: Participation, rdv: Rdv) -> bool:
        # Written on purpose to these people: a silent motif, or a booking made without a word, does not stop it.
        return True

    def destinations(
        self, event: Any, rdv: Rdv, participations: Iterable[Participation], now: datetime
    ) -> list[Destination]:
        message = db.session.get(Message, event.message_id)
        assert message is not None
        chosen = channels(message.par_sms, message.par_courriel)
        return [d for d in super().destinations(event, rdv, participations, now) if d.canal in chosen]

    def words(self, notification: Notification) -> dict[str, Any]:
        message = db.session.get(Message, notification.sujet_id)
        return {"libre": message.corps if message else ""}


def channels(par_sms: bool, par_courriel: bool) -> set[Canal]:
    """The channels an agent chose."""
    chosen = {Canal.SMS: par_sms, Canal.COURRIEL: par_courriel}
    return {canal for canal, wanted in chosen.items() if wanted}
