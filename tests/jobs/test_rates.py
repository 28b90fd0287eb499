"""A provider's rate holds for all workers, and one that asks for time gets it; no attempt is lost by it."""

import threading
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


def test_texts_keep_the_rate_and_mails_do_not_wait_for_them(
    make_app: MakeApp, providers: dict[str, object], sms: SmsSink, smtp: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "WORK_SECONDS", 3.0)
    with make_app(**providers, SMS_RATE=5).app_context():
        booked(20)
        began = time.monotonic()
        deliver("default")
        took = time.monotonic() - began
        assert len(smtp.mails) == 20
        assert 2 <= len(sms.requests) <= 5 * took + 2
        assert took < 6
        assert untried(Canal.SMS) == 20 - len(sms.requests)


def test_two_workers_share_one_rate(make_app: MakeApp, providers: dict[str, object], sms: SmsSink) -> None:
    app = make_app(**providers, SMS_RATE=20)
    with app.app_context():
        booked(50)
    began = time.monotonic()

    def work() -> None:
        with app.app_context():
            deliver("default")

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    took = time.monotonic() - began
    assert 20 <= len(sms.requests) <= 20 * took + 2
    with app.app_context():
        assert untried(Canal.SMS) == 50 - len(sms.requests)


def test_a_run_hints_again_and_a_slow_rate_rests(
    make_app: MakeApp, providers: dict[str, object], sms: SmsSink, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One text in ten seconds: the next one is nobody's to wait for, and no run looks for it meanwhile."""
    monkeypatch.setattr(messages, "WORK_SECONDS", 1.5)  # time enough for the first ones on a busy machine
    client = redis.Redis.from_url(valkey.url)
    with make_app(**providers, SMS_RATE=0.1).app_context():
        booked(3)
        client.delete(wake.key("default"))
        assert deliver("default") == 4
        assert client.exists(wake.key("default"))
        assert 6 < ttl(valkey) <= 10
        began = time.monotonic()
        assert deliver("default") == 0
        assert time.monotonic() - began < 1.0  # it does not wait for a turn
        assert not client.exists(wake.key("default"))  # the clock asks again
        assert untried(Canal.SMS) == 2


def test_a_turn_is_taken_or_not(make_app: MakeApp, providers: dict[str, object]) -> None:
    with make_app(**providers, SMS_RATE=10).app_context():
        assert rates.turn(Canal.COURRIEL, 0) == rates.turn(Canal.COURRIEL, 0) == 0
        assert rates.turn(Canal.SMS, 0) == 0
        assert -0.1 <= rates.turn(Canal.SMS, 0.01) < -0.05
        first, second = rates.turn(Canal.SMS, 1), rates.turn(Canal.SMS, 1)
        assert 0.05 < first <= 0.1 and 0.15 < second <= 0.2
        assert -0.3 <= rates.turn(Canal.SMS, 0.1) < -0.2


def test_without_redis_each_process_keeps_the_rate(
    make_app: MakeApp, providers: dict[str, object], sms: SmsSink, smtp: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "WORK_SECONDS", 1.2)
    monkeypatch.setattr(rates, "_own", {})
    gone = make_app(**providers, SMS_RATE=5, MAIL_RATE=100, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    with gone.app_context():
        booked(20)
        deliver("default")
        assert 4 <= len(sms.requests) <= 7
        assert len(smtp.mails) == 20
        assert untried(Canal.SMS) == 20 - len(sms.requests)


# --- a provider that has too much to do --------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("said", "seconds"), [("40", 40), ("", 5), ("86400", 900), ("0", 1), ("date", 120)], ids=str)
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
    if said == "date":
        said = format_datetime(utcnow() + timedelta(seconds=seconds), usegmt=True)
    sms.headers = {"Retry-After": said} if said else {}
    with make_app(**providers).app_context():
        booked(15)
        assert deliver("default") == 15
        assert len(sms.requests) == 1
        assert len(smtp.mails) == 15
        assert untried(Canal.SMS) == 14
        [tried] = [row for row in rows(Canal.SMS) if row.tentatives]
        assert tried.a_envoyer_le > utcnow() + timedelta(seconds=max(seconds - 3, 20))
        assert max(seconds - 3, 0) < ttl(valkey) <= seconds
        sms.status = 200
        assert deliver("default") == 0
        redis.Redis.from_url(valkey.url).delete(f"{wake.RESTING}{Canal.SMS}")
        assert deliver("default") == 14


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
