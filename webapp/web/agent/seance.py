"""A whole session opened or changed by an agent: another date or place, a message to its people, a note."""

from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable, Perime
from webapp.domain.participation import Statut
from webapp.models import Rdv
from webapp.notifications.message import channels
from webapp.notifications.people import prevenus
from webapp.notifications.render import preview_message
from webapp.queries import configuration, fiche
from webapp.queries.notifications import active_participations
from webapp.services import ecrire, ponctuelles, rdvs
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.agent import said_yes
from webapp.web.forms.seance import DeplacementForm, MessageForm, NoteForm, PonctuelleForm
from webapp.web.htmx import go_to, macro_html, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form

from . import bp, vues
from .fiche import departures, find

TOO_LONG = "Ce message est trop long pour un SMS : raccourcissez-le, ou n’envoyez que le courriel."


@bp.route("/rdv/nouvelle", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def nouvelle_seance() -> ResponseReturnValue:
    """A session on its own, without a plage; with `copie`, the settings of another one, never its people."""
    agent, services = current_agent(), allowed_services()
    copy = find(request.args.get("copie", 0, type=number), whole=True) if "copie" in request.args else None
    motifs = [m for m in configuration.motifs(agent.organisation_id, services) if m.archived_at is None]
    wanted = request.values.get("motif_id", copy.motif_id if copy else 0, type=number)
    motif = next((m for m in motifs if m.id == wanted), motifs[0] if len(motifs) == 1 else None)
    form = PonctuelleForm(
        motif=motif,
        motifs=motifs,
        agents=configuration.agents_of(agent.organisation_id, motif.service_id) if motif else (),
        lieux=configuration.lieux(agent.organisation_id),
        holder=agent.id,
        copy=copy,
    )
    page = {"form": form, "motif": motif, "copie": copy, "vue": vues.heading(copy) if copy else ""}
    if "actualiser" in request.form and not form.stale:
        return respond("agent/nouvelle_seance.html", status=200, **page)
    if form.validate_on_submit():
        try:
            rdv = ponctuelles.open_rdv(form.rdv_data, agent)
        except DomainError as refusal:
            return refused(refusal, "agent/nouvelle_seance.html", **page)
        flash("La séance est créée.", "success")
        return go_to(url_for(".fiche", rdv_id=rdv.id))
    return respond("agent/nouvelle_seance.html", **page)


@bp.route("/rdv/<int:rdv_id>/modification", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def modification(rdv_id: int) -> ResponseReturnValue:
    """Another date, hour, place, room or link for one session; who will be told, before the click."""
    rdv = find(rdv_id)
    form = DeplacementForm(rdv, lieux=configuration.lieux(rdv.organisation_id, rdv.lieu_id))
    people = active_participations(rdv.id)
    context = {
        "rdv": rdv,
        "vue": vues.heading(rdv),
        "inscrits": len(people),
        "told": prevenus(people),
        "prevenir": said_yes("prevenir", default=True),
        "possible": rdv.cancelled_at is None and vues.will_be_told(rdv),
    }
    if form.validate_on_submit():
        try:
            changed = rdvs.move_rdv(
                rdv_id,
                form.place,
                agent=current_agent(),
                connu=form.connu.data or "",
                prevenir=said_yes("prevenir", default=True),
            )
        except Introuvable:
            raise
        except DomainError as refusal:
            if isinstance(refusal, Perime):  # the page shows where and when it is now, beside what was typed
                form.connu.data = rdvs.OuEtQuand.of(rdv).cle
                context["vue"] = vues.heading(rdv)
            return refused(refusal, "agent/modification.html", form=form, **context)
        flash("La séance est changée." if changed else "Rien n’a changé.", "success")
        return go_to(url_for(".fiche", rdv_id=rdv_id))
    return respond("agent/modification.html", form=form, **context)


@bp.route("/rdv/<int:rdv_id>/message", methods=["GET", "POST"])
@declares(Droit.ENVOYER_MESSAGES)
@keeps_form
def message(rdv_id: int) -> ResponseReturnValue:
    """Write to all or some of its people: what leaves and to how many is shown before, and again as it is typed."""
    rdv = find(rdv_id)
    form = MessageForm(fiche.count_by_statut(rdv.id))
    if "apercu" in request.form and not form.stale:
        return respond("agent/message.html", "apercu", status=200, preview=True, form=form, **_apercu(rdv, form))
    if form.validate_on_submit():
        context = _apercu(rdv, form)
        if context["coupe"]:
            form.corps.errors = [TOO_LONG]
            return respond("agent/message.html", status=422, form=form, **context)
        try:
            ecrire.write_to(rdv, form.ecrit, agent=current_agent(), envoi=form.envoi.data or "")
        except Introuvable:
            raise
        except DomainError as refusal:
            return refused(refusal, "agent/message.html", form=form, **context)
        flash(f"C’est parti : {context['told'].phrase}.", "success")
        return go_to(url_for(".fiche", rdv_id=rdv_id))
    return respond("agent/message.html", form=form, **_apercu(rdv, form))


def _apercu(rdv: Rdv, form: MessageForm) -> dict[str, Any]:
    """Who would get what: counts, the text as it leaves, what it weighs."""
    ecrit = form.ecrit
    people = fiche.people_of(rdv.id, ecrit.statuts)
    texte, coupe = preview_message(rdv, ecrit.corps)
    return {
        "rdv": rdv,
        "vue": vues.heading(rdv),
        "told": prevenus(people, canaux=channels(ecrit.par_sms, ecrit.par_courriel), tous=True),
        "texte": texte if ecrit.par_sms and ecrit.corps else None,
        "coupe": coupe and ecrit.par_sms,
        "personne": not form.statuts.choices,
        "silencieux": Statut.ANNULE in ecrit.statuts,
    }


@bp.get("/rdv/<int:rdv_id>/envoi")
@declares(Droit.VOIR, passive=True)
def envoi(rdv_id: int) -> ResponseReturnValue:
    """How far the messages to many people of the session are; the sheet asks while some wait."""
    rdv = find(rdv_id)
    return str(macro_html("agent/macros.html", "departs", rdv, departures(rdv)))


@bp.post("/rdv/<int:rdv_id>/note")
@declares(Droit.GERER_RDV)
def note(rdv_id: int) -> ResponseReturnValue:
    """Keep the agents' note about the session. Nobody is told."""
    find(rdv_id)
    form = NoteForm()
    if form.validate_on_submit():
        rdvs.note_rdv(rdv_id, form.note.data or "", agent=current_agent())
        flash("La note est enregistrée.", "success")
    else:
        flash(form.note.errors[0], "error")
    return go_to(url_for(".fiche", rdv_id=rdv_id, _anchor="note-seance"))
