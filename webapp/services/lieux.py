"""Where sessions are held: places and their rooms, and what their coming sessions' people are told of a correction."""

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select

from webapp import live
from webapp.clock import utcnow
from webapp.domain.contacts import fold
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Perime, Refus
from webapp.domain.events import Modification
from webapp.domain.webhooks import Evenement
from webapp.extensions import db
from webapp.models import Agent, Lieu, Rdv, Salle
from webapp.notifications.base import emit_many
from webapp.notifications.content import ou_et_quand
from webapp.queries import lieux as queries

from . import journal, webhook_outbox
from .droits import require
from .organisation import locked_organisation, set_fields
from .series import SAID
from .transaction import seat_lock, transaction

LIEU = ("name", "address", "postal_code", "city", "phone", "pmr")
SALLE = ("name", "capacite")
ANNONCES: dict[type, tuple[str, ...]] = {Lieu: ("name", "address", "postal_code", "city"), Salle: ("name",)}
"""What people were told of a place or of a room: correcting it is news."""


def cle(row: Lieu | Salle) -> str:
    """What a page shows of it, to find out whether a colleague changed it meanwhile."""
    names = LIEU if isinstance(row, Lieu) else SALLE
    return hashlib.sha256(repr([getattr(row, name) for name in names]).encode()).hexdigest()[:16]


def is_news(row: Lieu | Salle, data: dict[str, Any]) -> bool:
    """Would this change what people were told?"""
    return any(name in data and getattr(row, name) != data[name] for name in ANNONCES[type(row)])


def save_lieu(
    lieu_id: int | None, data: dict[str, Any], agent: Agent, *, connu: str = "", prevenir: bool = False
) -> tuple[Lieu, bool]:
    """Create a place or correct one; answers with it whether anything changed: the same form twice changes once.

    Its coming sessions show the correction; with `prevenir` their people are told once what was and what is. `connu` is
    the `cle` of what the page showed: raises `Perime` when a colleague changed it meanwhile, `Refus` with the reason.
    """
    _known(data, LIEU)
    with transaction():
        organisation = locked_organisation(agent.organisation_id)
        lieu = Lieu(organisation_id=organisation.id, **data) if lieu_id is None else _locked(lieu_id)
        require(agent, Droit.CONFIGURER_LIEUX, lieu)
        if not data.get("name", lieu.name):
            raise Refus("Donnez un nom au lieu.")
        namesake = _namesake(lieu, data.get("name", lieu.name))
        if lieu_id is None:
            if namesake and all(getattr(namesake, name) == value for name, value in data.items()):
                return namesake, False  # the same form sent twice
            _no_namesake(namesake)
            return _added(lieu, organisation.id, "lieu_cree", data, agent), True
        if namesake and fold(data["name"]) != fold(lieu.name):
            _no_namesake(namesake)
        return lieu, _correct(lieu, lieu, data, agent, "lieu_modifie", connu, prevenir)


def set_enabled(lieu_id: int, enabled: bool, agent: Agent) -> Lieu:
    """Propose a place again, or no more: its sessions keep it, and so do its plages."""
    with transaction():
        lieu = _locked(lieu_id)
        require(agent, Droit.CONFIGURER_LIEUX, lieu)
        if lieu.enabled != enabled:
            lieu.enabled = enabled
            action = "lieu_retabli" if enabled else "lieu_desactive"
            journal.note(lieu.organisation_id, action, lieu, agent=agent, nom=lieu.name)
        return lieu


def save_salle(
    lieu_id: int,
    salle_id: int | None,
    data: dict[str, Any],
    agent: Agent,
    *,
    connu: str = "",
    prevenir: bool = False,
) -> tuple[Salle, bool]:
    """Add a room to a place or change one, as `save_lieu` does. Its capacity is only proposed: no session changes."""
    _known(data, SALLE)
    with transaction():
        lieu = _locked(lieu_id)
        require(agent, Droit.CONFIGURER_LIEUX, lieu)
        salle = Salle(lieu_id=lieu.id, **data) if salle_id is None else _locked_salle(lieu, salle_id)
        name = data.get("name", salle.name)
        if not name:
            raise Refus("Donnez un nom à la salle.")
        if data.get("capacite") is not None and data["capacite"] < 1:
            raise Refus("Une salle a au moins une place.")
        others = db.session.scalars(select(Salle).where(Salle.lieu_id == lieu.id)).all()
        namesake = next((one for one in others if one is not salle and fold(one.name) == fold(name)), None)
        if salle_id is None and namesake and all(getattr(namesake, key) == value for key, value in data.items()):
            return namesake, False  # the same form sent twice
        if namesake:
            raise Refus(f"Une salle de ce lieu s’appelle déjà « {namesake.name} » : donnez un autre nom.")
        if salle_id is None:
            return _added(salle, lieu.organisation_id, "salle_creee", data, agent), True
        return salle, _correct(salle, lieu, data, agent, "salle_modifiee", connu, prevenir)


def remove_salle(lieu_id: int, salle_id: int, agent: Agent) -> None:
    """Take a room away for good. Raises `Refus` while a session, even past, or a plage names it."""
    with transaction():
        lieu = _locked(lieu_id)
        require(agent, Droit.CONFIGURER_LIEUX, lieu)
        salle = _locked_salle(lieu, salle_id, for_good=True)
        if any(uses := queries.uses(salle)):
            raise Refus(why_salle_stays(*uses))
        journal.note(lieu.organisation_id, "salle_retiree", salle, agent=agent, nom=salle.name, lieu=lieu.name)
        db.session.expunge(salle)
        db.session.execute(delete(Salle).where(Salle.id == salle_id))


def why_salle_stays(sessions: int, plages: int) -> str:
    """What refers to a room that can't be removed."""
    said = [
        f"{count} {name}{'s' if count > 1 else ''}"
        for count, name in ((sessions, "séance"), (plages, "plage"))
        if count
    ]
    return f"Cette salle ne se retire pas : elle sert à {' et '.join(said)}, passées comprises."


def _known(data: dict[str, Any], names: Sequence[str]) -> None:
    unknown = set(data) - set(names)
    if unknown:
        raise ValueError(f"not fields of it: {sorted(unknown)}")


def _locked(lieu_id: int) -> Lieu:
    """The place, for us alone. Its sessions may be locked after it, never before."""
    lieu = db.session.get(Lieu, lieu_id, populate_existing=True, with_for_update={"key_share": True})
    if lieu is None:
        raise Introuvable("Ce lieu n’existe pas.")
    return lieu


def _locked_salle(lieu: Lieu, salle_id: int, *, for_good: bool = False) -> Salle:
    """The room; `for_good`: who is about to name it in a plage waits too."""
    lock: Any = {} if for_good else {"key_share": True}
    salle = db.session.get(Salle, salle_id, populate_existing=True, with_for_update=lock or True)
    if salle is None or salle.lieu_id != lieu.id:
        raise Introuvable("Cette salle n’existe pas.")
    return salle


def _namesake(lieu: Lieu, name: str) -> Lieu | None:
    """Another place of the organisation that people would read as this name; those of one session don't count."""
    if lieu.ponctuel:
        return None
    rows = db.session.scalars(
        select(Lieu).where(Lieu.organisation_id == lieu.organisation_id, Lieu.ponctuel.is_(False))
    )
    return next((row for row in rows if row is not lieu and fold(row.name) == fold(name)), None)


def _no_namesake(found: Lieu | None) -> None:
    if found is not None:
        where = f" ({found.adresse_complete})" if found.adresse_complete else ""
        off = "" if found.enabled else ", désactivé : vous pouvez le proposer à nouveau"
        raise Refus(f"Un lieu s’appelle déjà « {found.name} »{where}{off}. Donnez un autre nom.")


def _added(row: Any, organisation_id: int, action: str, data: dict[str, Any], agent: Agent) -> Any:
    db.session.add(row)
    db.session.flush()
    changes = {name: {"de": None, "a": value} for name, value in data.items() if value}
    journal.note(organisation_id, action, row, agent=agent, changements=changes)
    return row


def _correct(
    row: Lieu | Salle, lieu: Lieu, data: dict[str, Any], agent: Agent, action: str, connu: str, prevenir: bool
) -> bool:
    """Write the change, grow the coming sessions that show it, tell their people when asked. Was there one at all?"""
    if all(getattr(row, name) == value for name, value in data.items()):
        return False
    if connu and connu != cle(row):
        raise Perime(f"« {row.name} » vient de changer : regardez, puis enregistrez à nouveau.")
    news = is_news(row, data)
    coming = _coming(row) if news else []
    before = {rdv.id: ou_et_quand(rdv) for rdv in coming}
    changes = set_fields(row, data)
    for rdv in coming:
        rdv.version += 1
    db.session.flush()
    people = [rdv for rdv in coming if rdv.places_prises]
    extra: dict[str, Any] = {"seances": len(coming), "prevenir": prevenir and bool(people)} if news else {}
    journal.note(lieu.organisation_id, action, row, agent=agent, changements=changes, **extra)
    told = ((rdv, {"de": before[rdv.id], "a": ou_et_quand(rdv), "prevenir": prevenir}) for rdv in people)
    journal.note_sessions("modification", told, agent)
    if prevenir:
        emit_many(
            [
                Modification(auteur_agent_id=agent.id, rdv_id=rdv.id, version=rdv.version, avant=before[rdv.id])
                for rdv in people
            ]
        )
    webhook_outbox.changed(lieu.organisation_id, [rdv.id for rdv in coming], Evenement.RDV_MODIFIE)
    for rdv in coming:
        live.publish(rdv.id, rdv.version)
    return True


def _coming(where: Lieu | Salle) -> list[Rdv]:
    """The coming sessions held there, locked in ascending id, with what a message says of them."""
    now = utcnow()
    ids = db.session.scalars(select(Rdv.id).where(queries.held(where), queries.to_come(now))).all()
    if not ids:
        return []
    there = "lieu_id" if isinstance(where, Lieu) else "salle_id"
    rows = [
        rdv
        for rdv in seat_lock(*ids)
        if rdv.cancelled_at is None and rdv.starts_at > now and getattr(rdv, there) == where.id
    ]
    db.session.scalars(select(Rdv).where(Rdv.id.in_(ids)).options(*SAID)).all()  # in a few statements
    return rows
