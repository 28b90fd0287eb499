"""« Corriger mes coordonnées », from a personal link: for these places at once; for the file, by a code sent to its old
contact (docs/domain.md rule 18)."""

from typing import Any

from flask import flash, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.codes import LIFE
from webapp.domain.errors import DomainError, Refus
from webapp.models import Canal, Participation
from webapp.notifications.people import lecteurs
from webapp.services import acces, contact
from webapp.services.foyer import shown_with
from webapp.web.envois import masked
from webapp.web.errors import refused
from webapp.web.forms.acces import CodeForm
from webapp.web.forms.rendez_vous import CorrectionForm, DemandeForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp
from .limites import check_rate
from .participation import COMING, find_place, moment_of_all
from .vues import seance_of

ASKED, BROWSER = "contact_demande", "contact_navigateur"
"""What this browser's session keeps: the place a code was asked for, and the word the code is bound to."""
PAGE = "public/contact.html"


@bp.route("/p/<token>/contact", methods=["GET", "POST"])
@keeps_form
def contact_(token: str) -> ResponseReturnValue:
    """One address: the new contact (`telephone`, `courriel`), then for the file where to send a code (`par`), then the
    code (`code`)."""
    place = find_place(token)
    if moment_of_all(shown_with(place)) not in COMING:
        if request.method == "GET":
            return redirect(url_for(".participation", token=token))
        raise Refus("Ce rendez-vous n’est plus à venir : il n’y a plus rien à corriger.")
    if "code" in request.form:
        return _code(token, place)
    if "par" in request.form or "demander" in request.form:
        return _ask(token, place)
    form = CorrectionForm(phones.region_of_timezone(place.rdv.organisation.timezone))
    if form.validate_on_submit():
        try:
            check_rate()
            changed = contact.correct([one.id for one in shown_with(place)], **form.contact())
        except DomainError as refusal:
            return refused(refusal, PAGE, form=form, **{**_context(token, find_place(token)), "correction": form})
        session.pop(ASKED, None)
        if changed and lecteurs([find_place(token)])[0].a_appeler:
            flash(
                "C’est noté. Mais un téléphone fixe ne reçoit pas nos messages : ajoutez un portable ou un courriel, "
                "ou notez bien la date.",
                "warning",
            )
            return go_to(url_for(".contact_", token=token))
        flash(
            "C’est noté : les messages de ce rendez-vous iront à vos nouvelles coordonnées."
            if changed
            else "Ce sont déjà les coordonnées de ce rendez-vous.",
            "success" if changed else "",
        )
        return go_to(url_for(".contact_", token=token))
    return respond(PAGE, form=form, **{**_context(token, place), "correction": form})


def _ask(token: str, place: Participation) -> ResponseReturnValue:
    possible = contact.old_contacts(place)
    form = DemandeForm([(canal, masked(to)) for canal, to in possible.items()])
    context = {**_context(token, place), "demande": form}
    if not form.validate_on_submit():
        return respond(PAGE, status=form.status, form=CorrectionForm(""), **context)
    session.setdefault(BROWSER, acces.new_browser())
    canal = Canal(form.par.data)
    try:
        check_rate()
        contact.ask_code(place, canal, session[BROWSER])
    except DomainError as refusal:
        return refused(refusal, PAGE, form=form, **_context(token, find_place(token)))
    until = int((utcnow() + LIFE).timestamp())
    session[ASKED] = {"place": place.id, "contact": masked(possible[canal]), "jusqua": until}
    return go_to(url_for(".contact_", token=token))


def _code(token: str, place: Participation) -> ResponseReturnValue:
    form = CodeForm()
    context = {**_context(token, place), "code": form}
    if not form.validate_on_submit():
        return respond(PAGE, form=form, **context)
    try:
        check_rate()
        if not contact.change_file(place.id, form.code.data or "", session.get(BROWSER, "")):
            form.fail()
            return respond(PAGE, form=form, **context)
    except DomainError as refusal:
        session.pop(ASKED, None)
        return refused(refusal, PAGE, form=form, **_context(token, find_place(token)))
    session.pop(ASKED, None)
    flash("C’est noté : vos prochains messages aussi iront à ces coordonnées.", "success")
    return go_to(url_for(".participation", token=token))


def _context(token: str, place: Participation) -> dict[str, Any]:
    """What the page says beside the form that is being filled."""
    asked = session.get(ASKED)
    if not asked or asked["place"] != place.id or asked["jusqua"] <= utcnow().timestamp():
        asked = None
    old = contact.old_contacts(place)
    return {
        "token": token,
        "s": seance_of(place.rdv),
        "actuel": [masked(to) for canal in Canal if (to := place.contact_of(canal))],
        "correction": CorrectionForm(""),
        "demande": DemandeForm([(canal, masked(to)) for canal, to in old.items()]) if old and not asked else None,
        "code": CodeForm() if asked and old else None,
        "demandee": asked,
    }
