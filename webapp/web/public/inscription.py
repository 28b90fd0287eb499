"""Booking a seat: the form, then the page that says it is done."""

from datetime import datetime, timedelta
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import inspect

from webapp.clock import utcnow
from webapp.domain.capacity import Visibilite
from webapp.domain.errors import DomainError, Introuvable, Perime
from webapp.domain.participation import Acteur
from webapp.models import Rdv
from webapp.services.booking import book_seat
from webapp.services.rdvs import OuEtQuand
from webapp.web.errors import refused
from webapp.web.forms.public import InscriptionForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp, invite
from .invitation import by_invitation
from .limites import check_rate
from .recu import booked_here, forget, remember
from .vues import MOVED, find_session, other_cards, seance_of


@bp.route("/rdv/<int:rdv_id>/inscription", methods=["GET", "POST"])
@keeps_form
def inscription(rdv_id: int) -> ResponseReturnValue:
    """The form. `reprendre=1` only fills it, with what was typed for a session that was not possible."""
    rdv = find_session(rdv_id)
    if found := invite.to(rdv):
        return by_invitation(rdv, found)
    form = InscriptionForm(rdv.motif, rdv.organisation.timezone, OuEtQuand.of(rdv).cle)
    seance = seance_of(rdv)
    if request.method == "GET" and seance.refus:
        return redirect(url_for(".rdv", rdv_id=rdv_id))  # it says why, and what else is possible
    if "reprendre" in request.form:
        form.start_again()
    elif form.validate_on_submit():
        try:
            check_rate()
            if form.moved and not seance.refus:
                raise Perime(MOVED)
            book_seat(rdv_id, form.identity, by=Acteur.USAGER, envoi=form.envoi.data or "")
        except Introuvable:
            raise
        except DomainError as refusal:
            if inspect(rdv).expired:  # the transaction that failed took what we knew with it
                rdv = find_session(rdv_id)
            return refused(refusal, "public/inscription.html", form=form, s=seance_of(rdv), autres=other_cards(rdv))
        remember(rdv_id, form.identity, form.region)
        return go_to(url_for(".confirmation", rdv_id=rdv_id))
    return respond("public/inscription.html", form=form, s=seance, autres=[])


@bp.get("/rdv/<int:rdv_id>/confirmation")
def confirmation(rdv_id: int) -> ResponseReturnValue:
    """The place is booked: what was booked, how it will be confirmed; never the personal link."""
    rdv = find_session(rdv_id)
    entry = booked_here(rdv_id)
    if entry is None:
        return redirect(url_for(".rdv", rdv_id=rdv_id))
    now = utcnow()
    return respond(
        "public/confirmation.html",
        rdv=rdv,
        s=seance_of(rdv, now),
        par=_ways(rdv, entry, now),
        rappel=_reminded(rdv, now),
    )


@bp.post("/rdv/<int:rdv_id>/confirmation")
def terminer(rdv_id: int) -> ResponseReturnValue:
    """« Terminer »: the next person at this screen sees nothing of it."""
    forget(rdv_id)
    invite.forget()
    flash("C’est terminé : votre réservation n’est plus affichée sur cet appareil.", "success")
    return go_to(url_for(".accueil"))


def _notified(rdv: Rdv) -> bool:
    return rdv.motif.visibilite is Visibilite.VISIBLE_NOTIFIE


def _ways(rdv: Rdv, entry: dict[str, Any], now: datetime) -> list[str]:
    """How the confirmation leaves, as typed and masked; the rule is the organisation's (docs/notifications.md)."""
    if not _notified(rdv):
        return []
    by_sms = rdv.organisation.confirms_by_sms(has_email=bool(entry["courriel"]), starts_at=rdv.starts_at, now=now)
    ways = [f"par SMS au {entry['telephone']}"] if entry["sms"] and by_sms else []
    return [*ways, f"par courriel à {entry['courriel']}"] if entry["courriel"] else ways


def _reminded(rdv: Rdv, now: datetime) -> bool:
    """Will a reminder still leave before the session?"""
    return _notified(rdv) and any(now + timedelta(hours=hours) <= rdv.starts_at for hours in rdv.motif.rappels)
