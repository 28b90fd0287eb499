"""`/i/<token>`: an invitation is opened, remembered, and books a seat without asking who the person is."""

import logging
from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp import links
from webapp.domain import phones
from webapp.domain.capacity import Visibilite
from webapp.domain.dates import local
from webapp.domain.errors import AutreSeance, DomainError, Introuvable, Occupe, Perime
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur
from webapp.models import Canal, Invitation, Rdv
from webapp.notifications.people import addresses
from webapp.queries import invitations as queries
from webapp.services import invitations
from webapp.services.booking import book_seat
from webapp.services.rdvs import OuEtQuand
from webapp.web.envois import masked
from webapp.web.errors import refused
from webapp.web.forms.public import InvitationForm
from webapp.web.htmx import go_to, respond

from . import bp, invite
from .limites import check_rate
from .recu import remember_invited
from .vues import MOVED, find_session, other_cards, seance_of, unknown_link

PAGE = "public/inscription_invitation.html"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteVue:
    """An invitation as pages show it: a first name, nothing else of the person."""

    prenom: str
    jusqua: datetime
    reservee: bool


@bp.get("/i/<token>")
def invitation(token: str) -> ResponseReturnValue:
    """Remembered here, then the motif's dates. Programs that look at links open every one: nothing is used up."""
    found = invitations.find(links.fingerprint(token))
    if found is None:
        raise unknown_link()
    invite.remember(found)
    where = url_for(".motif", slug=found.motif.organisation.slug, motif_id=found.motif_id)
    if found.ouverte_le is None and request.method != "HEAD":
        try:
            invitations.note_opened(found.id)
        except Occupe:  # who comes is not turned away because a note can't be taken
            log.info("invitation %s could not be noted as opened", found.id)
    return redirect(where, 303)


@bp.post("/i/fermeture")
def fermer_invitation() -> ResponseReturnValue:
    """« Ce n’est pas vous ? »: this browser forgets it; the link still opens it elsewhere."""
    invite.forget()
    flash("C’est fait : l’invitation n’est plus ouverte sur cet appareil.", "success")
    return go_to(url_for(".accueil"))


def shown(found: Invitation | None) -> InviteVue | None:
    """That invitation, for a page."""
    if found is None:
        return None
    until = local(found.expire_le, found.motif.organisation.timezone)
    return InviteVue(prenom=found.usager.first_name, jusqua=until, reservee=queries.seat_of(found) is not None)


def by_invitation(rdv: Rdv, found: Invitation) -> ResponseReturnValue:
    """The form of who is invited: nothing to fill in. It says when another session was chosen before."""
    form = InvitationForm(OuEtQuand.of(rdv).cle)
    seance = seance_of(rdv)
    if request.method == "GET" and seance.refus:
        return redirect(url_for(".rdv", rdv_id=rdv.id))
    if "reprendre" not in request.form and form.validate_on_submit():
        rdv_id = rdv.id
        try:
            check_rate()
            if form.moved and not seance.refus:
                raise Perime(MOVED)
            book_seat(
                rdv_id,
                None,
                by=Acteur.USAGER,
                envoi=form.envoi.data or "",
                usager_id=found.usager_id,
                invitation_id=found.id,
                changer=form.changer.data == "1",
            )
        except Introuvable:
            raise
        except DomainError as refusal:
            rdv = find_session(rdv_id)
            autres = [] if isinstance(refusal, AutreSeance) else other_cards(rdv)
            return refused(refusal, PAGE, form=form, s=seance_of(rdv), autres=autres, **_about(rdv, found))
        remember_invited(rdv_id, _identity(found), phones.region_of_timezone(rdv.organisation.timezone))
        return go_to(url_for(".confirmation", rdv_id=rdv_id))
    return respond(PAGE, form=form, s=seance, autres=[], **_about(rdv, found))


def _about(rdv: Rdv, found: Invitation) -> dict[str, object]:
    """What the form says of the person: a first name, and masked, where they will be written to."""
    told = addresses(found.usager) if rdv.motif.visibilite is Visibilite.VISIBLE_NOTIFIE else {}
    by = {Canal.SMS: "par SMS au", Canal.COURRIEL: "par courriel à"}
    return {
        "motif_id": rdv.motif_id,
        "invite": shown(found),
        "ailleurs": queries.seat_of(found, but=rdv.id) is not None,
        "par": [f"{by[canal]} {masked(to)}" for canal, to in told.items()],
    }


def _identity(found: Invitation) -> Identity:
    """Where the confirmation leaves, for the page that says so."""
    to = addresses(found.usager)
    return Identity(found.usager.first_name, "", to.get(Canal.SMS), to.get(Canal.COURRIEL))
