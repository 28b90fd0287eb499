"""A plage is changed: what becomes of the sessions where people are booked is read and decided first (rule 5)."""

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.dates import NBSP
from webapp.domain.errors import DomainError, Introuvable
from webapp.models import PlageOuverture, Rdv
from webapp.services.plages import Reconciliation, save_plage
from webapp.services.rdvs import effective_capacity
from webapp.services.series import PlanPerime
from webapp.services.suites import preview_plage, split_plage
from webapp.web.auth import current_agent
from webapp.web.errors import refused
from webapp.web.forms.plage import PlageForm
from webapp.web.forms.serie import AccordForm
from webapp.web.htmx import go_to, respond
from webapp.web.templating import pluriel

from .conflits import FIELD
from .revue import Revue, review
from .seance import leaving

PAGE, REVUE = "agent/plage.html", "agent/plage_revue.html"


def save(
    found: PlageOuverture,
    form: PlageForm,
    page: dict[str, Any],
    whole: Callable[[], dict[str, Any]],
    look: Callable[[], None],
) -> ResponseReturnValue:
    """Save what was typed, at once when nobody is concerned, once it was read and agreed otherwise. With `depuis` in
    `page`, only what follows from that day changes. `whole`: what the form's page shows, when it has to come back.
    `look`: raises what is to be read on the form first."""
    accord, data, depuis = AccordForm(), form.plage_data(), page.get("depuis")
    version = int(form.version.data) if (form.version.data or "").isdigit() else None
    agreed = accord.accord
    try:
        revue = _review(found, form, depuis, accord)
        look()
        asking = "apercu" in request.form or ("relu" not in request.form and bool(revue.lignes))
        if asking or not accord.validate():
            return _ask(found, form, accord, revue, page)
        if depuis is None:
            saved = save_plage(found.id, data, current_agent(), version=version, accord=agreed)
        else:
            saved = split_plage(found.id, depuis, data, current_agent(), version=version, accord=agreed)
    except PlanPerime as changed:
        accord.refuse(changed)
        return _ask(found, form, accord, _review(found, form, depuis, accord), page)
    except Introuvable:
        raise
    except DomainError as refusal:
        return refused(refusal, PAGE, **whole())
    say(saved, told=leaving(revue.told, agreed.prevenir) if saved.prevenues else "", depuis=depuis)
    return go_to(url_for(".plage", plage_id=saved.plage.id))


def _review(found: PlageOuverture, form: PlageForm, depuis: date | None, accord: AccordForm) -> Revue:
    apercu = preview_plage(found, form.plage_data(), accord.accord.choix, depuis=depuis)
    return review(apercu, current_agent().organisation, accord.accord.choix, accord.montre)


def _ask(
    found: PlageOuverture, form: PlageForm, accord: AccordForm, revue: Revue, page: dict[str, Any]
) -> ResponseReturnValue:
    kept = [
        (name, value) for name, value in request.form.items(multi=True) if name in form or name in ("version", FIELD)
    ]
    return respond(
        REVUE,
        "qui",
        preview="apercu" in request.form,
        form=accord,
        plage=found,
        revue=revue,
        adresse=page.get("adresse") or url_for(".plage", plage_id=found.id),
        depuis=page.get("depuis"),
        porte=[(name, value) for name, value in kept if name not in ("csrf_token", "envoi")],
        prevenir=accord.accord.prevenir,
    )


def say(saved: Reconciliation, *, created: bool = False, told: str = "", depuis: date | None = None) -> None:
    """What saving did, in words."""
    if not saved.changee:
        flash("Rien n’a changé.", "success")
        return
    counts = (
        (saved.creees, "séance créée", "séances créées"),
        (saved.deplacees, "séance réservée déplacée", "séances réservées déplacées"),
        (saved.annulees, "séance annulée", "séances annulées"),
        (saved.retirees, "séance sans inscrit retirée", "séances sans inscrit retirées"),
    )
    done = [pluriel(count, one, many) for count, one, many in counts if count or (created and one == "séance créée")]
    what = "La suite est une nouvelle plage" if depuis else "Plage enregistrée"
    words = f"{NBSP}: {', '.join(done)}." if done else "."
    if saved.gardees == 1:
        words += " Une séance où des personnes sont inscrites garde sa date et son lieu."
    elif saved.gardees:
        words += f" {saved.gardees} séances où des personnes sont inscrites gardent leur date et leur lieu."
    if told:
        words += f" {told[0].upper()}{told[1:]}"
    flash(what + words, "success")
    if saved.depassees:
        over = pluriel(saved.depassees, "séance compte", "séances comptent")
        flash(f"{over} déjà plus d’inscrits que la nouvelle capacité. Personne n’est retiré.", "warning")
    seats, room = effective_capacity(Rdv(motif=saved.plage.motif, plage_ouverture=saved.plage)), saved.plage.salle
    if room is not None and room.capacite and seats and seats > room.capacite:
        flash(
            f"La salle « {room.name} » a {room.capacite} places, la plage en propose {seats}. C’est permis.", "warning"
        )
