"""Statuses of a participation and who may move them (docs/domain.md rules 10, 11 and 20)."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum, StrEnum
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


class Quand(Enum):
    """From when, or until when, a move is possible."""

    TOUJOURS = "at any time"
    JUSQU_AU_DEBUT = "until the session starts"
    DES_LE_JOUR = "from 0:00 of the session's day, where it is held"
    DES_LE_DEBUT = "from the session's start"


_BY_AGENTS = {
    Statut.INSCRIT: Quand.TOUJOURS,
    Statut.PRESENT: Quand.DES_LE_JOUR,
    Statut.ABSENT: Quand.DES_LE_DEBUT,
    Statut.EXCUSE: Quand.TOUJOURS,
    Statut.ANNULE: Quand.TOUJOURS,
}
# Who may move a participation, from what to what, and when; what is absent is refused (rule 10).
TRANSITIONS: Mapping[Acteur, Mapping[Statut, Mapping[Statut, Quand]]] = {
    Acteur.USAGER: {
        Statut.INSCRIT: {Statut.EXCUSE: Quand.JUSQU_AU_DEBUT},
        Statut.EXCUSE: {Statut.INSCRIT: Quand.JUSQU_AU_DEBUT},
    },
    Acteur.AGENT: {
        before: {after: when for after, when in _BY_AGENTS.items() if after is not before} for before in Statut
    },
    Acteur.SYSTEME: {Statut.INSCRIT: {Statut.ANNULE: Quand.TOUJOURS}},
}
# What one click on everybody does, and to whom. Nobody who left is in it: it re-enrols nobody (rule 20).
EN_LOT: Mapping[Statut, frozenset[Statut]] = {
    Statut.PRESENT: frozenset({Statut.INSCRIT}),
    Statut.ABSENT: frozenset({Statut.INSCRIT}),
    Statut.INSCRIT: frozenset({Statut.PRESENT, Statut.ABSENT}),
}
RETOUR = timedelta(seconds=10)
"""How long a change can be taken back in one click."""
_ON_THE_WAY = timedelta(seconds=2)
"""What left the page in time may arrive a little late."""


def holds_seat(statut: Statut) -> bool:
    return statut in OCCUPENT


def seat_delta(before: Statut | None, after: Statut) -> int:
    """Seats taken (+1), freed (-1) or neither (0) by a move; `before` is None for a new participation."""
    return int(holds_seat(after)) - int(before is not None and holds_seat(before))


def check_transition(
    acteur: Acteur, before: Statut, after: Statut, *, now: datetime, starts_at: datetime, tz: str
) -> None:
    """Refuse a move that rule 10 does not allow at `now`. Raises `Refus`."""
    when = TRANSITIONS.get(acteur, {}).get(before, {}).get(after)
    if when is None:
        if acteur is Acteur.USAGER and before is Statut.ANNULE:
            raise Refus("Votre inscription a été retirée par le service : seul un agent peut la rétablir.")
        raise Refus(f"On ne peut pas passer de « {before.label} » à « {after.label} ».")
    check_moment(after, when, now=now, starts_at=starts_at, tz=tz)


def check_moment(after: Statut, when: Quand, *, now: datetime, starts_at: datetime, tz: str) -> None:
    """Refuse what is possible at another moment. Raises `Refus`."""
    zone = ZoneInfo(tz)
    if when is Quand.JUSQU_AU_DEBUT and now >= starts_at:
        raise Refus("Le rendez-vous a déjà commencé : appelez-nous si vous ne pouvez pas venir.")
    if when is Quand.DES_LE_JOUR and now.astimezone(zone).date() < starts_at.astimezone(zone).date():
        raise Refus(f"« {after.label} » se note à partir du jour de l’atelier.")
    if when is Quand.DES_LE_DEBUT and now < starts_at:
        raise Refus(f"« {after.label} » se note à partir du début de l’atelier.")


def first_statut(acteur: Acteur, *, now: datetime, starts_at: datetime) -> Statut:
    """The status somebody is added with: whom an agent adds once the session has started is there."""
    return Statut.PRESENT if acteur is Acteur.AGENT and now >= starts_at else Statut.INSCRIT


def seconds_left(changed_at: datetime, now: datetime) -> int:
    """For how many whole seconds the page still proposes to take that change back; 0 when it no longer does."""
    return max(0, int((changed_at + RETOUR - now).total_seconds()))


def check_retour(changed_at: datetime, now: datetime) -> None:
    """Refuse to take back a change that was made too long ago. Raises `Refus`."""
    if now > changed_at + RETOUR + _ON_THE_WAY:
        raise Refus("Il est trop tard pour annuler ce changement : choisissez le statut voulu.")


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
