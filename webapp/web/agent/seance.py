"""A whole session opened or changed by an agent: another date or place, a message to its people, a note."""

from collections.abc import Sequence
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.droits import Droit
from webapp.domain.errors import DomainError, Introuvable, Perime, Refus
from webapp.domain.intervals import Interval
from webapp.domain.participation import Statut
from webapp.models import Agent, Rdv, Salle
from webapp.notifications.message import channels
from webapp.notifications.people import Prevenus, prevenus
from webapp.notifications.render import preview_message, preview_message_email
from webapp.queries import configuration, fiche
from webapp.queries.attente import waiting_in
from webapp.queries.notifications import active_participations
from webapp.services import ecrire, ponctuelles, rdvs
from webapp.services.ecrire import CORPS_MAX
from webapp.web.auth import allowed_services, current_agent, declares
from webapp.web.errors import refused
from webapp.web.forms.agent import said_yes
from webapp.web.forms.seance import DeplacementForm, MessageForm, NoteForm, PlaceForm, PonctuelleForm
from webapp.web.htmx import go_to, macro_html, respond
from webapp.web.intake import iso_day, number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp, vues
from .conflits import Conflits, conflits
from .fiche import departures, find
from .reglages import inherited, warn_room

TOO_SMALL = "La salle « {} » est trop petite."
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
        day=request.args.get("jour", type=iso_day),
    )
    page = {
        "form": form,
        "motif": motif,
        "copie": copy,
        "vue": vues.heading(copy) if copy else "",
        "herites": inherited(motif, None) if motif else {},
        "conflits": Conflits(),
    }
    if "actualiser" in request.form and not form.stale:
        if request.form["actualiser"] == "salle" and form.salle is not None and form.salle.capacite:
            form.capacite_max.data, form.capacite_max.raw_data = form.salle.capacite, None
        if request.form["actualiser"] == "motif":
            form.propose_agents()
        return respond("agent/nouvelle_seance.html", status=200, **page)
    if form.validate_on_submit():
        page["conflits"] = there = _at_the_same_time(form, form.agents)
        try:
            rdv = ponctuelles.open_rdv(form.rdv_data, agent, look=there.check)
        except DomainError as refusal:
            return refused(refusal, "agent/nouvelle_seance.html", **page)
        flash("La séance est créée.", "success")
        warn_room(rdv)
        return go_to(url_for(".fiche", rdv_id=rdv.id))
    return respond("agent/nouvelle_seance.html", **page)


@bp.route("/rdv/<int:rdv_id>/modification", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def modification(rdv_id: int) -> ResponseReturnValue:
    """Another date, hour, place, room or link for one session; who will be told, before the click."""
    rdv = find(rdv_id, whole=True)
    form = DeplacementForm(rdv, lieux=configuration.lieux(rdv.organisation_id, rdv.lieu_id))
    people, waiting = active_participations(rdv.id), waiting_in([rdv.id])
    context = {
        "rdv": rdv,
        "vue": vues.heading(rdv),
        "inscrits": len(people),
        "attendent": len(waiting),
        "told": prevenus([*people, *waiting], textes=vues.texts_left(rdv)),
        "prevenir": said_yes("prevenir", default=True),
        "possible": rdv.cancelled_at is None and vues.will_be_told(rdv),
        "maintenant": "",
        "petite": None,
        "conflits": Conflits(),
    }
    if form.validate_on_submit():
        context["conflits"] = there = _at_the_same_time(form, rdv.agents, sauf=rdv)
        if room := _too_small(rdv, form, len(people)):
            context["petite"] = room
            return refused(Refus(TOO_SMALL.format(room.name)), "agent/modification.html", form=form, **context)
        try:
            changed = rdvs.move_rdv(
                rdv_id,
                form.place,
                agent=current_agent(),
                connu=form.connu.data or "",
                prevenir=said_yes("prevenir", default=True),
                autre=form.autre,
                places=form.places,
                look=there.check,
            )
        except Introuvable:
            raise
        except DomainError as refusal:
            if isinstance(refusal, Perime):  # the page shows where and when it is now, beside what was typed
                form.catch_up(rdv)
                here = vues.header(rdv, ())
                context |= {"vue": vues.heading(rdv), "maintenant": f"{here.quand}, {here.lieu}"}
            return refused(refusal, "agent/modification.html", form=form, **context)
        told = leaving(context["told"], said_yes("prevenir", default=True)) if people or waiting else ""
        flash(f"La séance est modifiée{f' : {told}' if told else '.'}" if changed else "Rien n’a changé.", "success")
        if changed:
            warn_room(rdv)
        return go_to(url_for(".fiche", rdv_id=rdv_id))
    return respond("agent/modification.html", form=form, **context)


def _at_the_same_time(form: PlaceForm, agents: Sequence[Agent], sauf: Rdv | None = None) -> Conflits:
    """What else these agents have when the form says, and what else is held in its room."""
    place = form.place
    if form.motif is None or place.ends_at <= place.starts_at:
        return Conflits()
    when = [Interval(place.starts_at, place.ends_at)]
    return conflits(form.motif.organisation, when, agents, form.salle, sauf_rdvs=[sauf.id] if sauf else ())


def _too_small(rdv: Rdv, form: DeplacementForm, people: int) -> Salle | None:
    """The other room that is chosen, if it has fewer places than people booked and nobody said « Changer quand même »
    of it. A page that is out of date is told so first."""
    room = form.salle
    known = form.connu.data in ("", rdvs.OuEtQuand.of(rdv).cle)
    if room is None or room.id == rdv.salle_id or not known or request.form.get("quand_meme") == str(room.id):
        return None
    return room if room.capacite is not None and people > room.capacite else None


def leaving(told: Prevenus, wanted: bool) -> str:
    """What leaves now, after the click: "6 SMS, 4 courriels partent."."""
    parts = [f"{told.sms} SMS"] if told.sms else []
    parts += [pluriel(told.courriels, "courriel")] if told.courriels else []
    to_call = f", {pluriel(len(told.a_appeler), 'personne')} à appeler" if told.a_appeler and wanted else ""
    if not wanted or not parts:
        return f"personne n’est prévenu{to_call}."
    return f"{', '.join(parts)} {'partent' if told.sms + told.courriels > 1 else 'part'}{to_call}."


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
        flash(f"C’est noté : {leaving(context['told'], True)}", "success")
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
        "told": prevenus(
            people, canaux=channels(ecrit.par_sms, ecrit.par_courriel), tous=True, textes=vues.texts_left(rdv)
        ),
        "texte": texte if ecrit.par_sms and ecrit.corps else None,
        "courriel": preview_message_email(rdv, ecrit.corps) if ecrit.par_courriel and ecrit.corps else None,
        "aucun_moyen": not ecrit.par_sms and not ecrit.par_courriel,
        "depasse": max(0, len(ecrit.corps) - CORPS_MAX),
        "maximum": CORPS_MAX,
        "coupe": coupe and ecrit.par_sms,
        "personne": not form.statuts.choices,
        "silencieux": Statut.ANNULE in ecrit.statuts,
    }


@bp.get("/rdv/<int:rdv_id>/envoi")
@declares(Droit.VOIR, passive=True)
def envoi(rdv_id: int) -> ResponseReturnValue:
    """How far the messages to many people of the session are; the sheet asks while some wait."""
    rdv = find(rdv_id)
    where = url_for(".envoi", rdv_id=rdv.id)
    return str(macro_html("agent/macros.html", "departs", where, rdv.organisation.timezone, departures(rdv)))


@bp.post("/rdv/<int:rdv_id>/note")
@declares(Droit.GERER_RDV)
@keeps_form
def note(rdv_id: int) -> ResponseReturnValue:
    """Keep the agents' note about the session. Nobody is told; nothing typed is lost, nor what a colleague wrote."""
    rdv, form = find(rdv_id), NoteForm()
    context = {"form": form, "rdv": rdv, "vue": vues.heading(rdv), "autre": ""}
    if form.validate_on_submit():
        try:
            rdvs.note_rdv(rdv_id, form.note.data or "", agent=current_agent(), connu=form.connu.data or "")
        except Perime as refusal:
            form.connu.data, context["autre"] = rdvs.note_cle(rdv.note), rdv.note
            return refused(refusal, "agent/note.html", **context)
        flash("La note est enregistrée.", "success")
        return go_to(url_for(".fiche", rdv_id=rdv_id, _anchor="note-seance"))
    return respond("agent/note.html", **context)
