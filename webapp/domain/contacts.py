"""Names and addresses of people: cleaned when typed, folded to search, hashed to recognise, masked to show.

`docs/domain.md` rule 9: the same person is the same key in `usager_cles`; rule 14: outside one's services a contact is
shown masked.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from datetime import date

from email_validator import EmailNotValidError, validate_email

NAME_MAX = 80
DOSSIER_MAX = 40
MAIL = "prenom.nom@exemple.fr"


class ContactError(ValueError):
    """What was typed can't be a contact; `message_fr` says what to mend."""

    def __init__(self, message_fr: str) -> None:
        super().__init__(message_fr)
        self.message_fr = message_fr


_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ŀ": "l"})
_BULLETS = "••••"  # always four: the length of an address says something about it


def clean_name(text: str) -> str:
    """The name as typed, without what no eye sees: NFC, single spaces, no control, bidi or zero-width character."""
    spaced = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", text))
    visible = "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cn", "Cs"))
    return unicodedata.normalize("NFC", " ".join(visible.split()))


def fold(text: str) -> str:
    """The form in which two spellings compare: no case, accent or ligature; apostrophes and hyphens are spaces."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", clean_name(text)).casefold())
    bare = "".join(c for c in plain if not unicodedata.combining(c)).translate(_LETTERS)
    return " ".join("".join(c if c.isalnum() or unicodedata.category(c) == "Mc" else " " for c in bare).split())


WORDS_MAX = 12
BACKWARDS = "<"


def name_words(prenom: str, nom: str) -> list[str]:
    """The words a name is found by, forwards then backwards (`BACKWARDS` in front): those of each part, and each part
    written in one (N’Diaye is looked for as Ndiaye)."""
    parts = [fold(nom), fold(prenom)]
    words = [word for part in parts for word in part.split()] + [part.replace(" ", "") for part in parts if " " in part]
    kept = list(dict.fromkeys(words))[:WORDS_MAX]
    return kept + [BACKWARDS + word[::-1] for word in kept]


def fold_email(email: str) -> str:
    """The address as it is compared: lower case, without spaces around it."""
    return unicodedata.normalize("NFC", email).strip().lower()


def read_email(text: str) -> str:
    """The address in lower case; raises `ContactError`. Nothing is asked to the network."""
    typed = text.replace(" ", "")
    if "@" not in typed:
        raise ContactError(f"Il manque le signe @. Exemple : {MAIL}")
    if "." not in typed.rpartition("@")[2]:
        raise ContactError("Il manque la fin de l’adresse, comme « .fr » ou « .com ».")
    if len(typed) > 254:
        raise ContactError("Cette adresse de courriel est trop longue.")
    try:
        return fold_email(validate_email(typed, check_deliverability=False).normalized)
    except EmailNotValidError as error:
        raise ContactError(f"Cette adresse de courriel n’est pas correcte. Exemple : {MAIL}") from error


def identity_keys(
    prenom: str, nom: str, date_naissance: date | None, phone_e164: str | None, email: str | None
) -> list[str]:
    """The keys of one person, sha256 in hexadecimal: by telephone, then by e-mail, as far as they were given.

    In a key even the spaces of a name go: N’Diaye, N Diaye and Ndiaye are one person on one telephone. Give the birth
    date only where the motif asks for it (`docs/domain.md` rule 9).
    """
    names = [fold(prenom).replace(" ", ""), fold(nom).replace(" ", "")]
    born = date_naissance.isoformat() if date_naissance else ""
    contacts = (("telephone", phone_e164 or ""), ("courriel", fold_email(email or "")))
    return [_key(kind, *names, born, contact) for kind, contact in contacts if contact]


def _key(*parts: str) -> str:
    """One hash of these parts, in an encoding where no two lists of parts read alike."""
    return hashlib.sha256(json.dumps(["usager_cles", *parts]).encode()).hexdigest()


def mask_email(email: str) -> str:
    """Enough to recognise one's own address, no more: m••••@exemple.fr."""
    name, at, host = email.strip().rpartition("@")
    return f"{name[:1]}{_BULLETS}@{host}" if at else _BULLETS


def of(name: str) -> str:
    """ "de Léa", "d’Awa": the preposition before a name, as French writes it before a vowel."""
    return f"d’{name}" if fold(name)[:1] in tuple("aeiou") else f"de {name}"
