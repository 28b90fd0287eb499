"""Names of any alphabet made ready for paper: what the font can draw, in the order the eye reads it.

A PDF holds glyphs, not letters: nothing joins Arabic letters nor turns right-to-left text around but who writes it.
"""

import unicodedata
from collections.abc import Container
from functools import cache

LAM = "\u0644"
UNKNOWN = "\u25a1"
"""Stands for a letter the font does not have."""


def drawable(text: str, glyphs: Container[int]) -> str:
    """The text as far as the font goes: an emoji is left out, a letter it lacks becomes a square."""
    kept = []
    for char in unicodedata.normalize("NFC", " ".join(text.split(" "))):
        kind = unicodedata.category(char)
        if kind.startswith("C") or kind in {"So", "Zl", "Zp"}:
            continue
        if ord(char) in glyphs:
            kept.append(char)
        elif kind[0] in "LN":
            kept.append(UNKNOWN)
        elif kind == "Zs":
            kept.append(" ")
    return " ".join("".join(kept).split())


def visual(line: str) -> str:
    """One line, from left to right as it is drawn."""
    if not any(unicodedata.bidirectional(char) in {"R", "AL"} for char in line):
        return line
    from fpdf.bidi import BidiParagraph
    from fpdf.enums import TextDirection

    return str(BidiParagraph(joined(line), TextDirection.LTR).get_reordered_string())


def joined(text: str) -> str:
    """Arabic letters in the form each takes beside its neighbours."""
    forms = _forms()
    found, index = [], 0
    while index < len(text):
        char = text[index]
        before = _neighbour(text, index, -1)
        after_index = index + 1
        pair = LAM + text[after_index] if char == LAM and after_index < len(text) else ""
        unit = pair if pair in forms else char
        tied = "final" in forms.get(unit, {}) and "initial" in forms.get(before, {})
        index += len(unit)
        after = _neighbour(text, index - 1, 1)
        ties = "initial" in forms.get(unit, {}) and "final" in forms.get(after, {})
        form = ("medial" if ties else "final") if tied else ("initial" if ties else "isolated")
        found.append(forms.get(unit, {}).get(form, unit))
    return "".join(found)


def _neighbour(text: str, index: int, step: int) -> str:
    """The next letter that way: vowel signs stand above letters, not between them."""
    index += step
    while 0 <= index < len(text):
        if unicodedata.category(text[index]) != "Mn":
            return text[index]
        index += step
    return ""


@cache
def _forms() -> dict[str, dict[str, str]]:
    """Letter (or lam with its alef) → the forms Unicode has of it."""
    found: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFC00), *range(0xFE80, 0xFEFD)):
        kind, *letters = unicodedata.decomposition(chr(code)).split() or [""]
        base = "".join(chr(int(letter, 16)) for letter in letters)
        if kind.strip("<>") in {"isolated", "initial", "medial", "final"} and (len(base) == 1 or base[0] == LAM):
            found.setdefault(base, {}).setdefault(kind.strip("<>"), chr(code))
    return found
