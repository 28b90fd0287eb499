"""Words people type to find a workshop or a place: accents and case don't count, small slips are forgiven.

A word is read as it was typed while something begins so; only a word nobody knows is taken for the nearest known ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA

from .contacts import fold

MOST_WORDS = 8
# Words that every workshop would fit, or none: they say nothing of which one is looked for.
SAY_NOTHING = frozenset(
    """
    a au aux avec ce ces cet cette chez d dans de des du en et je l la le les ma mes mon ou par pour quel quelle sa ses
    son sur un une vers vos votre atelier ateliers rdv rendez vous seance seances
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Comprise:
    """What was typed, compared with all the words there are: for each word that says something, those it may mean.
    `lue` is what it was read as when that is not what was typed, else nothing."""

    mots: tuple[frozenset[str], ...]
    lue: str = ""

    def fits(self, text: str) -> bool:
        """Is this text about all of it? It must be one of the texts it was compared with."""
        known = words(text)
        return all(not known.isdisjoint(meant) for meant in self.mots)


@lru_cache(2048)
def words(text: str) -> frozenset[str]:
    """The folded words of a text. Nothing but the text decides of them, so they may be kept."""
    return frozenset(fold(text).split())


def understand(typed: str, texts: Iterable[str]) -> Comprise:
    """Read what was typed with the words of these texts."""
    asked = [word for word in dict.fromkeys(fold(typed).split()) if word not in SAY_NOTHING][:MOST_WORDS]
    if not asked:
        return Comprise(())
    known = frozenset().union(*(words(text) for text in texts))
    meant, read = [], []
    for word in asked:
        found = frozenset(one for one in known if one.startswith(word))
        near = frozenset() if found else _nearest(word, known)
        meant.append(found or near)
        read.append(min(near) if near else word)
    return Comprise(tuple(meant), " ".join(read) if read != asked else "")


def slips(word: str) -> int:
    """How many slips (a letter too many, missing, wrong, or two swapped) a word of this length is forgiven."""
    if len(word) < 4 or word.isdigit():
        return 0
    return 1 if len(word) < 8 else 2


def _nearest(word: str, known: Iterable[str]) -> frozenset[str]:
    """The known words that begin nearest to this one, within the slips it is forgiven."""
    far = near(word, known)
    least = min(far.values(), default=0)
    return frozenset(one for one, distance in far.items() if distance == least)


def near(word: str, known: Iterable[str]) -> dict[str, int]:
    """The known words that begin like this one but for the slips it is forgiven, and how many there are."""
    most = slips(word)
    if not most:
        return {}
    lengths = range(len(word) - most, len(word) + most + 1)
    far: dict[str, int] = {}
    for one in known:
        if len(one) >= lengths[0]:
            beginnings = {one[:length] for length in lengths}
            far[one] = min(OSA.distance(word, beginning, score_cutoff=most) for beginning in beginnings)
    return {one: distance for one, distance in far.items() if distance <= most}


def pieces(word: str) -> tuple[str, str]:
    """A beginning and an end with one letter between them: one slip, two letters swapped included, leaves at least one
    of them as it is."""
    beginning = (len(word) - 1) // 2
    return word[:beginning], word[beginning + 1 :]
