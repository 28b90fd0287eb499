"""What became of a place a professional of another structure asked for: to them, by e-mail, with initials only.

Never whether the person came: nothing is said once the session has started.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webapp.domain import events
from webapp.domain.identity import initials
from webapp.domain.participation import holds_seat
from webapp.models import Canal, Notification, Participation

from .base import NEWER, AddressNotice
from .people import lecteurs

INSCRITE, DEPLACEE, REFUSEE, ANNULEE = "inscrite", "deplacee", "refusee", "annulee"


class Prescription(AddressNotice, event=events.Prescription):
    channels = (Canal.COURRIEL,)

    def adresses(self, event: Any, place: Participation) -> Mapping[Canal, str]:
        return {Canal.COURRIEL: place.prescripteur_courriel} if place.prescripteur_courriel else {}

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        found = super().rows(event, now)
        # The same place, booked again by another professional: they are told as the first one was.
        return [{**row, "changement": f"{row['changement']} {_mark(row['adresse'])}"} for row in found]

    def changement(self, event: Any) -> str:
        return f"{event.quoi} v{event.version} {event.deja_le}".strip()

    def stale(self, participation: Participation, notification: Notification, now: datetime) -> str | None:
        if (notification.changement.partition(" ")[0] in (INSCRITE, DEPLACEE)) is not holds_seat(participation.statut):
            return NEWER
        return None

    def words(self, notification: Notification) -> dict[str, Any]:
        return {"quoi": notification.changement.partition(" ")[0]}

    def of_place(self, place: Participation) -> dict[str, Any]:
        return {
            "joignable": not lecteurs([place])[0].a_appeler,
            "initiales": initials(place.usager.first_name, place.usager.last_name),
            "pour": place.prescripteur_nom or "",
        }


def _mark(adresse: str) -> str:
    return hashlib.sha256(adresse.encode()).hexdigest()[:8]
