"""Who somebody says they are, as a form or an agent gives it."""

from dataclasses import dataclass
from datetime import date

from .contacts import identity_keys


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
