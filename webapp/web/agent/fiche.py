"""The collective sheet: everything about one session, and what changed in it since a moment ago."""

from collections.abc import Mapping
from datetime import timedelta

from flask import Response, request
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable
from webapp.domain.settings import resolve
from webapp.models import Rdv
from webapp.queries import fiche as queries
from webapp.queries import suivi
from webapp.queries.suivi import Depart
from webapp.services.rdvs import OuEtQuand, note_cle
from webapp.web.auth import allowed, current_agent, declares, may
from webapp.web.envois import to_many
from webapp.web.forms.agent import AjoutForm
from webapp.web.htmx import respond
from webapp.web.intake import number

from . import bp, fragments, vues


def find(rdv_id: int, *, whole: bool = False) -> Rdv:
    """That session, if the agent has the running view's right on it: 404 or 403 otherwise."""
    get = queries.session if whole else queries.session_alone
    rdv = get(current_agent().organisation_id, rdv_id)
    if rdv is None:
        raise Introuvable
    allowed(rdv)
    return rdv


@bp.get("/rdv/<int:rdv_id>")
@declares(Droit.VOIR)
def fiche(rdv_id: int) -> ResponseReturnValue:
    """The sheet."""
    return sheet(find(rdv_id, whole=True))


def departures(rdv: Rdv) -> list[tuple[str, Depart]]:
    """(what in words, how far) of the messages to many people written in the last hour."""
    return to_many(suivi.progress([rdv.id], utcnow() - timedelta(hours=1)))


def _series(rdv: Rdv) -> bool:
    """May I change what follows this session in its plage?"""
    return (
        rdv.plage_ouverture is not None
        and rdv.cancelled_at is None
        and vues.will_be_told(rdv)
        and may(Droit.GERER_PLAGES, rdv.plage_ouverture)
    )


def sheet(rdv: Rdv, *, status: int = 200, alerts: Mapping[int, str] | None = None, refus: str = "") -> Response:
    """The whole page; `alerts` say in somebody's row why what was asked was not done, `refus` above the list."""
    people, editable = queries.people(rdv), fragments.editable(rdv)
    effective = resolve("reservable_par", rdv=rdv, plage=rdv.plage_ouverture, motif=rdv.motif).valeur
    return respond(
        "agent/fiche.html",
        status=status,
        rdv=rdv,
        entete=vues.header(rdv, people),
        jauge=rdv.jauge(),
        personnes=(rows := vues.rows(rdv, people, editable=editable, alerts=alerts)),
        suite=fragments.later(rdv, rows),
        dernier=max((p.id for p in people), default=0),
        attentes=vues.waiting(rdv) if rdv.cancelled_at is None else [],
        modifiable=editable,
        entree_libre=effective is ReservablePar.ENTREE_LIBRE,
        ajout=AjoutForm(formdata=None, motif=rdv.motif) if editable else None,
        annulable=editable and fragments.cancellable(vues.state(rdv)),
        duplicable=may(Droit.GERER_RDV, rdv),
        invitable=effective in (ReservablePar.INVITES, ReservablePar.TOUS) and rdv.motif.archived_at is None,
        deplacable=vues.will_be_told(rdv),
        exportable=may(Droit.EXPORTER, rdv),
        serie=rdv.plage_ouverture_id if _series(rdv) else None,
        ou=OuEtQuand.of(rdv).cle,
        note_connue=note_cle(rdv.note),
        departs=departures(rdv),
        ecrire=bool(people) and may(Droit.ENVOYER_MESSAGES, rdv),
        trop_tot=vues.too_early(rdv),
        commence=utcnow() >= rdv.starts_at,
        lot=vues.last_lot(people) if editable else None,
        refus=refus,
        journal=vues.journal(rdv),
        refusal="" if status < 400 else "refus",
    )


@bp.get("/rdv/<int:rdv_id>/lignes")
@declares(Droit.VOIR, passive=True)
def lignes(rdv_id: int) -> ResponseReturnValue:
    """The rows changed since the version `depuis`, the gauge and the new version; 204 when nothing changed."""
    rdv = find(rdv_id)
    newest = request.args.get("dernier", 0, type=number)
    waiting = request.args.getlist("personne", type=number)[: fragments.ROWS_AT_ONCE]
    if waiting:  # nothing changed but, perhaps, what became of their messages
        people = queries.people(rdv, only=waiting)
        attempt = max(1, request.args.get("essai", 1, type=number))
        return str(fragments.changes(rdv, people, newest=max(newest, *waiting), versioned=False, attempt=attempt + 1))
    since = request.args.get("depuis", 0, type=number)
    if since >= rdv.version:
        return Response(status=204)
    people = queries.people(rdv, since=since)
    said = fragments.announcement(people) if rdv.cancelled_at is None else "Séance annulée"
    moved = fragments.waitlist_moved(rdv, since)
    return str(fragments.changes(rdv, people, newest=newest, said=said, waitlist=moved))


@bp.get("/rdv/<int:rdv_id>/journal")
@declares(Droit.VOIR)
def journal(rdv_id: int) -> ResponseReturnValue:
    """The journal alone, each time it is opened."""
    return respond("agent/journal.html", "lignes", rdv=(rdv := find(rdv_id)), journal=vues.journal(rdv))
