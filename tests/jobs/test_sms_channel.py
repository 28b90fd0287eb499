"""How texts are asked of a provider, and what its answers mean: the real channel against a real HTTP server."""

import json
import pathlib
import re
import shlex
import time
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from flask import Flask

from tests.databases import settings
from tests.servers import SmsRequest, SmsSink
from webapp import config
from webapp.clock import utcnow
from webapp.config import ConfigError
from webapp.models import Canal
from webapp.notifications import channels
from webapp.notifications.channels import sms as sms_channel
from webapp.notifications.channels.sms import seconds_to_wait
from webapp.notifications.outgoing import Outgoing

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/sms.md"
TEXT = 'Séance « L’été "libre" »\n{from} \\ 🎉 {to}'
TO = "+33639980077"
MakeApp = Callable[..., Flask]

one_database = pytest.mark.parametrize("base", ["sqlite"], indirect=True)  # nothing of this reads the database


def text(**fields: Any) -> Outgoing:
    return Outgoing(
        **{"canal": Canal.SMS, "key": "cle-1", "to": TO, "text": TEXT, "kept": "", "sender": "MDS", **fields}
    )


def sent(app: Flask, message: Outgoing | None = None) -> str:
    with app.app_context(), channels.opened() as made:
        channel = made.of(Canal.SMS)
        assert channel is not None
        return channel.send(message or text())


def documented() -> dict[str, dict[str, str]]:
    """Provider → the settings docs/sms.md gives for it."""
    part = DOCUMENT.read_text().partition("## Three French providers")[2].partition("## Others")[0]
    blocks = re.findall(r"^### (\w+)\n\n```sh\n(.*?)```", part, flags=re.DOTALL | re.MULTILINE)
    return {name: dict(line.partition("=")[::2] for line in shlex.split(block)) for name, block in blocks}


def test_three_providers_are_documented() -> None:
    assert list(documented()) == ["SMSFactor", "Octopush", "Brevo"]


def asked(make_app: MakeApp, sms: SmsSink, provider: str, message: Outgoing | None = None) -> SmsRequest:
    """What arrives when the site has the documented settings, but for the host."""
    given = documented()[provider]
    assert given["SMS_URL"].startswith("https://")
    sent(make_app(**{**given, "SMS_URL": sms.url}), message)
    return sms.requests[-1]


@one_database
def test_smsfactor(make_app: MakeApp, sms: SmsSink) -> None:
    sms.answer = {"status": 1, "message": "OK", "ticket": "14672468", "sent": 1}
    request = asked(make_app, sms, "SMSFactor")
    assert request.headers["Authorization"] == "Bearer YOUR_TOKEN"
    assert request.headers["Accept"] == request.headers["Content-Type"] == "application/json"
    assert request.json() == {
        "sms": {
            "message": {"text": TEXT, "sender": "MDS", "pushtype": "alert"},
            "recipients": {"gsm": [{"gsmsmsid": "cle-1", "value": "33639980077"}]},
        }
    }


@one_database
@pytest.mark.parametrize(
    ("status", "error"),
    [(-8, None), (-7, channels.Permanent), (-3, channels.Temporary), (-99, channels.Temporary)],
)
def test_smsfactor_says_no_in_a_200(
    make_app: MakeApp, sms: SmsSink, status: int, error: type[Exception] | None
) -> None:
    app = make_app(**{**documented()["SMSFactor"], "SMS_URL": sms.url})
    sms.answer = {"status": status, "message": "..."}
    if error is None:
        assert sent(app) == ""
    else:
        with pytest.raises(error):
            sent(app)


@one_database
def test_octopush(make_app: MakeApp, sms: SmsSink) -> None:
    request = asked(make_app, sms, "Octopush")
    assert (request.headers["api-login"], request.headers["api-key"]) == ("YOUR_LOGIN@EXEMPLE.FR", "YOUR_KEY")
    assert request.json() == {
        "recipients": [{"phone_number": TO}],
        "text": TEXT,
        "sender": "MDS",
        "type": "sms_premium",
        "purpose": "alert",
        "request_id": "cle-1",
        "auto_optimize_text": False,
    }


@one_database
def test_brevo(make_app: MakeApp, sms: SmsSink) -> None:
    sms.status, sms.answer = 201, {"messageId": 1511882900176220}
    request = asked(make_app, sms, "Brevo")
    assert request.headers["api-key"] == "YOUR_KEY"
    assert request.json() == {
        "recipient": "33639980077",
        "sender": "MDS",
        "content": TEXT,
        "type": "transactional",
        "unicodeEnabled": True,
    }
    assert sent(make_app(**{**documented()["Brevo"], "SMS_URL": sms.url})) == "1511882900176220"


@one_database
@pytest.mark.parametrize("provider", sorted(documented()))
def test_no_sender_no_key(make_app: MakeApp, sms: SmsSink, provider: str) -> None:
    sms.answer = {"status": 1}
    request = asked(make_app, sms, provider, text(sender=""))
    assert "sender" not in request.body


@one_database
def test_by_default_three_values_and_two_headers(make_app: MakeApp, sms: SmsSink) -> None:
    sms.answer = {"id": "abc"}
    assert sent(make_app(SMS_URL=sms.url, SMS_AUTHORIZATION="Bearer clef")) == "abc"
    [request] = sms.requests
    assert request.method == "POST"
    assert request.json() == {"to": TO, "from": "MDS", "text": TEXT}
    assert (request.headers["Idempotency-Key"], request.headers["Authorization"]) == ("cle-1", "Bearer clef")


@one_database
def test_a_form_another_method_another_header(make_app: MakeApp, sms: SmsSink) -> None:
    body = {"numero": "00{to_digits}", "emetteur": "{from}", "message": "{text}", "stop": "0"}
    sms.answer = {"messages": [{"id": 7}]}
    app = make_app(
        SMS_URL=sms.url,
        SMS_METHOD="PUT",
        SMS_FORMAT="form",
        SMS_BODY=json.dumps(body),
        SMS_KEY_HEADER="X-Ref",
        SMS_ID_PATH="messages.0.id",
    )
    assert sent(app) == "7"
    assert sent(app, text(sender="")) == "7"
    first, second = sms.requests
    assert first.method == "PUT"
    assert first.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert first.headers["X-Ref"] == "cle-1"
    assert parse_qs(first.body) == {"numero": ["0033639980077"], "emetteur": ["MDS"], "message": [TEXT], "stop": ["0"]}
    assert "emetteur" not in second.body


@one_database
@pytest.mark.parametrize(
    ("statuses", "status", "error"),
    [
        ("409=sent", 409, None),
        ("4xx=permanent", 404, channels.Permanent),
        ("4xx=permanent 404=temporary", 404, channels.Temporary),
        ("202=temporary", 202, channels.Temporary),
        ("5xx=permanent", 503, channels.Permanent),
        ("", 302, channels.Temporary),
    ],
)
def test_a_table_of_statuses(
    make_app: MakeApp, sms: SmsSink, statuses: str, status: int, error: type[Exception] | None
) -> None:
    sms.status = status
    app = make_app(SMS_URL=sms.url, SMS_STATUSES=statuses)
    if error is None:
        assert sent(app)
    else:
        with pytest.raises(error):
            sent(app)


@one_database
def test_an_odd_answer_sends_nothing_twice(make_app: MakeApp, sms: SmsSink) -> None:
    app = make_app(SMS_URL=sms.url, SMS_RESULT_PATH="a.0.b", SMS_RESULTS="ok=sent *=permanent")
    for answer in ({"a": "?"}, {"a": []}, {"a": [{"b": None}]}, {"a": [{"b": {"c": 1}}]}):
        sms.answer = answer
        assert sent(app) == ""
    sms.answer = {"a": [{"b": False}]}
    with pytest.raises(channels.Permanent):
        sent(app)


@one_database
def test_one_connection_serves_many_texts(make_app: MakeApp, sms: SmsSink) -> None:
    app = make_app(SMS_URL=sms.url.replace("127.0.0.1", "localhost"))
    with app.app_context(), channels.opened() as made:
        for status in (200, 400, 500, 201):
            sms.status = status
            try:
                made.of(Canal.SMS).send(text())  # type: ignore[union-attr]
            except (channels.Permanent, channels.Temporary):
                assert status in (400, 500)
    assert (len(sms.requests), sms.connections) == (4, 1)


@one_database
def test_an_answer_that_drips_is_not_waited_for(
    make_app: MakeApp, sms: SmsSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status came in time: the text is taken, whatever the end of the answer would have said."""
    monkeypatch.setattr(sms_channel, "TIMEOUT", timedelta(seconds=0.5))
    sms.drip_seconds = 0.2
    began = time.monotonic()
    assert sent(make_app(SMS_URL=sms.url)) == ""
    assert time.monotonic() - began < 8  # all of it takes longer


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("SMS_URL", "ftp://exemple.fr", "adresse http"),
        ("SMS_METHOD", "GET", "POST, PUT"),
        ("SMS_FORMAT", "xml", "json, form"),
        ("SMS_HEADERS", "{", "JSON"),
        ("SMS_HEADERS", '{"a b": "c"}', "nom d’en-tête"),
        ("SMS_HEADERS", '{"a": "b\\r\\nc"}', "en-tête"),
        ("SMS_HEADERS", '{"a": 1}', "un texte"),
        ("SMS_BODY", "{", "JSON"),
        ("SMS_BODY", '{"to": "{to}", "text": "{texte}"}', "{texte}"),
        ("SMS_BODY", '{"to": "{to}"}', "{text}"),
        ("SMS_BODY", '{"text": "{text}"}', "{to}"),
        ("SMS_KEY_HEADER", "une clef", "nom d’en-tête"),
        ("SMS_STATUSES", "400", "valeur=sent"),
        ("SMS_STATUSES", "400=parti", "valeur=sent"),
        ("SMS_STATUSES", "4000=sent", "statut HTTP"),
        ("SMS_RESULTS", "1=sent", "vont ensemble"),
        ("SMS_RESULT_PATH", "status", "vont ensemble"),
        ("SMS_RATE", "vite", "messages par seconde"),
        ("MAIL_RATE", "-1", "messages par seconde"),
        ("SMS_URL", "apprise+json://localhost/", "{to}"),
        ("SMS_URL", "apprise+cela://{to}", "ne comprend pas"),
    ],
)
def test_a_wrong_setting_is_one_line(setting: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        config.load(settings("sqlite:///nothing.sqlite3", **{setting: value}))
    assert setting in str(refused.value)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_form_is_flat() -> None:
    nested = {"SMS_FORMAT": "form", "SMS_BODY": '{"to": ["{to}"], "text": "{text}"}'}
    with pytest.raises(ConfigError, match="formulaire"):
        config.load(settings("sqlite:///nothing.sqlite3", **nested))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("120", 120), ("0", 0), ("", 5), ("bientôt", 5), ("-3", 5)],
)
def test_what_retry_after_may_say(said: str, seconds: float) -> None:
    assert seconds_to_wait(said) == seconds


def test_retry_after_may_be_a_date() -> None:
    later = utcnow() + timedelta(seconds=90)
    assert 85 < seconds_to_wait(format_datetime(later, usegmt=True)) <= 90
    assert seconds_to_wait(format_datetime(utcnow() - timedelta(hours=1), usegmt=True)) == 0


# --- apprise -----------------------------------------------------------------------------------------------------


@one_database
def test_apprise_serves_what_our_channel_does_not(
    make_app: MakeApp, sms: SmsSink, caplog: pytest.LogCaptureFixture
) -> None:
    address = sms.url.replace("http://", "apprise+json://") + "/{to_digits}?-from={from}&+X-Key={key}"
    app = make_app(SMS_URL=address)
    assert sent(app, text(sender="M&D S")) == ""
    [request] = sms.requests
    assert request.path == "/sms/33639980077?from=M%26D+S"
    assert request.headers["X-Key"] == "cle-1"
    assert TEXT.replace("\n", "") in request.json()["message"].replace("\n", "")
    sms.status = 500
    with pytest.raises(channels.Temporary):
        sent(app)
    sms.status = 400
    with pytest.raises(channels.Temporary):  # it does not say why
        sent(app)
    assert "3363998" not in caplog.text


@one_database
def test_apprise_that_raises_is_a_failure_for_now(
    make_app: MakeApp, sms: SmsSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    import apprise

    app = make_app(SMS_URL=sms.url.replace("http://", "apprise+json://") + "/{to_digits}")

    def broken(*_: object, **__: object) -> bool:
        raise RuntimeError(TO)

    monkeypatch.setattr(apprise.plugins.NotifyBase, "notify", broken)
    with pytest.raises(channels.Temporary, match="RuntimeError"):
        sent(app)


def test_without_apprise_its_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install"):
        config.load(settings("sqlite:///nothing.sqlite3", SMS_URL="apprise+json://localhost/{to}"))
