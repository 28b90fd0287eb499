"""« Comment vous prévenir », from a personal link: by text, by e-mail, or not at all; out of the mails in one click."""

from flask import Response, flash, g, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.errors import DomainError, Refus
from webapp.domain.participation import Acteur
from webapp.models import Canal, Participation
from webapp.services.foyer import shown_with
from webapp.services.preferences import choosable, choose_channels, own_contact, unsubscribe, voies
from webapp.web.envois import masked
from webapp.web.errors import refused
from webapp.web.forms.base import BaseForm
from webapp.web.forms.preferences import ticked
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form, one_click

from . import bp
from .limites import check_rate
from .participation import COMING, find_place, moment_of_all, place_page

NOBODY = "Nous ne pourrons plus vous prévenir d’un changement ou d’une annulation."


@bp.post("/p/<token>/canaux")
def canaux(token: str) -> ResponseReturnValue:
    """Keep what the person chose; both boxes empty is a choice, the page says what it means."""
    place = find_place(token)
    try:
        check_rate()
        if moment_of_all(shown_with(place)) not in COMING:
            raise Refus("Ce rendez-vous n’est plus à venir : il n’y a plus rien à choisir.")
        for one in shown_with(place):
            choose_channels(one.id, sms=ticked("sms"), courriel=ticked("courriel"), by=Acteur.USAGER)
    except DomainError as refusal:
        return place_page(token, find_place(token), refusal)
    _say(place)
    return go_to(url_for(".participation", token=token))


@bp.route("/p/<token>/desabonnement", methods=["GET", "POST"])
@keeps_form
@one_click
def desabonnement(token: str) -> ResponseReturnValue:
    """The link at the end of mails. Opening it changes nothing: programs that look for viruses open every link."""
    place = find_place(token)
    if g.get("one_click"):
        _unsubscribe(place)
        return Response("Désabonnement enregistré.\n", mimetype="text/plain")
    form = BaseForm()
    context = {
        "token": token,
        "courriel": _email(place),
        "ici_seulement": own_contact(place),
    }
    if form.validate_on_submit():
        try:
            check_rate()
            _unsubscribe(place)
        except DomainError as refusal:
            return refused(refusal, "public/desabonnement.html", form=form, **context)
        _say(place)
        return go_to(url_for(".participation", token=token))
    return respond("public/desabonnement.html", form=form, **context)


def _unsubscribe(place: Participation) -> None:
    """A mail may be about several places of a household."""
    for one in shown_with(place):
        unsubscribe(one.id)


def _email(place: Participation) -> str:
    """The masked address mails go to; nothing once they no longer do."""
    by_mail = voies(place)[1]
    return masked(by_mail.contact) if by_mail.possible and by_mail.acceptee else ""


def _say(place: Participation) -> None:
    words = {Canal.SMS: "par SMS", Canal.COURRIEL: "par courriel"}
    left = [words[v.canal] for v in choosable(place, Acteur.USAGER) if v.acceptee]
    if left:
        flash(f"C’est noté : nous vous préviendrons {' et '.join(left)}.", "success")
    else:
        flash(f"C’est noté. {NOBODY} Gardez bien la date.", "warning")
