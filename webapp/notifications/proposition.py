"""A seat is offered to who waits, until a moment that is said; or, close to the session, seats are free for the first
who comes (`ouverte`)."""

from datetime import datetime
from typing import Any

from webapp.domain import dates, events
from webapp.domain.reminders import next_opening
from webapp.domain.waitlist import EtatAttente, reserved_until
from webapp.models import FileAttente, Notification, Rdv, ouverture, quand

from .base import NO_LONGER_WAITS, AttenteNotice

OUVERTE = "ouverte "


class Proposition(AttenteNotice, event=events.Proposition):
    again = True

    def changement_of(self, entry: FileAttente, event: Any) -> str:
        """Seats that are open are said once for each date of the session."""
        return f"{OUVERTE}{entry.rdv.starts_at.isoformat()}" if event.ouverte else f"v{entry.version}"

    def stale_rdv(self, rdv: Rdv, notification: Notification, now: datetime) -> str | None:
        return "La séance est annulée." if rdv.cancelled_at else None

    def stale_attente(self, entry: FileAttente, notification: Notification, now: datetime) -> str | None:
        if notification.changement.startswith(OUVERTE):
            if entry.etat is not EtatAttente.EN_ATTENTE:
                return NO_LONGER_WAITS
            return "Il n’y a plus de place libre." if ouverture(entry.rdv).refusal(now) is not None else None
        if entry.etat is not EtatAttente.PROPOSEE or notification.changement != f"v{entry.version}":
            return "La place n’est plus proposée, ou la personne a déjà répondu."
        return "Le délai pour répondre est passé." if entry.jusqua is None or entry.jusqua <= now else None

    def not_before(self, rdv: Rdv, now: datetime) -> datetime | None:
        opening = next_opening(now, rdv.organisation.timezone)
        return opening if opening > now else None

    def words_attente(self, entry: FileAttente, notification: Notification) -> dict[str, Any]:
        """`jusqua`: until when the seat is theirs; `ensuite`: the session is then so near that it goes to the first who
        comes, rather than to the next on the list."""
        words: dict[str, Any] = {"places": entry.places, "ouverte": entry.jusqua is None}
        if entry.jusqua is not None:
            tz, until = entry.rdv.organisation.timezone, reserved_until(entry.jusqua, quand(entry.rdv))
            words |= {"jusqua": dates.long_moment(until, tz), "jusqua_sms": dates.sms_moment(until, tz)}
            words["ensuite"] = until < entry.jusqua
        return words
