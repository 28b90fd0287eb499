"""An organisation's colour as the accent of its pages: darkened or lightened until everyone can read it."""

from __future__ import annotations

import colorsys
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
        Accent(_until_readable(colour, 0.0, on=_PAPER, least=5.0, vivid=1.0), WHITE),
        Accent(_until_readable(colour, 1.0, on=_NIGHT, least=7.0, vivid=0.5), _INK),
    )


def _until_readable(colour: str, end: float, *, on: str, least: float, vivid: float) -> str:
    """The same hue, its lightness moved toward `end` (0 black, 1 white) until it stands out from `on`; no more
    saturated than `vivid`: on a dark page pure colours glare."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    found = colour
    for step in range(51):
        mixed = colorsys.hls_to_rgb(hue, lightness + (end - lightness) * step / 50, min(saturation, vivid))
        found = "#" + "".join(f"{round(channel * 255):02x}" for channel in mixed)
        if ratio(found, on) >= least:
            break
    return found
