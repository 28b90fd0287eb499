"""The size of a text message, and how to make a text smaller without losing its date or its link.

GSM 03.38 (3GPP TS 23.038): a text of the 7-bit alphabet holds 160 septets, 153 in each segment of a longer one; any
other character makes the whole text UCS-2: 70 UTF-16 units, 67 in each segment. `docs/notifications.md` (SMS) says what
is transliterated and what is cut.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One septet each; the 128th position of the table is the escape to the extension."""
EXTENSION = frozenset("\f^{}\\[~]|€")
"""Two septets each, never torn apart by the end of a segment."""
_GSM_7 = BASIC | EXTENSION

MAX_SEGMENTS = 3
SHORTEST_NAME = 12
ELLIPSIS = "..."

_SUBSTITUTES = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛ʼ′´`", "'"),
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("•·", "-"),
        "…": "...",
        "œ": "oe",
        "Œ": "OE",
        "°": "o",
        "⁄": "/",
        "×": "x",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
        "ı": "i",
    }
)


class Alphabet(Enum):
    """How a text is encoded; the value is its name for agents."""

    GSM_7 = "GSM-7"
    UNICODE = "Unicode"

    @property
    def single(self) -> int:
        """Units in a text of one segment."""
        return 160 if self is Alphabet.GSM_7 else 70

    @property
    def chained(self) -> int:
        """Units in each segment of a longer text (the rest numbers the segments)."""
        return 153 if self is Alphabet.GSM_7 else 67


@dataclass(frozen=True)
class Measure:
    """What a text weighs: `units` are septets in GSM-7, UTF-16 code units in Unicode."""

    alphabet: Alphabet
    characters: int
    units: int
    segments: int


class TooLong(ValueError):
    """Even without its name and free words the text is over the limit: its template is too long."""


def transliterate(text: str) -> str:
    """The text in GSM-7 as far as it reads the same (ê → e, œ → oe, ’ → '); what still needs Unicode is kept."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    lines = re.sub(r"«[^\S\n]+", "«", re.sub(r"[^\S\n]+»", "»", lines))
    kept = ""
    for char in lines:
        unseen = not char.isspace() and unicodedata.category(char) in ("Cc", "Cf")
        accent = unicodedata.combining(char) and kept and alphabet(kept[-1]) is Alphabet.GSM_7
        if not unseen and not accent:
            kept += _character(char)
    return kept


def _character(char: str) -> str:
    if char.isspace():
        return "\n" if char in "\n\u2028\u2029" else " "
    if alphabet(char) is Alphabet.GSM_7:
        return char
    base = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
    plain = base.translate(_SUBSTITUTES) if base.strip() else char.translate(_SUBSTITUTES)
    return plain if alphabet(plain) is Alphabet.GSM_7 and plain else char


def alphabet(text: str) -> Alphabet:
    """GSM-7 as long as every character is in its two tables."""
    return Alphabet.GSM_7 if _GSM_7.issuperset(text) else Alphabet.UNICODE


def _units(char: str, encoding: Alphabet) -> int:
    if encoding is Alphabet.GSM_7:
        return 2 if char in EXTENSION else 1
    return 2 if ord(char) > 0xFFFF else 1


def split(text: str) -> list[str]:
    """The segments as they travel: no extension pair and no surrogate pair is torn between two of them."""
    encoding = alphabet(text)
    if sum(_units(c, encoding) for c in text) <= encoding.single:
        return [text] if text else []
    segments, start, used = [], 0, 0
    for position, char in enumerate(text):
        units = _units(char, encoding)
        if used + units > encoding.chained:
            segments.append(text[start:position])
            start, used = position, 0
        used += units
    return [*segments, text[start:]]


def measure(text: str) -> Measure:
    """What the text weighs as it stands: transliterate it first to know what will be sent."""
    encoding = alphabet(text)
    return Measure(encoding, len(text), sum(_units(c, encoding) for c in text), len(split(text)))


def fit(template: Callable[[str], str], name: str, *, limit_segments: int = 1, shortest: int = SHORTEST_NAME) -> str:
    """The text around this name, transliterated, in `limit_segments` if cutting the name is enough, never over three.

    The name keeps at least `shortest` characters unless three segments cannot hold it. The date and the link belong to
    the template and are never cut: TooLong is raised when they alone are over three segments.
    """
    return fit_message(lambda name, _: template(name), name, "", limit_segments=limit_segments, shortest=shortest)


def fit_message(
    template: Callable[[str, str], str],
    name: str,
    free: str,
    *,
    limit_segments: int = MAX_SEGMENTS,
    shortest: int = SHORTEST_NAME,
) -> str:
    """Like `fit`, with words typed by an agent (a reason, a message): cut after the name, before the link."""
    name, free = transliterate(name).strip(), transliterate(free).strip()
    least = min(shortest, len(name))

    def with_name(part: str) -> str:
        return transliterate(template(part, free))

    for limit in range(limit_segments, MAX_SEGMENTS + 1):
        text = _longest(with_name, name, least, limit)
        if text is not None:
            return text
    cut = shorten(name, least)
    text = _longest(lambda part: transliterate(template(cut, part)), free, 0, MAX_SEGMENTS)
    if text is None:
        text = _longest(lambda part: transliterate(template(part, "")), name, 0, MAX_SEGMENTS)
    if text is None:
        raise TooLong(f"the template alone is over {MAX_SEGMENTS} segments")
    return text


def shorten(text: str, kept: int) -> str:
    """The first `kept` characters and three dots; the text itself where that would not be shorter; nothing for 0."""
    if len(text) <= kept + len(ELLIPSIS):
        return text if kept else ""
    return text[:kept].rstrip() + ELLIPSIS if kept else ""


def _longest(render: Callable[[str], str], value: str, least: int, limit: int) -> str | None:
    """The text with as much of `value` as `limit` segments hold (at least `least` characters of it), or None."""
    fits, over = least - 1, len(value)
    if measure(text := render(value)).segments <= limit:
        return text
    best = None
    while over - fits > 1:
        middle = (fits + over) // 2
        text = render(shorten(value, middle))
        if measure(text).segments <= limit:
            fits, best = middle, text
        else:
            over = middle
    return best
