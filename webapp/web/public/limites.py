"""How often a form may be sent: with one contact first, then from one address, which a reception desk or a mobile
network shares. An organisation sets both; nothing typed is lost past them."""

import hashlib
import hmac

from flask import current_app, g
from flask_limiter import RateLimitExceeded

from webapp.domain.errors import DomainError
from webapp.domain.phones import national
from webapp.extensions import limiter
from webapp.models import Organisation

CONTACT = "{contact} per hour"
SEATS = "{minute} per minute; {hour} per hour"


class TropDeDemandes(DomainError):
    """Too many posts from one address: nothing is lost, it goes through a little later."""

    status = 429
    code = "trop_de_demandes"
    retry_after = 60

    def __init__(
        self,
        message: str = "Beaucoup de demandes viennent d’arriver de votre réseau. Attendez une minute, puis validez à "
        "nouveau",
    ) -> None:
        super().__init__(f"{message}, ou {_call()}.")


class TropAvecCeContact(TropDeDemandes):
    """Too many with one telephone or e-mail."""

    retry_after = 3600

    def __init__(self) -> None:
        super().__init__(
            "Beaucoup de demandes viennent d’être faites avec ce téléphone ou ce courriel. Attendez une heure, puis "
            "validez à nouveau"
        )


def _call() -> str:
    """Who does it with them at once."""
    phone = g.organisation.phone if g.get("organisation") else ""
    return f"appelez le {national(phone)} : un agent le fera avec vous" if phone else "appelez-nous"


def check_rate(*contacts: str | None) -> None:
    """Count one post with these contacts and from this address; raises `TropDeDemandes` past a limit."""
    organisation = g.get("organisation") or Organisation(
        **{name: Organisation.__table__.c[name].default.arg for name in ("envois_par_contact", "envois_par_adresse")}
    )
    for contact in filter(None, contacts):
        _count(
            CONTACT.format(contact=organisation.envois_par_contact),
            f"{organisation.id} {_hidden(contact)}",
            TropAvecCeContact,
        )
    minute = organisation.envois_par_adresse
    _count(SEATS.format(minute=minute, hour=10 * minute), None, TropDeDemandes)


def _count(limits: str, key: str | None, refusal: type[TropDeDemandes]) -> None:
    try:
        with limiter.limit(limits, key_func=(lambda: key) if key else None):
            return
    except RateLimitExceeded:
        raise refusal from None


def _hidden(contact: str) -> str:
    """What Redis keeps instead of somebody's telephone number."""
    return hmac.new(current_app.config["SECRET_KEY"].encode(), contact.encode(), hashlib.sha256).hexdigest()[:32]
