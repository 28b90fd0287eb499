"""The ground the other tests stand on: each starts on an empty database, on both kinds, with everything else real."""

import smtplib
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage

import pytest
import redis
from flask import Flask
from sqlalchemy import func, select

from dev.servers import Valkey
from tests.databases import Base
from tests.pages import PageClient
from tests.servers import Site, SmsSink, SmtpSink
from webapp.extensions import db
from webapp.models.organisation import Organisation


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_starts_on_an_empty_migrated_database(app: Flask, base: Base, turn: int) -> None:
    with app.app_context():
        assert db.engine.dialect.name == base.dialect
        assert db.session.scalar(select(func.count()).select_from(Organisation)) == 0
        db.session.add(Organisation(name="Essai", slug="essai"))
        db.session.flush()
        assert db.session.scalar(select(Organisation.id)) == 1
        db.session.commit()


def test_the_site_answers(client: PageClient) -> None:
    assert client.get("/healthz").status == 200


def test_valkey_comes_back_after_a_test_that_stopped_it(valkey: Valkey) -> None:
    redis.Redis.from_url(valkey.url).set("a", "b")
    valkey.stop()
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(valkey.url).ping()


def test_valkey_is_empty_and_up(valkey: Valkey) -> None:
    assert redis.Redis.from_url(valkey.url).dbsize() == 0


def test_the_smtp_server_keeps_what_it_takes(smtp: SmtpSink) -> None:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = "Atelier numérique", "a@exemple.fr", "b@exemple.fr"
    mail.set_content("À bientôt")
    with smtplib.SMTP(smtp.host, smtp.port) as connection:
        connection.send_message(mail)
        smtp.answer = "451 plus tard"
        with pytest.raises(smtplib.SMTPDataError):
            connection.send_message(mail)
    [taken] = smtp.mails
    assert taken.recipients == ["b@exemple.fr"]
    assert taken.message["Subject"] == "Atelier numérique"


def test_the_sms_provider_keeps_what_it_is_asked(sms: SmsSink) -> None:
    urllib.request.urlopen(urllib.request.Request(sms.url, b'{"to": "+33612345678"}', method="POST")).close()
    assert [request.json() for request in sms.requests] == [{"to": "+33612345678"}]


def test_no_test_leaves_this_machine() -> None:
    with pytest.raises(OSError, match="don't leave this machine"):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open("http://192.0.2.1/", timeout=2)


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
def test_the_procfile_starts_the_site(live_server: Callable[..., Site], base: Base) -> None:
    site = live_server(processes=("web",))
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{site.url}/healthz", timeout=5) as answer:
        assert answer.status == 200
    site.kill("web")
    assert not site.children["web"].alive()
