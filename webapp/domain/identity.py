"""Who somebody says they are, as a form or an agent gives it."""

from dataclasses import dataclass, replace
from datetime import date

from .contacts import fold, identity_keys

FOYER_MAX = 6
"""How many people one form may book."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Cleaned names, E.164 phone, lower-case e-mail."""

    prenom: str
    nom: str
    telephone: str | None = None
    courriel: str | None = None
    date_naissance: date | None = None
    numero_dossier: str | None = None

    def keys(self) -> list[str]:
        """What makes this the same person as another (docs/domain.md rule 9): phone key first, then e-mail key."""
        return identity_keys(self.prenom, self.nom, self.date_naissance, self.telephone, self.courriel)

    def relative(self, prenom: str, nom: str, date_naissance: date | None = None) -> "Identity":
        """Somebody of this person's household: recognised by their own name with this person's contact."""
        return replace(self, prenom=prenom, nom=nom, date_naissance=date_naissance, numero_dossier=None)


@dataclass(frozen=True, slots=True)
class Foyer:
    """Who one form books. `responsable` reads the messages of all, and comes too unless only relatives do."""

    responsable: Identity
    proches: tuple[Identity, ...]
    vient: bool

    @property
    def personnes(self) -> tuple[Identity, ...]:
        """Those who come."""
        return (self.responsable, *self.proches) if self.vient else self.proches

    def keys(self) -> list[str]:
        """What any of those who come is recognised by."""
        return [key for keys in map(Identity.keys, self.personnes) for key in keys]


@dataclass(frozen=True, slots=True)
class Prescripteur:
    """A professional of another structure, who books for somebody (docs/domain.md rule 17)."""

    nom: str
    structure: str
    courriel: str


def initials(prenom: str, nom: str) -> str:
    """Y. A.: enough to know whom one booked, the same however the name is spelt."""
    return " ".join(f"{folded[0].upper()}." for folded in (fold(prenom), fold(nom)) if folded)
