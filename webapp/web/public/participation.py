"""« Mon rendez-vous », by its personal link: see it, say one can't come, come back (docs/domain.md rules 10 and 18)."""

from enum import StrEnum

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp import links
from webapp.clock import utcnow
from webapp.domain.contacts import clean_name
from webapp.domain.errors import DomainError, Introuvable
from webapp.domain.participation import Acteur, Statut
from webapp.models import Participation, ouverture
from webapp.queries import public as queries
from webapp.services import invitations
from webapp.services.booking import change_statut
from webapp.services.preferences import choosable, own_contact
from webapp.web.envois import masked
from webapp.web.forms.public import DesistementForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp
from .limites import check_rate
from .seance import calendar_file
from .vues import lost_link, other_cards, seance_of, show


class Moment(StrEnum):
    """What the page has to say first."""

    ANNULEE = "annulee"  # the session is cancelled
    RETIREE = "retiree"  # the service removed this person
    PASSEE = "passee"
    EXCUSEE = "excusee"
    INSCRITE = "inscrite"


COMING = (Moment.INSCRITE, Moment.EXCUSEE)
"""When there is something left to tell the person."""


def find_place(token: str) -> Participation:
    """The place behind that link; its organisation is the page's."""
    found = queries.participation_by_hash(links.fingerprint(token))
    if found is None:
        raise lost_link()
    show(found.rdv.organisation)
    return found


def moment_of(place: Participation) -> Moment:
    """What matters most about that place now."""
    if place.rdv.cancelled_at is not None:
        return Moment.ANNULEE
    if place.statut is Statut.ANNULE:
        return Moment.RETIREE
    if utcnow() >= place.rdv.starts_at:
        return Moment.PASSEE
    return Moment.EXCUSEE if place.statut is Statut.EXCUSE else Moment.INSCRITE


@bp.get("/p/<token>")
def participation(token: str) -> ResponseReturnValue:
    """The appointment behind a link, for the person it was sent to; nobody else's name is ever here."""
    return place_page(token, find_place(token))


def place_page(token: str, place: Participation, refusal: DomainError | None = None) -> ResponseReturnValue:
    """The page of that place; `refusal`: what was just asked and can't be."""
    moment, rdv = moment_of(place), place.rdv
    return respond(
        "public/participation.html",
        status=refusal.status if refusal else 200,
        refusal=refusal.message if refusal else "",
        token=token,
        place=place,
        rdv=rdv,
        moment=moment,
        s=seance_of(rdv),
        retour_possible=moment is Moment.EXCUSEE and rdv.jauge().libres > 0,
        voies=[(v.canal.value, masked(v.contact), v.acceptee) for v in choosable(place, Acteur.USAGER)]
        if moment in COMING
        else [],
        ici_seulement=own_contact(place),
        publique=ouverture(rdv).public(),
        invitation=moment is not Moment.INSCRITE and invitations.still_opens(place),
        autres=other_cards(rdv) if moment is not Moment.INSCRITE else [],
    )


@bp.get("/p/<token>/rendez-vous.ics")
def participation_ics(token: str) -> ResponseReturnValue:
    """The appointment for a calendar: never the personal link."""
    place = find_place(token)
    if moment_of(place) not in (Moment.INSCRITE, Moment.PASSEE):
        raise Introuvable
    return calendar_file(place.rdv, place.id)


@bp.route("/p/<token>/desistement", methods=["GET", "POST"])
@keeps_form
def desistement(token: str) -> ResponseReturnValue:
    """« Je ne pourrai pas venir »: the second click, with a reason for who wants to give one."""
    place = find_place(token)
    form = DesistementForm()
    if form.validate_on_submit():
        try:
            check_rate()
            raison = clean_name(form.raison.data or "")
            change_statut(place.id, Statut.EXCUSE, by=Acteur.USAGER, raison=raison)
        except DomainError as refusal:
            return place_page(token, find_place(token), refusal)
        flash("C’est noté, merci d’avoir prévenu. Votre place est libérée.", "success")
        return go_to(url_for(".participation", token=token))
    if request.method == "GET" and moment_of(place) is not Moment.INSCRITE:
        return redirect(url_for(".participation", token=token))
    return respond("public/desistement.html", form=form, token=token, rdv=place.rdv, s=seance_of(place.rdv))


@bp.post("/p/<token>/reinscription")
def reinscription(token: str) -> ResponseReturnValue:
    """« Finalement, je viens »: while a seat is free."""
    place = find_place(token)
    try:
        check_rate()
        change_statut(place.id, Statut.INSCRIT, by=Acteur.USAGER)
    except DomainError as refusal:
        return place_page(token, find_place(token), refusal)
    flash("Votre place est à nouveau réservée.", "success")
    return go_to(url_for(".participation", token=token))
