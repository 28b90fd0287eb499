"""Motifs: what can be booked, under which name, and what the messages will say."""

from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable
from webapp.models import Motif
from webapp.notifications.content import Emetteur, discreet
from webapp.notifications.render import draft, preview_email, preview_sms
from webapp.queries import configuration as queries
from webapp.services.motifs import frozen_fields, save_motif, set_archived
from webapp.web.auth import allowed, allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.base import BaseForm
from webapp.web.forms.motif import RESERVABLE_PAR, MotifForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp

PAGE = "configuration/motif.html"


@bp.get("/motifs")
@declares(Droit.CONFIGURER_MOTIFS)
def motifs() -> ResponseReturnValue:
    """The motifs I may set up, those put away apart."""
    organisation_id = current_agent().organisation_id
    found = queries.motifs(organisation_id, allowed_services())
    return respond(
        "configuration/motifs.html",
        motifs=[motif for motif in found if motif.archived_at is None],
        archives=[motif for motif in found if motif.archived_at is not None],
        venir=queries.coming_by_motif(organisation_id, utcnow()),
        rien=queries.Venir(),
        qui=RESERVABLE_PAR,
    )


@bp.route("/motifs/nouveau", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_MOTIFS)
@keeps_form
def nouveau_motif() -> ResponseReturnValue:
    """Create a motif in one of my services."""
    services = queries.services(current_agent().organisation_id, allowed_services())
    form = MotifForm(services=services)
    return _edit(None, form, services=services)


@bp.route("/motifs/<int:motif_id>", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_MOTIFS)
@keeps_form
def motif(motif_id: int) -> ResponseReturnValue:
    """Change a motif."""
    found = _find(motif_id)
    form = MotifForm(found, frozen=frozen_fields(found))
    return _edit(found, form, venir=queries.coming_by_motif(found.organisation_id, utcnow()).get(found.id))


@bp.post("/motifs/apercu")
@declares(Droit.CONFIGURER_MOTIFS)
@keeps_form
def apercu_motif() -> ResponseReturnValue:
    """The messages of what is being typed. Nothing is read from the form but its words, nothing is saved."""
    services = queries.services(current_agent().organisation_id, allowed_services())
    return respond("configuration/motif_apercu.html", "apercu", preview=True, **_apercu(MotifForm(services=services)))


@bp.route("/motifs/<int:motif_id>/archivage", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_MOTIFS)
def archivage(motif_id: int) -> ResponseReturnValue:
    """Put a motif away, or take it back, once what that means has been read."""
    found = _find(motif_id)
    form = BaseForm()
    if form.validate_on_submit():
        away = found.archived_at is None
        set_archived(found.id, away, current_agent())
        flash(f"Le motif « {found.name} » est {'archivé' if away else 'de nouveau proposé'}.", "success")
        return go_to(url_for(".motifs"))
    venir = queries.coming_by_motif(found.organisation_id, utcnow()).get(found.id, queries.Venir())
    return respond("configuration/motif_archivage.html", form=form, motif=found, venir=venir)


def _find(motif_id: int) -> Motif:
    found = queries.motif(current_agent().organisation_id, motif_id)
    if found is None:
        raise Introuvable("Ce motif n’existe pas.")
    allowed(found)
    return found


def _edit(found: Motif | None, form: MotifForm, **context: Any) -> ResponseReturnValue:
    page = {"form": form, "motif": found, **_apercu(form, found), **context}
    if "apercu" in request.form and not form.stale:
        return respond(PAGE, status=200, **page)
    if form.validate_on_submit():
        data = form.settings() | ({"service_id": form.service_id.data} if found is None else {})
        try:
            saved = save_motif(found.id if found else None, data, current_agent())
        except DomainError as refusal:
            return refused(refusal, PAGE, **page)
        flash(f"Le motif « {saved.name} » est enregistré.", "success")
        return go_to(url_for(".motif", motif_id=saved.id))
    return respond(PAGE, **page)


def _apercu(form: MotifForm, found: Motif | None = None) -> dict[str, Any]:
    """Both texts and the mail, from the templates that serve when they are sent."""
    organisation = current_agent().organisation
    typed = form.typed()
    if typed["location_type"] is None and found is not None:
        typed["location_type"] = found.location_type
    motif = draft(**typed)
    return {
        "emetteur": Emetteur.of(organisation),
        "discret": discreet(motif),
        "muet": form.visibilite.data != "visible_notifie",
        "rappels": form.rappels.data,
        "textes": [
            ("À l’inscription", preview_sms(motif, organisation, event="inscription")),
            ("Au rappel", preview_sms(motif, organisation, event="rappel")),
        ],
        "mail": preview_email(motif, organisation, event="inscription"),
    }
