"""An invitation to choose a session: how long it lasts, what became of it, when it is said again (docs/domain.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LIFE = timedelta(weeks=12)
RELANCES = (3, 10)
"""Days after which it is said again, when nothing was booked."""
USEFUL = timedelta(days=7)
"""How long after its moment a repeat that could not leave still may; the next one takes its place before."""


class EtatInvitation(StrEnum):
    ENVOYEE = "envoyee"
    OUVERTE = "ouverte"
    RESERVEE = "reservee"
    EXPIREE = "expiree"
    RETIREE = "retiree"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    EtatInvitation.ENVOYEE: "Pas encore ouverte",
    EtatInvitation.OUVERTE: "Ouverte",
    EtatInvitation.RESERVEE: "Place réservée",
    EtatInvitation.EXPIREE: "Expirée",
    EtatInvitation.RETIREE: "Retirée",
}


@dataclass(frozen=True, slots=True)
class Moments:
    """What happened to one invitation, and when; `reservee`: the person holds a seat in a session of its motif."""

    envoyee_le: datetime
    expire_le: datetime
    ouverte_le: datetime | None = None
    retiree_le: datetime | None = None
    reservee: bool = False

    def live(self, now: datetime) -> bool:
        """Does its link still open something?"""
        return self.retiree_le is None and now < self.expire_le

    def etat(self, now: datetime) -> EtatInvitation:
        """The one word agents read; who has a seat has it, whatever became of the invitation since."""
        if self.reservee:
            return EtatInvitation.RESERVEE
        if self.retiree_le is not None:
            return EtatInvitation.RETIREE
        if now >= self.expire_le:
            return EtatInvitation.EXPIREE
        return EtatInvitation.ENVOYEE if self.ouverte_le is None else EtatInvitation.OUVERTE

    def relance(self, now: datetime) -> int | None:
        """The repeat due at `now`, by its number of (elapsed) days; None when there is nothing to say again. Only the
        last one is caught up after an outage, and not for ever. The hours of day are the sender's matter."""
        if self.reservee or not self.live(now):
            return None
        for days in reversed(RELANCES):
            moment = self.envoyee_le + timedelta(days=days)
            if now >= moment:
                return days if now < moment + USEFUL else None
        return None
