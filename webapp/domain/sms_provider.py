"""How a provider of texts wants to be asked, and what its answers mean: read once from settings, then values in, values
out (docs/sms.md)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote, urlencode

MAX_ID = 120
METHODS = ("POST", "PUT")
FORMATS = ("json", "form")
BODY = '{"to": "{to}", "from": "{from}", "text": "{text}"}'
# What says "not this message" about the message itself. A wrong key, address or quota (401, 402, 403, 404…) is the
# operator's to mend: messages wait for it like they wait for a provider that is down.
REFUSED = {400, 406, 410, 411, 413, 414, 415, 422, 431, 451}

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STATUS = re.compile(r"[1-5](?:\d\d|xx)")


class Outcome(StrEnum):
    """What became of a text, as the settings write it."""

    SENT = "sent"
    PERMANENT = "permanent"
    TEMPORARY = "temporary"


@dataclass(frozen=True, slots=True)
class Text:
    """One text to send."""

    to: str
    sender: str
    text: str
    key: str

    def values(self) -> dict[str, str]:
        """What each placeholder stands for."""
        return {
            "to": self.to,
            "to_digits": self.to.removeprefix("+"),
            "from": self.sender,
            "text": self.text,
            "key": self.key,
        }


NAMES = frozenset(Text("", "", "", "").values())


@dataclass(frozen=True, slots=True)
class SmsProvider:
    """One provider's ways. `results` are read in the answer at `result_path`; "*" is any other value."""

    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    template: Any = field(default_factory=lambda: body(BODY, "json"))
    format: str = "json"
    key_header: str = "Idempotency-Key"
    id_path: str = "id"
    statuses: Mapping[str, Outcome] = field(default_factory=dict)
    result_path: str = ""
    results: Mapping[str, Outcome] = field(default_factory=dict)

    def request(self, text: Text) -> tuple[dict[str, str], bytes]:
        """The headers and the body that ask for this text."""
        form = self.format == "form"
        headers = {
            "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
            "Accept": "application/json",
            "User-Agent": "rdv-collectifs",
            self.key_header: text.key,
            **self.headers,
        }
        filled = _fill(self.template, text.values())
        return headers, (urlencode(filled) if form else json.dumps(filled)).encode()

    def verdict(self, status: int, said: bytes) -> Outcome:
        """What an answer means: its HTTP status, then, unless that says to try again, the result written inside it."""
        outcome = self._by_status(status)
        if outcome is Outcome.TEMPORARY or not self.result_path:
            return outcome
        result = _word(_at(said, self.result_path))
        if result is None:  # a text that was taken stays taken, whatever its answer looks like
            return outcome
        return self.results.get(result, self.results.get("*", outcome))

    def _by_status(self, status: int) -> Outcome:
        for key in (str(status), f"{status // 100}xx"):
            if key in self.statuses:
                return self.statuses[key]
        if 200 <= status < 300:
            return Outcome.SENT
        return Outcome.PERMANENT if status in REFUSED else Outcome.TEMPORARY

    def message_id(self, said: bytes) -> str:
        """The provider's id of the message; empty when its answer has none."""
        return (_word(_at(said, self.id_path)) or "")[:MAX_ID]


# --- reading the settings: ValueError with a sentence when one can't be understood ----------------------------------


def body(text: str, format: str) -> Any:
    """The template of the body: JSON whose strings hold placeholders. A form is one object of strings."""
    try:
        template = json.loads(text)
    except ValueError:
        raise ValueError("n’est pas du JSON") from None
    flat = isinstance(template, dict) and all(isinstance(value, str) for value in template.values())
    if format == "form" and not flat:
        raise ValueError("doit être, pour un formulaire, un objet JSON dont chaque valeur est un texte")
    used = set(_placeholders(template))
    _check(used)
    if "text" not in used:
        raise ValueError("doit contenir {text}")
    return template


def _check(used: set[str]) -> None:
    if unknown := used - NAMES:
        raise ValueError(f"contient {{{min(unknown)}}}, inconnu ; possibles : {', '.join(sorted(NAMES))}")
    if not used & {"to", "to_digits"}:
        raise ValueError("doit contenir {to} ou {to_digits} : le numéro")


def headers(text: str) -> dict[str, str]:
    """The headers of every request: a JSON object of texts."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        raise ValueError("n’est pas du JSON") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("doit être un objet JSON dont chaque valeur est un texte")
    for name, value in found.items():
        header_name(name)
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"donne à {name} une valeur qui ne tient pas dans un en-tête")
    return found


def header_name(text: str) -> str:
    """A header's name."""
    if not _HEADER_NAME.fullmatch(text):
        raise ValueError(f"contient {text!r}, qui n’est pas un nom d’en-tête")
    return text


def statuses(text: str) -> dict[str, Outcome]:
    """HTTP statuses → what they mean: "409=sent 4xx=permanent"."""
    found = results(text)
    for key in found:
        if not _STATUS.fullmatch(key):
            raise ValueError(f"contient {key!r} : attendu un statut HTTP (409) ou une famille (4xx)")
    return found


def results(text: str) -> dict[str, Outcome]:
    """Values → what they mean: "1=sent -7=permanent *=temporary"."""
    found = {}
    for part in text.split():
        value, equals, outcome = part.rpartition("=")
        if not equals or not value or outcome not in set(Outcome):
            raise ValueError(f"contient {part!r} : attendu valeur=sent, valeur=permanent ou valeur=temporary")
        found[value] = Outcome(outcome)
    return found


def address(template: str, text: Text) -> str:
    """An address whose placeholders are this text's values, each written so that it can't be more than a value."""
    return _PLACEHOLDER.sub(lambda match: quote(text.values()[match[1]], safe=""), template)


def check_address(template: str) -> None:
    """Refuse an address that would send every text to the same person, or whose placeholders mean nothing."""
    _check(set(_PLACEHOLDER.findall(template)))


# --- JSON ------------------------------------------------------------------------------------------------------------


def _placeholders(template: Any) -> list[str]:
    if isinstance(template, str):
        return _PLACEHOLDER.findall(template)
    inside = template.values() if isinstance(template, dict) else template if isinstance(template, list) else ()
    return [name for part in inside for name in _placeholders(part)]


def _fill(template: Any, values: Mapping[str, str]) -> Any:
    """The template with its values, as JSON values: nothing in them can close a string or open an object. What would
    only hold an empty sender is left out, key and all."""
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda match: values[match[1]], template)
    if isinstance(template, dict):
        return {key: _fill(part, values) for key, part in template.items() if not _empty(part, values)}
    if isinstance(template, list):
        return [_fill(part, values) for part in template if not _empty(part, values)]
    return template


def _empty(part: Any, values: Mapping[str, str]) -> bool:
    return isinstance(part, str) and "{from}" in part and not values["from"]


def _at(said: bytes, path: str) -> Any:
    """What stands in a JSON answer at "messages.0.id"; None when nothing does."""
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return None
    for part in path.split("."):
        if isinstance(found, dict):
            found = found.get(part)
        elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        else:
            return None
    return found


def _word(value: Any) -> str | None:
    """A value of the answer as the settings write it; None for what is no single value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
