"""When a reminder leaves, by example: day and night, late joiners, outages, DST, overseas."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.reminders import Due, NotYet, Skip, due, may_leave, next_opening, send_at

PARIS, MIQUELON, REUNION, NOUMEA = "Europe/Paris", "America/Miquelon", "Indian/Reunion", "Pacific/Noumea"
ZONES = [PARIS, MIQUELON, REUNION, NOUMEA, "America/Martinique"]


def at(text: str, tz: str = PARIS) -> datetime:
    """The moment when clocks in `tz` show `text`."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz)).astimezone(UTC)


@pytest.mark.parametrize(
    ("tz", "starts", "delay", "leaves"),
    [
        (PARIS, "2026-03-05T14:00", 48, "2026-03-03T14:00"),
        (PARIS, "2026-03-05T08:00", 48, "2026-03-03T08:00"),
        (PARIS, "2026-03-05T07:59", 48, "2026-03-02T19:00"),
        (PARIS, "2026-03-05T19:59", 24, "2026-03-04T19:59"),
        (PARIS, "2026-03-05T20:00", 24, "2026-03-04T19:00"),
        (PARIS, "2026-03-05T23:30", 24, "2026-03-04T19:00"),
        (PARIS, "2026-03-05T09:00", 2, "2026-03-04T19:00"),
        (PARIS, "2026-03-05T10:00", 2, "2026-03-05T08:00"),
        # elapsed hours: the wall clock moves by one over the change of 29 March and of 25 October
        (PARIS, "2026-03-30T14:00", 48, "2026-03-28T13:00"),
        (PARIS, "2026-03-30T08:30", 48, "2026-03-27T19:00"),
        (PARIS, "2026-10-26T14:00", 48, "2026-10-24T15:00"),
        (PARIS, "2026-10-26T19:30", 48, "2026-10-24T19:00"),
        (MIQUELON, "2026-03-09T14:00", 48, "2026-03-07T13:00"),
        (REUNION, "2026-03-30T14:00", 48, "2026-03-28T14:00"),
        (NOUMEA, "2026-03-30T07:30", 48, "2026-03-27T19:00"),
    ],
)
def test_send_at(tz: str, starts: str, delay: int, leaves: str) -> None:
    assert send_at(at(starts, tz), delay, tz) == at(leaves, tz)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-03-03T07:59", "2026-03-03T08:00"),
        ("2026-03-03T08:00", "2026-03-03T08:00"),
        ("2026-03-03T19:59", "2026-03-03T19:59"),
        ("2026-03-03T20:00", "2026-03-04T08:00"),
        ("2026-03-03T00:00", "2026-03-03T08:00"),
        ("2026-03-28T22:00", "2026-03-29T08:00"),
    ],
)
@pytest.mark.parametrize("tz", ZONES)
def test_next_opening(now: str, opens: str, tz: str) -> None:
    assert next_opening(at(now, tz), tz) == at(opens, tz)
    assert may_leave(at(now, tz), tz) is (now == opens)


TOO_LATE = Skip("La moitié du délai de ce rappel est passée.")
TOO_CLOSE = Skip("Le rendez-vous commence dans moins de deux heures.")
JOINED_LATE = Skip("Inscription après l’heure prévue de ce rappel.")


@pytest.mark.parametrize(
    ("starts", "delay", "joined", "now", "answer"),
    [
        # two days before, in the afternoon
        ("2026-03-05T14:00", 48, "2026-02-20T10:00", "2026-03-03T13:59", NotYet(at("2026-03-03T14:00"))),
        ("2026-03-05T14:00", 48, "2026-02-20T10:00", "2026-03-03T14:00", Due()),
        ("2026-03-05T14:00", 48, "2026-02-20T10:00", "2026-03-04T13:59", Due()),
        ("2026-03-05T14:00", 48, "2026-02-20T10:00", "2026-03-04T14:00", TOO_LATE),
        ("2026-03-05T14:00", 48, "2026-02-20T10:00", "2026-03-06T10:00", TOO_LATE),
        # who joins at the last moment, and just too late; the later reminder of the same session still comes
        ("2026-03-05T14:00", 48, "2026-03-03T14:00", "2026-03-03T14:00", Due()),
        ("2026-03-05T14:00", 48, "2026-03-03T14:01", "2026-03-03T14:02", JOINED_LATE),
        ("2026-03-05T14:00", 24, "2026-03-03T14:01", "2026-03-04T14:00", Due()),
        # due at 7:30 in the morning: the evening before; caught up by day after an outage
        ("2026-03-05T07:30", 48, "2026-02-20T10:00", "2026-03-02T18:59", NotYet(at("2026-03-02T19:00"))),
        ("2026-03-05T07:30", 48, "2026-02-20T10:00", "2026-03-02T19:00", Due()),
        ("2026-03-05T07:30", 48, "2026-02-20T10:00", "2026-03-02T20:00", NotYet(at("2026-03-03T08:00"))),
        ("2026-03-05T07:30", 48, "2026-02-20T10:00", "2026-03-03T08:00", Due()),
        # joined in the evening after the reminders of that night had left: told in the morning
        ("2026-03-05T23:00", 48, "2026-03-03T21:00", "2026-03-03T21:01", NotYet(at("2026-03-04T08:00"))),
        # an outage in the evening: the morning is too late, or just in time
        ("2026-03-05T18:00", 24, "2026-02-20T10:00", "2026-03-04T20:30", TOO_LATE),
        ("2026-03-05T21:00", 24, "2026-02-20T10:00", "2026-03-04T20:30", NotYet(at("2026-03-05T08:00"))),
        ("2026-03-05T21:00", 24, "2026-02-20T10:00", "2026-03-05T08:59", Due()),
        # three hours before: only while there are two left
        ("2026-03-05T14:00", 3, "2026-02-20T10:00", "2026-03-05T12:00", Due()),
        ("2026-03-05T14:00", 3, "2026-02-20T10:00", "2026-03-05T12:01", TOO_CLOSE),
        ("2026-03-05T14:00", 1, "2026-02-20T10:00", "2026-03-05T10:00", TOO_CLOSE),
        # over the change of 29 March: 48 elapsed hours, half of them
        ("2026-03-30T14:00", 48, "2026-02-20T10:00", "2026-03-28T12:59", NotYet(at("2026-03-28T13:00"))),
        ("2026-03-30T14:00", 48, "2026-02-20T10:00", "2026-03-28T13:00", Due()),
        ("2026-03-30T14:00", 48, "2026-02-20T10:00", "2026-03-29T14:00", TOO_LATE),
    ],
)
def test_due(starts: str, delay: int, joined: str, now: str, answer: Due | NotYet | Skip) -> None:
    assert due(at(starts), delay, at(joined), at(now), PARIS) == answer


def test_overseas_has_its_own_night() -> None:
    starts, joined = at("2026-03-05T07:30", NOUMEA), at("2026-02-20T10:00", NOUMEA)
    assert due(starts, 48, joined, at("2026-03-02T18:00", NOUMEA), NOUMEA) == NotYet(at("2026-03-02T19:00", NOUMEA))
    assert due(starts, 48, joined, at("2026-03-02T19:00", NOUMEA), NOUMEA) == Due()
    assert due(starts, 48, joined, at("2026-03-02T19:00", NOUMEA), PARIS) != Due()  # 9:00 in Paris, due 21:30 there


@given(
    starts=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    delay=st.integers(1, 24 * 21),
    before=st.integers(0, 24 * 30 * 60),
    tz=st.sampled_from(ZONES),
)
def test_what_leaves_leaves_by_day_in_time_and_after_waiting(
    starts: datetime, delay: int, before: int, tz: str
) -> None:
    now, joined = starts - timedelta(minutes=before), starts - timedelta(days=60)
    answer = due(starts, delay, joined, now, tz)
    planned = send_at(starts, delay, tz)
    assert may_leave(planned, tz)
    assert planned <= starts - timedelta(hours=delay)
    if isinstance(answer, Due):
        assert may_leave(now, tz)
        assert now >= planned
        assert starts - now >= timedelta(hours=2)
    if isinstance(answer, NotYet):
        assert answer.at > now
        assert due(starts, delay, joined, answer.at, tz) == Due()
