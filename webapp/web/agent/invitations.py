"""Invitations to a motif: who was invited, opened, booked; invite one more person, or take an invitation back."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import day_month, long_moment
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import DomainError, Introuvable
from webapp.domain.invitations import EtatInvitation
from webapp.domain.participation import Statut
from webapp.models import Invitation, Motif, Rdv
from webapp.notifications.people import addresses
from webapp.queries import configuration, fiche, public
from webapp.queries import invitations as queries
from webapp.services import invitations as services
from webapp.web.auth import allowed, current_agent, declares
from webapp.web.envois import CANAUX
from webapp.web.errors import refused
from webapp.web.forms.agent import InviterForm, said_yes
from webapp.web.forms.base import BaseForm
from webapp.web.htmx import block_html, go_to, is_htmx, partial, respond
from webapp.web.intake import number
from webapp.web.security import keeps_form
from webapp.web.templating import pluriel

from . import bp, vues
from .usagers import LONGEST, Trouve, shown

PAGE = "agent/invitations.html"
PER_PAGE = 50
TONS = {
    EtatInvitation.ENVOYEE: "info",
    EtatInvitation.OUVERTE: "warn",
    EtatInvitation.RESERVEE: "ok",
    EtatInvitation.EXPIREE: "flat",
    EtatInvitation.RETIREE: "flat",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitee:
    """One person invited, as a line of the page."""

    id: int
    usager_id: int
    nom: str
    nom_dit: str
    quand: str
    par: str
    etat: EtatInvitation
    ton: str
    jusqua: str
    seance: str
    seance_url: str
    venue: str
    """What became of the seat, in a word; nothing before it is noted."""
    absente: bool
    envoi: str
    """Of the button that invites again: pressed twice, it invites once."""
    mot: str
    mot_ton: str

    @property
    def live(self) -> bool:
        """Is there something to take back?"""
        return self.etat in (EtatInvitation.ENVOYEE, EtatInvitation.OUVERTE)


@bp.route("/motifs/<int:motif_id>/invitations", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def invitations(motif_id: int) -> ResponseReturnValue:
    """Those invited to choose a session of that motif, and one more person to find and invite."""
    motif = _find_motif(motif_id)
    form = InviterForm()
    if form.validate_on_submit():
        try:
            row = services.invite(
                form.known or 0,
                motif,
                current_agent(),
                envoi=form.envoi.data or "",
                prevenir=said_yes("prevenir", default=True),
            )
        except DomainError as refusal:
            if refusal.status != 409:
                raise
            return refused(refusal, PAGE, form=form, **_page(_find_motif(motif_id)))
        flash(_said(row), "success")
        return go_to(url_for(".invitations", motif_id=motif_id))
    page = _page(motif)
    if request.method == "GET" and is_htmx():
        trouves = page["trouves"] or []
        count = (
            pluriel(len(trouves), "personne trouvée", "personnes trouvées") if trouves else "Aucune personne trouvée"
        )
        said = partial("#annonces", count if page["q"] else "", "innerHTML")
        return block_html(PAGE, "resultats", {"form": form, **page}).strip() + said
    return respond(PAGE, form=form, **page)


@bp.route("/invitations/<int:invitation_id>/retrait", methods=["GET", "POST"])
@declares(Droit.GERER_RDV)
@keeps_form
def retrait_invitation(invitation_id: int) -> ResponseReturnValue:
    """Take an invitation back, once what that means has been read."""
    found = queries.of_organisation(current_agent().organisation_id, invitation_id)
    if found is None:
        raise Introuvable
    allowed(found.motif)
    form, name = BaseForm(), found.usager.nom_complet
    if form.validate_on_submit():
        motif_id = found.motif_id
        services.withdraw(invitation_id, current_agent())
        flash(f"Invitation retirée : {name}.", "success")
        return go_to(url_for(".invitations", motif_id=motif_id))
    place = queries.seat_of(found)
    tz = found.motif.organisation.timezone
    return respond(
        "agent/invitation_retrait.html",
        form=form,
        invitation=found,
        motif=found.motif,
        nom=name,
        vivante=found.moments().live(utcnow()),
        seance=long_moment(place.rdv.starts_at, tz) if place is not None else "",
    )


def _find_motif(motif_id: int) -> Motif:
    found = configuration.motif(current_agent().organisation_id, motif_id)
    if found is None:
        raise Introuvable("Ce motif n’existe pas.")
    allowed(found)
    return found


def _page(motif: Motif) -> dict[str, Any]:
    """All that the page shows: what was searched, who is invited, why nobody can be."""
    text = request.values.get("q", "").strip()[:LONGEST]
    closed = services.closed(motif)
    trouves, encore = _found(motif, text) if not closed and "q" in request.values else (None, False)
    counts = queries.count(motif.id)
    pages = max(1, -(-counts.total // PER_PAGE))
    page = min(max(1, request.args.get("page", 1, type=number)), pages)
    rows = queries.of_motif(motif.id, limit=PER_PAGE, offset=(page - 1) * PER_PAGE)
    return {
        "motif": motif,
        "q": text,
        "ferme": closed,
        "sans_date": not closed and not public.bookable(motif, utcnow(), 1, invited=True),
        "trouves": trouves,
        "encore": encore,
        "compte": counts,
        "invites": _lines(motif, rows),
        "page": page,
        "pages": pages,
        "href_for": lambda n: url_for(".invitations", motif_id=motif.id, page=n),
    }


def _found(motif: Motif, text: str) -> tuple[list[tuple[Trouve, EtatInvitation | None]], bool]:
    """People who fit what was typed, each with what became of their invitation, if they have one."""
    agent = current_agent()
    services_seen = services_with(agent.octrois(), Droit.VOIR, agent.organisation_id)
    rows, more = fiche.known_people(agent.organisation_id, services_seen, text, 0)
    known = queries.of_people(motif.id, [usager.id for usager, _, _ in rows], utcnow())
    return [(shown(usager, full, here), known.get(usager.id)) for usager, full, here in rows], more


def _lines(motif: Motif, rows: Sequence[queries.Chosen]) -> list[Invitee]:
    told: dict[int, list[Any]] = defaultdict(list)
    for message in queries.messages([row.id for row, _, _ in rows]) if rows else ():
        told[message.sujet_id].append(message)
    return [_line(motif, row, rdv, statut, told[row.id]) for row, rdv, statut in rows]


def _line(motif: Motif, row: Invitation, rdv: Rdv | None, statut: Statut | None, told: Sequence[Any]) -> Invitee:
    tz = motif.organisation.timezone
    etat = row.moments(reservee=rdv is not None).etat(utcnow())
    word, tone = vues.sent_word([m for m in told if m.changement == told[-1].changement])
    return Invitee(
        id=row.id,
        usager_id=row.usager_id,
        nom=row.usager.nom_liste,
        nom_dit=row.usager.nom_complet,
        quand=day_month(row.envoyee_le, tz),
        par=row.agent.nom_court,
        etat=etat,
        ton=TONS[etat],
        jusqua=day_month(row.expire_le, tz),
        seance=long_moment(rdv.starts_at, tz) if rdv is not None else "",
        seance_url=url_for(".fiche", rdv_id=rdv.id) if rdv is not None else "",
        venue={Statut.PRESENT: "Présence notée", Statut.ABSENT: "Absence notée"}.get(statut, "") if statut else "",
        absente=statut is Statut.ABSENT,
        envoi=f"relance-{row.id}-{row.version}",
        mot=word,
        mot_ton=tone,
    )


def _said(row: Invitation) -> str:
    """What was done, and what leaves."""
    name = row.usager.nom_complet
    if not row.prevenir:
        return f"Invitation prolongée : {name}. Aucun message ne part."
    ways = " et ".join(f"un {CANAUX[canal]}" for canal in addresses(row.usager))
    return f"{name} est sur la liste des personnes invitées : {ways} {'partent' if ' et ' in ways else 'part'}."
