"""What can be booked: all of it, or one organisation's; words, places, services and dates narrow it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, takewhile

from flask import Response, current_app, make_response, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.contacts import clean_name
from webapp.domain.dates import end_of_month, end_of_week
from webapp.domain.errors import Introuvable
from webapp.domain.recherche import Comprise, understand
from webapp.domain.theme import accents
from webapp.models import Lieu, Organisation, Service
from webapp.queries import public as queries
from webapp.queries.public import Prochaine
from webapp.web.htmx import respond
from webapp.web.intake import number
from webapp.web.vues import SeanceVue

from . import bp
from .vues import card, map_of, show

TYPED = 100  # characters read of what is typed in a search
ELSEWHERE = 8  # communes proposed when nothing is found
QUAND: dict[str, tuple[str, Callable[..., datetime]]] = {
    "semaine": ("cette semaine", end_of_week),
    "mois": ("ce mois-ci", end_of_month),
}
SHORT = {"st": "saint", "ste": "sainte"}


@dataclass(frozen=True, slots=True)
class Criteres:
    """What a search asks for, as its address says it."""

    quoi: str
    ou: str
    service: int | None
    quand: str

    @classmethod
    def asked(cls) -> "Criteres":
        quoi, ou = (clean_name(request.args.get(name, "")[:TYPED]) for name in ("quoi", "ou"))
        quand = request.args.get("quand", "")
        return cls(quoi, ou, request.args.get("service", type=number), quand if quand in QUAND else "")

    def address(self, **changes: str | int | None) -> str:
        """The one address of this search, or of this one but for some criteria."""
        asked = {"quoi": self.quoi, "ou": self.ou, "service": self.service, "quand": self.quand, **changes}
        where = {"slug": request.view_args["slug"]} if request.view_args else {}
        return url_for(
            request.endpoint or ".accueil", **where, **{name: value or None for name, value in asked.items()}
        )

    def wider(self) -> list[tuple[str, str]]:
        """(what to give up, the search without it), for each criterion when there are several."""
        found = [
            (f"Sans « {self.quoi} »", self.address(quoi=None)) if self.quoi else None,
            (f"Ailleurs qu’à « {self.ou} »", self.address(ou=None)) if self.ou else None,
            ("Dans tous les services", self.address(service=None)) if self.service else None,
            ("À toutes les dates", self.address(quand=None)) if self.quand else None,
        ]
        given = [one for one in found if one]
        return given if len(given) > 1 else []

    def __bool__(self) -> bool:
        return bool(self.quoi or self.ou or self.service or self.quand)


@dataclass(frozen=True, slots=True)
class LieuVue:
    """A place as the organisation's page shows it."""

    lieu: Lieu
    carte: str


@bp.get("/")
def accueil() -> ResponseReturnValue:
    """The motifs that can be booked now, of every organisation."""
    organisations = queries.organisations()
    if len(organisations) == 1:
        show(organisations[0])
    return _search("public/accueil.html", None, organisations)


@bp.get("/o/<slug>")
def organisation(slug: str) -> ResponseReturnValue:
    """One organisation: its motifs, its places, how to reach it."""
    found = _organisation(slug)
    show(found)
    places = [one for one in queries.lieux(found.id) if one.city or one.address]
    lieux = [LieuVue(one, map_of(one.adresse_complete)) for one in sorted(places, key=lambda one: (one.city, one.name))]
    return _search("public/organisation.html", found, [found], lieux)


def _search(
    page: str, one: Organisation | None, organisations: Sequence[Organisation], lieux: Sequence[LieuVue] = ()
) -> Response:
    asked, now, organisation_id = Criteres.asked(), utcnow(), one.id if one else None
    where, lieu_ids = Comprise(()), None
    if asked.ou:
        where, lieu_ids = _there(asked.ou, [each.lieu for each in lieux] or queries.lieux(organisation_id))
    bookable = queries.bookable_motifs(organisation_id, now, lieu_ids, _before(asked.quand, organisations, now))
    what = understand(asked.quoi, map(_about, bookable))
    found = [each for each in bookable if _is(each, asked, what)]
    found.sort(key=lambda each: (each.rdv.organisation.name, not each.dates, each.rdv.starts_at))
    elsewhere: list[tuple[str, str]] = []
    if asked and not found:
        bookable = queries.bookable_motifs(organisation_id, now)
        elsewhere = _elsewhere(asked, [each for each in bookable if each.rdv.lieu_id not in (lieu_ids or ())])
    return respond(
        page,
        groupes=_grouped(found, now),
        nombre=len(found),
        asked=asked,
        lu=" ".join(filter(None, (what.lue, where.lue))),
        services=_services(bookable),
        quand=[(value, words) for value, (words, _) in QUAND.items()],
        une=one or (organisations[0] if len(organisations) == 1 else None),
        organisations=organisations,
        lieux=lieux,
        ailleurs=elsewhere,
        canonique=current_app.config["PUBLIC_URL"] + asked.address(),
    )


def _grouped(found: Sequence[Prochaine], now: datetime) -> list[tuple[Organisation, list[tuple[Prochaine, SeanceVue]]]]:
    groups = (list(same) for _, same in groupby(found, key=lambda each: each.rdv.organisation_id))
    return [(group[0].rdv.organisation, [(each, card(each.rdv, now)) for each in group]) for group in groups]


def _before(quand: str, organisations: Sequence[Organisation], now: datetime) -> dict[datetime, list[int]]:
    """When the week or the month ends, by the clock of each organisation."""
    ends: dict[datetime, list[int]] = {}
    if quand:
        for each in organisations:
            ends.setdefault(QUAND[quand][1](now, each.timezone), []).append(each.id)
    return ends


def _there(typed: str, lieux: Sequence[Lieu]) -> tuple[Comprise, list[int]]:
    """How a commune (or the beginning of a postal code) was read, and the places that are there."""
    digits = typed.replace(" ", "")
    if digits.isdigit():
        return Comprise(()), [one.id for one in lieux if one.postal_code.replace(" ", "").startswith(digits)]
    whole = " ".join(SHORT.get(word.casefold().rstrip("."), word) for word in typed.replace("-", " ").split())
    read = understand(whole, map(_where, lieux))
    return read, [one.id for one in lieux if read.fits(_where(one))]


def _where(lieu: Lieu) -> str:
    return f"{lieu.city} {lieu.postal_code} {lieu.name}"


def _about(found: Prochaine) -> str:
    """The motif, and the place of its next session: people write both in one field."""
    motif, lieu = found.rdv.motif, found.rdv.lieu
    about = f"{motif.name} {motif.description} {motif.service.name} {motif.service.short_name}"
    return f"{about} {_where(lieu)}" if lieu else about


def _is(each: Prochaine, asked: Criteres, what: Comprise) -> bool:
    return asked.service in (None, each.rdv.motif.service_id) and (not what.mots or what.fits(_about(each)))


def _services(found: Sequence[Prochaine]) -> list[Service]:
    """Those who hold something that can be booked, to choose from."""
    known = {each.rdv.motif.service_id: each.rdv.motif.service for each in found}
    return sorted(known.values(), key=lambda each: each.name)


def _elsewhere(asked: Criteres, bookable: Sequence[Prochaine]) -> list[tuple[str, str]]:
    """Other communes where what was looked for can be booked, at whatever time: those whose postal code begins like
    the one that was typed first. None when it can be booked nowhere, or nowhere in particular was asked for."""
    if not asked.ou:
        return []
    what = understand(asked.quoi, map(_about, bookable))
    lieux = [each.rdv.lieu for each in bookable if each.rdv.lieu and _is(each, asked, what)]
    codes = {lieu.city: lieu.postal_code.replace(" ", "") for lieu in lieux if lieu.city}
    typed = asked.ou.replace(" ", "")
    near = sorted(codes, key=lambda commune: (-_alike(codes[commune], typed), commune))
    return [(commune, asked.address(quand=None, ou=commune)) for commune in near[:ELSEWHERE]]


def _alike(one: str, other: str) -> int:
    """How many first characters they share."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


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
