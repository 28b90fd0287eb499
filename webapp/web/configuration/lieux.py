"""Places and rooms: where sessions are held, and who is told when one is corrected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import long_date, span
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable, Perime
from webapp.models import Lieu, Rdv, Salle
from webapp.notifications.people import Prevenus, prevenus
from webapp.queries import lieux as queries
from webapp.services import lieux as services
from webapp.web.auth import allowed, current_agent, declares
from webapp.web.envois import texts_left
from webapp.web.errors import refused
from webapp.web.forms.agent import said_yes
from webapp.web.forms.base import BaseForm
from webapp.web.forms.lieux import KnownForm, LieuForm, SalleForm
from webapp.web.htmx import go_to, respond
from webapp.web.security import keeps_form

from . import bp

PAGE, SALLE, CORRECTION = (
    "configuration/lieu.html",
    "configuration/lieu_salle.html",
    "configuration/lieu_correction.html",
)
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Seance:
    """One coming session as a line."""

    motif: str
    quand: str
    salle: str
    inscrits: int
    href: str


@dataclass(frozen=True, slots=True)
class Touchees:
    """What a correction touches: how many sessions with people, and who would be told."""

    seances: int
    told: Prevenus
    lignes: Sequence[Seance] = ()


@bp.get("/lieux")
@declares(Droit.CONFIGURER_LIEUX)
def lieux() -> ResponseReturnValue:
    """The places that may be chosen; those no longer proposed and those of one session apart."""
    organisation = current_agent().organisation
    allowed(organisation)
    found = queries.lieux(organisation.id)
    return respond(
        "configuration/lieux.html",
        lieux=[one for one in found if one.enabled and not one.ponctuel],
        desactives=[one for one in found if not one.enabled and not one.ponctuel],
        ponctuels=[one for one in found if one.ponctuel],
        venir=queries.coming_by_lieu(organisation.id, utcnow()),
    )


@bp.route("/lieux/nouveau", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_LIEUX)
@keeps_form
def nouveau_lieu() -> ResponseReturnValue:
    """Create a place."""
    organisation = current_agent().organisation
    allowed(organisation)
    form = LieuForm(None, organisation.timezone)
    if form.validate_on_submit():
        try:
            saved, _ = services.save_lieu(None, form.values(), current_agent())
        except DomainError as refusal:
            return refused(refusal, PAGE, form=form, lieu=None)
        flash(f"Le lieu « {saved.name} » est créé. Ajoutez ses salles s’il en a plusieurs.", "success")
        return go_to(url_for(".lieu", lieu_id=saved.id))
    return respond(PAGE, form=form, lieu=None)


@bp.route("/lieux/<int:lieu_id>", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_LIEUX)
@keeps_form
def lieu(lieu_id: int) -> ResponseReturnValue:
    """Correct a place; when people were told of it, who would hear of the correction is shown first."""
    found, now = _find(lieu_id), utcnow()
    form = LieuForm(found, found.organisation.timezone)
    context = {
        "lieu": found,
        "venir": queries.coming_by_lieu(found.organisation_id, now).get(found.id, 0),
        "par_salle": queries.coming_by_salle(found.organisation_id, found.id, now),
    }
    return _edit(found, form, PAGE, url_for(".lieu", lieu_id=found.id), context)


@bp.route("/lieux/<int:lieu_id>/activation", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_LIEUX)
def activation(lieu_id: int) -> ResponseReturnValue:
    """Propose a place no more, once its coming sessions have been seen; or propose it again."""
    found = _find(lieu_id)
    if found.ponctuel:
        raise Introuvable
    form = BaseForm()
    if form.validate_on_submit():
        enabled = said_yes("proposer", default=not found.enabled)
        services.set_enabled(found.id, enabled, current_agent())
        flash(f"Le lieu « {found.name} » {'est de nouveau' if enabled else 'n’est plus'} proposé.", "success")
        return go_to(url_for(".lieux"))
    sessions = queries.coming_sessions(found.organisation_id, found, utcnow())
    return respond(
        "configuration/lieu_activation.html",
        form=form,
        lieu=found,
        total=len(sessions),
        plages=len({rdv.plage_ouverture_id for rdv in sessions} - {None}),
        seances=[_line(rdv, found) for rdv in sessions[:SHOWN]],
    )


@bp.route("/lieux/<int:lieu_id>/salles/nouvelle", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_LIEUX)
@keeps_form
def nouvelle_salle(lieu_id: int) -> ResponseReturnValue:
    """Add a room to a place."""
    found = _find(lieu_id)
    form = SalleForm(None)
    if form.validate_on_submit():
        try:
            saved, _ = services.save_salle(found.id, None, form.values(), current_agent())
        except DomainError as refusal:
            return refused(refusal, SALLE, form=form, lieu=found, salle=None)
        flash(f"La salle « {saved.name} » est ajoutée.", "success")
        return go_to(url_for(".lieu", lieu_id=found.id))
    return respond(SALLE, form=form, lieu=found, salle=None)


@bp.route("/lieux/<int:lieu_id>/salles/<int:salle_id>", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_LIEUX)
@keeps_form
def salle(lieu_id: int, salle_id: int) -> ResponseReturnValue:
    """Change a room: its new name is news to who was told the old one."""
    found, room = _find_room(lieu_id, salle_id)
    context = {
        "lieu": found,
        "salle": room,
        "venir": queries.coming_by_salle(found.organisation_id, found.id, utcnow()).get(room.id, 0),
    }
    return _edit(room, SalleForm(room), SALLE, url_for(".salle", lieu_id=found.id, salle_id=room.id), context)


@bp.route("/lieux/<int:lieu_id>/salles/<int:salle_id>/retrait", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_LIEUX)
def retrait_salle(lieu_id: int, salle_id: int) -> ResponseReturnValue:
    """Take a room away, when nothing refers to it."""
    found, room = _find_room(lieu_id, salle_id)
    form, page = BaseForm(), "configuration/lieu_salle_retrait.html"
    uses = queries.uses(room)
    context = {
        "form": form,
        "lieu": found,
        "salle": room,
        "raison": services.why_salle_stays(*uses) if any(uses) else "",
    }
    if form.validate_on_submit():
        try:
            services.remove_salle(found.id, room.id, current_agent())
        except Introuvable:
            raise
        except DomainError as refusal:
            return refused(refusal, page, **context)
        flash(f"La salle « {room.name} » est retirée.", "success")
        return go_to(url_for(".lieu", lieu_id=found.id))
    return respond(page, **context)


def _find(lieu_id: int) -> Lieu:
    found = queries.lieu(current_agent().organisation_id, lieu_id)
    if found is None:
        raise Introuvable("Ce lieu n’existe pas.")
    allowed(found)
    return found


def _find_room(lieu_id: int, salle_id: int) -> tuple[Lieu, Salle]:
    found = _find(lieu_id)
    room = queries.salle(found.organisation_id, found.id, salle_id)
    if room is None:
        raise Introuvable("Cette salle n’existe pas.")
    return found, room


def _edit(row: Lieu | Salle, form: KnownForm, page: str, address: str, context: dict[str, Any]) -> ResponseReturnValue:
    """Save what was typed; ask for a last word first when people know what it changes."""
    if not form.validate_on_submit() or "corriger" in request.form:
        return respond(page, form=form, **context)
    data, prevenir = form.values(), said_yes("prevenir", default=False)
    touched = _touched(row) if services.is_news(row, data) else None
    if touched and touched.seances and "vu" not in request.form:
        before, after = _read(row, {}), _read(row, data)
        return respond(CORRECTION, form=form, address=address, touchees=touched, avant=before, apres=after, **context)
    try:
        changed = _save(row, data, form.connu.data or "", prevenir)
    except Introuvable:
        raise
    except DomainError as refusal:
        if isinstance(refusal, Perime):  # the next try is made knowing what is there now
            form.connu.data = services.cle(row)
            context["maintenant"] = _read(row, {})
        return refused(refusal, page, form=form, **context)
    said = f"« {row.name} » est enregistré." if isinstance(row, Lieu) else f"La salle « {row.name} » est enregistrée."
    if changed and prevenir and touched:
        said += f" Les messages partent : {touched.told.phrase}."
    flash(said if changed else "Rien n’a changé.", "success")
    return go_to(url_for(".lieu", lieu_id=row.id if isinstance(row, Lieu) else row.lieu_id))


def _save(row: Lieu | Salle, data: dict[str, Any], connu: str, prevenir: bool) -> bool:
    if isinstance(row, Lieu):
        return services.save_lieu(row.id, data, current_agent(), connu=connu, prevenir=prevenir)[1]
    return services.save_salle(row.lieu_id, row.id, data, current_agent(), connu=connu, prevenir=prevenir)[1]


def _touched(row: Lieu | Salle) -> Touchees:
    # Who sets places up does so in the whole organisation, and so may see all its sessions (docs/domain.md rule 14).
    people = queries.booked(current_agent().organisation_id, row, utcnow())
    return Touchees(
        len({place.rdv_id for place in people}), prevenus(people, textes=texts_left(current_agent().organisation))
    )


def _read(row: Lieu | Salle, data: dict[str, Any]) -> str:
    """The place or the room in one line, as it is or as it would be."""
    values = {name: data.get(name, getattr(row, name)) for name in services.ANNONCES[type(row)]}
    if isinstance(row, Salle):
        return str(values["name"])
    where = Lieu(**values).adresse_complete
    return ", ".join(part for part in (values["name"], where) if part)


def _line(rdv: Rdv, where: Lieu) -> Seance:
    tz = where.organisation.timezone
    return Seance(
        motif=rdv.motif.name,
        quand=f"{long_date(rdv.starts_at, tz)}, {span(rdv.starts_at, rdv.ends_at, tz)}",
        salle=rdv.salle.name if rdv.salle else "",
        inscrits=rdv.places_prises,
        href=url_for("agent.fiche", rdv_id=rdv.id),
    )
