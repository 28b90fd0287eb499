"""What can be booked: all of it, one organisation's, one motif's coming sessions."""

from collections.abc import Sequence
from itertools import groupby
from math import ceil

from flask import Response, make_response, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.contacts import fold
from webapp.domain.errors import Introuvable
from webapp.domain.theme import accents
from webapp.models import Lieu, Organisation, ouverture
from webapp.queries import public as queries
from webapp.queries.public import Prochaine
from webapp.web.htmx import respond
from webapp.web.intake import number

from . import bp, invite
from .invitation import shown
from .vues import by_month, card, show

PER_PAGE = 10
TYPED = 100  # characters read of what is typed in a search


@bp.get("/")
def accueil() -> ResponseReturnValue:
    """The motifs that can be booked now, of every organisation."""
    organisations = queries.organisations()
    if len(organisations) == 1:
        show(organisations[0])
    return _list(None, organisations)


@bp.get("/o/<slug>")
def organisation(slug: str) -> ResponseReturnValue:
    """One organisation's motifs."""
    found = _organisation(slug)
    show(found)
    return _list(found, [found])


def _list(one: Organisation | None, organisations: Sequence[Organisation]) -> Response:
    quoi, ou = (request.args.get(name, "").strip()[:TYPED] for name in ("quoi", "ou"))
    now = utcnow()
    lieu_ids = [lieu.id for lieu in queries.lieux(one.id if one else None) if _is_there(lieu, ou)] if ou else None
    found = queries.bookable_motifs(one.id if one else None, now, lieu_ids)
    if quoi:
        found = [each for each in found if _speaks_of(each, quoi)]
    found.sort(key=lambda each: (each.rdv.organisation.name, each.rdv.starts_at))
    return respond(
        "public/accueil.html",
        groupes=[
            (group[0].rdv.organisation, [(each, card(each.rdv, now)) for each in group])
            for group in (list(same) for _, same in groupby(found, key=lambda each: each.rdv.organisation_id))
        ],
        nombre=len(found),
        quoi=quoi,
        ou=ou,
        une=one or (organisations[0] if len(organisations) == 1 else None),
    )


def _is_there(lieu: Lieu, typed: str) -> bool:
    """A commune as it is written or said, or the beginning of a postal code."""
    digits = typed.replace(" ", "")
    if digits.isdigit():
        return lieu.postal_code.replace(" ", "").startswith(digits)
    return _begins(typed, _where(lieu))


def _where(lieu: Lieu) -> str:
    return f"{lieu.city} {lieu.postal_code} {lieu.name}"


def _begins(typed: str, text: str) -> bool:
    """Every word typed begins a word of the text: accents and case do not count."""
    words = fold(text).split()
    return all(any(word.startswith(part) for word in words) for part in fold(typed).split())


def _speaks_of(found: Prochaine, typed: str) -> bool:
    """What was typed is about the motif, or about the place of its next session: people write both in one field."""
    motif, lieu = found.rdv.motif, found.rdv.lieu
    about = f"{motif.name} {motif.description} {motif.service.name} {motif.service.short_name}"
    return _begins(typed, f"{about} {_where(lieu)}" if lieu else about)


@bp.get("/o/<slug>/motifs/<int:motif_id>")
def motif(slug: str, motif_id: int) -> ResponseReturnValue:
    """A motif's coming sessions by month, in one place or in all, the full ones too."""
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
    sessions = queries.coming(found, now, lieu_id, limit=PER_PAGE, offset=(page - 1) * PER_PAGE, invited=invited)
    cards = [card(rdv, now) for rdv in sessions]
    # Streams are the same for everybody: a page with sessions that are not asks for its gauges itself.
    streamed = bool(cards) and all(ouverture(rdv).public() for rdv in sessions)
    return respond(
        "public/motif.html",
        motif=found,
        mois=by_month(cards),
        places=places,
        lieu_id=lieu_id,
        page=page,
        pages=pages,
        href_for=lambda n: url_for(".motif", slug=slug, motif_id=motif_id, lieu=lieu_id, page=n),
        flux_url=url_for(".flux", rdv=[one.id for one in cards]) if streamed else "",
        invite=shown(invitation),
    )


@bp.get("/o/<slug>/theme.css")
def theme(slug: str) -> ResponseReturnValue:
    """The organisation's accent, made readable in light and in dark; its address changes with the colour."""
    found = _organisation(slug)
    light, dark = accents(found.colour)
    response = make_response(
        f":root{{--accent:{light.accent};--on-accent:{light.on_accent}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--accent:{dark.accent};--on-accent:{dark.on_accent}}}}}\n"
    )
    response.mimetype = "text/css"
    exact = request.args.get("v") == found.colour.lstrip("#")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if exact else "public, max-age=300"
    return response


def _organisation(slug: str) -> Organisation:
    found = queries.organisation_by_slug(slug)
    if found is None:
        raise Introuvable
    return found
