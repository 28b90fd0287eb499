"""The contact of a place, or of a file, was changed from its link or by an agent: who was reached by it until then is
told."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import render_template

from webapp.domain import events, sms
from webapp.domain.phones import can_receive_sms
from webapp.models import Canal, Notification, Participation

from .base import USAGER, AddressNotice, Destination, Notice
from .content import Emetteur
from .outgoing import Outgoing
from .render import LIMITS, render_mail
from .wake import URGENT

FICHE = "fiche "


class ContactModifie(AddressNotice, event=events.ContactModifie):
    queue = URGENT
    by_form = True

    def adresses(self, event: Any, place: Participation) -> Mapping[Canal, str]:
        return _usable(event.anciens)

    def changement(self, event: Any) -> str:
        return f"{FICHE if event.fiche else ''}v{event.version}"

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        if not isinstance(event, events.FicheModifiee):
            return super().rows(event, now)
        values = {
            "organisation_id": event.organisation_id,
            "sujet_type": USAGER,
            "sujet_id": event.usager_id,
            "changement": event.moment,
            "file": self.queue,
            "par_formulaire": False,
        }
        return [
            {**self.row(Destination(USAGER, event.usager_id, canal), now, **values), "adresse": to}
            for canal, to in _usable(event.anciens).items()
        ]

    def words(self, notification: Notification) -> dict[str, Any]:
        return {"fiche": notification.changement.startswith(FICHE)}

    def of_file(self, envelope: Outgoing, emetteur: Emetteur) -> Outgoing:
        """The words about a file an agent changed, in this envelope: no name, no session, no link."""
        context = {"emetteur": emetteur, "prenom": "", "agent": True, "fiche": True}
        if envelope.canal is Canal.COURRIEL:
            mail = render_mail(self.name, context)
            return replace(envelope, subject=mail.subject, text=mail.text, html=mail.html, kept=mail.text)
        for court in (False, True):
            words = " ".join(render_template(f"sms/{self.name}.txt", court=court, **context).split())
            text = sms.transliterate(words)
            if sms.measure(text).segments <= LIMITS[self.name]:
                break
        return replace(envelope, sender=emetteur.sms, text=text, kept=text, segments=sms.measure(text).segments)


def _usable(anciens: Mapping[str, str]) -> dict[Canal, str]:
    found = {Canal(canal): to for canal, to in anciens.items()}
    return {canal: to for canal, to in found.items() if canal is Canal.COURRIEL or can_receive_sms(to)}


Notice.registry[events.FicheModifiee] = Notice.registry[events.ContactModifie]
