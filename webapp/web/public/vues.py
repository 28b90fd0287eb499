"""Sessions as public pages show them, and what every public view needs first: find, or answer as an unknown page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import g

from webapp.clock import utcnow
from webapp.domain.capacity import Ouverture, ReservablePar
from webapp.domain.dates import duration, local, span
from webapp.domain.errors import DomainError, Introuvable
from webapp.domain.participation import Acteur
from webapp.domain.settings import resolve
from webapp.models import Organisation, Rdv, ouverture
from webapp.notifications.people import Place
from webapp.queries import public as queries
from webapp.services.preferences import choosable
from webapp.web.envois import masked
from webapp.web.vues import SeanceVue

from . import invite

MAP = "https://www.openstreetmap.org/search?"
MOVED = "La date ou le lieu de cette séance vient de changer. Vérifiez, puis validez à nouveau."


@dataclass(frozen=True, slots=True, kw_only=True)
class Seance:
    """One session with all that its own pages say: effective words, and why it can't be booked now (`refus`)."""

    vue: SeanceVue
    nom: str
    duree: str
    entree_libre: bool
    visio: bool
    annulee: bool
    passee: bool
    refus: str
    avant: str
    apres: str
    lien_visio: str
    carte: str


def show(organisation: Organisation) -> None:
    """The page is this organisation's: its name, colour and telephone."""
    g.organisation = organisation


def unknown_link() -> Introuvable:
    """What a personal link that opens nothing answers, whatever it was meant for; with somebody to call."""
    if len(everybody := queries.organisations()) == 1:
        show(everybody[0])
    return Introuvable("Ce lien ne mène à aucun rendez-vous.")


def find_session(rdv_id: int) -> Rdv:
    """The session of this address that exists for this visitor; raises `Introuvable` for any other, whatever the
    reason."""
    rdv = queries.session_by_id(rdv_id, invite.motif_id())
    if rdv is None:
        raise Introuvable
    show(rdv.organisation)
    return rdv


def seance_of(rdv: Rdv, now: datetime | None = None) -> Seance:
    """The session's page, in values. Once started, a session reads what it froze (docs/domain.md rule 3)."""
    now = now or utcnow()
    levels: dict[str, Any] = {"rdv": rdv, "plage": rdv.plage_ouverture, "motif": rdv.motif}
    frozen = rdv.fige or {}
    opened = ouverture(rdv)
    refusal = _refusal(opened, rdv, now)
    vue = card(rdv, now)
    return Seance(
        vue=vue,
        nom=frozen.get("motif") or rdv.motif.name,
        duree=_length(rdv),
        entree_libre=opened.reservable_par is ReservablePar.ENTREE_LIBRE,
        visio=rdv.motif.location_type == "visio",
        annulee=rdv.cancelled_at is not None,
        passee=now >= rdv.starts_at,
        refus=refusal.message if refusal else "",
        avant=_text(frozen, "instructions_avant", levels),
        apres=_text(frozen, "instructions_apres", levels),
        lien_visio=str(resolve("lien_visio", **levels).valeur or ""),
        carte=map_of(rdv.lieu.adresse_complete) if rdv.lieu else "",
    )


def shown_channels(place: Place) -> list[tuple[str, str, bool]]:
    """(channel, masked contact, accepted) of each way to tell the person, from the link of that place or wait."""
    return [(v.canal.value, masked(v.contact), v.acceptee) for v in choosable(place, Acteur.USAGER)]


def map_of(adresse: str) -> str:
    """Where to look at this address on a map; nothing for no address."""
    return MAP + urlencode({"query": adresse}) if adresse else ""


def card(rdv: Rdv, now: datetime, motif_nom: str = "", *, compared: bool = False) -> SeanceVue:
    """The session as a card of a list; `compared`: with what tells it from the other sessions of its motif."""
    tz = rdv.organisation.timezone
    start, end = local(rdv.starts_at, tz), local(rdv.ends_at, tz)
    opened = ouverture(rdv)
    refusal = _refusal(opened, rdv, now)
    full = refusal is not None and refusal.code == "complet"
    free = opened.reservable_par is ReservablePar.ENTREE_LIBRE
    frozen = rdv.fige or {}
    lieu, salle = frozen.get("lieu") or (rdv.lieu.name if rdv.lieu else ""), rdv.salle.name if rdv.salle else ""
    return SeanceVue(
        id=rdv.id,
        debut_local=start,
        fin_local=end,
        heures=span(start, end),
        lieu_nom=", ".join(part for part in (lieu, salle) if part) or "En visioconférence",
        adresse=frozen.get("adresse") or (rdv.lieu.adresse_complete if rdv.lieu else ""),
        pmr=_sentence(rdv.lieu.pmr) if rdv.lieu else "",
        jauge=rdv.jauge(),
        intitule=rdv.intitule,
        motif_nom=motif_nom,
        reservable=refusal is None,
        attente_ouverte=full and opened.waitlist_refusal(now) is None,
        raison=refusal.message if refusal is not None and not full and not free else "",
        duree=_length(rdv) if compared else "",
        carte=map_of(rdv.lieu.adresse_complete) if compared and rdv.lieu else "",
        avant=_own_words(rdv) if compared else "",
    )


def _refusal(opened: Ouverture, rdv: Rdv, now: datetime) -> DomainError | None:
    """Why this visitor can't book it now; who holds an invitation is only asked where it matters."""
    closed = opened.reservable_par is ReservablePar.INVITES
    return opened.refusal(now, invited=closed and invite.to(rdv) is not None)


def other_cards(rdv: Rdv, now: datetime | None = None, *, seats: int = 1) -> list[SeanceVue]:
    """Other sessions of the same motif with that many seats, to propose when this one is not possible."""
    now = now or utcnow()
    return [card(other, now) for other in queries.others(rdv, now, seats=seats, invited=invite.to(rdv) is not None)]


def _length(rdv: Rdv) -> str:
    return duration(round((rdv.ends_at - rdv.starts_at).total_seconds() / 60))


def _own_words(rdv: Rdv) -> str:
    """Instructions before booking that are this session's or its plage's; the page of the motif says the motif's."""
    found = resolve("instructions_avant", rdv=rdv, plage=rdv.plage_ouverture, motif=rdv.motif)
    return str(found.valeur).strip() if found.source != "motif" else ""


def same_month(one: Rdv, other: Rdv) -> bool:
    """Do both start in the same month, where they are held?"""
    first, second = (local(rdv.starts_at, rdv.organisation.timezone) for rdv in (one, other))
    return (first.year, first.month) == (second.year, second.month)


def by_month(cards: Iterable[SeanceVue]) -> list[tuple[datetime, list[SeanceVue]]]:
    """Cards in order, under the first moment of each month present."""
    months: list[tuple[datetime, list[SeanceVue]]] = []
    for one in cards:
        if not months or (months[-1][0].year, months[-1][0].month) != (one.debut_local.year, one.debut_local.month):
            months.append((one.debut_local, []))
        months[-1][1].append(one)
    return months


def _text(frozen: Mapping[str, Any], name: str, levels: Mapping[str, Any]) -> str:
    """What was frozen, even if it was nothing; else the effective setting of today."""
    return str((frozen[name] if name in frozen else resolve(name, **levels).valeur) or "").strip()


def _sentence(text: str) -> str:
    """ "accessible en fauteuil" starts a line of its own."""
    return text[:1].upper() + text[1:]
