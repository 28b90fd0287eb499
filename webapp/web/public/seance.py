"""One session: its page, its gauge alone, its calendar file."""

from flask import Response, current_app, make_response, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from webapp.clock import utcnow
from webapp.domain.errors import Introuvable
from webapp.models import Rdv, ouverture
from webapp.notifications import content, ics
from webapp.queries import public as queries
from webapp.web.htmx import is_htmx, macro_html, partial, respond

from . import bp, invite
from .invitation import shown
from .recu import booked_here
from .vues import find_session, other_cards, seance_of


@bp.get("/rdv/<int:rdv_id>")
def rdv(rdv_id: int) -> ResponseReturnValue:
    """The session, and a seat to take; when it is not possible, why, and what else is."""
    found = find_session(rdv_id)
    now = utcnow()
    seance = seance_of(found, now)
    return respond(
        "public/rdv.html",
        rdv=found,
        s=seance,
        autres=other_cards(found, now) if seance.refus and not seance.entree_libre else [],
        reservee=booked_here(rdv_id) is not None,
        publique=ouverture(found).public(),
        invite=shown(invite.to(found)),
    )


def gauge(rdv: Rdv) -> str:
    """The gauge as every page shows it."""
    return macro_html("components/jauge.html", "jauge", rdv.jauge())


def around(rdv: Rdv) -> list[Markup]:
    """What follows the gauge on the pages that show it: the way to a seat, or why there is none."""
    seance = seance_of(rdv)
    return [
        partial(f"#reserver-{rdv.id}", macro_html("components/seance.html", "reservation", seance)),
        partial(f"#suite-{rdv.id}", macro_html("components/seance.html", "suite", seance.vue)),
    ]


@bp.get("/rdv/<int:rdv_id>/jauge")
def jauge(rdv_id: int) -> ResponseReturnValue:
    """The gauge alone, for pages without a stream: 304 when nothing moved. htmx gets what stands around it as well."""
    found = queries.session_by_id(rdv_id, invite.motif_id())
    if found is None:
        raise Introuvable
    html = [gauge(found), *(around(found) if is_htmx() else [])]
    response: Response = make_response("".join(html))
    response.headers["Cache-Control"] = "no-cache" if ouverture(found).public() else "private, no-cache"
    response.add_etag()
    return response.make_conditional(request)


@bp.get("/rdv/<int:rdv_id>/rendez-vous.ics")
def rdv_ics(rdv_id: int) -> ResponseReturnValue:
    """The session for a calendar: nothing in it says who comes."""
    return calendar_file(find_session(rdv_id))


def calendar_file(rdv: Rdv, participation_id: int | None = None) -> Response:
    """The event to download; with a place it is the one the messages about that place change."""
    emetteur = content.Emetteur.of(rdv.organisation)
    organizer = emetteur.courriel or current_app.config["MAIL_DEFAULT_SENDER"]
    seance, now = content.of_rdv(rdv), utcnow()
    body = ics.calendar(seance, emetteur, participation_id, method=ics.PUBLISH, now=now, organizer=organizer)
    response = make_response(body)
    response.mimetype = "text/calendar"
    response.headers["Content-Disposition"] = 'attachment; filename="rendez-vous.ics"'
    return response
