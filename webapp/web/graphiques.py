"""Bar charts as SVG: sizes and places as attributes (no inline style), words for who does not see them beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

HEIGHT, BAR, GAP, LEFT = 160, 26, 10, 44
"""Units of the drawing: the tallest bar, a bar, the space between two, and what the numbers of the axis take."""


@dataclass(frozen=True, slots=True)
class Morceau:
    """A part of a bar: its place from the top, its height, its number."""

    serie: int
    y: float
    hauteur: float
    valeur: int


@dataclass(frozen=True, slots=True)
class Barre:
    """One bar; `etiquette` stands under it where there is room."""

    x: int
    nom: str
    etiquette: str
    morceaux: tuple[Morceau, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Graphique:
    """Stacked bars; `reperes` are the lines of the axis: (place from the top, number)."""

    series: tuple[str, ...]
    barres: tuple[Barre, ...]
    reperes: tuple[tuple[float, int], ...]
    largeur: int
    hauteur: int = HEIGHT
    barre: int = BAR
    gauche: int = LEFT

    @property
    def vide(self) -> bool:
        return not any(barre.total for barre in self.barres)


def bars(series: Sequence[str], values: Sequence[tuple[str, str, Sequence[int]]]) -> Graphique:
    """A chart of (name, label under the bar, a number for each series)."""
    top = _round_up(max((sum(numbers) for _, _, numbers in values), default=0))
    every = -(-len(values) // 12)
    drawn = []
    for place, (name, label, numbers) in enumerate(values):
        y, parts = float(HEIGHT), []
        for serie, number in enumerate(numbers):
            height = HEIGHT * number / top
            y -= height
            if number:
                parts.append(Morceau(serie, round(y, 1), round(height, 1), number))
        shown = label if place % every == 0 else ""
        drawn.append(Barre(LEFT + GAP + place * (BAR + GAP), name, shown, tuple(parts), sum(numbers)))
    marks = tuple((HEIGHT - HEIGHT * part / 2, top * part // 2) for part in (0, 1, 2))
    return Graphique(tuple(series), tuple(drawn), marks, LEFT + GAP + max(len(values), 6) * (BAR + GAP))


def _round_up(number: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100, 200…: even, and easy to read."""
    return next(base * 10**power for power in count() for base in (2, 4, 10) if base * 10**power >= number)
