"""What figures say: rates that have a meaning, or nothing where they have none."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True)
class Chiffres:
    """Figures of some sessions that have begun (webapp/models/agregat.py says what each counts); all add up."""

    seances: int = 0
    annulees: int = 0
    capacite: int = 0
    prises_limitees: int = 0
    inscrits: int = 0
    presents: int = 0
    anonymes: int = 0
    absents: int = 0
    excuses: int = 0
    annules: int = 0
    en_ligne: int = 0
    par_agent: int = 0
    par_prescripteur: int = 0
    par_invitation: int = 0
    delai_jours: int = 0
    attentes: int = 0
    attentes_servies: int = 0
    sms: int = 0
    segments: int = 0
    courriels: int = 0
    echecs: int = 0

    @classmethod
    def of(cls, row: Mapping[str, int | None]) -> Self:
        """From a row of sums, where a sum of nothing is None."""
        return cls(**{field.name: int(row[field.name] or 0) for field in fields(cls)})

    @classmethod
    def total(cls, several: Iterable[Self]) -> Self:
        """All of them together."""
        found = list(several)
        return cls(**{field.name: sum(getattr(one, field.name) for one in found) for field in fields(cls)})

    @property
    def accueillies(self) -> int:
        """People who came, those counted at the door included."""
        return self.presents + self.anonymes

    @property
    def attendues(self) -> int:
        """People whose coming is known: present, absent or excused (who is still « inscrit » is not)."""
        return self.presents + self.absents + self.excuses

    @property
    def inscriptions(self) -> int:
        """Places that were booked, given back or removed ones included."""
        return self.attendues + self.inscrits + self.annules

    @property
    def remplissage(self) -> int | None:
        """Seats taken for 100 seats there were, in the sessions held that have a capacity."""
        return percent(self.prises_limitees, self.capacite)

    @property
    def presence(self) -> int | None:
        """Present for 100 people whose coming is known."""
        return percent(self.presents, self.attendues)

    @property
    def absence(self) -> int | None:
        return percent(self.absents, self.attendues)

    @property
    def excuse(self) -> int | None:
        return percent(self.excuses, self.attendues)

    @property
    def delai(self) -> float | None:
        """Mean days between a booking and the session."""
        return round(self.delai_jours / self.inscriptions, 1) if self.inscriptions else None


def percent(part: int, whole: int) -> int | None:
    """Rounded to the nearest; a half goes up. None of nothing."""
    return (200 * part + whole) // (2 * whole) if whole else None
