"""Age brackets for figures: a birth date says who somebody is, a bracket does not (docs/domain.md rule 16)."""

from datetime import date
from itertools import pairwise

BOUNDS = (18, 26, 35, 50, 65)
"""The first age of each bracket but the youngest."""


def age(birth: date, on: date) -> int:
    """Whole years lived on that day; who is born on 29 February grows older on 1 March."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def bracket(birth: date | None, on: date) -> str:
    """« 26 à 34 ans », « moins de 18 ans », « 65 ans et plus »; nothing without a birth date, or before it."""
    if birth is None or birth > on:
        return ""
    years = age(birth, on)
    if years < BOUNDS[0]:
        return f"moins de {BOUNDS[0]} ans"
    if years >= BOUNDS[-1]:
        return f"{BOUNDS[-1]} ans et plus"
    low, high = next((low, high) for low, high in pairwise(BOUNDS) if low <= years < high)
    return f"{low} à {high - 1} ans"
