"""What the clock tells agents, as tables: minimum, morning digest, messages that wait."""

from datetime import UTC, date, datetime, timedelta

import pytest

from webapp.domain.alertes import digest_due, stuck, to_decide, under_minimum, working_day

START = datetime(2026, 3, 5, 13, tzinfo=UTC)
MADE = START - timedelta(days=20)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


@pytest.mark.parametrize(
    ("now", "prises", "minimum", "cree_le", "due"),
    [
        (START - hours(49), 2, 4, MADE, False),  # not yet
        (START - hours(48), 2, 4, MADE, True),
        (START - hours(37), 2, 4, MADE, True),  # an outage is caught up
        (START - hours(36), 2, 4, MADE, False),  # too late to be news
        (START, 2, 4, MADE, False),  # it has begun
        (START - hours(48), 4, 4, MADE, False),  # enough
        (START - hours(48), 0, None, MADE, False),  # no minimum
        (START - hours(20), 0, 4, START - hours(30), False),  # made after the delay
        (START - hours(48), 0, 1, START - hours(48), True),
    ],
)
def test_under_its_minimum(now: datetime, prises: int, minimum: int | None, cree_le: datetime, due: bool) -> None:
    said = under_minimum(prises=prises, minimum=minimum, heures=48, starts_at=START, cree_le=cree_le, now=now)
    assert said is due


@pytest.mark.parametrize(
    ("moment", "tz", "day"),
    [
        ("2026-03-03T05:59Z", "Europe/Paris", None),  # 6:59
        ("2026-03-03T06:00Z", "Europe/Paris", "2026-03-03"),
        ("2026-03-03T10:59Z", "Europe/Paris", "2026-03-03"),  # caught up until noon
        ("2026-03-03T11:00Z", "Europe/Paris", None),
        ("2026-03-07T08:00Z", "Europe/Paris", None),  # Saturday
        ("2026-05-01T08:00Z", "Europe/Paris", None),  # Labour Day
        ("2026-07-14T08:00Z", "Europe/Paris", None),
        ("2026-04-06T08:00Z", "Europe/Paris", None),  # Easter Monday
        ("2026-03-29T06:00Z", "Europe/Paris", None),  # Sunday of the change of hour
        ("2026-03-30T05:00Z", "Europe/Paris", "2026-03-30"),  # 7:00, summer time since the day before
        ("2026-03-03T11:00Z", "America/Martinique", "2026-03-03"),  # 7:00 there
        ("2026-05-22T12:00Z", "America/Martinique", None),  # abolition of slavery
        ("2026-05-22T06:00Z", "Europe/Paris", "2026-05-22"),
        ("2026-12-20T05:00Z", "Indian/Reunion", None),  # a Sunday, and the abolition there
        ("2026-03-03T03:00Z", "Indian/Reunion", "2026-03-03"),
    ],
)
def test_the_morning_of_a_digest(moment: str, tz: str, day: str | None) -> None:
    found = digest_due(datetime.fromisoformat(moment), tz)
    assert (found.isoformat() if found else None) == day


def test_working_days_overseas() -> None:
    assert not working_day(date(2027, 12, 20), "Indian/Reunion")  # a Monday
    assert working_day(date(2027, 12, 20), "Europe/Paris")


@pytest.mark.parametrize(
    ("before", "prises", "minimum", "asked"),
    [(49, 2, 4, False), (48, 2, 4, True), (1, 2, 4, True), (0, 2, 4, False), (24, 4, 4, False), (24, 0, None, False)],
)
def test_keep_or_cancel_is_asked_from_the_delay_to_the_start(
    before: float, prises: int, minimum: int | None, asked: bool
) -> None:
    now = START - hours(before)
    assert to_decide(minimum=minimum, prises=prises, heures=48, starts_at=START, now=now) is asked


@pytest.mark.parametrize(("minutes", "said"), [(None, False), (0, False), (10, False), (10.1, True), (600, True)])
def test_messages_that_wait(minutes: float | None, said: bool) -> None:
    oldest = None if minutes is None else START - timedelta(minutes=minutes)
    assert stuck(oldest, START) is said
