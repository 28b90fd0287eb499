"""An agent invited somebody to choose a session; said again 3 and 10 days later when nothing was booked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from webapp.domain import events, sms
from webapp.domain.capacity import Visibilite
from webapp.domain.reminders import next_opening
from webapp.extensions import db
from webapp.links import INVITATION, address, token
from webapp.models import Canal, Notification
from webapp.models import Invitation as Row
from webapp.queries import invitations as queries

from .base import MANY, USAGER, Destination, Notice
from .content import Emetteur
from .outgoing import PERSONAL_LINK, Outgoing
from .people import addresses
from .render import invitation_context, render_invitation, render_mail
from .wake import MASS

RELANCE = " relance "


def changement(version: int, relance: int) -> str:
    """Each sending has its first message and its own repeats."""
    return f"v{version}{RELANCE}{relance}j" if relance else f"v{version}"


class Invitation(Notice, event=events.Invitation):
    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        invitation = db.session.get_one(Row, event.invitation_id)
        reader = invitation.usager.lecteur
        values = {
            "organisation_id": invitation.organisation_id,
            "sujet_type": queries.EVENT,
            "sujet_id": invitation.id,
            "changement": changement(event.version, event.relance),
            "file": self.queue,
            "par_formulaire": self.by_form,
        }
        return [
            self.row(Destination(USAGER, reader.id, canal), now, **values) for canal in addresses(invitation.usager)
        ]

    def rows_of(self, events: Sequence[Any], now: datetime) -> list[dict[str, Any]]:
        found = super().rows_of(events, now)
        return [{**row, "file": MASS} for row in found] if len(found) > MANY else found

    def days(self, notification: Notification) -> int:
        """After how many days it is said again; 0 the first time."""
        return int(notification.changement.partition(RELANCE)[2].removesuffix("j") or 0)

    def stale(self, invitation: Row, notification: Notification, now: datetime) -> str | None:
        """Why it must not leave: there is nothing to choose any more."""
        motif = invitation.motif
        if invitation.retiree_le is not None:
            return "L’invitation a été retirée."
        if notification.changement.partition(RELANCE)[0] != f"v{invitation.version}":
            return "Remplacée par une invitation plus récente."
        if now >= invitation.expire_le:
            return "L’invitation a expiré."
        if motif.archived_at is not None or motif.visibilite is Visibilite.INVISIBLE:
            return "Ce motif ne se réserve plus en ligne."
        if queries.seat_of(invitation) is not None:
            return "La personne a une place."
        days = self.days(notification)
        if days and invitation.moments().relance(now) != days:
            return "Le moment de redire cette invitation est passé."
        return None

    def not_before(self, invitation: Row, notification: Notification, now: datetime) -> datetime | None:
        """The clock writes between 8:00 and 20:00; an agent writes when they do."""
        opening = next_opening(now, invitation.motif.organisation.timezone)
        return opening if self.days(notification) and opening > now else None

    def message(self, envelope: Outgoing, invitation: Row, emetteur: Emetteur, *, relance: bool) -> Outgoing:
        """The words, in this envelope."""
        reader = invitation.usager.lecteur
        lien = address(f"/i/{token(INVITATION, invitation.lien_nonce)}")
        context = invitation_context(
            invitation.motif,
            invitation.motif.organisation,
            prenom=reader.first_name,
            pour="" if reader.id == invitation.usager_id else invitation.usager.first_name,
            jusqua=invitation.expire_le,
            lien=lien,
            relance=relance,
        )
        if envelope.canal is Canal.SMS:
            text = render_invitation(context)
            kept, weight = text.replace(lien, PERSONAL_LINK), sms.measure(text).segments
            return replace(envelope, sender=emetteur.sms, text=text, kept=kept, segments=weight)
        mail = render_mail(self.name, context)
        kept = mail.text.replace(lien, PERSONAL_LINK)
        return replace(envelope, subject=mail.subject, text=mail.text, html=mail.html, kept=kept)
