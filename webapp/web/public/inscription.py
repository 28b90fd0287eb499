"""Booking a seat: the form, then the page that says it is done."""

from collections.abc import Callable
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
from webapp.notifications.render import listed
from webapp.services.booking import book_seat
from webapp.services.foyer import book_household
from webapp.services.rdvs import OuEtQuand
from webapp.web.errors import refused
from webapp.web.forms.public import InscriptionForm, PrescriptionForm
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
    """The form: for oneself, for relatives, for both. More than one person is asked to check first (`verifier`)."""
    rdv = find_session(rdv_id)
    if found := invite.to(rdv):
        return by_invitation(rdv, found)
    form = InscriptionForm(rdv.motif, rdv.organisation.timezone, OuEtQuand.of(rdv).cle)

    def book() -> None:
        envoi = form.envoi.data or ""
        if form.family:
            book_household(rdv_id, form.foyer, by=Acteur.USAGER, envoi=envoi)
        else:
            book_seat(rdv_id, form.identity, by=Acteur.USAGER, envoi=envoi)

    return _answer(rdv, form, book, "public/inscription.html")


@bp.route("/rdv/<int:rdv_id>/prescription", methods=["GET", "POST"])
@keeps_form
def prescription(rdv_id: int) -> ResponseReturnValue:
    """The same, filled by a professional of another structure for somebody (docs/domain.md rule 17)."""
    rdv = find_session(rdv_id)
    form = PrescriptionForm(rdv.motif, rdv.organisation.timezone, OuEtQuand.of(rdv).cle)

    def book() -> None:
        book_seat(
            rdv_id,
            form.identity,
            by=Acteur.PRESCRIPTEUR,
            envoi=form.envoi.data or "",
            prescripteur=form.prescripteur,
        )

    return _answer(rdv, form, book, "public/prescription.html")


def _answer(rdv: Rdv, form: InscriptionForm, book: Callable[[], None], page: str) -> ResponseReturnValue:
    """The form's page. `reprendre` only fills it, with what was typed for a session that was not possible; some buttons
    only change it."""
    rdv_id, seance = rdv.id, seance_of(rdv)
    if request.method == "GET" and seance.refus:
        return redirect(url_for(".rdv", rdv_id=rdv_id))  # it says why, and what else is possible
    if "reprendre" in request.form:
        form.start_again()
    elif form.moves:
        form.change()
    elif form.validate_on_submit():
        try:
            if form.moved and not seance.refus:
                raise Perime(MOVED)
            if "verifier" in request.form and 1 < form.places <= rdv.jauge().libres:
                return respond("public/verification.html", form=form, s=seance)
            check_rate(form.identity.telephone, form.identity.courriel)
            book()
        except Introuvable:
            raise
        except DomainError as refusal:
            if inspect(rdv).expired:  # the transaction that failed took what we knew with it
                rdv = find_session(rdv_id)
            others = other_cards(rdv, seats=form.places)
            return refused(refusal, page, form=form, s=seance_of(rdv), autres=others, vers=request.endpoint)
        remember(rdv_id, form)
        return go_to(url_for(".confirmation", rdv_id=rdv_id))
    return respond(page, form=form, s=seance, autres=[])


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
        entry=entry,
        qui=listed(entry["prenoms"]),
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
