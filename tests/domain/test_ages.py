"""Age brackets (docs/domain.md rule 16): examples, and no age without one."""

from datetime import date

import pytest

from webapp.domain.ages import age, bracket

ON = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("birth", "years", "words"),
    [
        (date(2026, 3, 1), 0, "moins de 18 ans"),
        (date(2008, 3, 2), 17, "moins de 18 ans"),
        (date(2008, 3, 1), 18, "18 à 25 ans"),
        (date(2000, 3, 2), 25, "18 à 25 ans"),
        (date(2000, 3, 1), 26, "26 à 34 ans"),
        (date(1991, 3, 1), 35, "35 à 49 ans"),
        (date(1976, 3, 1), 50, "50 à 64 ans"),
        (date(1961, 3, 2), 64, "50 à 64 ans"),
        (date(1961, 3, 1), 65, "65 ans et plus"),
        (date(1904, 2, 29), 122, "65 ans et plus"),
        (date(2004, 2, 29), 22, "18 à 25 ans"),
    ],
    ids=str,
)
def test_brackets(birth: date, years: int, words: str) -> None:
    assert (age(birth, ON), bracket(birth, ON)) == (years, words)


def test_no_date_or_one_to_come_says_nothing() -> None:
    assert bracket(None, ON) == bracket(date(2026, 3, 2), ON) == ""
