"""An agent's sessions as a calendar feed (iCalendar), for Outlook or Google: whoever has its address reads it."""

from datetime import datetime, time, timedelta

from flask import Response, make_response, request, url_for
from flask.typing import ResponseReturnValue

from webapp import links
from webapp.clock import utcnow
from webapp.domain.dates import local
from webapp.domain.droits import Droit, services_with
from webapp.domain.errors import Introuvable
from webapp.domain.recurrence import to_utc
from webapp.extensions import limiter
from webapp.models import Agent, Discretion, Rdv
from webapp.notifications import ics
from webapp.queries import calendrier

from . import bp

PAST = timedelta(days=30)


def _this_feed() -> str:
    """What is counted: the feed, since calendar programs ask from many addresses. Never the key itself."""
    return links.fingerprint((request.view_args or {}).get("token", "")) or "aucun"


@bp.get("/agenda/<token>.ics")
@limiter.limit("120 per hour", key_func=_this_feed)
def agenda_ics(token: str) -> ResponseReturnValue:
    """The sessions that agent holds, from thirty days ago on; 304 when nothing moved. Nothing about who comes."""
    agent = calendrier.subscriber(links.fingerprint(token))
    if agent is None:
        raise Introuvable
    since = _since(agent)
    services = services_with(agent.octrois(), Droit.VOIR, agent.organisation_id)
    found = calendrier.feed(agent, services, since)
    response: Response = make_response(ics.feed(agent.nom_court, agent.organisation, [_event(*one) for one in found]))
    response.mimetype = "text/calendar"
    response.headers["Content-Disposition"] = 'inline; filename="agenda.ics"'
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["X-Robots-Tag"] = "noindex"
    # A day that begins takes sessions away without anything having changed.
    moments = [changed for _, changed in found] + [since + PAST, agent.agenda_depuis or since]
    response.last_modified = max(moments)
    response.add_etag()
    return response.make_conditional(request)


def _since(agent: Agent) -> datetime:
    """The first moment of the day, thirty days ago, where the agent works."""
    tz = agent.organisation.timezone
    return to_utc(local(utcnow(), tz).date() - PAST, time(), tz)


def _event(rdv: Rdv, changed: datetime) -> ics.Evenement:
    """A session in an agent's own calendar; once started it reads what it froze (docs/domain.md rule 3)."""
    frozen = rdv.fige or {}
    names = (frozen.get("salle") or (rdv.salle and rdv.salle.name), frozen.get("lieu") or (rdv.lieu and rdv.lieu.name))
    address = frozen.get("adresse") or (rdv.lieu.adresse_complete if rdv.lieu else "")
    jauge = rdv.jauge()
    name = frozen.get("motif") or rdv.motif.name
    return ics.Evenement(
        rdv_id=rdv.id,
        version=rdv.version,
        debut=rdv.starts_at,
        fin=rdv.ends_at,
        titre=f"{name} : {rdv.intitule}" if rdv.intitule else name,
        lieu=", ".join(part for part in (*names, address) if part) or ("À distance" if rdv.lien_visio else ""),
        places=f"{jauge.prises}/{jauge.capacite}" if jauge.capacite is not None else "",
        phrase=f"{jauge.phrase_agent}, {jauge.detail_agent.lower()}.",
        fiche=links.address(url_for("agent.fiche", rdv_id=rdv.id)),
        change=changed,
        annulee=rdv.cancelled_at is not None,
        neutre=rdv.motif.discretion is Discretion.NEUTRE,
    )
