"""The second step of logging in: codes an app shows (RFC 6238: six digits, thirty seconds), and recovery codes."""

import hashlib
import hmac
import secrets
from datetime import datetime

import pyotp

from .codes import typed

STEP = 30  # seconds a code is shown
WINDOW = 1  # steps before and after that are accepted: clocks differ, thumbs are slow
RECOVERY = 10
"""Recovery codes somebody has."""
FEW = 3
"""How many are left when it is time to make others."""
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Nothing that is read as something else: no i, l, o, 0 nor 1."""
_LENGTH = 16  # 79 bits
_GROUP = 4


def new_secret() -> str:
    """160 random bits, in base 32 as apps want it."""
    return pyotp.random_base32()


def address(secret: str, *, account: str, issuer: str) -> str:
    """What the QR code holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def grouped(text: str) -> str:
    """To be read, and typed, by four characters."""
    return " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def step_of(secret: str, code: str, now: datetime, after: int) -> int | None:
    """The step that code belongs to, if it is shown now or just before or after, and later than the last one used."""
    digits, present = typed(code), int(now.timestamp()) // STEP
    if not digits:
        return None
    found = None
    for step in range(present - WINDOW, present + WINDOW + 1):  # all of them, whichever is right: the same work
        if hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step), digits) and step > after:
            found = step
    return found


def recovery_codes() -> list[str]:
    """New ones, as they are shown: "abcd-efgh-jkmn-pqrs"."""
    made = ("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH)) for _ in range(RECOVERY))
    return [grouped(one).replace(" ", "-") for one in made]


def recovery_print(code: str) -> str:
    """What the database keeps of a recovery code, however it is typed; nothing for what can't be one."""
    letters = "".join(char for char in code.lower() if char.isalnum())
    if len(letters) != _LENGTH or not set(letters) <= set(_ALPHABET):
        return ""
    return hashlib.sha256(letters.encode()).hexdigest()
