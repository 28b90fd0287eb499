"""A motif's coming sessions, by month, ten at a time, in one place or in all."""

from math import ceil

from flask import current_app, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.errors import Introuvable
from webapp.models import ouverture
from webapp.queries import public as queries
from webapp.web.htmx import is_htmx, respond
from webapp.web.intake import number

from . import bp, invite
from .flux import MOST
from .invitation import shown
from .vues import by_month, card, same_month, show

PER_PAGE = 10


@bp.get("/o/<slug>/motifs/<int:motif_id>")
def motif(slug: str, motif_id: int) -> ResponseReturnValue:
    """The full ones too. htmx asks for the next ten dates, that it puts after those already there."""
    found = queries.motif_of(slug, motif_id)
    if found is None:
        raise Introuvable
    now, invitation = utcnow(), invite.current()
    if invitation is not None and invitation.motif_id != found.id:
        invitation = None
    invited = invitation is not None
    places = queries.places_of(found, now, invited=invited)
    lieu_id = request.args.get("lieu", type=number)
    if lieu_id not in {place.lieu.id for place in places}:
        lieu_id = None
    count = queries.count_coming(found, now, lieu_id, invited=invited)
    if not count and not invited and found.reservable_par not in queries.OPEN:
        raise Introuvable  # never opened online: as if it did not exist
    show(found.organisation)
    pages = max(1, ceil(count / PER_PAGE))
    page = min(max(1, request.args.get("page", 1, number)), pages)
    # One more at each end: whether its month goes on, and what the stream of a longer page follows as well.
    first = max(0, (page - 2) * PER_PAGE)
    sessions = queries.coming(found, now, lieu_id, limit=page * PER_PAGE - first, offset=first, invited=invited)
    before, here = sessions[: (page - 1) * PER_PAGE - first], sessions[(page - 1) * PER_PAGE - first :]
    cards = [card(rdv, now, compared=True) for rdv in here]
    # Streams are the same for everybody: a page with sessions that are not asks for its gauges itself.
    streamed = bool(here) and all(ouverture(rdv).public() for rdv in sessions)

    def address(n: int) -> str:
        return url_for(".motif", slug=slug, motif_id=motif_id, lieu=lieu_id, page=n if n > 1 else None)

    return respond(
        "public/motif.html",
        "suite_des_dates",
        a_la_suite=is_htmx(),
        motif=found,
        mois=by_month(cards),
        deja=bool(before and here and same_month(before[-1], here[0])),
        places=places,
        lieu_id=lieu_id,
        page=page,
        pages=pages,
        reste=count - page * PER_PAGE,
        href_for=address,
        canonique=current_app.config["PUBLIC_URL"] + address(page),
        flux_url=url_for(".flux", rdv=[one.id for one in here]) if streamed else "",
        invite=shown(invitation),
        flux_plus_long=url_for(".flux", rdv=[one.id for one in sessions][-MOST:]),
    )
