"""The service cancelled the session: everybody who was booked, or waited, is told once, with whom to call and other
dates."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.models import FileAttente, Notification, Rdv
from webapp.queries import attente

from .base import GroupNotice


class Annulation(GroupNotice, event=events.Annulation):
    calendar = "CANCEL"

    def waiting(self, event: Any) -> Sequence[FileAttente]:
        return attente.to_tell(event.attente_ids)

    def stale_attente(self, entry: FileAttente, notification: Notification, now: datetime) -> str | None:
        return None  # the cancellation itself ended their wait

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        return None if rdv.cancelled_at else "La séance n’est pas annulée."
