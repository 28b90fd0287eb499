"""When a plage comes back, and what its wall-clock times mean around both DST changes, here and overseas."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.recurrence import (
    Frequency,
    Recurrence,
    RecurrenceError,
    ended_before,
    going_on,
    horizon,
    interval_utc,
    occurrences,
    to_utc,
)

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
ONCE = Recurrence()
TUESDAY = date(2026, 3, 3)


def weekly(*weekdays: int, **more: Any) -> Recurrence:
    return Recurrence(Frequency.WEEKLY, weekdays=weekdays, **more)


def nth(rank: int, weekday: int, **more: Any) -> Recurrence:
    return Recurrence(Frequency.MONTHLY, nth=rank, weekdays=(weekday,), **more)


def monthly(day: int, **more: Any) -> Recurrence:
    return Recurrence(Frequency.MONTHLY, month_day=day, **more)


@pytest.mark.parametrize(
    ("recurrence", "rrule", "words"),
    [
        (ONCE, "", "une seule fois"),
        (weekly(TUE), "FREQ=WEEKLY;INTERVAL=1;BYDAY=TU", "toutes les semaines, le mardi"),
        (
            weekly(THU, TUE, interval=2, until=date(2027, 6, 30)),
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;UNTIL=20270630",
            "toutes les 2 semaines, le mardi et le jeudi, jusqu’au 30 juin 2027",
        ),
        (
            weekly(MON, WED, FRI, count=10),
            "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,WE,FR;COUNT=10",
            "toutes les semaines, le lundi, le mercredi et le vendredi, 10\u00a0fois",
        ),
        (weekly(*range(5)), "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU,WE,TH,FR", "toutes les semaines, du lundi au vendredi"),
        (weekly(*range(7)), "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU,WE,TH,FR,SA,SU", "tous les jours"),
        (nth(2, TUE), "FREQ=MONTHLY;INTERVAL=1;BYDAY=2TU", "le 2e mardi du mois"),
        (nth(1, MON, interval=3), "FREQ=MONTHLY;INTERVAL=3;BYDAY=1MO", "tous les 3 mois, le 1er lundi"),
        (
            nth(-1, FRI, until=date(2027, 7, 1)),
            "FREQ=MONTHLY;INTERVAL=1;BYDAY=-1FR;UNTIL=20270701",
            "le dernier vendredi du mois, jusqu’au 1er juillet 2027",
        ),
        (monthly(15), "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=15", "tous les mois, le 15"),
        (monthly(1, interval=2), "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=1", "tous les 2 mois, le 1er"),
        (monthly(31), "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=31", "tous les mois, le 31 (sauf les mois plus courts)"),
    ],
)
def test_text_and_words(recurrence: Recurrence, rrule: str, words: str) -> None:
    assert recurrence.to_rrule() == rrule
    assert recurrence.in_words() == words
    assert Recurrence.from_rrule(rrule) == recurrence


def test_texts_in_their_other_writings() -> None:
    assert Recurrence.from_rrule(None) == ONCE
    assert Recurrence.from_rrule("RRULE:FREQ=WEEKLY;BYDAY=TU") == weekly(TUE)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=2TU",
        "FREQ=MONTHLY;BYDAY=5TU",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=WEEKLY;BYDAY=TU;UNTIL=20269999",
        "FREQ=WEEKLY;INTERVAL=0;BYDAY=TU",
        "anything",
    ],
)
def test_texts_outside_the_subset_are_refused(text: str) -> None:
    with pytest.raises(RecurrenceError):
        Recurrence.from_rrule(text)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"interval": 2}, "frequency"),
        ({"frequency": Frequency.WEEKLY}, "weekdays"),
        ({"frequency": Frequency.WEEKLY, "weekdays": (7,)}, "weekdays"),
        ({"frequency": Frequency.WEEKLY, "weekdays": (TUE,), "interval": 0}, "interval"),
        ({"frequency": Frequency.WEEKLY, "weekdays": (TUE,), "interval": 53}, "interval"),
        ({"frequency": Frequency.WEEKLY, "weekdays": (TUE,), "count": 0}, "count"),
        ({"frequency": Frequency.WEEKLY, "weekdays": (TUE,), "count": 501}, "count"),
        ({"frequency": Frequency.WEEKLY, "weekdays": (TUE,), "count": 3, "until": TUESDAY}, "until"),
        ({"frequency": Frequency.MONTHLY}, "month_day"),
        ({"frequency": Frequency.MONTHLY, "month_day": 3, "nth": 1, "weekdays": (TUE,)}, "month_day"),
        ({"frequency": Frequency.MONTHLY, "month_day": 32}, "month_day"),
        ({"frequency": Frequency.MONTHLY, "month_day": 0}, "month_day"),
        ({"frequency": Frequency.MONTHLY, "month_day": 3, "weekdays": (TUE,)}, "weekdays"),
        ({"frequency": Frequency.MONTHLY, "nth": 5, "weekdays": (TUE,)}, "nth"),
        ({"frequency": Frequency.MONTHLY, "nth": 1, "weekdays": (TUE, WED)}, "nth"),
        ({"frequency": Frequency.MONTHLY, "nth": 1, "weekdays": (9,)}, "weekdays"),
    ],
)
def test_rules_nobody_can_follow(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(RecurrenceError) as refusal:
        Recurrence(**fields)
    assert refusal.value.field == field
    assert refusal.value.message_fr.endswith(".")


@pytest.mark.parametrize(
    ("until", "message"),
    [
        (date(2026, 3, 2), "La date de fin est avant le premier jour."),
        (date(2026, 3, 3), None),
        (date(2031, 3, 3), None),
        (date(2031, 3, 4), "La date de fin est à plus de 5 ans du premier jour."),
        (None, None),
    ],
)
def test_the_end_against_the_first_day(until: date | None, message: str | None) -> None:
    rule = weekly(TUE, until=until)
    if message is None:
        rule.check(TUESDAY)
    else:
        with pytest.raises(RecurrenceError) as refusal:
            rule.check(TUESDAY)
        assert (refusal.value.message_fr, refusal.value.field) == (message, "until")


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


@pytest.mark.parametrize(
    ("rule", "excluded", "start", "end", "expected"),
    [
        (ONCE, set(), "2026-01-01", "2026-12-31", days("2026-03-03")),
        (ONCE, {TUESDAY}, "2026-01-01", "2026-12-31", []),
        (ONCE, set(), "2026-03-04", "2026-12-31", []),
        (weekly(TUE), set(), "2026-03-03", "2026-03-17", days("2026-03-03", "2026-03-10", "2026-03-17")),
        (weekly(TUE), set(days("2026-03-10")), "2026-03-01", "2026-03-17", days("2026-03-03", "2026-03-17")),
        (weekly(TUE), set(), "2025-01-01", "2026-03-02", []),
        # a first day off the rule is no occurrence (dateutil; RFC 5545 leaves it undefined)
        (weekly(WED), set(), "2026-03-01", "2026-03-12", days("2026-03-04", "2026-03-11")),
        # every other week is counted from the Monday of the first day's week
        (
            weekly(MON, THU, interval=2),
            set(),
            "2026-03-01",
            "2026-03-31",
            days("2026-03-05", "2026-03-16", "2026-03-19", "2026-03-30"),
        ),
        (weekly(TUE, count=3), set(), "2026-03-01", "2027-01-01", days("2026-03-03", "2026-03-10", "2026-03-17")),
        # an excluded date has counted
        (weekly(TUE, count=3), set(days("2026-03-10")), "2026-03-01", "2027-01-01", days("2026-03-03", "2026-03-17")),
        (weekly(TUE, until=date(2026, 3, 10)), set(), "2026-03-01", "2027-01-01", days("2026-03-03", "2026-03-10")),
        (nth(1, TUE), set(), "2026-03-01", "2026-05-31", days("2026-03-03", "2026-04-07", "2026-05-05")),
        (nth(-1, TUE, interval=2), set(), "2026-03-01", "2026-07-31", days("2026-03-31", "2026-05-26", "2026-07-28")),
        (monthly(31), set(), "2026-03-01", "2026-08-30", days("2026-03-31", "2026-05-31", "2026-07-31")),
        (monthly(29), set(), "2027-01-01", "2027-03-31", days("2027-01-29", "2027-03-29")),
        (monthly(29), set(), "2028-02-01", "2028-02-29", days("2028-02-29")),
    ],
)
def test_occurrences(rule: Recurrence, excluded: set[date], start: str, end: str, expected: list[date]) -> None:
    found = occurrences(TUESDAY, rule, excluded, date.fromisoformat(start), date.fromisoformat(end))
    assert found == expected


@given(
    rule=st.builds(
        weekly,
        st.integers(0, 6),
        st.integers(0, 6),
        interval=st.integers(1, 52),
        count=st.none() | st.integers(1, 500),
    )
    | st.builds(nth, st.sampled_from([1, 2, 3, 4, -1]), st.integers(0, 6), interval=st.integers(1, 12))
    | st.builds(monthly, st.integers(1, 31), interval=st.integers(1, 52)),
    first=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    offset=st.integers(-400, 1200),
    length=st.integers(0, 400),
)
def test_a_window_shows_what_the_whole_shows(rule: Recurrence, first: date, offset: int, length: int) -> None:
    start = first + timedelta(days=offset)
    end = start + timedelta(days=length)
    found = occurrences(first, rule, set(), start, end)
    assert found == sorted(set(found))
    assert found == [day for day in occurrences(first, rule, set(), first, end) if day >= start]
    assert all(day >= first for day in found)
    assert Recurrence.from_rrule(rule.to_rrule()) == rule
    if rule.weekdays:
        assert all(day.weekday() in rule.weekdays for day in found)


@pytest.mark.parametrize(
    ("tz", "local", "utc"),
    [
        # Europe/Paris, 29 March 2026: 2:00 is 3:00
        ("Europe/Paris", "2026-03-29T01:59", "2026-03-29T00:59"),
        ("Europe/Paris", "2026-03-29T02:00", "2026-03-29T01:00"),
        ("Europe/Paris", "2026-03-29T02:30", "2026-03-29T01:30"),
        ("Europe/Paris", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("Europe/Paris", "2026-03-29T14:00", "2026-03-29T12:00"),
        ("Europe/Paris", "2026-03-28T14:00", "2026-03-28T13:00"),
        # 25 October 2026: 3:00 is 2:00 again; the first 2:30 counts
        ("Europe/Paris", "2026-10-25T01:59", "2026-10-24T23:59"),
        ("Europe/Paris", "2026-10-25T02:30", "2026-10-25T00:30"),
        ("Europe/Paris", "2026-10-25T03:00", "2026-10-25T02:00"),
        ("Europe/Paris", "2026-10-25T14:00", "2026-10-25T13:00"),
        # America/Miquelon changes on American dates: 8 March and 1 November 2026
        ("America/Miquelon", "2026-03-08T02:30", "2026-03-08T05:30"),
        ("America/Miquelon", "2026-03-08T14:00", "2026-03-08T16:00"),
        ("America/Miquelon", "2026-03-07T14:00", "2026-03-07T17:00"),
        ("America/Miquelon", "2026-11-01T01:30", "2026-11-01T03:30"),
        ("America/Miquelon", "2026-11-01T02:30", "2026-11-01T05:30"),
        # overseas without DST
        ("America/Martinique", "2026-03-29T02:30", "2026-03-29T06:30"),
        ("America/Martinique", "2026-10-25T02:30", "2026-10-25T06:30"),
        ("Indian/Reunion", "2026-03-29T02:30", "2026-03-28T22:30"),
        ("Indian/Reunion", "2026-10-25T02:30", "2026-10-24T22:30"),
        ("Pacific/Noumea", "2026-03-29T02:30", "2026-03-28T15:30"),
        ("Pacific/Noumea", "2026-10-25T02:30", "2026-10-24T15:30"),
    ],
)
def test_to_utc(tz: str, local: str, utc: str) -> None:
    wall = datetime.fromisoformat(local)
    moment = to_utc(wall.date(), wall.time(), tz)
    assert moment == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert moment.utcoffset() == timedelta(0)


def test_a_skipped_time_is_an_hour_later_and_a_zoned_one_is_refused() -> None:
    moment = to_utc(date(2026, 3, 29), time(2, 30), "Europe/Paris")
    assert moment.astimezone(ZoneInfo("Europe/Paris")).time() == time(3, 30)
    with pytest.raises(ValueError, match="no zone"):
        to_utc(TUESDAY, time(2, tzinfo=UTC), "Europe/Paris")


@pytest.mark.parametrize(
    ("tz", "day", "start", "end", "opens", "minutes"),
    [
        ("Europe/Paris", "2026-03-03", "14:00", "16:00", "2026-03-03T13:00", 120),
        ("Europe/Paris", "2026-03-29", "01:00", "04:00", "2026-03-29T00:00", 120),
        ("Europe/Paris", "2026-03-29", "02:00", "03:00", "2026-03-29T01:00", 60),
        ("Europe/Paris", "2026-03-29", "02:30", "03:15", "2026-03-29T01:30", 45),
        ("Europe/Paris", "2026-03-29", "02:30", "04:30", "2026-03-29T01:30", 120),
        ("Europe/Paris", "2026-03-29", "01:30", "02:30", "2026-03-29T00:30", 60),
        ("Europe/Paris", "2026-10-25", "01:00", "04:00", "2026-10-24T23:00", 240),
        ("Europe/Paris", "2026-10-25", "02:15", "02:45", "2026-10-25T00:15", 30),
        ("Pacific/Noumea", "2026-03-29", "09:00", "11:30", "2026-03-28T22:00", 150),
    ],
)
def test_interval_utc(tz: str, day: str, start: str, end: str, opens: str, minutes: int) -> None:
    first, last = interval_utc(date.fromisoformat(day), time.fromisoformat(start), time.fromisoformat(end), tz)
    assert first == datetime.fromisoformat(opens).replace(tzinfo=UTC)
    assert last - first == timedelta(minutes=minutes)


@pytest.mark.parametrize(("start", "end"), [(time(14), time(14)), (time(22), time(1))])
def test_an_end_before_its_start_is_refused(start: time, end: time) -> None:
    with pytest.raises(RecurrenceError, match="après l’heure de début"):
        interval_utc(TUESDAY, start, end, "Europe/Paris")


@given(
    day=st.dates(date(2025, 1, 1), date(2030, 1, 1)),
    start=st.times(),
    end=st.times(),
    tz=st.sampled_from(["Europe/Paris", "America/Miquelon", "Indian/Reunion", "Pacific/Noumea"]),
)
def test_a_session_always_ends_after_it_starts(day: date, start: time, end: time, tz: str) -> None:
    if end > start:
        opens, closes = interval_utc(day, start, end, tz)
        assert opens < closes


@pytest.mark.parametrize(
    ("now", "delay", "tz", "last"),
    [
        ("2026-03-03T12:00", 90, "Europe/Paris", "2026-09-03"),
        ("2026-03-03T12:00", 300, "Europe/Paris", "2026-12-28"),
        ("2026-03-03T12:00", 5000, "Europe/Paris", "2028-03-03"),
        ("2026-03-03T12:00", 0, "Europe/Paris", "2026-09-03"),
        ("2026-08-31T12:00", 0, "Europe/Paris", "2027-02-28"),
        ("2026-03-03T20:00", 90, "Pacific/Noumea", "2026-09-04"),
        ("2026-03-03T02:00", 90, "America/Martinique", "2026-09-02"),
    ],
)
def test_horizon(now: str, delay: int, tz: str, last: str) -> None:
    assert horizon(datetime.fromisoformat(now).replace(tzinfo=UTC), delay, tz) == date.fromisoformat(last)


# --- ended, and going on ----------------------------------------------------------------------------------------------

FIRST = date(2026, 12, 1)


@pytest.mark.parametrize(
    ("rule", "day", "until", "skipped"),
    [
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU", date(2026, 12, 15), date(2026, 12, 14), set()),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;UNTIL=20261208", date(2026, 12, 15), date(2026, 12, 8), set()),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;COUNT=9", date(2026, 12, 15), date(2026, 12, 14), set()),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;COUNT=2", date(2026, 12, 15), None, set()),
        ("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU", FIRST, FIRST, {FIRST}),
        ("FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=15", date(2026, 11, 1), FIRST, {FIRST}),
        ("", date(2026, 12, 15), None, set()),
        ("", FIRST, None, {FIRST}),
    ],
)
def test_a_rule_ended_before_a_day_keeps_what_came_before_and_nothing_after(
    rule: str, day: date, until: date | None, skipped: set[date]
) -> None:
    before = Recurrence.from_rrule(rule)
    ended, out = ended_before(FIRST, before, day)
    assert (ended.until, out) == (until, skipped)
    far = date(2028, 1, 1)
    kept = [one for one in occurrences(FIRST, before, frozenset(), FIRST, far) if one < day]
    assert occurrences(FIRST, ended, out, FIRST, far) == kept


@pytest.mark.parametrize("rule", ["BYDAY=TU;COUNT=9", "BYDAY=TU,TH", "BYDAY=TU;UNTIL=20270223"])
@pytest.mark.parametrize("interval", [1, 2, 3])
def test_what_goes_on_keeps_its_rhythm_and_its_count(rule: str, interval: int) -> None:
    whole = Recurrence.from_rrule(f"FREQ=WEEKLY;INTERVAL={interval};{rule}")
    far = date(2027, 12, 31)
    every = occurrences(FIRST, whole, frozenset(), FIRST, far)
    for day in (every[2], every[2] - timedelta(days=1)):
        first, rest = going_on(FIRST, whole, day)
        assert occurrences(first, rest, frozenset(), first, far) == every[2:]


def test_after_the_last_date_only_a_single_one_goes_on() -> None:
    over = Recurrence.from_rrule("FREQ=WEEKLY;INTERVAL=1;BYDAY=TU;COUNT=2")
    assert going_on(FIRST, over, date(2027, 1, 5)) == (date(2027, 1, 5), Recurrence())
    assert going_on(FIRST, Recurrence(), FIRST) == (FIRST, Recurrence())
