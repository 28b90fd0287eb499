"""How often one address may take or give back a seat: generous, a whole reception desk or mobile network shares one."""

from flask_limiter import RateLimitExceeded

from webapp.domain.errors import DomainError
from webapp.extensions import limiter

SEATS = "60 per minute; 600 per hour"


class TropDeDemandes(DomainError):
    """Too many posts from one address: nothing is lost, it goes through a little later."""

    status = 429
    code = "trop_de_demandes"

    def __init__(self) -> None:
        super().__init__(
            "Beaucoup de demandes viennent d’arriver de votre réseau. Attendez une minute, puis validez à nouveau."
        )


def check_rate() -> None:
    """Count one post of this address; raises `TropDeDemandes` past the limit."""
    try:
        with limiter.limit(SEATS):
            return
    except RateLimitExceeded:
        raise TropDeDemandes from None
