"""« Mon rendez-vous », by its personal link: see it, say one can't come, come back (docs/domain.md rules 10 and 18)."""

from collections.abc import Sequence
from enum import StrEnum

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp import links
from webapp.clock import utcnow
from webapp.domain import contacts
from webapp.domain.errors import DomainError, Introuvable, Refus
from webapp.domain.participation import Acteur, Statut
from webapp.models import Participation, ouverture
from webapp.notifications.render import listed
from webapp.queries import public as queries
from webapp.services import deplacements, invitations
from webapp.services.booking import change_statuts
from webapp.services.foyer import shown_with
from webapp.services.preferences import own_contact
from webapp.web.errors import later
from webapp.web.forms.rendez_vous import DesistementForm, QuiForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp
from .attente import find_wait, wait_page
from .limites import check_rate
from .seance import calendar_file
from .vues import other_cards, seance_of, show, shown_channels, unknown_link


class Moment(StrEnum):
    """What the page has to say first."""

    ANNULEE = "annulee"  # the session is cancelled
    RETIREE = "retiree"  # the service removed this person
    DEPLACEE = "deplacee"  # the service gave them a seat in another session
    PASSEE = "passee"
    EXCUSEE = "excusee"
    INSCRITE = "inscrite"


COMING = (Moment.INSCRITE, Moment.EXCUSEE)
"""When there is something left to tell the person."""


def find_place(token: str) -> Participation:
    """The place behind that link; its organisation is the page's."""
    found = queries.participation_by_hash(links.fingerprint(token))
    if found is None:
        raise unknown_link()
    show(found.rdv.organisation)
    return found


def moment_of(place: Participation) -> Moment:
    """What matters most about that place now."""
    if place.rdv.cancelled_at is not None:
        return Moment.ANNULEE
    if place.statut is Statut.ANNULE:
        return Moment.DEPLACEE if place.deplacee_vers_id else Moment.RETIREE
    if utcnow() >= place.rdv.starts_at:
        return Moment.PASSEE
    return Moment.EXCUSEE if place.statut is Statut.EXCUSE else Moment.INSCRITE


def moment_of_all(places: Sequence[Participation]) -> Moment:
    """The same of a household: somebody who comes first, then who might come back."""
    return max((moment_of(place) for place in places), key=list(Moment).index)


@bp.get("/p/<token>")
def participation(token: str) -> ResponseReturnValue:
    """The appointment behind a link, or the wait for one, for the person it was sent to; nobody else's name is ever
    here."""
    if (entry := find_wait(token)) is not None:
        return wait_page(token, entry)
    place = find_place(token)
    if moment_of_all(shown_with(place)) is Moment.DEPLACEE and (new := deplacements.followed(place)) is not None:
        return go_to(url_for(".participation", token=links.token(links.PARTICIPATION, new.lien_nonce)))
    return place_page(token, place)


def place_page(token: str, place: Participation, refusal: DomainError | None = None) -> ResponseReturnValue:
    """The page of that place, and of those of its household it may show; `refusal`: what was just asked and can't
    be."""
    places, rdv = shown_with(place), place.rdv
    moment = moment_of_all(places)
    page = respond(
        "public/participation.html",
        status=refusal.status if refusal else 200,
        refusal=refusal.message if refusal else "",
        token=token,
        prenoms=listed([one.usager.first_name for one in places if moment_of(one) is moment]),
        foyer=[(one.id, one.usager.first_name, moment_of(one)) for one in places],
        rdv=rdv,
        moment=moment,
        s=seance_of(rdv),
        retour_possible=rdv.jauge().libres > 0,
        voies=shown_channels(place) if moment in COMING else [],
        ici_seulement=own_contact(place),
        publique=ouverture(rdv).public(),
        invitation=moment is not Moment.INSCRITE and invitations.still_opens(place),
        autres=other_cards(rdv) if moment is not Moment.INSCRITE else [],
    )
    return later(page)


@bp.get("/p/<token>/rendez-vous.ics")
def participation_ics(token: str) -> ResponseReturnValue:
    """The appointment for a calendar: never the personal link."""
    place = find_place(token)
    places = shown_with(place)
    if moment_of_all(places) not in (Moment.INSCRITE, Moment.PASSEE):
        raise Introuvable
    return calendar_file(place.rdv, min(one.agenda for one in places))


@bp.route("/p/<token>/desistement", methods=["GET", "POST"])
@keeps_form
def desistement(token: str) -> ResponseReturnValue:
    """« Je ne pourrai pas venir »: the second click, with a reason for who wants to give one; of a household, those who
    can't come (`qui`)."""
    place = find_place(token)
    places = shown_with(place)
    coming = [one for one in places if moment_of(one) is Moment.INSCRITE]
    form = DesistementForm(coming, place.id, request.args.getlist("qui"))
    if form.validate_on_submit():
        try:
            check_rate()
            change_statuts(form.chosen, Statut.EXCUSE, by=Acteur.USAGER, raison=form.why)
        except DomainError as refusal:
            return place_page(token, find_place(token), refusal)
        flash(f"C’est noté, merci d’avoir prévenu. {_places(places, form, 'libérée')}", "success")
        return go_to(url_for(".participation", token=token))
    if request.method == "GET" and not coming:
        return redirect(url_for(".participation", token=token))
    return respond("public/desistement.html", form=form, token=token, rdv=place.rdv, s=seance_of(place.rdv))


@bp.post("/p/<token>/reinscription")
def reinscription(token: str) -> ResponseReturnValue:
    """« Finalement, je viens »: while seats are free; of a household, those who come back (`qui`)."""
    place = find_place(token)
    form = QuiForm([one for one in shown_with(place) if moment_of(one) in COMING], place.id)
    try:
        check_rate()
        if not form.validate():
            raise Refus("Cette personne n’est plus à réinscrire d’ici : actualisez la page.")
        change_statuts(form.chosen, Statut.INSCRIT, by=Acteur.USAGER)
    except DomainError as refusal:
        return place_page(token, find_place(token), refusal)
    flash(_places(shown_with(place), form, "à nouveau réservée"), "success")
    return go_to(url_for(".participation", token=token))


def _places(of: Sequence[Participation], form: QuiForm, what: str) -> str:
    """ "Votre place est libérée.", "Les places de Léa et Tom sont libérées."."""
    names = [one.usager.first_name for one in of if one.id in form.chosen]
    if len(of) == 1:
        return f"Votre place est {what}."
    return (
        f"Les places {contacts.of(listed(names))} sont {what}s."
        if len(names) > 1
        else f"La place {contacts.of(names[0])} est {what}."
    )
