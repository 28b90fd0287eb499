"""Rates: what they are of, and nothing where they have no meaning."""

import pytest

from webapp.domain.statistiques import Chiffres, percent


@pytest.mark.parametrize(
    ("part", "whole", "rate"),
    [(0, 0, None), (0, 7, 0), (7, 7, 100), (1, 3, 33), (2, 3, 67), (1, 8, 13), (1, 200, 1), (1, 201, 0), (13, 12, 108)],
)
def test_a_rate_is_rounded_to_the_nearest(part: int, whole: int, rate: int | None) -> None:
    assert percent(part, whole) == rate


def test_who_is_still_expected_is_in_no_rate() -> None:
    some = Chiffres(presents=6, absents=3, excuses=1, inscrits=5, annules=2, anonymes=4, delai_jours=85)
    assert (some.presence, some.absence, some.excuse) == (60, 30, 10)
    assert (some.accueillies, some.attendues, some.inscriptions, some.delai) == (10, 10, 17, 5.0)
    assert Chiffres().delai is Chiffres().presence is Chiffres().remplissage is None


def test_figures_add_up() -> None:
    one, two = Chiffres(seances=1, capacite=10, prises_limitees=5), Chiffres(seances=2, capacite=30, prises_limitees=5)
    assert Chiffres.total([one, two]) == Chiffres(seances=3, capacite=40, prises_limitees=10)
    assert Chiffres.total([one, two]).remplissage == 25  # of the sums, not the mean of 50 and 17
    assert Chiffres.total([]) == Chiffres() == Chiffres.of(dict.fromkeys(Chiffres.__slots__))
