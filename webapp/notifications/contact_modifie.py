"""The contact of a place, or of a file, was changed from its link: who was reached by it until then is told."""

from collections.abc import Mapping
from typing import Any

from webapp.domain import events
from webapp.domain.phones import can_receive_sms
from webapp.models import Canal, Notification, Participation

from .base import AddressNotice
from .wake import URGENT

FICHE = "fiche "


class ContactModifie(AddressNotice, event=events.ContactModifie):
    queue = URGENT
    by_form = True

    def adresses(self, event: Any, place: Participation) -> Mapping[Canal, str]:
        found = {Canal(canal): to for canal, to in event.anciens.items()}
        return {canal: to for canal, to in found.items() if canal is Canal.COURRIEL or can_receive_sms(to)}

    def changement(self, event: Any) -> str:
        return f"{FICHE if event.fiche else ''}v{event.version}"

    def words(self, notification: Notification) -> dict[str, Any]:
        return {"fiche": notification.changement.startswith(FICHE)}
