"""« Mes données »: what is kept with a contact just proven, to read or to erase. Each asks for a code of its own."""

import json

from flask import Response, flash, make_response, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.errors import DomainError
from webapp.models import Acces
from webapp.queries import acces as queries
from webapp.services import mes_donnees as donnees
from webapp.web.envois import masked
from webapp.web.errors import refused
from webapp.web.forms.acces import OuvrirForm
from webapp.web.htmx import go_to, respond
from webapp.web.templating import pluriel

from . import bp
from .limites import check_rate
from .mes_rendez_vous import ask_again, forget_opened, opened, opened_for
from .vues import seance_of, show

TITRES = {"donnees": "Télécharger mes données", "suppression": "Supprimer mes données"}


@bp.route("/mes-rendez-vous/donnees", methods=["GET", "POST"])
def mes_donnees() -> ResponseReturnValue:
    """The file, once a code was asked for it; its button makes sure that nothing is downloaded by going back."""
    demande = opened_for("donnees")
    if demande is None:
        return _code_first("donnees")
    _show(demande)
    form = OuvrirForm()
    if not form.validate_on_submit():
        return respond("public/mes_donnees.html", form=form, contact=masked(demande.contact))
    return _file(demande)


def _file(demande: Acces) -> Response:
    response = make_response(json.dumps(donnees.as_text(demande), ensure_ascii=False, indent=2) + "\n")
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = 'attachment; filename="mes-donnees.json"'
    return response


@bp.route("/mes-rendez-vous/suppression", methods=["GET", "POST"])
def supprimer_mes_donnees() -> ResponseReturnValue:
    """What will go and what will be given back, then the button."""
    demande = opened_for("suppression")
    if demande is None:
        return _code_first("suppression")
    _show(demande)
    form, page, now = OuvrirForm(), "public/mes_donnees_suppression.html", utcnow()
    found = donnees.held(demande.canal, demande.contact)
    coming = [(place.usager.first_name, seance_of(place.rdv, now)) for place in found.coming(now)]
    context = {"form": form, "contact": masked(demande.contact), "a_venir": coming, "nombre": len(found.places)}
    context["attentes"] = sum(entry.attend for entry in found.attentes)
    if not form.validate_on_submit():
        return respond(page, **context)
    try:
        check_rate()
        done = donnees.erase_mine(demande)
    except DomainError as refusal:
        return refused(refusal, page, **context)
    forget_opened()
    freed = f"{pluriel(done.liberees, 'place rendue', 'places rendues')}, " if done.liberees else ""
    flash(
        f"Vos données sont supprimées : {freed}{done.rendez_vous} rendez-vous où plus personne ne peut vous "
        "reconnaître. Les liens reçus dans nos messages ne mènent plus à rien.",
        "success",
    )
    return go_to(url_for(".mes_rendez_vous"))


@bp.post("/mes-rendez-vous/nouveau-code/<any(donnees, suppression):ensuite>")
def nouveau_code(ensuite: str) -> ResponseReturnValue:
    """A code for one of the two, to the contact that is open here."""
    demande = opened()
    if demande is not None:
        check_rate()
        ask_again(demande, ensuite)
    return go_to(url_for(".mes_rendez_vous"))


def _code_first(ensuite: str) -> ResponseReturnValue:
    demande = opened()
    if demande is None:
        return go_to(url_for(".mes_rendez_vous"))
    _show(demande)
    return respond(
        "public/mes_donnees_code.html", ensuite=ensuite, titre=TITRES[ensuite], contact=masked(demande.contact)
    )


def _show(demande: Acces) -> None:
    show(queries.organisation_of(demande))
