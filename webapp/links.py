"""Personal links that last (docs/domain.md rule 18): made again from a nonce, found again by their hash.

token = base64url(HMAC-SHA256(LINK_KEY, purpose ‖ nonce)) cut to 22 characters (132 bits): nothing usable is stored, and
rotating SECRET_KEY kills no link.
"""

import base64
import hashlib
import hmac
import re
import secrets

from flask import current_app

from webapp.domain.codes import six_digits

PARTICIPATION = "participation"
MOT_DE_PASSE = "mot_de_passe"
ACCES = "acces"
ATTENTE = "attente"
INVITATION = "invitation"
AGENDA = "agenda"

_SHAPE = re.compile(r"[\w-]{22}", re.ASCII)


def new_nonce() -> str:
    return secrets.token_urlsafe(16)


def token(purpose: str, nonce: str) -> str:
    """The 22 characters that stand in the address."""
    return base64.urlsafe_b64encode(_digest(purpose, nonce)).decode()[:22]


def code(nonce: str) -> str:
    """The six digits that go with an access link: made again, like it, from what is stored."""
    return six_digits(_digest(f"{ACCES} code", nonce))


def _digest(purpose: str, nonce: str) -> bytes:
    key = current_app.config["LINK_KEY"].encode()
    return hmac.digest(key, f"{purpose}\0{nonce}".encode(), hashlib.sha256)


def fingerprint(text: str) -> str:
    """What the database keeps of a token; the empty text for what can't be one."""
    return hashlib.sha256(text.encode()).hexdigest() if _SHAPE.fullmatch(text) else ""


def new_link(purpose: str) -> tuple[str, str]:
    """A fresh nonce and the fingerprint of its token."""
    nonce = new_nonce()
    return nonce, fingerprint(token(purpose, nonce))


def address(path: str) -> str:
    """An absolute address under PUBLIC_URL, for messages."""
    return current_app.config["PUBLIC_URL"] + path
