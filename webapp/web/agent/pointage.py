"""The day of the workshop: everybody noted in one click, people counted at an open door, a note about one person."""

from flask import Response, flash, make_response, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import BadRequest

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable, Perime, Refus
from webapp.domain.participation import Statut
from webapp.models import Participation, Rdv
from webapp.queries import fiche as queries
from webapp.services import statuts as service
from webapp.services.rdvs import note_cle
from webapp.web.auth import current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.seance import NotePersonneForm
from webapp.web.htmx import go_to, is_htmx, macro_html, partial, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form

from . import bp, fragments, vues
from .fiche import find, sheet
from .participations import RETOUR, done, find_participation

NOBODY = {
    Statut.PRESENT: "Personne n’est encore « Inscrit » : rien n’a changé.",
    Statut.ABSENT: "Personne n’est encore « Inscrit » : rien n’a changé.",
    Statut.INSCRIT: "Personne n’est noté présent ni absent : rien n’a changé.",
}


@bp.post("/rdv/<int:rdv_id>/statuts")
@declares(Droit.GERER_RDV)
def statuts(rdv_id: int) -> ResponseReturnValue:
    """« Tous présents » and the like; `statut=retour` takes back what the click called `lot` did."""
    rdv, agent, wanted = find(rdv_id), current_agent(), request.form.get("statut", "")
    try:
        if wanted == RETOUR:
            people = service.take_back_all(rdv.id, request.form.get("lot", 0, type=number), agent=agent)
            said = "C’est annulé." if people else "Ces personnes ont changé depuis : rien n’a été annulé."
        else:
            people = service.move_all(rdv.id, Statut(wanted), agent=agent)
            said = "" if people else NOBODY[Statut(wanted)]
    except ValueError:
        raise BadRequest from None
    except DomainError as refusal:
        return _refused(rdv, refusal)
    if not is_htmx():
        if said:
            flash(said, "success")
        return go_to(url_for(".fiche", rdv_id=rdv.id, _anchor="titre-participants"))
    return _changed(rdv, people, said)


def _changed(rdv: Rdv, moved: list[Participation], said: str) -> str:
    """All the rows that are not as the page shows them, and how to take the click back."""
    since = request.form.get("depuis", rdv.version, type=number)
    people = queries.people(rdv, since=since)
    lot = vues.last_lot([p for p in people if p.id in {one.id for one in moved}])
    words = lot.phrase if lot else (said or fragments.announcement(moved))
    html = fragments.changes(
        rdv, people, newest=request.form.get("dernier", 0, type=number), said=words, alerts={p.id: "" for p in moved}
    )
    return str(html + partial("#lot", macro_html("agent/pointage.html", "lot", rdv, lot, said), "innerHTML"))


def _refused(rdv: Rdv, refusal: DomainError) -> Response:
    """409: why, above the list."""
    if refusal.status != 409:
        raise refusal
    if is_htmx():
        return make_response(
            str(
                partial(
                    "#lot", macro_html("agent/pointage.html", "lot", rdv, None, refusal.message, "warn"), "innerHTML"
                )
            ),
            409,
        )
    whole = queries.session(rdv.organisation_id, rdv.id)
    assert whole is not None
    return sheet(whole, status=409, refus=refusal.message)


@bp.post("/rdv/<int:rdv_id>/comptage")
@declares(Droit.GERER_RDV)
def comptage(rdv_id: int) -> ResponseReturnValue:
    """One person more (`pas=1`) or less (`pas=-1`) at an open door, or their number counted again (`total`)."""
    rdv, agent, sent = find(rdv_id), current_agent(), request.form
    step, total = sent.get("pas", type=number), sent.get("total", type=number)
    try:
        if total is not None:
            rdv = service.set_count(rdv.id, total, agent=agent, connu=sent.get("connu", -1, type=number))
        elif step in (1, -1):
            rdv = service.count_people(rdv.id, step, agent=agent, envoi=sent.get("envoi", "")[:100])
        else:
            raise Refus("Écrivez le nombre de personnes, en chiffres.")
    except DomainError as refusal:
        return _refused(rdv, refusal)
    if not is_htmx():
        return go_to(url_for(".fiche", rdv_id=rdv.id, _anchor="comptage"))
    html = fragments.changes(
        rdv,
        queries.people(rdv, since=sent.get("depuis", rdv.version, type=number)),
        newest=sent.get("dernier", 0, type=number),
        said=rdv.jauge().phrase_agent,
    )
    html += partial("#lot", "", "innerHTML")
    return str(html + partial("#comptage", macro_html("agent/pointage.html", "comptage", rdv)))


@bp.route("/rdv/<int:rdv_id>/participations/<int:participation_id>/note", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def note_personne(rdv_id: int, participation_id: int) -> ResponseReturnValue:
    """The note about one person: nothing typed is lost, nor what a colleague wrote meanwhile."""
    place = find_participation(rdv_id, participation_id)
    form = NotePersonneForm(place)
    page = {"form": form, "rdv": place.rdv, "place": place, "vue": vues.heading(place.rdv), "ici": is_htmx()}
    page["canaux"] = vues.channels(place) if place.rdv.cancelled_at is None else ()
    if form.validate_on_submit():
        try:
            place = service.note_person(
                place.id, form.note.data or "", agent=current_agent(), connu=form.connu.data or ""
            )
        except Introuvable:
            raise
        except DomainError as refusal:
            if isinstance(refusal, Perime):
                form.connu.data = note_cle(find_participation(rdv_id, participation_id).note)
            return refused(refusal, "agent/note_personne.html", "note", **page)
        answer = done(place, f"{place.usager.nom_complet} : note enregistrée")
        return answer + str(partial(f"#note-{place.id}", "", "innerHTML")) if isinstance(answer, str) else answer
    return respond("agent/note_personne.html", "note", **page)
