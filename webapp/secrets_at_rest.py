"""Secrets we must be able to read again (a second factor's, a webhook's), encrypted (docs/decisions/0014).

The key of each purpose is derived from LINK_KEY, the key of what lasts: rotating SECRET_KEY loses nothing, and a copy
of the database alone reads nothing. Say in the purpose whose secret it is ("second_facteur 12"): a sealed text moved
to somebody else's row opens nothing there.

A changed LINK_KEY makes every sealed text unreadable: `unseal` then answers None, and its caller has another way.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app


def seal(purpose: str, text: str) -> str:
    """What the database, or a page, may keep."""
    return _box(purpose).encrypt(text.encode()).decode()


def unseal(purpose: str, sealed: str, *, within: int | None = None) -> str | None:
    """The text again, if it was sealed with this purpose and this key, and no more than `within` seconds ago."""
    try:
        return _box(purpose).decrypt(sealed.encode(), ttl=within).decode()
    except InvalidToken:
        return None


def _box(purpose: str) -> Fernet:
    key = HKDF(SHA256(), 32, salt=None, info=f"secrets\0{purpose}".encode())
    return Fernet(base64.urlsafe_b64encode(key.derive(current_app.config["LINK_KEY"].encode())))
