"""What a rule answers when it says no: a French sentence a person can act on, and the HTTP status that carries it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any


class DomainError(Exception):
    """A rule refused. `message` is shown to people as it is; `code` is stable, for programs and tests."""

    status = 409
    code = "refus"
    details: Mapping[str, Any] = MappingProxyType({})
    """What a program is told beside the sentence."""
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Refus(DomainError):
    """A rule says no for a reason that has no class of its own."""


class Complet(DomainError):
    """No seat is left for the public (docs/domain.md rule 7)."""

    code = "complet"


class Libre(DomainError):
    """Nobody has to wait: there are seats to book (rule 12)."""

    code = "libre"


class Ferme(DomainError):
    """The session can't be booked any more, or not online: past, cancelled, too late, too early (rule 8)."""

    code = "ferme"


class AutreSeance(DomainError):
    """The invitation already gave a seat in another session: changing is asked for on purpose (rule 8)."""

    code = "autre_seance"

    def __init__(self) -> None:
        super().__init__(
            "Vous avez déjà une place à une autre séance de cet atelier. Vous pouvez la rendre et prendre celle-ci."
        )


class Perime(DomainError):
    """Somebody changed the same record meanwhile: look again before writing (rule 19)."""

    code = "perime"


class Introuvable(DomainError):
    """Unknown, or not for this visitor's eyes: both answer the same (rules 8 and 14)."""

    status = 404
    code = "introuvable"

    def __init__(self, message: str = "Cette page n’existe pas ou n’existe plus.") -> None:
        super().__init__(message)


class Interdit(DomainError):
    """A right is missing inside one's own services (rule 14): the page names it and who can grant it."""

    status = 403
    code = "interdit"

    def __init__(self, right: str, label: str, grantors: Sequence[str] = ()) -> None:
        super().__init__(f"Il vous manque le droit « {label} » pour faire cela.")
        self.right, self.label, self.grantors = right, label, tuple(grantors)
        self.details = {"droit": str(right), "peuvent_le_donner": list(grantors)}


class Occupe(DomainError):
    """The row is held by others for longer than we are willing to make a person wait: try again (503 + Retry-After)."""

    status = 503
    code = "occupe"

    def __init__(
        self, message: str = "Beaucoup de monde réserve en ce moment. Rien n’est perdu : réessayez dans un instant."
    ) -> None:
        super().__init__(message)
