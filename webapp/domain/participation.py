"""Statuses of a participation and who may move them (docs/domain.md rules 10 and 11)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from .errors import Refus


class Statut(StrEnum):
    INSCRIT = "inscrit"
    PRESENT = "present"
    ABSENT = "absent"
    EXCUSE = "excuse"
    ANNULE = "annule"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Statut.INSCRIT: "Inscrit",
    Statut.PRESENT: "Présent",
    Statut.ABSENT: "Absent",
    Statut.EXCUSE: "Excusé",
    Statut.ANNULE: "Retiré",
}


class Acteur(StrEnum):
    USAGER = "usager"
    AGENT = "agent"
    PRESCRIPTEUR = "prescripteur"
    SYSTEME = "systeme"


# Statuses that hold a seat (rule 7).
OCCUPENT = frozenset({Statut.INSCRIT, Statut.PRESENT, Statut.ABSENT})

_AGENT = set(Statut)
# Who may move a participation; what is absent is refused (rule 10).
TRANSITIONS: Mapping[Acteur, Mapping[Statut, set[Statut]]] = {
    Acteur.USAGER: {Statut.INSCRIT: {Statut.EXCUSE}, Statut.EXCUSE: {Statut.INSCRIT}},
    Acteur.AGENT: {statut: _AGENT - {statut} for statut in Statut},
    Acteur.SYSTEME: {Statut.INSCRIT: {Statut.ANNULE}},
}


def holds_seat(statut: Statut) -> bool:
    return statut in OCCUPENT


def seat_delta(before: Statut | None, after: Statut) -> int:
    """Seats taken (+1), freed (-1) or neither (0) by a move; `before` is None for a new participation."""
    return int(holds_seat(after)) - int(before is not None and holds_seat(before))


def check_transition(
    acteur: Acteur, before: Statut, after: Statut, *, now: datetime, starts_at: datetime, tz: str
) -> None:
    """Refuse a move that rule 10 does not allow at `now`. Raises `Refus`."""
    if after not in TRANSITIONS.get(acteur, {}).get(before, set()):
        if acteur is Acteur.USAGER and before is Statut.ANNULE:
            raise Refus("Votre inscription a été retirée par le service : seul un agent peut la rétablir.")
        raise Refus(f"On ne peut pas passer de « {before.label} » à « {after.label} ».")
    zone = ZoneInfo(tz)
    if acteur is Acteur.USAGER and now >= starts_at:
        raise Refus("Le rendez-vous a déjà commencé : appelez-nous si vous ne pouvez pas venir.")
    if after is Statut.PRESENT and now.astimezone(zone).date() < starts_at.astimezone(zone).date():
        raise Refus("« Présent » se note à partir du jour de l’atelier.")
    if after is Statut.ABSENT and now < starts_at:
        raise Refus("« Absent » se note à partir du début de l’atelier.")


class Etat(StrEnum):
    """The session's own state is derived, never stored (rule 11)."""

    A_VENIR = "a_venir"
    EN_COURS = "en_cours"
    A_RENSEIGNER = "a_renseigner"
    CLOS = "clos"
    ANNULE = "annule"

    @property
    def label(self) -> str:
        return _ETATS[self]


_ETATS = {
    Etat.A_VENIR: "À venir",
    Etat.EN_COURS: "En cours",
    Etat.A_RENSEIGNER: "À renseigner",
    Etat.CLOS: "Clos",
    Etat.ANNULE: "Annulé",
}


def etat(*, now: datetime, starts_at: datetime, ends_at: datetime, cancelled: bool, statuts: Iterable[Statut]) -> Etat:
    """State of a session at `now`; all absent is *clos*, not annulé."""
    if cancelled:
        return Etat.ANNULE
    if now < starts_at:
        return Etat.A_VENIR
    if now < ends_at:
        return Etat.EN_COURS
    return Etat.A_RENSEIGNER if Statut.INSCRIT in statuts else Etat.CLOS
