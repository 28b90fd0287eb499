"""« Comment vous prévenir », from the link of a place or of a wait: by text, by e-mail, or not at all; out of the mails
in one click."""

from collections.abc import Sequence

from flask import Response, flash, g, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.errors import DomainError, Refus
from webapp.domain.participation import Acteur
from webapp.models import Canal, FileAttente
from webapp.notifications.people import Place
from webapp.services.foyer import shown_with
from webapp.services.preferences import choosable, choose_channels, choose_for_wait, own_contact, unsubscribe, voies
from webapp.web.envois import masked
from webapp.web.errors import refused
from webapp.web.forms.base import BaseForm
from webapp.web.forms.preferences import ticked
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form, one_click

from . import bp
from .attente import chooses, find_wait, wait_page
from .limites import check_rate
from .participation import COMING, find_place, moment_of_all, place_page

NOBODY = "Nous ne pourrons plus vous prévenir d’un changement ou d’une annulation. Gardez bien la date."
NO_OFFER = "Nous ne pourrons plus vous proposer de place par message : revenez voir cette page, ou appelez-nous."


@bp.post("/p/<token>/canaux")
def canaux(token: str) -> ResponseReturnValue:
    """Keep what the person chose; both boxes empty is a choice, the page says what it means."""
    rows = _behind(token)
    try:
        check_rate()
        _choose(rows)
    except DomainError as refusal:
        if (entry := find_wait(token)) is not None:
            return wait_page(token, entry, refusal)
        return place_page(token, find_place(token), refusal)
    _say(rows[0])
    return go_to(url_for(".participation", token=token))


def _behind(token: str) -> Sequence[Place]:
    """The wait behind that link; or its place, with those of the household it shows."""
    entry = find_wait(token)
    return [entry] if entry is not None else shown_with(find_place(token))


def _choose(rows: Sequence[Place]) -> None:
    wanted = {"sms": ticked("sms"), "courriel": ticked("courriel")}
    places = [one for one in rows if not isinstance(one, FileAttente)]
    if places and moment_of_all(places) not in COMING:
        raise Refus("Ce rendez-vous n’est plus à venir : il n’y a plus rien à choisir.")
    for place in places:
        choose_channels(place.id, by=Acteur.USAGER, **wanted)
    for entry in (one for one in rows if isinstance(one, FileAttente)):
        if not chooses(entry):
            raise Refus("Vous n’attendez plus de place à cette séance : il n’y a plus rien à choisir.")
        choose_for_wait(entry.id, **wanted)


@bp.route("/p/<token>/desabonnement", methods=["GET", "POST"])
@keeps_form
@one_click
def desabonnement(token: str) -> ResponseReturnValue:
    """The link at the end of mails. Opening it changes nothing: programs that look for viruses open every link."""
    rows = _behind(token)
    if g.get("one_click"):
        _unsubscribe(rows)
        return Response("Désabonnement enregistré.\n", mimetype="text/plain")
    form = BaseForm()
    context = {
        "token": token,
        "courriel": _email(rows[0]),
        "ici_seulement": own_contact(rows[0]),
        "attente": isinstance(rows[0], FileAttente),
    }
    if form.validate_on_submit():
        try:
            check_rate()
            _unsubscribe(rows)
        except DomainError as refusal:
            return refused(refusal, "public/desabonnement.html", form=form, **context)
        _say(rows[0])
        return go_to(url_for(".participation", token=token))
    return respond("public/desabonnement.html", form=form, **context)


def _unsubscribe(rows: Sequence[Place]) -> None:
    """A mail may be about several places of a household."""
    for one in rows:
        unsubscribe(one)


def _email(place: Place) -> str:
    """The masked address mails go to; nothing once they no longer do."""
    by_mail = voies(place)[1]
    return masked(by_mail.contact) if by_mail.possible and by_mail.acceptee else ""


def _say(place: Place) -> None:
    words = {Canal.SMS: "par SMS", Canal.COURRIEL: "par courriel"}
    left = [words[v.canal] for v in choosable(place, Acteur.USAGER) if v.acceptee]
    if left:
        flash(f"C’est noté : nous vous préviendrons {' et '.join(left)}.", "success")
    else:
        flash(f"C’est noté. {NO_OFFER if isinstance(place, FileAttente) else NOBODY}", "warning")
