"""The sheet of paper typed in: who came, everybody at once, each person checked against what the page showed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from webapp.domain.contacts import fold
from webapp.domain.errors import DomainError, Refus
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut, holds_seat
from webapp.models import Agent
from webapp.queries.notifications import places_of

from .booking import book_seat, change_statut, change_statuts
from .demandes import first_answer, form_key

ORDER = (Statut.EXCUSE, Statut.ABSENT, Statut.INSCRIT, Statut.PRESENT)
"""Seats are freed before others are taken."""


@dataclass(frozen=True, slots=True)
class Pointage:
    """What one person's line asks for, and the version of them that the page showed."""

    statut: Statut
    version: int


def point(wanted: Mapping[int, Pointage], *, agent: Agent) -> dict[int, DomainError]:
    """Note these participations of one session; answers those that were refused, and why.

    All that goes to one status is one transaction. When somebody in it is refused (a colleague changed them meanwhile,
    no seat is left), each of them is tried alone: a refusal costs nobody else their line. Sent again, it changes
    nothing more. Raises `Introuvable`, `Occupe`.
    """
    groups: dict[Statut, list[int]] = defaultdict(list)
    for participation_id, asked in wanted.items():
        groups[asked.statut].append(participation_id)
    refused: dict[int, DomainError] = {}
    for statut in ORDER:
        ids = groups.get(statut, [])
        if ids and _refusal(ids, statut, wanted, agent):
            alone = {one: _refusal([one], statut, wanted, agent) for one in ids}
            refused |= {one: refusal for one, refusal in alone.items() if refusal}
    return refused


def _refusal(ids: list[int], statut: Statut, wanted: Mapping[int, Pointage], agent: Agent) -> DomainError | None:
    """Move them, all or none; why not."""
    versions = {participation_id: wanted[participation_id].version for participation_id in ids}
    try:
        change_statuts(ids, statut, by=Acteur.AGENT, agent=agent, version=versions)
    except DomainError as refusal:
        if refusal.status != 409:
            raise
        return refusal
    return None


def add_present(rdv_id: int, who: Identity, *, envoi: str, agent: Agent) -> int:
    """Somebody who came without having booked: a seat, and their presence; nobody is told, they are here. Answers the
    participation; the same form sent again adds nobody. Raises as `book_seat` does."""
    name = fold(f"{who.nom} {who.prenom}")
    if first_answer(form_key(rdv_id, envoi, who)) is None and any(
        holds_seat(p.statut) and fold(f"{p.usager.last_name} {p.usager.first_name}") == name
        for p in places_of([rdv_id])[rdv_id]
    ):
        raise Refus("une personne de ce nom est déjà sur la feuille.")
    booked = book_seat(rdv_id, who, by=Acteur.AGENT, envoi=envoi, agent=agent, prevenir=False)
    change_statut(booked.participation_id, Statut.PRESENT, by=Acteur.AGENT, agent=agent)
    return booked.participation_id
