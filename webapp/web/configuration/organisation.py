"""The organisation: how it is called and reached, its hour, its colour, what it decides for all."""

from flask import flash, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError
from webapp.services.organisation import coming_count, save_organisation, why_timezone_stays
from webapp.web.auth import allowed, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.organisation import OrganisationForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp


@bp.route("/organisation", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_ORGANISATION)
@keeps_form
def organisation() -> ResponseReturnValue:
    """What the organisation says of itself and decides."""
    found = current_agent().organisation
    allowed(found)
    form, page = OrganisationForm(found), "configuration/organisation.html"
    coming = coming_count(found.id)
    context = {"form": form, "slug": found.slug, "fuseau": why_timezone_stays(coming) if coming else ""}
    if form.validate_on_submit():
        try:
            changed = save_organisation(found.id, form.values(), current_agent())
        except DomainError as refusal:
            return refused(refusal, page, **context)
        flash("L’organisation est enregistrée." if changed else "Rien n’a changé.", "success")
        return go_to(url_for(".organisation"))
    return respond(page, **context)
