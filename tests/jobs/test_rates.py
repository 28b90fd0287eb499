"""A provider's rate holds for all workers, and one that asks for time gets it; no attempt is lost by it."""

import time
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import pytest
import redis
from flask import Flask
from sqlalchemy import select

from dev.servers import Valkey, free_port
from tests.outbox import booked
from tests.servers import SmsSink, SmtpSink
from webapp.clock import utcnow
from webapp.extensions import db
from webapp.jobs import messages, rates
from webapp.jobs.messages import deliver
from webapp.models import Canal, Notification
from webapp.notifications import wake

MakeApp = Callable[..., Flask]
# Rates are counted in Redis: it is the same whatever the database.
one_database = pytest.mark.parametrize("base", ["sqlite"], indirect=True)


@pytest.fixture
def providers(sms: SmsSink, smtp: SmtpSink) -> dict[str, object]:
    return {"SMS_URL": sms.url, "MAIL_SERVER": smtp.host, "MAIL_PORT": smtp.port}


def rows(canal: Canal) -> list[Notification]:
    db.session.rollback()
    return list(
        db.session.scalars(
            select(Notification)
            .where(Notification.canal == canal)
            .order_by(Notification.id)
            .execution_options(populate_existing=True)
        )
    )


def untried(canal: Canal) -> int:
    """Rows given back as they were before anybody claimed them."""
    return sum(
        (row.etat.value, row.tentatives, row.claimed_until) == ("a_envoyer", 0, None) and row.a_envoyer_le <= utcnow()
        for row in rows(canal)
    )


def ttl(valkey: Valkey) -> float:
    """Seconds the texts' channel still rests."""
    left = redis.Redis.from_url(valkey.url).pttl(f"{wake.RESTING}{Canal.SMS}")
    return float(left) / 1000  # type: ignore[arg-type]


# --- our own rate ------------------------------------------------------------------------------------------------


def seconds(people: int) -> float:
    """How long it takes for that many texts and mails to leave."""
    booked(people)
    began = time.monotonic()
    assert deliver("default") == 2 * people
    return time.monotonic() - began


@one_database
def test_texts_leave_no_faster_than_their_rate(make_app: MakeApp, providers: dict[str, object]) -> None:
    with make_app(**providers, SMS_RATE=2).app_context():
        assert seconds(4) >= 3 / 2


@one_database
def test_without_redis_each_process_keeps_the_rate(
    make_app: MakeApp, providers: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "_own", {})
    gone = f"redis://127.0.0.1:{free_port()}/0"
    with make_app(**providers, SMS_RATE=2, MAIL_RATE=100, REDIS_URL=gone).app_context():
        assert seconds(4) >= 3 / 2


@one_database
def test_two_workers_share_one_rate(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []
    for _ in range(3):
        monkeypatch.setattr(rates, "_own", {})  # what a process knows alone
        with make_app(SMS_RATE=0.01).app_context():
            waits.append(rates.turn(Canal.SMS, 1000))
    assert waits[0] == 0 and 50 < waits[1] <= 100 and 150 < waits[2] <= 200


@one_database
def test_mails_do_not_wait_for_texts_and_a_slow_rate_rests(
    make_app: MakeApp, providers: dict[str, object], sms: SmsSink, smtp: SmtpSink, valkey: Valkey
) -> None:
    """One text in 100 s: the next one is nobody's to wait for, and no run looks for it meanwhile."""
    client = redis.Redis.from_url(valkey.url)
    with make_app(**providers, SMS_RATE=0.01).app_context():
        booked(3)
        client.delete(wake.key("default"))
        assert deliver("default") == 4
        assert (len(sms.requests), len(smtp.mails)) == (1, 3)
        assert client.exists(wake.key("default"))
        assert 50 < ttl(valkey) <= 100
        began = time.monotonic()
        assert deliver("default") == 0
        assert time.monotonic() - began < messages.WORK_SECONDS / 2  # it does not wait for a turn
        assert not client.exists(wake.key("default"))  # the clock asks again
        assert untried(Canal.SMS) == 2


@one_database
def test_a_turn_is_taken_or_not(make_app: MakeApp, providers: dict[str, object]) -> None:
    """One in 100 s, and 50 s for a machine that stalls."""
    with make_app(**providers, SMS_RATE=0.01).app_context():
        assert rates.turn(Canal.COURRIEL, 0) == rates.turn(Canal.COURRIEL, 0) == 0
        assert rates.turn(Canal.SMS, 0) == 0
        assert -100 <= rates.turn(Canal.SMS, 10) < -50
        assert 50 < rates.turn(Canal.SMS, 1000) <= 100
        assert -200 <= rates.turn(Canal.SMS, 100) < -150


# --- a provider that has too much to do --------------------------------------------------------------------------


@one_database
@pytest.mark.parametrize(
    ("status", "said", "seconds"),
    [(429, "40", 40), (503, "", 5), (429, "86400", 900), (503, "0", 1), (503, "date", 120)],
    ids=str,
)
def test_a_provider_that_asks_for_time_gets_it(
    make_app: MakeApp,
    providers: dict[str, object],
    sms: SmsSink,
    smtp: SmtpSink,
    valkey: Valkey,
    status: int,
    said: str,
    seconds: float,
) -> None:
    sms.status = status
    with make_app(**providers).app_context():
        booked(15)
        began = utcnow()
        if said == "date":
            said = format_datetime(began + timedelta(seconds=seconds), usegmt=True)  # in whole seconds
        sms.headers = {"Retry-After": said} if said else {}
        assert deliver("default") == 15
        rests = ttl(valkey)
        assert began + timedelta(seconds=seconds - 1.1) <= utcnow() + timedelta(seconds=max(rests, 0))
        assert rests <= seconds
        assert len(sms.requests) == 1
        assert len(smtp.mails) == 15
        assert untried(Canal.SMS) == 14
        [tried] = [row for row in rows(Canal.SMS) if row.tentatives]
        assert tried.a_envoyer_le >= began + timedelta(seconds=max(seconds - 1, 22.5))
        sms.status = 200
        if seconds > 30:  # a machine that stalls may see the end of a shorter one
            assert deliver("default") == 0
        redis.Redis.from_url(valkey.url).delete(f"{wake.RESTING}{Canal.SMS}")
        assert deliver("default") == 14


@one_database
def test_without_redis_the_run_itself_leaves_it_alone(
    make_app: MakeApp, providers: dict[str, object], sms: SmsSink, smtp: SmtpSink
) -> None:
    sms.status = 429
    gone = make_app(**providers, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    with gone.app_context():
        booked(12)
        assert deliver("default") == 12 == len(smtp.mails)
        assert len(sms.requests) == 1
        assert untried(Canal.SMS) == 11
