"""Public holidays, where clocks show that time zone."""

from datetime import date

import pytest

from webapp.domain.feries import SUBDIVISIONS, ferie


@pytest.mark.parametrize(
    ("day", "tz", "name"),
    [
        (date(2026, 12, 25), "Europe/Paris", "Noël"),
        (date(2027, 1, 1), "Indian/Reunion", "Jour de l’an"),
        (date(2026, 4, 6), "Europe/Paris", "Lundi de Pâques"),
        (date(2026, 12, 24), "Europe/Paris", None),
        (date(2026, 5, 22), "America/Martinique", "Abolition de l’esclavage"),
        (date(2026, 5, 27), "America/Guadeloupe", "Abolition de l’esclavage"),
        (date(2026, 6, 10), "America/Cayenne", "Abolition de l’esclavage"),
        (date(2026, 12, 20), "Indian/Reunion", "Abolition de l’esclavage"),
        (date(2026, 4, 27), "Indian/Mayotte", "Abolition de l’esclavage"),
        (date(2026, 5, 22), "Europe/Paris", None),
        (date(2026, 12, 20), "America/Martinique", None),
    ],
)
def test_the_days_of_each_part_of_france(day: date, tz: str, name: str | None) -> None:
    assert ferie(day, tz) == name


@pytest.mark.parametrize("tz", sorted({"Europe/Paris", *SUBDIVISIONS}))
def test_the_library_knows_each_of_them(tz: str) -> None:
    assert ferie(date(2026, 7, 14), tz) == "Fête nationale"
