"""What waits for an agent: each number of the first page, and the whole list it counts; keeping a session."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort, flash, request, url_for
from flask.typing import ResponseReturnValue

from webapp.clock import utcnow
from webapp.domain.dates import NBSP, long_moment
from webapp.domain.droits import Droit
from webapp.domain.waitlist import Besoin
from webapp.models import Rdv
from webapp.queries import a_faire as queries
from webapp.queries.a_faire import Regard
from webapp.services import rdvs
from webapp.web.auth import allowed_services, current_agent, declares, may
from webapp.web.envois import CANAUX, message_name, without_contacts
from webapp.web.htmx import go_to, respond
from webapp.web.intake import number
from webapp.web.templating import pluriel

from . import bp
from .fiche import find

SHOWN, BY_PAGE, PAGES = 6, 50, 200
NAMES = {
    "renseigner": (
        "À renseigner",
        "séance à renseigner",
        "séances à renseigner",
        "Ces séances sont passées : notez qui était là.",
    ),
    "minimum": (
        "Sous le minimum",
        "séance sous son minimum",
        "séances sous leur minimum",
        "Gardez la séance, et la question n’est plus posée ; ou annulez-la, après avoir vu qui sera prévenu.",
    ),
    "attente": (
        "Listes d’attente à regarder",
        "liste d’attente à regarder",
        "listes d’attente à regarder",
        "Rien ne s’y fera tout seul, ou pas à temps : donnez une place ou appelez.",
    ),
    "echecs": (
        "Messages en échec",
        "message en échec",
        "messages en échec",
        "Ces personnes n’ont pas reçu un message d’une séance à venir : appelez-les.",
    ),
}
"""Each list: its name, how one and several are counted, what to do about it."""


@dataclass(frozen=True, slots=True)
class Ligne:
    """One thing to do: about which session, what there is to know, where to do it."""

    rdv_id: int
    titre: str
    quand: str
    texte: str
    lien: str
    action: str = ""
    """The words of a second link; nothing where the title is enough."""
    faire: str = ""
    """Where that one leads."""
    a_garder: bool = False
    """May the agent decide to keep or cancel it?"""


@dataclass(frozen=True, slots=True)
class Rubrique:
    """One list, or its beginning, and how many it has in all."""

    cle: str
    total: int
    lignes: Sequence[Ligne]

    @property
    def nom(self) -> str:
        return NAMES[self.cle][0]

    @property
    def titre(self) -> str:
        return pluriel(self.total, *NAMES[self.cle][1:3])

    @property
    def conseil(self) -> str:
        return NAMES[self.cle][3]


def regard() -> Regard:
    """Whose sessions the page is about: mine (`qui=moi`), or all those of the services I may see."""
    agent, services = current_agent(), allowed_services()
    return Regard(agent.organisation_id, services, agent.id if request.values.get("qui") == "moi" else None)


def rubriques(seen: Regard, now: datetime) -> list[Rubrique]:
    """The beginning of each list that has something."""
    found = [rubrique(cle, seen, now, SHOWN) for cle in NAMES]
    return [one for one in found if one.total]


def rubrique(cle: str, seen: Regard, now: datetime, limit: int, offset: int = 0) -> Rubrique:
    """One list from a position on."""
    return Rubrique(cle, *_LISTS[cle](seen, now, limit, offset))


def _line(rdv: Rdv, texte: str, **more: Any) -> Ligne:
    moment = long_moment(rdv.starts_at, rdv.organisation.timezone)
    return Ligne(rdv.id, rdv.motif.name, moment, texte, url_for("agent.fiche", rdv_id=rdv.id), **more)


def _doing(rdv: Rdv, words: str, endpoint: str, **where: Any) -> dict[str, str]:
    """The link to do it, for who may."""
    if not may(Droit.GERER_RDV, rdv):
        return {}
    return {"action": words, "faire": url_for(endpoint, rdv_id=rdv.id, **where)}


def _to_complete(seen: Regard, now: datetime, limit: int, offset: int) -> tuple[int, list[Ligne]]:
    total, found = queries.to_complete(seen, now, limit, offset)
    return total, [
        _line(
            rdv,
            pluriel(people, "personne à noter", "personnes à noter"),
            **_doing(rdv, "Saisir la feuille", ".pointage"),
        )
        for rdv, people in found
    ]


def _under_minimum(seen: Regard, now: datetime, limit: int, offset: int) -> tuple[int, list[Ligne]]:
    found = queries.under_minimum(seen, now)
    return len(found), [
        _line(
            rdv,
            f"{pluriel(rdv.places_prises, 'personne inscrite', 'personnes inscrites')}, "
            f"minimum {rdv.motif.capacite_min}",
            a_garder=may(Droit.GERER_RDV, rdv),
        )
        for rdv in found[offset : offset + limit]
    ]


def _waitlists(seen: Regard, now: datetime, limit: int, offset: int) -> tuple[int, list[Ligne]]:
    found = queries.waitlists(seen, now)
    return len(found), [
        _line(rdv, _need(rdv, need), **_doing(rdv, "Donner une place", ".fiche", _anchor="attente"))
        for rdv, need in found[offset : offset + limit]
    ]


def _need(rdv: Rdv, need: Besoin) -> str:
    gauge = rdv.jauge()
    people = pluriel(gauge.attente, "place demandée", "places demandées")
    free = pluriel(gauge.libres, "place libre", "places libres")
    return {
        Besoin.A_DONNER: f"{free}, {people}{NBSP}: rien n’est plus proposé automatiquement.",
        Besoin.TROP_PEU: f"{free}, {people}{NBSP}: chaque demande en veut davantage.",
        Besoin.SANS_REPONSE: f"{pluriel(gauge.proposees, 'place proposée', 'places proposées')} sans réponse, "
        "et la séance approche.",
        Besoin.COMPLET: f"{people}, la séance est complète et approche.",
    }[need]


def _failed(seen: Regard, now: datetime, limit: int, offset: int) -> tuple[int, list[Ligne]]:
    total, found = queries.failed_messages(seen, now, limit, offset)
    tz = current_agent().organisation.timezone
    return total, [
        Ligne(
            row.rdv_id,
            f"{row.nom.upper()} {row.prenom}",
            f"{row.motif}, {long_moment(row.starts_at, tz)}",
            f"{message_name(row.event)} par {CANAUX[row.canal]}{NBSP}: {without_contacts(row.erreur) or 'échec'}",
            url_for(
                "agent.fiche",
                rdv_id=row.rdv_id,
                _anchor=f"participation-{row.participation_ids[0]}" if row.participation_ids else None,
            ),
        )
        for row in found
    ]


_LISTS: dict[str, Callable[[Regard, datetime, int, int], tuple[int, list[Ligne]]]] = {
    "renseigner": _to_complete,
    "minimum": _under_minimum,
    "attente": _waitlists,
    "echecs": _failed,
}


@bp.get("/a-faire")
@declares(Droit.VOIR)
def a_faire() -> ResponseReturnValue:
    """The whole list that a number of the first page counts: `quoi` says which."""
    cle = request.args.get("quoi", "renseigner")
    if cle not in NAMES:
        abort(404)
    page = min(max(request.args.get("page", 1, type=number), 1), PAGES)
    found = rubrique(cle, regard(), utcnow(), BY_PAGE, BY_PAGE * (page - 1))
    if page > 1 and not found.lignes:
        return go_to(url_for(".a_faire", quoi=cle, qui=mine()))
    pages = -(-found.total // BY_PAGE)
    return respond("agent/a_faire.html", rubrique=found, qui=mine(), page=page, pages=pages)


def mine() -> str | None:
    """What an address keeps of whose sessions are looked at."""
    return "moi" if request.values.get("qui") == "moi" else None


@bp.post("/rdv/<int:rdv_id>/maintien")
@declares(Droit.GERER_RDV)
def maintien(rdv_id: int) -> ResponseReturnValue:
    """Keep a session although few people are booked; back to where it was asked."""
    rdv = find(rdv_id)
    rdvs.keep_rdv(rdv.id, agent=current_agent())
    flash("La séance est maintenue. La question ne sera plus posée.", "success")
    if request.form.get("quoi") == "minimum":
        return go_to(url_for(".a_faire", quoi="minimum", qui=mine()))
    return go_to(url_for(".accueil", qui=mine()))
