"""After a change to many sessions: how far the messages are, and whom nobody could reach; it can be left and found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import long_date, span
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable
from webapp.models import Participation, PlageOuverture, Rdv, Usager
from webapp.notifications.people import lecteurs
from webapp.queries import configuration, fiche
from webapp.queries import suivi as queries
from webapp.queries.suivi import Depart, Sessions
from webapp.web.auth import allowed, current_agent, declares
from webapp.web.envois import to_many
from webapp.web.htmx import macro_html, respond
from webapp.web.intake import number

from . import bp

SHOWN, CALLED = timedelta(days=1), timedelta(days=14)
"""How long the progress of messages, and the people to call, are found again."""
AT_ONCE = 200
"""Sessions in one address."""


@dataclass(frozen=True, slots=True)
class Appel:
    """One person to call about one session."""

    usager: Usager
    pour: str
    seance: str
    nouvelle: str
    echec: bool


def of_plage(plage: PlageOuverture) -> dict[str, Any]:
    """What the page of a plage shows of its last changes."""
    sessions = queries.of_plage(plage.id)
    return {
        "departs": progress(sessions),
        "envoi_url": url_for("agent.envoi_plage", plage_id=plage.id),
        "appels": len(to_call(sessions)),
        "appels_url": url_for("agent.appels_plage", plage_id=plage.id),
    }


def progress(sessions: Sessions) -> list[tuple[str, Depart]]:
    """How far the messages of the last day are."""
    return to_many(queries.progress(sessions, utcnow() - SHOWN))


def to_call(sessions: Sessions) -> list[Appel]:
    """Whom nobody can write to, or whose messages failed, by session."""
    since = utcnow() - CALLED
    places = queries.perhaps_to_call(sessions, since)
    lost = queries.failed(sessions, since) if places else set()
    return [_call(place, place.id in lost) for place in places if place.id in lost or lecteurs([place])[0].a_appeler]


def _call(place: Participation, failed: bool) -> Appel:
    rdv, reader, tz = place.rdv, lecteurs([place])[0].usager, place.rdv.motif.organisation.timezone
    when = f"{long_date(rdv.starts_at, tz)}, {span(rdv.starts_at, rdv.ends_at, tz)}"
    where = rdv.lieu.name if rdv.lieu else "à distance"
    return Appel(
        reader,
        place.usager.nom_complet if reader.id != place.usager_id else "",
        f"{rdv.motif.name}, {when}",
        "Annulée" if rdv.cancelled_at else f"Désormais : {when}, {where}",
        failed,
    )


@bp.get("/plages/<int:plage_id>/envoi")
@declares(Droit.GERER_PLAGES, passive=True)
def envoi_plage(plage_id: int) -> ResponseReturnValue:
    """How far the messages about the sessions of a plage are; its page asks while some wait."""
    found = _plage(plage_id)
    return _departs(url_for(".envoi_plage", plage_id=found.id), progress(queries.of_plage(found.id)))


@bp.get("/plages/<int:plage_id>/appels")
@declares(Droit.GERER_PLAGES)
def appels_plage(plage_id: int) -> ResponseReturnValue:
    """The people to call about the last changes of a plage, to be printed."""
    found = _plage(plage_id)
    title, back = found.title or found.motif.name, url_for(".plage", plage_id=found.id)
    return respond(
        "agent/appels.html", appels=to_call(queries.of_plage(found.id)), titre=title, retour_url=back, jours=CALLED.days
    )


@bp.get("/seances/suivi")
@declares(Droit.GERER_RDV)
def suivi() -> ResponseReturnValue:
    """What became of the messages about these sessions (`rdv`, several), and whom to call."""
    rdvs = asked()
    ids = [rdv.id for rdv in rdvs]
    return respond(
        "agent/seances_suivi.html",
        rdvs=rdvs,
        tz=current_agent().organisation.timezone,
        departs=progress(ids),
        envoi_url=url_for(".envoi_seances", rdv=ids),
        appels=to_call(ids),
    )


@bp.get("/seances/envoi")
@declares(Droit.GERER_RDV, passive=True)
def envoi_seances() -> ResponseReturnValue:
    """How far the messages about these sessions are."""
    ids = [rdv.id for rdv in asked()]
    return _departs(url_for(".envoi_seances", rdv=ids), progress(ids))


def asked() -> Sequence[Rdv]:
    """The sessions of the address that are still there; on each of them I need the view's right: 404 or 403 without."""
    rdvs = fiche.sessions(current_agent().organisation_id, request.args.getlist("rdv", type=number)[:AT_ONCE])
    if not rdvs:
        raise Introuvable
    for rdv in rdvs:
        allowed(rdv)
    return rdvs


def _plage(plage_id: int) -> PlageOuverture:
    found = configuration.plage(current_agent().organisation_id, plage_id)
    if found is None:
        raise Introuvable("Cette plage d’ouverture n’existe pas ou n’existe plus.")
    allowed(found)
    return found


def _departs(address: str, lines: list[tuple[str, Depart]]) -> str:
    tz = current_agent().organisation.timezone
    return str(macro_html("agent/macros.html", "departs", address, tz, lines))
