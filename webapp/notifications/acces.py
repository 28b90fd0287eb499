"""A code and a link for who asked to find their appointments again: to a contact, without anybody's name."""

from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from flask import render_template
from sqlalchemy import Boolean, bindparam, select

from webapp import links
from webapp.clock import utcnow
from webapp.domain import codes, dates, events, sms
from webapp.extensions import db
from webapp.models import Acces as Demande
from webapp.models import Canal, Notification, Usage

from .base import Destination, Notice
from .content import Emetteur
from .outgoing import PERSONAL_LINK, Outgoing
from .render import LIMITS, render_mail
from .wake import URGENT, hint_after_commit

CONTACT = "contact"
CODE = "[code]"


class Acces(Notice, event=events.Acces):
    queue = URGENT
    by_form = True

    def rows(self, event: Any, now: datetime) -> list[dict[str, Any]]:
        demande = db.session.get_one(Demande, event.acces_id)
        return [
            self.row(
                Destination(CONTACT, demande.id, demande.canal),
                now,
                organisation_id=demande.organisation_id,
                sujet_type="acces",
                sujet_id=demande.id,
                changement=demande.cree_le.isoformat(),  # demands are purged, and SQLite gives their ids again
                file=self.queue,
                par_formulaire=self.by_form,
                cree_le=now,
            )
        ]

    def stale(self, demande: Demande, now: datetime) -> str | None:
        """Why the code must not leave: nobody could use it."""
        return codes.over(
            asked=demande.cree_le,
            expires=demande.expire_le,
            used=demande.utilise_le,
            tries=demande.essais,
            now=now,
            when=" avant l’envoi",
        )

    def message(self, envelope: Outgoing, demande: Demande, emetteur: Emetteur) -> Outgoing:
        """The words, in this envelope: who reads them holds the contact, that is all we know of them."""
        code = links.code(demande.lien_nonce)
        lien = links.address(f"/mes-rendez-vous/{links.token(links.ACCES, demande.lien_nonce)}")
        context = {
            "emetteur": emetteur,
            "prenom": "",
            "contact": demande.usage is Usage.CONTACT,
            "code": code,
            "lien": lien,
            "jusqua": dates.hour(dates.local(demande.expire_le, emetteur.fuseau)),
        }
        if demande.canal is Canal.SMS:
            text = _text(context)
            return replace(
                envelope,
                sender=emetteur.sms,
                text=text,
                kept=_kept(text, code, lien),
                segments=sms.measure(text).segments,
            )
        mail = render_mail(self.name, context)
        return replace(
            envelope, subject=mail.subject, text=mail.text, html=mail.html, kept=_kept(mail.text, code, lien)
        )


def _text(context: dict[str, Any]) -> str:
    """With all its words if they fit in one text, else fewer."""
    for court in (False, True):
        words = render_template("sms/acces.txt", court=court, **context)
        text = sms.transliterate(" ".join(words.split()))
        if sms.measure(text).segments <= LIMITS["acces"]:
            break
    return text


def _kept(text: str, code: str, lien: str) -> str:
    return text.replace(lien, PERSONAL_LINK).replace(code, CODE)


def promise(demande: Demande, *, if_: bool) -> None:
    """Write down the message of this demand, or nothing: by the same statement, and the same hint to the worker."""
    (row,) = Notice.registry[events.Acces].rows(events.Acces(acces_id=demande.id), utcnow())
    db.session.execute(_insert(tuple(row)), {**row, "if_": if_})
    hint_after_commit(URGENT)


@cache
def _insert(names: tuple[str, ...]) -> Any:
    table = Notification.__table__
    values = select(*(bindparam(name, type_=table.c[name].type) for name in names))
    return table.insert().from_select(names, values.where(bindparam("if_", type_=Boolean)))
