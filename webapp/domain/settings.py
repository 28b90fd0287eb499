"""Effective settings: nearest first, Rdv → PlageOuverture → Motif (→ Organisation) (docs/domain.md rule 3)."""

from dataclasses import dataclass
from typing import Any

# Settings that a session or its plage may set for themselves, and where else they come from.
HERITABLES = ("capacite_max", "instructions_avant", "instructions_apres", "reservable_par", "nom_sms", "lien_visio")

SOURCES = {"rdv": "propre à cette séance", "plage": "propre à la plage", "motif": "hérité du motif"}


@dataclass(frozen=True, slots=True)
class Reglage:
    """One effective value and where it comes from: 'rdv', 'plage' or 'motif'."""

    valeur: Any
    source: str

    @property
    def provenance(self) -> str:
        return SOURCES[self.source]


def resolve(name: str, *, rdv: object | None, plage: object | None, motif: object) -> Reglage:
    """The nearest level that says something about `name`; an empty string or None means "inherit"."""
    for source, level in (("rdv", rdv), ("plage", plage)):
        value = getattr(level, name, None) if level is not None else None
        if value is not None and value != "":
            return Reglage(value, source)
    return Reglage(getattr(motif, name, None), "motif")


def nom_sms(*, rdv: object | None, plage: object | None, motif: Any) -> str:
    """The name a text shows: Rdv → PlageOuverture → Motif.nom_sms → Motif.name (docs/notifications.md, Names)."""
    return str(resolve("nom_sms", rdv=rdv, plage=plage, motif=motif).valeur or motif.name)
