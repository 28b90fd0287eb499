"""Whether a colour is readable: WCAG 2.2 relative luminance and contrast ratio."""

from __future__ import annotations

import re

WHITE = "#ffffff"
MINIMUM = 4.5
"""WCAG 1.4.3, level AA, for ordinary text."""


def _luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`: 0 for black, 1 for white."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", colour):
        raise ValueError(f"not a #rrggbb colour: {colour!r}")
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.2126 * _linear(red) + 0.7152 * _linear(green) + 0.0722 * _linear(blue)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def ratio(colour: str, other: str) -> float:
    """The contrast of two `#rrggbb` colours, from 1 (the same) to 21 (black on white)."""
    darker, lighter = sorted((_luminance(colour), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def accent_ok(colour: str) -> bool:
    """Whether white text on this colour, or this colour as text on white, can be read by everyone."""
    return ratio(colour, WHITE) >= MINIMUM
