"""Describe what can be booked (docs/domain.md rules 1 and 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload, selectinload

from webapp import live
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.droits import Droit
from webapp.domain.errors import Introuvable, Refus
from webapp.domain.settings import Reglage, resolve
from webapp.extensions import db
from webapp.models import Agent, Motif, Rdv, Service, TypeMotif, ouverture

from . import journal, offres
from .droits import require
from .rdvs import becomes_free, effective_capacity
from .transaction import seat_lock, transaction

INHERITED = {"capacite_max", "reservable_par"}
DECIDE_OFFERS = {"liste_attente", "visibilite", "delai_min_minutes", "delai_max_jours"}
"""Settings that coming sessions inherit, and those that open or close their waitlists."""
TOLD = ("name", "nom_sms", "nom_courriel", "discretion", "instructions_apres", "avertissement_annulation")
"""Settings whose words people have read, once they are booked. Nobody is written to when they change."""

# What a form may set; the type and the kind of place freeze with the first session.
EDITABLE = (
    "name", "description", "location_type", "colour", "capacite_max", "capacite_min", "minimum_heures",
    "instructions_avant", "instructions_apres", "nom_sms", "nom_courriel", "avertissement_annulation",
    "reservable_par", "delai_min_minutes", "delai_max_jours", "visibilite", "discretion", "rappels",
    "liste_attente", "champs",
)  # fmt: skip


def save_motif(motif_id: int | None, data: dict[str, Any], agent: Agent) -> Motif:
    """Create a collective motif of `data["service_id"]`, or change one and the capacity its coming sessions inherit.

    Raises `Refus` with the reason, `Interdit`, `Introuvable`.
    """
    unknown = set(data) - set(EDITABLE) - {"service_id"}
    if unknown:
        raise ValueError(f"not settings of a motif: {sorted(unknown)}")
    with transaction():
        if motif_id is None:
            service = db.session.get(Service, data.get("service_id"), with_for_update={"key_share": True})
            if service is None or service.organisation_id != agent.organisation_id:
                raise Introuvable("Ce service n’existe pas.")
            motif = Motif(
                organisation_id=service.organisation_id,
                service_id=service.id,
                type=TypeMotif.COLLECTIF,
                reservable_par=ReservablePar.TOUS,
            )
        else:
            motif = _locked(motif_id)
        require(agent, Droit.CONFIGURER_MOTIFS, motif)
        if motif_id is None and (twin := _twin(data)) is not None:
            return twin  # the same form sent twice
        moved = motif_id is not None and data.get("location_type", motif.location_type) != motif.location_type
        if moved and frozen_fields(motif):
            raise Refus("« Sur place » ou « en visio » ne change plus : ce motif a déjà des séances.")
        changed = [name for name in EDITABLE if name in data and getattr(motif, name) != data[name]]
        changements = {name: {"de": getattr(motif, name), "a": data[name]} for name in changed}
        heirs = motif_id is not None and (INHERITED | DECIDE_OFFERS) & set(changed)
        coming = _coming(motif) if heirs else []  # locked before any write
        if "reservable_par" in changed and data["reservable_par"] is ReservablePar.ENTREE_LIBRE:
            becomes_free(rdv for rdv in coming if _who_books(rdv, motif).source == "motif")
        for name in changed:
            setattr(motif, name, data[name])
        _check(motif)
        db.session.add(motif)
        db.session.flush()
        capacities = [(rdv, effective_capacity(rdv)) for rdv in coming]
        journal.note_capacities(capacities, agent)
        for rdv, capacity in capacities:
            if capacity is None and ouverture(rdv).reservable_par is not ReservablePar.ENTREE_LIBRE:
                raise Refus("Gardez une capacité : une plage ouvre ce motif à la réservation et en hérite.")
            if capacity != rdv.capacite_max:
                rdv.capacite_max = capacity
                rdv.version += 1
                live.publish(rdv.id, rdv.version)
        offres.pass_on(*coming)
        if motif_id is None:
            journal.note(motif.organisation_id, "motif_cree", motif, agent=agent, champs=changed)
        elif changed:
            journal.note(motif.organisation_id, "motif_modifie", motif, agent=agent, changements=changements)
        return motif


def told_changes(motif: Motif, data: dict[str, Any]) -> list[str]:
    """Which settings that booked people have read would not say the same any more."""
    return [name for name in TOLD if name in data and getattr(motif, name) != data[name]]


@dataclass(frozen=True, slots=True)
class Consequences:
    """What other settings would do to the coming sessions that inherit them: those with more people than places, and
    those the public could no longer book. Nobody is removed, nobody is written to."""

    debordent: Sequence[tuple[Rdv, int]] = ()
    fermees: int = 0
    inscrites: int = 0
    """People booked in the latter."""

    def __bool__(self) -> bool:
        return bool(self.debordent or self.inscrites)


def consequences(motif: Motif, data: dict[str, Any]) -> Consequences:
    """The same before anything is saved; one statement."""
    wanted = SimpleNamespace(
        capacite_max=data.get("capacite_max", motif.capacite_max),
        reservable_par=data.get("reservable_par", motif.reservable_par),
    )
    if (wanted.capacite_max, wanted.reservable_par) == (motif.capacite_max, motif.reservable_par):
        return Consequences()
    rdvs = db.session.scalars(
        select(Rdv)
        .where(Rdv.motif_id == motif.id, Rdv.starts_at > utcnow(), Rdv.cancelled_at.is_(None))
        .options(joinedload(Rdv.plage_ouverture), joinedload(Rdv.motif))
        .order_by(Rdv.starts_at)
    ).all()
    over = []
    for rdv in rdvs:
        seats = effective_capacity(rdv, motif=wanted)
        if seats is not None and seats != rdv.capacite_max and rdv.places_prises > seats:
            over.append((rdv, seats))
    closed = [rdv for rdv in rdvs if _is_open(rdv, motif) and not _is_open(rdv, wanted)]
    return Consequences(over, len(closed), sum(rdv.places_prises for rdv in closed))


def _is_open(rdv: Rdv, motif: Any) -> bool:
    return _who_books(rdv, motif).valeur in (ReservablePar.TOUS, ReservablePar.ENTREE_LIBRE)


def _who_books(rdv: Rdv, motif: Any) -> Reglage:
    return resolve("reservable_par", rdv=rdv, plage=rdv.plage_ouverture, motif=motif)


def set_archived(motif_id: int, archived: bool, agent: Agent) -> Motif:
    """Put a motif away (nothing can be booked any more, its sessions stay), or take it back."""
    with transaction():
        motif = _locked(motif_id)
        require(agent, Droit.CONFIGURER_MOTIFS, motif)
        if (motif.archived_at is not None) != archived:
            coming = [] if archived else _coming(motif)
            motif.archived_at = utcnow() if archived else None
            offres.pass_on(*coming)
            journal.note(motif.organisation_id, "motif_archive" if archived else "motif_restaure", motif, agent=agent)
        return motif


def frozen_fields(motif: Motif) -> bool:
    """Has this motif a session already? Then its type and kind of place are fixed (rule 1)."""
    return bool(db.session.scalar(select(exists().where(Rdv.motif_id == motif.id))))


def _locked(motif_id: int) -> Motif:
    """The motif, for us alone: plages that inherit from it wait (see `plages._settled` for the order of locks)."""
    motif = db.session.get(Motif, motif_id, populate_existing=True, with_for_update={"key_share": True})
    if motif is None:
        raise Introuvable("Ce motif n’existe pas.")
    return motif


def _twin(data: dict[str, Any]) -> Motif | None:
    """A motif of that service that says exactly this already: a double click makes one (docs/domain.md rule 19)."""
    named = db.session.scalars(
        select(Motif).where(
            Motif.service_id == data["service_id"], Motif.name == data.get("name"), Motif.archived_at.is_(None)
        )
    )
    return next((m for m in named if all(getattr(m, name) == value for name, value in data.items())), None)


def _check(motif: Motif) -> None:
    """Raise `Refus` when the settings don't hold together."""
    if not motif.name:
        raise Refus("Donnez un nom au motif.")
    if motif.capacite_max is None and motif.reservable_par is not ReservablePar.ENTREE_LIBRE:
        raise Refus("La capacité est nécessaire, sauf en entrée libre.")
    if motif.capacite_max is not None and motif.capacite_max < 1:
        raise Refus("La capacité est d’au moins une place.")
    if motif.capacite_min and motif.capacite_max and motif.capacite_min > motif.capacite_max:
        raise Refus("Le minimum de participants dépasse la capacité.")


def _coming(motif: Motif) -> list[Rdv]:
    """The motif's coming sessions, locked, with their plages. No plage is being saved: it holds the motif still."""
    now = utcnow()
    ids = db.session.scalars(
        select(Rdv.id).where(Rdv.motif_id == motif.id, Rdv.starts_at > now, Rdv.cancelled_at.is_(None))
    ).all()
    if not ids:
        return []
    rows = [rdv for rdv in seat_lock(*ids) if rdv.cancelled_at is None and rdv.starts_at > now]
    # Their plages in one statement rather than one each.
    db.session.scalars(select(Rdv).where(Rdv.id.in_(ids)).options(selectinload(Rdv.plage_ouverture))).all()
    return rows
