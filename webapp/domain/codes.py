"""Codes people type to show that they hold a contact: six digits, five tries, ten minutes."""

from datetime import datetime, timedelta

LIFE = timedelta(minutes=10)
TRIES = 5
WITHIN, AT_MOST = timedelta(hours=1), 3
"""How many codes one contact may be sent in how long."""
DIGITS = 6


def six_digits(digest: bytes) -> str:
    """The code that a keyed digest gives; its 64 first bits make every code as likely as another."""
    return str(int.from_bytes(digest[:8], "big") % 10**DIGITS).zfill(DIGITS)


def typed(text: str) -> str:
    """The code as it is compared: the digits of "123 456" or "123-456"; nothing for what is no code."""
    digits = "".join(char for char in text if char not in " \u00a0\u202f.-")
    return digits if len(digits) == DIGITS and digits.isascii() and digits.isdigit() else ""


def over(
    *, asked: datetime, expires: datetime, used: datetime | None, tries: int, now: datetime, when: str = ""
) -> str | None:
    """Why a code asked for at that moment opens nothing any more, in a sentence that ends with `when`; None while it
    does. One that expires before its time was replaced by another."""
    if used is not None:
        return f"Le code a servi{when}."
    if tries >= TRIES:
        return f"Le code a été essayé trop de fois{when}."
    if now < expires:
        return None
    return f"Un autre code a été demandé{when}." if expires < asked + LIFE else f"Le code a expiré{when}."
