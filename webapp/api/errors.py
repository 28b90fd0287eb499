"""What the API refuses by itself. Rules refuse as they do on the pages; `web/errors.py` writes both down."""

from collections.abc import Mapping
from typing import Any

from webapp.domain.errors import DomainError


class ApiError(DomainError):
    """A refusal with what a program is told beside the sentence."""

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None, **details: Any) -> None:
        super().__init__(message)
        self.headers, self.details = headers or {}, details


class SansJeton(ApiError):
    """No token, or one that is unknown, expired, revoked, or whose author left: the answer does not say which."""

    status, code = 401, "jeton"


class Illisible(ApiError):
    """Not JSON."""

    status, code = 400, "illisible"


class Invalide(ApiError):
    """JSON, but not what the document says; `errors` has a pointer or a parameter for each thing to mend."""

    status, code = 422, "invalide"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("Il reste des valeurs à corriger : voyez « errors ».", errors=errors)


class CleReprise(ApiError):
    """The key already served for another request."""

    status, code = 422, "cle_reprise"


class EnCours(ApiError):
    """The same request is being answered at this very moment."""

    status, code = 409, "en_cours"


class FormatRefuse(ApiError):
    status, code = 415, "format"


class VersionDemandee(ApiError):
    status, code = 428, "version_demandee"


class Change(ApiError):
    """It changed since the version that was given."""

    status, code = 412, "perime"


class TropVite(ApiError):
    """More requests than a token may send."""

    status, code = 429, "trop_de_demandes"
    retry_after = 60
