"""An organisation's colour as the accent of its pages: darkened or lightened until everyone can read it."""

from __future__ import annotations

from dataclasses import dataclass

from .contrast import WHITE, ratio

DEFAULT = "#0b5f63"
_PAPER, _NIGHT = "#f6f4ef", "#1b2223"  # what accents are read on, in light and in dark (static/css/app.css)
_INK = "#0b1415"


@dataclass(frozen=True, slots=True)
class Accent:
    """The accent, and the text written on it: `#rrggbb` both."""

    accent: str
    on_accent: str


def accents(colour: str) -> tuple[Accent, Accent]:
    """The accent in light and in dark; a colour that is none gives the default one's."""
    try:
        ratio(colour, WHITE)
    except ValueError:
        colour = DEFAULT
    return (
        Accent(_toward(colour, "#000000", on=_PAPER, least=5.0), WHITE),
        Accent(_toward(colour, WHITE, on=_NIGHT, least=7.0), _INK),
    )


def _toward(colour: str, end: str, *, on: str, least: float) -> str:
    """The nearest mix of `colour` and `end` that stands out from `on`."""
    for share in range(0, 101, 4):
        mixed = _mixed(colour, end, share / 100)
        if ratio(mixed, on) >= least:
            return mixed
    return end


def _mixed(colour: str, end: str, share: float) -> str:
    pairs = [(int(colour[i : i + 2], 16), int(end[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
