"""Whom a limit counts: an IPv4 address, or the subscriber an IPv6 address belongs to."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.desk import sqlite_only  # noqa: F401
from tests.pages import PageClient
from tests.visitors import PERSON, session
from webapp.extensions import limiter, visitor
from webapp.web.public import limites

ONE, NEIGHBOUR, ELSEWHERE = "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.7", "198.51.100.7"),
        (ONE, "2001:db8:1:2::/64"),
        (NEIGHBOUR, "2001:db8:1:2::/64"),
        (ELSEWHERE, "2001:db8:1:3::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("::ffff:198.51.100.8", "198.51.100.8"),
        ("", "inconnue"),
        ("unix:", "unix:"),
    ],
)
def test_who_asks(app: Flask, address: str, counted: str) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert visitor() == counted


def test_a_subscriber_s_addresses_share_one_limit_of_seats(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "enabled", False)  # put back when the test is over
    monkeypatch.setattr(limites, "SEATS", "3 per minute")
    app = make_app(RATE_LIMITS="on")
    address = f"/rdv/{session(app)}/inscription"

    def book(remote: str) -> int:
        client = PageClient(app)
        client.flask.environ_base["REMOTE_ADDR"] = remote
        return client.get(address).form("/inscription").submit(PERSON, follow=False).status

    assert [book(ONE), book(NEIGHBOUR), book(ONE), book(NEIGHBOUR), book(ELSEWHERE)] == [303, 303, 303, 429, 303]


def test_a_subscriber_s_addresses_share_one_limit_of_streams(make_app: Callable[..., Flask]) -> None:
    app = make_app(STREAMS_PER_ADDRESS="1")
    address = f"/flux/rdv/{session(app)}"

    def follow(remote: str):  # type: ignore[no-untyped-def]
        return app.test_client().get(address, buffered=False, environ_base={"REMOTE_ADDR": remote})

    with follow(ONE) as first, follow(NEIGHBOUR) as second, follow(ELSEWHERE) as third:
        assert [first.status_code, second.status_code, third.status_code] == [200, 503, 200]
