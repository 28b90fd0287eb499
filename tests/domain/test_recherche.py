"""Words people type, by example: beginnings, accents, slips, and what is not forgiven."""

import pytest

from webapp.domain.recherche import MOST_WORDS, slips, understand

TEXTS = (
    "Mes droits au RSA. Comprendre ses droits. Service insertion et emploi",
    "Préparer un entretien d’embauche. S’entraîner en petit groupe",
    "L’Éveil de bébé. Un temps de jeu pour les parents. PMI",
    "Mes démarches en ligne. Sur ordinateur. Maison de l’œuvre, Saint-Étienne 42000",
)


@pytest.mark.parametrize(
    ("typed", "found", "read"),
    [
        ("", {0, 1, 2, 3}, ""),
        ("   ", {0, 1, 2, 3}, ""),
        ("atelier pour les", {0, 1, 2, 3}, ""),  # nothing that says which
        ("rsa", {0}, ""),
        ("DROITS rsa", {0}, ""),
        ("un atelier sur le RSA", {0}, ""),
        ("bebe", {2}, ""),
        ("OEUVRE", {3}, ""),
        ("entr", {1}, ""),
        ("entretein", {1}, "entretien"),
        ("etnretien", {1}, "entretien"),
        ("enttretien", {1}, "entretien"),
        ("démarhe", {3}, "demarches"),  # the beginning of a word, with a slip
        ("ordianteur", {3}, "ordinateur"),
        ("bbeé", {2}, "bebe"),
        ("bebz parent", {2}, "bebe parent"),
        ("droits bebe", set(), ""),  # each word there, but not together
        ("rsq", set(), ""),  # three letters: too short to guess
        ("42001", set(), ""),  # another postal code is another place
        ("42", {3}, ""),
        ("zzzzzzzz", set(), ""),
        ("emploie", {0}, "emploi"),
        ("🌱", {0, 1, 2, 3}, ""),  # no word at all
        ("<script>alert(1)</script>", set(), ""),
        ("a" * 10_000, set(), ""),
    ],
)
def test_what_is_found(typed: str, found: set[int], read: str) -> None:
    meant = understand(typed, TEXTS)
    assert ({n for n, text in enumerate(TEXTS) if meant.fits(text)}, meant.lue) == (found, read)


def test_a_known_word_is_never_taken_for_another() -> None:
    """« jeu » is there: « jeux » nobody's is a slip away from it, « jeune » is not read as « jeu »."""
    assert understand("jeu", TEXTS).lue == ""
    assert understand("jeune", TEXTS).mots == (frozenset(),)


def test_as_many_words_as_people_type() -> None:
    typed = " ".join(f"mot{n}" for n in range(1000))
    assert len(understand(typed, TEXTS).mots) == MOST_WORDS


@pytest.mark.parametrize(("word", "most"), [("rsa", 0), ("bebe", 1), ("emplois", 1), ("entretien", 2), ("26990", 0)])
def test_the_longer_the_more_is_forgiven(word: str, most: int) -> None:
    assert slips(word) == most
