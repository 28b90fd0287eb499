"""One person in one session: added, marked, removed. Each answer is a page, or the rows and the gauge for htmx."""

from collections.abc import Sequence

from flask import Response, flash, make_response, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.exceptions import BadRequest

from webapp.domain.droits import Droit
from webapp.domain.errors import Complet, DomainError, Introuvable, Perime, Refus
from webapp.domain.participation import Acteur, Statut, holds_seat
from webapp.models import Participation, Rdv
from webapp.notifications.people import Prevenus, prevenus
from webapp.queries import fiche as queries
from webapp.queries import usagers
from webapp.services import booking, droits, statuts
from webapp.services.demandes import first_answer, form_key
from webapp.web.auth import allowed, current_agent, declares, may
from webapp.web.forms.agent import AjoutForm, said_yes
from webapp.web.htmx import block_html, go_to, into_notice, is_htmx, partial, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp, fragments, vues
from .fiche import find, sheet
from .usagers import Trouve, of_that_name

RETOUR = "retour"
"""What the button of a row sends, in place of a status, to have the one before back."""


def find_participation(rdv_id: int, participation_id: int) -> Participation:
    """That place in that session of the organisation, if the agent has the running view's right there."""
    found = queries.participation(current_agent().organisation_id, rdv_id, participation_id)
    if found is None:
        raise Introuvable
    allowed(found.rdv)
    return found


@bp.post("/rdv/<int:rdv_id>/participations")
@declares(Droit.GERER_RDV)
@keeps_form
def ajouter(rdv_id: int) -> ResponseReturnValue:
    """Add somebody known, or created here."""
    rdv = find(rdv_id)
    form = AjoutForm(motif=rdv.motif)
    if not form.validate_on_submit():
        return respond("agent/ajout.html", "ajout", form=form, rdv=rdv)
    if same := _same_name(rdv, form):
        return _ask_who(rdv, form, same)
    try:
        booked = booking.book_seat(
            rdv_id,
            form.identity,
            by=Acteur.AGENT,
            envoi=form.envoi.data or "",
            agent=current_agent(),
            usager_id=form.known,
            surbooking=said_yes("surbooking", default=False),
            prevenir=said_yes("prevenir", default=True),
        )
    except Complet as refusal:
        kept = [("envoi", form.envoi.data), *form.typed]
        response = over(rdv, refusal, url_for(".ajouter", rdv_id=rdv_id), kept, name=_name(form))
        if is_htmx():  # the form below, as typed and without its old errors
            below = block_html("agent/ajout.html", "ajout", {"rdv": rdv, "form": form}).strip()
            response.set_data(response.get_data(as_text=True) + str(partial("#ajout", below, "outerHTML")))
        return response
    except DomainError as refusal:
        if refusal.status != 409:
            raise
        form.refuse(refusal)
        return respond("agent/ajout.html", "ajout", form=form, rdv=rdv)
    place = find_participation(rdv_id, booked.participation_id)
    if said_yes("surbooking", default=False) and not booked.deja:
        flash_over(place.rdv)
    name = place.usager.nom_complet
    said = f"{name} avait déjà une place" if booked.deja else f"{name} a une place"
    if place.statut is Statut.PRESENT and not booked.deja:
        said = f"{said}, présence notée"
    return done(place, said, added=f"{said}. {_told(place)}".strip())


def _same_name(rdv: Rdv, form: AjoutForm) -> list[Trouve]:
    """People the organisation knows by the name that is typed, as far as the page can ask which; none when the contact
    tells already that it is one of them."""
    who = form.identity
    if who is None or not request.form.get("verifier") or usagers.by_keys(rdv.organisation_id, who.keys()):
        return []
    if first_answer(form_key(rdv.id, form.envoi.data or "", who)):  # the same form, sent twice
        return []
    return of_that_name(rdv, who)


def _ask_who(rdv: Rdv, form: AjoutForm, same: list[Trouve]) -> Response:
    """409: is it one of them? Sent again, it is somebody else."""
    form.refuse(Refus("Une personne de ce nom existe déjà. Choisissez-la ci-dessous, ou créez-en une autre."))
    form.verifier.data = ""
    return respond("agent/ajout.html", "ajout", form=form, rdv=rdv, q=_name(form), trouves=same)


@bp.post("/rdv/<int:rdv_id>/participations/<int:participation_id>/statut")
@declares(Droit.GERER_RDV)
def statut(rdv_id: int, participation_id: int) -> ResponseReturnValue:
    """Move one person; `version` is the one the page showed, so that nothing a colleague did is lost in silence."""
    place = find_participation(rdv_id, participation_id)
    if request.form.get("statut") == RETOUR:
        return _take_back(place)
    wanted = _asked_statut()
    try:
        place = booking.change_statut(
            place.id,
            wanted,
            by=Acteur.AGENT,
            agent=current_agent(),
            version=request.form.get("version", type=int),
            prevenir=said_yes("prevenir", default=True),
            surbooking=said_yes("surbooking", default=False),
        )
    except Complet as refusal:
        kept = [("statut", wanted.value), ("version", request.form.get("version"))]
        return over(place.rdv, refusal, request.path, kept, name=place.usager.nom_complet)
    except DomainError as refusal:
        if refusal.status != 409:
            raise
        return refused_row(find_participation(rdv_id, participation_id), refusal)
    if said_yes("surbooking", default=False):
        flash_over(place.rdv)
    return done(place, fragments.announcement([place]))


def _take_back(place: Participation) -> ResponseReturnValue:
    """« Annuler ce changement »."""
    version = request.form.get("version", type=int)
    try:
        place = statuts.take_back(place.id, agent=current_agent(), version=version)
    except DomainError as refusal:
        if refusal.status != 409:
            raise
        return refused_row(find_participation(place.rdv_id, place.id), refusal)
    return done(place, f"{place.usager.nom_complet} : changement annulé")


@bp.get("/rdv/<int:rdv_id>/participations/<int:participation_id>/retrait")
@declares(Droit.GERER_RDV)
def retrait(rdv_id: int, participation_id: int) -> ResponseReturnValue:
    """Before somebody is removed: who will be told, and by what."""
    place = find_participation(rdv_id, participation_id)
    concerned = [place] if vues.will_be_told(place.rdv) and holds_seat(place.statut) else []
    told = prevenus(concerned, textes=vues.texts_left(place.rdv))
    return respond("agent/retrait.html", rdv=place.rdv, place=place, vue=vues.heading(place.rdv), told=told)


def _asked_statut() -> Statut:
    try:
        return Statut(request.form.get("statut", ""))
    except ValueError:
        raise BadRequest from None


def done(place: Participation, said: str, *, added: str = "") -> ResponseReturnValue:
    """Back to the sheet, on that row; or the rows changed since what the page shows, and the field to add the next."""
    rdv = place.rdv
    if not is_htmx():
        return go_to(url_for(".fiche", rdv_id=rdv.id, _anchor=f"participation-{place.id}"))
    since, newest = request.form.get("depuis", type=number), request.form.get("dernier", 0, type=number)
    people: Sequence[Participation] = [place]
    versioned = since is not None
    if since is not None and since < rdv.version:
        changed = queries.people(rdv, since=since)
        versioned = len(changed) <= fragments.ROWS_AT_ONCE
        if versioned:
            people = changed if any(p.id == place.id for p in changed) else [*changed, place]
    moved = since is not None and fragments.waitlist_moved(rdv, since)
    html = fragments.changes(
        rdv, people, newest=newest, versioned=versioned, alerts={place.id: ""}, said=said, waitlist=moved
    )
    if added:
        blank = AjoutForm(formdata=None, motif=rdv.motif)
        context = {"rdv": rdv, "form": blank, "fait": added}
        html = Markup("<title>{}</title>").format(vues.heading(rdv)) + html  # no longer « Erreur : … »
        html += partial("#ajout", block_html("agent/ajout.html", "ajout", context).strip(), "outerHTML")
    return str(html)


def refused_row(place: Participation, refusal: DomainError) -> Response:
    """409: the row as it is now, with the reason in it; the whole sheet without htmx."""
    advice = " Votre choix n’a pas été enregistré : regardez, puis choisissez à nouveau."
    alerts = {place.id: refusal.message + (advice if isinstance(refusal, Perime) else "")}
    if not is_htmx():
        rdv = queries.session(place.rdv.organisation_id, place.rdv_id)
        assert rdv is not None
        return sheet(rdv, status=409, alerts=alerts)
    newest = request.form.get("dernier", place.id, type=number)
    html = fragments.changes(place.rdv, [place], newest=max(newest, place.id), versioned=False, alerts=alerts)
    return make_response(str(html), 409)


def over(
    rdv: Rdv, refusal: DomainError, action: str, kept: list[tuple[str, str | None]], *, name: str = "", places: int = 1
) -> Response:
    """409: the session is full. Going over is asked for on purpose, by who may (docs/domain.md rule 7)."""
    permitted = rdv.organisation.surbooking_autorise and may(Droit.SURBOOKER, rdv)
    grantors = [] if permitted else droits.grantors(rdv.organisation_id)
    answer = respond(
        "agent/surbooking.html",
        "demande",
        status=409,
        rdv=rdv,
        refusal=refusal.message,
        action=action,
        kept=[(field, value) for field, value in kept if value],
        nom=name,
        places=places,
        prevenir=said_yes("prevenir", default=True),
        permis=permitted,
        autorise=rdv.organisation.surbooking_autorise,
        peuvent=grantors,
        droit=Droit.SURBOOKER.label,
        jauge=rdv.jauge(),
    )
    return into_notice(answer)


def flash_over(rdv: Rdv) -> None:
    """Said once more when it is done: the session has more people than seats."""
    if rdv.capacite_max is not None and rdv.places_prises > rdv.capacite_max:
        seats = pluriel(rdv.capacite_max, "place")
        flash(f"C’est fait, en surnombre : {rdv.places_prises} personnes pour {seats}.", "warning")


def _name(form: AjoutForm) -> str:
    """The person picked, or typed."""
    if form.known:
        picked = usagers.of_organisation(current_agent().organisation_id, form.known)
        return picked.nom_complet if picked else ""
    return f"{form.prenom.data} {form.nom.data}"


def _told(place: Participation) -> str:
    """What leaves for the person just added: "Un SMS et un courriel partent.", or that they are to be called."""
    if not said_yes("prevenir", default=True):
        return "Aucun message ne part."
    told: Prevenus = prevenus([place], textes=vues.texts_left(place.rdv))
    if told.a_appeler:
        return "Personne à appeler : aucun contact ne permet de lui écrire."
    return ""
