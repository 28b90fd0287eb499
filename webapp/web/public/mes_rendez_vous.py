"""« Mes rendez-vous »: all one's own, by a code or a link sent to a contact one holds.

No answer says whether a contact is known: it only depends on what was typed.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Response, current_app, flash, g, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response as BaseResponse

from webapp import links
from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.codes import AT_MOST, LIFE, WITHIN
from webapp.domain.contacts import mask_email
from webapp.domain.dates import local
from webapp.domain.errors import DomainError, Refus
from webapp.models import Acces, Canal, FileAttente, Invitation, Participation
from webapp.queries import acces as queries
from webapp.queries import public
from webapp.services import acces
from webapp.web.errors import refused
from webapp.web.forms.acces import CodeForm, ContactForm, OuvrirForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp
from .attente import Etape, etape_of
from .limites import check_rate
from .participation import Moment, moment_of
from .vues import Seance, seance_of, show

BROWSER = "rdv_acces"
"""The cookie that binds a code to the browser that asked for it."""
ASKED, ASKED_AT, OPENED = "acces_demande", "acces_demandes", "acces_ouvert"
AFTER = {"donnees": ".mes_donnees", "suppression": ".supprimer_mes_donnees"}
"""What a code may be asked for, beside the list → the page it opens."""
IDLE = timedelta(minutes=30)
ANSWER_SECONDS = 0.4
"""A demand takes this long, whether the contact is known or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonRendezVous:
    """One appointment as the list shows it; `pour` is a first name where it is not plain for whom it is."""

    lien: str
    s: Seance
    moment: Moment | Etape
    pour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonInvitation:
    """An invitation nobody booked with yet: what it opens, for whom and until when, in their time."""

    lien: str
    nom: str
    pour: str
    jusqua: datetime


@bp.route("/mes-rendez-vous", methods=["GET", "POST"])
@keeps_form
def mes_rendez_vous() -> ResponseReturnValue:
    """The contact, then the code, then the list: one address, as far as this browser got."""
    region = _house()
    if request.method == "POST":
        return _code() if "code" in request.form else _contact(region)
    if demande := opened():
        return _list(demande)
    if (asked := _asked()) and "autre" not in request.args:
        return respond("public/mes_rendez_vous_code.html", form=CodeForm(), **asked)
    return respond("public/mes_rendez_vous.html", form=ContactForm(region))


def _contact(region: str) -> ResponseReturnValue:
    form = ContactForm(region)
    if not form.validate_on_submit():
        return respond("public/mes_rendez_vous.html", form=form)
    started = time.monotonic()
    navigateur = _browser() or acces.new_browser()
    try:
        check_rate()
        acces.ask(form.canal, form.valeur, navigateur)
    except DomainError as refusal:
        return refused(refusal, "public/mes_rendez_vous.html", form=form)
    _remember_demand(form.canal, form.valeur, region)
    time.sleep(max(0.0, ANSWER_SECONDS - (time.monotonic() - started)))
    return _remembered(go_to(url_for(".mes_rendez_vous")), navigateur)


def _code() -> ResponseReturnValue:
    form, page = CodeForm(), "public/mes_rendez_vous_code.html"
    context: dict[str, Any] = {"form": form, **_asked()}
    if not form.validate_on_submit():
        return respond(page, **context)
    try:
        check_rate()
        demande_id = acces.try_code(form.code.data or "", _browser())
    except Refus as refusal:  # nothing this browser asked for opens any more
        session.pop(ASKED, None)
        return respond(page, status=refusal.status, perdu=True, **context)
    except DomainError as refusal:
        return refused(refusal, page, **context)
    if demande_id is None:
        form.fail()
        return respond(page, **context)
    return _open(demande_id, context.get("ensuite", ""))


@bp.route("/mes-rendez-vous/<token>", methods=["GET", "POST"])
@keeps_form
def mes_rendez_vous_lien(token: str) -> ResponseReturnValue:
    """The link of the message: a page with one button, which uses it up."""
    _house()
    form, page = OuvrirForm(), "public/mes_rendez_vous_lien.html"
    if not form.stale and not acces.link_opens(token):
        return respond(page, status=404, form=form, token="")
    if form.validate_on_submit():
        navigateur = _browser() or acces.new_browser()
        try:
            check_rate()
            demande_id = acces.use_link(token, navigateur)
        except Refus:  # used meanwhile
            return respond(page, status=404, form=form, token="")
        except DomainError as refusal:
            return refused(refusal, page, form=form, token=token)
        return _remembered(_open(demande_id), navigateur)
    return respond(page, form=form, token=token)


@bp.post("/mes-rendez-vous/deconnexion")
def fermer_mes_rendez_vous() -> ResponseReturnValue:
    """« Me déconnecter »: the next person at this screen sees nothing of it."""
    if found := session.pop(OPENED, None):
        acces.close(found["id"], _browser())
    flash("Vous êtes déconnecté : vos rendez-vous ne sont plus affichés sur cet appareil.", "success")
    response = go_to(url_for(".mes_rendez_vous"))
    response.delete_cookie(BROWSER, path=url_for(".mes_rendez_vous"))
    return response


def _house() -> str:
    """Whose page it is, when one organisation alone publishes here; answers the region its people dial in."""
    organisations = public.organisations()
    if len(organisations) == 1:
        show(organisations[0])
    regions = {phones.region_of_timezone(one.timezone) for one in organisations}
    return regions.pop() if len(regions) == 1 else "FR"


def _browser() -> str:
    return request.cookies.get(BROWSER, "")[:64]


def _remembered(response: BaseResponse, navigateur: str) -> BaseResponse:
    response.set_cookie(
        BROWSER,
        navigateur,
        path=url_for(".mes_rendez_vous"),
        httponly=True,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
    return response


def _remember_demand(canal: Canal, contact: str, region: str, ensuite: str = "") -> None:
    """From now on this browser may type a code sent to that contact; `ensuite`: what it opens (`AFTER`)."""
    session.pop(OPENED, None)
    masked = phones.masked(contact, region) if canal is Canal.SMS else mask_email(contact)
    session[ASKED] = {
        "contact": masked,
        "canal": canal.value,
        "trop": _too_often(masked),
        "jusqua": int((utcnow() + LIFE).timestamp()),
        "ensuite": ensuite,
    }


def _asked() -> dict[str, Any]:
    """The contact this browser asked with, masked, its channel and whether that was once too often, while a code may be
    typed; nothing otherwise."""
    asked = session.get(ASKED)
    return {**asked} if asked and asked["jusqua"] > utcnow().timestamp() else {}


def _too_often(contact: str) -> bool:
    """Did this browser ask with that contact as often as codes are sent in an hour? Only what was typed here counts, so
    that the page says the same of every contact."""
    now = int(utcnow().timestamp())
    since = now - int(WITHIN.total_seconds())
    times = [(who, when) for who, when in session.get(ASKED_AT, ()) if when > since][-4 * AT_MOST :]
    often = sum(who == contact for who, _ in times) >= AT_MOST
    session[ASKED_AT] = times if often else [*times, (contact, now)]
    return often


def _open(demande_id: int, ensuite: str = "") -> BaseResponse:
    session.pop(ASKED, None)
    session[OPENED] = {"id": demande_id, "vu": int(utcnow().timestamp()), "pour": ensuite}
    return go_to(url_for(AFTER.get(ensuite, ".mes_rendez_vous")))


def ask_again(demande: Acces, ensuite: str) -> None:
    """Another code to the contact that was proven, for something that matters more than looking."""
    region = _house()
    acces.ask(demande.canal, demande.contact, _browser())
    _remember_demand(demande.canal, demande.contact, region, ensuite)


def opened_for(ensuite: str) -> Acces | None:
    """What this browser opened with a code asked for that purpose, a moment ago."""
    demande = opened()
    if demande is None or session[OPENED].get("pour") != ensuite or demande.utilise_le is None:
        return None
    return demande if demande.utilise_le > utcnow() - LIFE else None


def forget_opened() -> None:
    """Nothing is open in this browser any more."""
    session.pop(OPENED, None)


def opened() -> Acces | None:
    """What this browser opened, unless nobody looked for half an hour."""
    found = session.get(OPENED)
    if not found:
        return None
    now = utcnow()
    if found["vu"] > (now - IDLE).timestamp() and (demande := acces.opened(found["id"], _browser())):
        session[OPENED] = {**found, "vu": int(now.timestamp())}
        return demande
    session.pop(OPENED)
    return None


def _list(demande: Acces) -> Response:
    now = utcnow()
    places = queries.places_held(demande.canal, demande.contact, now)
    waits = queries.waits_held(demande.canal, demande.contact, now)
    if g.get("organisation") is None:
        known = [*places, *waits]
        show(known[0].rdv.organisation if known else queries.organisation_of(demande))
    coming, past = _sorted(places, now)
    return respond(
        "public/mes_rendez_vous_liste.html",
        a_venir=coming,
        passes=past,
        attentes=[_waiting(entry, now) for entry in waits],
        invitations=[_invited(row) for row in queries.invitations_held(demande.canal, demande.contact, now)],
    )


def _invited(row: Invitation) -> MonInvitation:
    return MonInvitation(
        lien=url_for(".invitation", token=links.token(links.INVITATION, row.lien_nonce)),
        nom=row.motif.name,
        pour=row.usager.first_name,
        jusqua=local(row.expire_le, row.motif.organisation.timezone),
    )


def _waiting(entry: FileAttente, now: datetime) -> MonRendezVous:
    """Somebody who waits for a seat, or just did."""
    return MonRendezVous(
        lien=url_for(".participation", token=links.token(links.ATTENTE, entry.lien_nonce)),
        s=seance_of(entry.rdv, now),
        moment=etape_of(entry, now),
        pour=entry.usager.first_name,
    )


def _sorted(places: Sequence[Participation], now: datetime) -> tuple[list[MonRendezVous], list[MonRendezVous]]:
    """Those to come, soonest first, then those that are over, newest first."""
    several = len({place.usager_id for place in places}) > 1
    shown = [
        MonRendezVous(
            lien=url_for(".participation", token=links.token(links.PARTICIPATION, place.lien_nonce)),
            s=seance_of(place.rdv, now),
            moment=moment_of(place),
            pour=place.usager.first_name if several or place.usager.responsable_id else "",
        )
        for place in places
    ]
    over = [place.rdv.ends_at <= now for place in places]
    coming = [one for one, is_over in zip(shown, over, strict=True) if not is_over]
    return coming, [one for one, is_over in zip(shown, over, strict=True) if is_over][::-1]
