"""Motifs: what can be booked, under which name, and what the messages will say."""

from dataclasses import dataclass
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.contacts import fold
from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable
from webapp.models import Discretion, Motif
from webapp.notifications.content import Emetteur, discreet
from webapp.notifications.render import draft, preview_email, preview_sms
from webapp.queries import configuration as queries
from webapp.services.motifs import consequences, frozen_fields, save_motif, set_archived, told_changes
from webapp.web.auth import allowed, allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.base import BaseForm
from webapp.web.forms.motif import RESERVABLE_PAR, MotifForm
from webapp.web.htmx import go_to, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form

from . import bp

PAGE = "configuration/motif.html"
ETATS = {"": "Proposés", "archives": "Archivés", "tous": "Proposés et archivés"}
APERCUS = {
    "inscription": "Confirmation d’inscription",
    "rappel": "Rappel",
    "modification": "Changement de date ou de lieu",
    "annulation": "Annulation de la séance",
    "retrait": "Place retirée par le service",
    "desistement": "La personne dit qu’elle ne viendra pas",
    "message": "Message écrit par un agent",
    "invitation": "Invitation à choisir une date",
}
"""Messages to usagers, as the preview names them."""
SILENT = {"inscription", "rappel", "desistement"}
"""What a motif that is not `visible_notifie` never sends."""
NIVEAUX = {
    "": "Comme choisi",
    **dict(zip(Discretion, ("Le nom de l’atelier", "Une formule neutre"), strict=True)),
}


@dataclass(frozen=True, slots=True)
class Filtres:
    """What the address asks for; what it says that means nothing is as if it said nothing."""

    q: str = ""
    service: int | None = None
    qui: ReservablePar | None = None
    etat: str = ""

    @classmethod
    def of_request(cls) -> "Filtres":
        asked = request.args.get
        who, state = asked("qui", ""), asked("etat", "")
        return cls(
            asked("q", "").strip()[:100],
            asked("service", type=number),
            ReservablePar(who) if who in set(ReservablePar) else None,
            state if state in ETATS else "",
        )

    @property
    def actifs(self) -> bool:
        """Is anything left out but what is archived?"""
        return bool(self.q or self.service or self.qui)

    def keeps(self, motif: Motif) -> bool:
        """Does this motif fit, archived or not? Each word of the search is in its name, description or SMS name."""
        text = fold(f"{motif.name} {motif.description} {motif.nom_sms}")
        return (
            all(word in text for word in fold(self.q).split())
            and self.service in (None, motif.service_id)
            and self.qui in (None, motif.reservable_par)
        )

    def shows(self, motif: Motif) -> bool:
        """Is it asked for, archived as it is or not?"""
        return self.etat == "tous" or (motif.archived_at is not None) == (self.etat == "archives")


@bp.get("/motifs")
@declares(Droit.CONFIGURER_MOTIFS)
def motifs() -> ResponseReturnValue:
    """The motifs I may set up that fit what is asked."""
    organisation_id, asked = current_agent().organisation_id, Filtres.of_request()
    found = queries.motifs(organisation_id, allowed_services())
    kept = [motif for motif in found if asked.keeps(motif)]
    return respond(
        "configuration/motifs.html",
        filtres=asked,
        motifs=[motif for motif in kept if asked.shows(motif)],
        archives=sum(motif.archived_at is not None for motif in kept) if not asked.etat else 0,
        aucun=not found,
        services=sorted({motif.service for motif in found}, key=lambda service: fold(service.name)),
        venir=queries.coming_by_motif(organisation_id, utcnow()),
        rien=queries.Venir(),
        qui=RESERVABLE_PAR,
        etats=ETATS,
    )


@bp.route("/motifs/nouveau", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_MOTIFS)
@keeps_form
def nouveau_motif() -> ResponseReturnValue:
    """Create a motif in one of my services, from nothing or from another one (`?copie=`), whose plages stay its own."""
    services = queries.services(current_agent().organisation_id, allowed_services())
    source = request.args.get("copie", type=number)
    copie = _find(source) if source is not None else None
    return _edit(None, MotifForm(services=services, copie=copie), services=services, copie=copie)


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
    allowed_services()
    return respond("configuration/motif_apercu.html", "apercu", preview=True, **_apercu(MotifForm()))


@bp.route("/motifs/<int:motif_id>/archivage", methods=["GET", "POST"])
@declares(Droit.CONFIGURER_MOTIFS)
def archivage(motif_id: int) -> ResponseReturnValue:
    """Put a motif away, or take it back, once what that means has been read."""
    found = _find(motif_id)
    form = BaseForm()
    if form.validate_on_submit():
        away = found.archived_at is None
        set_archived(found.id, away, current_agent())
        flash(f"Le motif « {found.name} » est {'archivé' if away else 'de nouveau proposé'}.", "success")
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
        if found is not None and "confirme" not in request.form:
            told, suites = _told(found, data), consequences(found, data)
            if told or suites:
                tz = found.organisation.timezone
                return respond(PAGE, status=200, touchees=told, suites=suites, tz=tz, a_lire=True, **page)
        try:
            saved = save_motif(found.id if found else None, data, current_agent())
        except DomainError as refusal:
            return refused(refusal, PAGE, **page)
        flash(f"Le motif « {saved.name} » est enregistré.", "success")
        return go_to(url_for(".motif", motif_id=saved.id))
    return respond(PAGE, **page)


def _told(found: Motif, data: dict[str, Any]) -> queries.Touchees | None:
    """The booked sessions to come whose people have read what is about to change, if any."""
    changed = told_changes(found, data)
    touched = queries.touched_by_motif(found, changed, utcnow()) if changed else queries.Touchees()
    return touched if touched.personnes else None


def _apercu(form: MotifForm, found: Motif | None = None) -> dict[str, Any]:
    """The text and the mail of the chosen event, from the templates that serve when they are sent."""
    organisation = current_agent().organisation
    event, level = request.form.get("apercu_message", ""), request.form.get("apercu_niveau", "")
    event = event if event in APERCUS else "inscription"
    typed = form.typed()
    if found is not None:
        typed["id"] = found.id
        typed["location_type"] = typed["location_type"] or found.location_type
    if level in set(Discretion):
        typed["discretion"] = Discretion(level)
    motif = draft(**typed)
    muet = motif.visibilite not in (None, Visibilite.VISIBLE_NOTIFIE)
    return {
        "emetteur": Emetteur.of(organisation),
        "evenements": APERCUS,
        "evenement": event,
        "niveaux": NIVEAUX,
        "niveau": level if level in set(Discretion) else "",
        "discret": discreet(motif),
        "muet": muet,
        "tait": muet and event in SILENT,
        "sans_rappel": event == "rappel" and not form.rappels.data,
        "texte": preview_sms(motif, organisation, event=event),
        "mail": preview_email(motif, organisation, event=event),
    }
