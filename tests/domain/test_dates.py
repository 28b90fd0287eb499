"""Dates in words, by example: zones on both sides of UTC, first of the month, midnight, DST."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain import dates

PARIS, FORT_DE_FRANCE, NOUMEA = "Europe/Paris", "America/Martinique", "Pacific/Noumea"


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def plain(text: str) -> str:
    return text.replace("\u00a0", "_")


@pytest.mark.parametrize(
    ("moment", "tz", "words"),
    [
        (utc(2026, 3, 3, 13), PARIS, "mardi 3_mars 2026 à 14_h"),
        (utc(2026, 7, 1, 7, 30), PARIS, "mercredi 1er_juillet 2026 à 9_h_30"),
        (utc(2026, 3, 1, 2), FORT_DE_FRANCE, "samedi 28_février 2026 à 22_h"),
        (utc(2026, 12, 31, 14, 5), NOUMEA, "vendredi 1er_janvier 2027 à 1_h_05"),
        (utc(2026, 3, 29, 0, 59), PARIS, "dimanche 29_mars 2026 à 1_h_59"),
        (utc(2026, 3, 29, 1, 0), PARIS, "dimanche 29_mars 2026 à 3_h"),
        (utc(2026, 10, 25, 0, 30), PARIS, "dimanche 25_octobre 2026 à 2_h_30"),
        (utc(2026, 10, 25, 1, 30), PARIS, "dimanche 25_octobre 2026 à 2_h_30"),
    ],
)
def test_long_moment(moment: datetime, tz: str, words: str) -> None:
    assert plain(dates.long_moment(moment, tz)) == words
    assert dates.long_moment(moment, tz).startswith(dates.long_date(moment, tz))


@pytest.mark.parametrize(
    ("function", "day", "words"),
    [
        (dates.long_date, date(2026, 3, 3), "mardi 3_mars 2026"),
        (dates.long_date, date(2026, 8, 1), "samedi 1er_août 2026"),
        (dates.full_date, date(2027, 6, 30), "30 juin 2027"),
        (dates.full_date, date(2027, 5, 1), "1er mai 2027"),
        (dates.weekday_date, date(2026, 3, 4), "mercredi 4 mars"),
        (dates.day_month, date(2026, 3, 3), "3 mars"),
        (dates.day_month, date(2026, 12, 1), "1er décembre"),
        (dates.month_year, date(2027, 3, 1), "mars 2027"),
    ],
)
def test_days(function: object, day: date, words: str) -> None:
    assert callable(function)
    assert plain(function(day)) == words


@pytest.mark.parametrize(
    ("wall", "words"),
    [(time(14), "14_h"), (time(9, 30), "9_h_30"), (time(0), "0_h"), (time(8, 5), "8_h_05")],
)
def test_hour(wall: time, words: str) -> None:
    assert plain(dates.hour(wall)) == words


@pytest.mark.parametrize(
    ("start", "end", "tz", "words"),
    [
        (utc(2026, 3, 3, 13), utc(2026, 3, 3, 15), PARIS, "14_h à 16_h"),
        (utc(2026, 3, 3, 8, 30), utc(2026, 3, 3, 11), PARIS, "9_h_30 à 12_h"),
        (utc(2026, 3, 3, 21), utc(2026, 3, 4, 0), PARIS, "22_h à 1_h (mercredi 4 mars)"),
        (utc(2026, 3, 3, 21), utc(2026, 3, 3, 23), PARIS, "22_h à minuit"),
        (utc(2026, 3, 3, 23), utc(2026, 3, 4, 1), FORT_DE_FRANCE, "19_h à 21_h"),
        (utc(2026, 7, 31, 21), utc(2026, 7, 31, 23), PARIS, "23_h à 1_h (samedi 1er août)"),
    ],
)
def test_span(start: datetime, end: datetime, tz: str, words: str) -> None:
    assert plain(dates.span(start, end, tz)) == words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "0_minute"),
        (1, "1_minute"),
        (45, "45_minutes"),
        (60, "1_heure"),
        (65, "1_h_05"),
        (90, "1_h_30"),
        (120, "2_heures"),
    ],
)
def test_duration(minutes: int, words: str) -> None:
    assert plain(dates.duration(minutes)) == words


def test_negative_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="never negative"):
        dates.duration(-1)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (utc(2026, 3, 3, 13), "mar. 3 mars à 14h"),
        (utc(2026, 3, 3, 8, 30), "mar. 3 mars à 9h30"),
        (utc(2026, 8, 1, 7, 5), "sam. 1er aout à 9h05"),
        (utc(2026, 2, 2, 9), "lun. 2 févr. à 10h"),
        (utc(2026, 12, 10, 9), "jeu. 10 déc. à 10h"),
    ],
)
def test_sms_moment(moment: datetime, words: str) -> None:
    assert dates.sms_moment(moment, PARIS) == words


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1)))
def test_sms_moment_needs_no_unicode(moment: datetime) -> None:
    assert set(dates.sms_moment(moment, PARIS)) <= set("abcdefghijklmnopqrstuvwxyzéà.0123456789 ")


@pytest.mark.parametrize(
    ("moment", "now", "tz", "words"),
    [
        (utc(2026, 3, 3, 13), utc(2026, 3, 3, 6), PARIS, "aujourd’hui"),
        (utc(2026, 3, 3, 13), utc(2026, 3, 2, 22, 59), PARIS, "demain"),
        (utc(2026, 3, 3, 13), utc(2026, 3, 2, 23), PARIS, "aujourd’hui"),
        (utc(2026, 3, 3, 13), utc(2026, 3, 1, 12), PARIS, None),
        (utc(2026, 3, 3, 13), utc(2026, 3, 4, 12), PARIS, None),
        (utc(2026, 3, 3, 13), utc(2026, 3, 3, 2), FORT_DE_FRANCE, "demain"),
        (utc(2026, 3, 2, 22), utc(2026, 3, 2, 10), NOUMEA, "demain"),
    ],
)
def test_relative_day(moment: datetime, now: datetime, tz: str, words: str | None) -> None:
    assert dates.relative_day(moment, now, tz) == words


def test_a_naive_moment_is_refused_and_an_aware_one_may_keep_its_own_zone() -> None:
    with pytest.raises(ValueError, match="naive"):
        dates.long_moment(datetime(2026, 3, 3, 14), PARIS)
    own = datetime(2026, 3, 3, 14, tzinfo=timezone(timedelta(hours=1)))
    assert plain(dates.hour(own)) == "14_h"
