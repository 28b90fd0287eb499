"""The waitlist of a full session: join it, and one's own page behind its link (docs/domain.md rule 12)."""

from datetime import datetime
from enum import StrEnum

from flask import flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import inspect
from werkzeug.exceptions import BadRequest

from webapp import links
from webapp.clock import utcnow
from webapp.domain.capacity import Ouverture
from webapp.domain.dates import long_moment
from webapp.domain.errors import DomainError, Introuvable, Perime
from webapp.domain.participation import Acteur, holds_seat
from webapp.domain.waitlist import EtatAttente, position, reserved_until
from webapp.models import FileAttente, Rdv, ouverture, quand
from webapp.queries import attente as queries
from webapp.services import attente as service
from webapp.services.preferences import own_contact
from webapp.services.rdvs import OuEtQuand
from webapp.web.errors import RETRY_AFTER, later, refused
from webapp.web.forms.attente import AttenteForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp
from .limites import check_rate
from .recu import WAITS, booked_here, forget, remember
from .vues import find_session, other_cards, seance_of, show, shown_channels, unknown_link


class TropVieux(DomainError):
    """The page was open for too long: nothing was done, and one more click does it."""

    status = 419
    code = "trop_vieux"

    def __init__(self) -> None:
        super().__init__("Cette page était ouverte depuis trop longtemps. Rien n’est perdu : choisissez à nouveau.")


class Etape(StrEnum):
    """What the page of somebody who waits has to say first."""

    ANNULEE = "annulee"  # the session is cancelled
    PASSEE = "passee"
    PROPOSEE = "proposee"
    LIBRE = "libre"  # seats are free for the first who comes
    ATTEND = "attend"
    EXPIREE = "expiree"
    REFUSEE = "refusee"
    QUITTEE = "quittee"
    RETIREE = "retiree"  # by the service
    PLACEE = "placee"  # a seat of theirs that this link does not show


@bp.route("/rdv/<int:rdv_id>/attente", methods=["GET", "POST"])
@keeps_form
def attente(rdv_id: int) -> ResponseReturnValue:
    """The form. `reprendre=1` only fills it, with what was typed to book."""
    rdv = find_session(rdv_id)
    form, seance = _form(rdv), seance_of(rdv)
    if request.method == "GET" and not _open(rdv):
        return redirect(url_for(".rdv", rdv_id=rdv_id))  # it says why, and what else is possible
    if "reprendre" in request.form:
        form.start_again()
    elif form.validate_on_submit():
        try:
            check_rate(form.identity.telephone, form.identity.courriel)
            if form.moved and _open(rdv):
                raise Perime("La date ou le lieu de cette séance vient de changer. Vérifiez, puis validez à nouveau.")
            service.join(
                rdv_id,
                form.identity,
                envoi=form.envoi.data or "",
                places=form.places.data,
                accompagnants=form.with_them,
                proche=form.proche,
            )
        except Introuvable:
            raise
        except DomainError as refusal:
            if inspect(rdv).expired:  # the transaction that failed took what we knew with it
                rdv = find_session(rdv_id)
            return refused(refusal, "public/attente.html", form=form, s=seance_of(rdv), autres=other_cards(rdv))
        remember(rdv_id, form, where=WAITS)
        return go_to(url_for(".attente_confirmation", rdv_id=rdv_id))
    return respond("public/attente.html", form=form, s=seance, autres=[])


def _form(rdv: Rdv) -> AttenteForm:
    gauge = rdv.jauge()
    return AttenteForm(
        rdv.motif,
        rdv.organisation.timezone,
        OuEtQuand.of(rdv).cle,
        libres=gauge.libres,
        capacite=gauge.capacite or 0,
    )


def _open(rdv: Rdv) -> bool:
    """May one wait there, for one seat more than are free?"""
    return ouverture(rdv).waitlist_refusal(utcnow(), seats=rdv.jauge().libres + 1) is None


@bp.get("/rdv/<int:rdv_id>/attente/confirmation")
def attente_confirmation(rdv_id: int) -> ResponseReturnValue:
    """On the list: what happens now; the same for who waited already, or has a seat. Never the personal link."""
    rdv = find_session(rdv_id)
    entry = booked_here(rdv_id, where=WAITS)
    if entry is None:
        return redirect(url_for(".rdv", rdv_id=rdv_id))
    way = f"par courriel à {entry['courriel']}" if entry["courriel"] else ""
    way = way or (f"par SMS au {entry['telephone']}" if entry["sms"] else "")
    return respond("public/attente_confirmation.html", rdv=rdv, s=seance_of(rdv), par=way)


@bp.post("/rdv/<int:rdv_id>/attente/confirmation")
def terminer_attente(rdv_id: int) -> ResponseReturnValue:
    """« Terminer »: the next person at this screen sees nothing of it."""
    forget(rdv_id, where=WAITS)
    flash("C’est terminé : votre demande n’est plus affichée sur cet appareil.", "success")
    return go_to(url_for(".accueil"))


# --- behind the personal link ----------------------------------------------------------------------------------------


def find_wait(token: str) -> FileAttente | None:
    """The wait behind that link, if it is one; its organisation is the page's."""
    found = queries.by_hash(links.fingerprint(token))
    if found is not None:
        show(found.rdv.organisation)
    return found


def _wait(token: str) -> FileAttente:
    found = find_wait(token)
    if found is None:
        raise unknown_link()
    return found


def etape_of(entry: FileAttente, now: datetime) -> Etape:
    """What matters most to somebody who waits, or waited, now."""
    if entry.rdv.cancelled_at is not None:
        return Etape.ANNULEE
    if now >= entry.rdv.starts_at:
        return Etape.PASSEE
    if entry.etat is EtatAttente.RETIREE and entry.etat_par is Acteur.AGENT:
        return Etape.RETIREE
    if entry.etat is EtatAttente.PROPOSEE:
        return Etape.PROPOSEE if entry.jusqua is not None and now < entry.jusqua else Etape.EXPIREE
    if service.open_to(entry):
        return Etape.LIBRE
    return {
        EtatAttente.EXPIREE: Etape.EXPIREE,
        EtatAttente.REFUSEE: Etape.REFUSEE,
        EtatAttente.EN_ATTENTE: Etape.ATTEND,
    }.get(entry.etat, Etape.QUITTEE)


def chooses(entry: FileAttente) -> bool:
    """Is there still something to tell who waits, by what they choose?"""
    return entry.attend and etape_of(entry, utcnow()) not in (Etape.ANNULEE, Etape.PASSEE)


def wait_page(token: str, entry: FileAttente, refusal: DomainError | None = None) -> ResponseReturnValue:
    """The page of that wait; who got a seat by it is taken to the seat's own page, and who has one otherwise is told so
    without a word of it."""
    place = None if entry.attend else queries.place_given(entry)
    if place is not None and refusal is None and service.leads_to(entry, place):
        return redirect(url_for(".participation", token=links.token(links.PARTICIPATION, place.lien_nonce)))
    now, rdv = utcnow(), entry.rdv
    opened: Ouverture = ouverture(rdv)
    etape = etape_of(entry, now)
    if place is not None and holds_seat(place.statut) and etape not in (Etape.ANNULEE, Etape.PASSEE):
        etape = Etape.PLACEE
    until = reserved_until(entry.jusqua, quand(rdv)) if entry.jusqua else None
    page = respond(
        "public/attente_lien.html",
        status=refusal.status if refusal else 200,
        refusal=refusal.message if refusal else "",
        plus_tard=refusal is not None and refusal.status in (419, *RETRY_AFTER),
        token=token,
        entree=entry,
        rdv=rdv,
        s=seance_of(rdv, now),
        etape=etape,
        jusqua=long_moment(until, rdv.organisation.timezone) if until else "",
        ensuite=bool(until and until < entry.jusqua),
        depasse=bool(until and now >= until),
        rang=position(queries.people_before(entry)) if entry.attend else "",
        fermee=not opened.offers(now),
        retour_possible=opened.waitlist_refusal(now, seats=entry.places) is None,
        publique=opened.public(),
        voies=shown_channels(entry) if chooses(entry) else [],
        ici_seulement=own_contact(entry),
        autres=other_cards(rdv, now) if etape not in (Etape.PROPOSEE, Etape.PLACEE) else [],
    )
    return later(page)


@bp.post("/p/<token>/proposition")
@keeps_form
def proposition(token: str) -> ResponseReturnValue:
    """Yes or no to a seat, in one click."""
    entry = _wait(token)
    if g.get("stale_form"):
        return wait_page(token, entry, TropVieux())
    answer = request.form.get("reponse")
    if answer not in ("accepter", "refuser"):
        raise BadRequest
    try:
        check_rate()
        if answer == "refuser":
            service.refuse(entry.id)
            flash("C’est noté, merci d’avoir répondu.", "success")
            return go_to(url_for(".participation", token=token))
        place = service.accept(entry.id)
    except DomainError as refusal:
        return wait_page(token, _wait(token), refusal)
    flash("Votre place est réservée." if entry.places == 1 else "Vos places sont réservées.", "success")
    if not service.leads_to(entry, place):
        return go_to(url_for(".participation", token=token))
    return go_to(url_for(".participation", token=links.token(links.PARTICIPATION, place.lien_nonce)))


@bp.route("/p/<token>/attente/retrait", methods=["GET", "POST"])
@keeps_form
def retrait_attente(token: str) -> ResponseReturnValue:
    """« Quitter la liste d’attente »: the second click."""
    entry = _wait(token)
    if request.method == "GET":
        if not entry.attend or etape_of(entry, utcnow()) in (Etape.ANNULEE, Etape.PASSEE):
            return redirect(url_for(".participation", token=token))
        return respond("public/attente_retrait.html", token=token, entree=entry, s=seance_of(entry.rdv))
    if g.get("stale_form"):
        return wait_page(token, entry, TropVieux())
    try:
        check_rate()
        service.leave(entry.id)
    except DomainError as refusal:
        return wait_page(token, _wait(token), refusal)
    flash("C’est noté : vous n’êtes plus sur la liste d’attente.", "success")
    return go_to(url_for(".participation", token=token))


@bp.post("/p/<token>/attente/retour")
@keeps_form
def retour_attente(token: str) -> ResponseReturnValue:
    """Wait again, at the end of the list."""
    entry = _wait(token)
    if g.get("stale_form"):
        return wait_page(token, entry, TropVieux())
    try:
        check_rate()
        service.rejoin(entry.id)
    except DomainError as refusal:
        return wait_page(token, _wait(token), refusal)
    flash("Vous êtes à nouveau sur la liste d’attente, à la fin.", "success")
    return go_to(url_for(".participation", token=token))
