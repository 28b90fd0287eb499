"""A storm of requests that hold names, telephone numbers and personal links, some of which fail: none of it is kept."""

import contextlib
import gzip
import http.server
import json
import re
import signal
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator

import brotli
import pytest
from flask import Flask

from dev.servers import Valkey
from tests.crowd import fetch, together
from tests.servers import Site
from tests.visitors import session

NAME, PHONE, MAIL, TOKEN = "Yasmina-Amrani", "0639981278", "yasmina.amrani@exemple.fr", "Zq3abcdefghij0123456-_"
PERSONAL = ("Yasmina", "Amrani", PHONE, PHONE[1:], "yasmina", TOKEN)
QUERY = urllib.parse.urlencode({"nom": NAME, "telephone": PHONE, "courriel": MAIL, "jeton": TOKEN})


def addresses(rdv_id: int) -> Iterator[tuple[str, str]]:
    """Methods and addresses: pages, links that open nothing, bugs, forms without a token, nonsense."""
    for path in (f"/rdv/{rdv_id}", f"/p/{TOKEN}", f"/p/{TOKEN}/panne", f"/i/{TOKEN}", "/doublon", f"/agent/{NAME}"):
        yield "GET", f"{path}?{QUERY}"
    yield "GET", f"/?{urllib.parse.urlencode({'quoi': NAME, 'ou': PHONE})}"
    for path in (f"/rdv/{rdv_id}/inscription", f"/p/{TOKEN}/desistement", "/mes-rendez-vous", "/agent/connexion"):
        yield "POST", path


def raw(site: Site, line: str) -> None:
    """A request no library would send."""
    host, _, port = site.url.removeprefix("http://").partition(":")
    with contextlib.suppress(ConnectionError), socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"{line}\r\nHost: {NAME}\r\nX-Request-ID: {PHONE}\r\n\r\n".encode())
        connection.recv(1000)


def storm(site: Site, rdv_id: int) -> list[int]:
    """Everything of it, twice over; the statuses."""
    sent = list(addresses(rdv_id)) * 2
    statuses = together(lambda one: fetch(site.url + one[1], one[0], QUERY if one[0] == "POST" else "")[0].status, sent)
    for line in (f"GET /p/{TOKEN} HTTP/9.9", f"GET /{PHONE}", f"{NAME} / HTTP/1.1", f"GET /{MAIL * 400} HTTP/1.1"):
        raw(site, line)
    return statuses


def in_json(lines: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in lines.splitlines()]


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_nothing_personal_is_logged_and_each_line_is_json(
    app: Flask, live_server: Callable[..., Site], valkey: Valkey
) -> None:
    rdv_id = session(app)
    site = live_server(env={"LOG_FORMAT": "json", "RATE_LIMITS": "on", "MODE": "production"}, app="tests.raising:app")
    assert {200, 404, 500} <= set(storm(site, rdv_id))
    valkey.stop()
    storm(site, rdv_id)
    valkey.start()
    site.kill("web", signal.SIGTERM)
    site.children["web"].process.wait(15)
    said = site.output()
    assert [word for word in PERSONAL if word in said] == []
    lines = in_json(said)
    traces = "".join(line.get("exception", "") for line in lines)
    assert "\nValueError" in traces and "\nIntegrityError" in traces
    errors = [line for line in lines if line["message"].startswith("unexpected error on")]
    assert errors and all(re.fullmatch("[0-9a-f]{32}", line["request"]) for line in errors)
    assert len({line["request"] for line in errors}) == len(errors)


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
def test_a_job_says_which_request_asked_for_it(app: Flask, live_server: Callable[..., Site]) -> None:
    from tests.test_faults import book

    rdv_id = session(app)
    site = live_server(env={"LOG_FORMAT": "json"}, processes=("web", "worker"))
    answer, _ = book(site, rdv_id, 1)
    deadline = time.monotonic() + 20
    while "sent of" not in site.output() and time.monotonic() < deadline:
        time.sleep(0.1)
    [line] = [line for line in in_json(site.output()) if "sent of" in line["message"]]
    assert line["request"] == answer.headers["X-Request-ID"]


# --- Sentry -----------------------------------------------------------------------------------------------------


@pytest.fixture
def sentry() -> Iterator[tuple[str, list[str]]]:
    """A server that takes what Sentry would: its address as a DSN, and what it was sent."""
    taken: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(
                {"gzip": gzip.decompress, "br": brotli.decompress}[self.headers["Content-Encoding"]](body).decode()
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://clef@127.0.0.1:{server.server_port}/1", taken
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("base", ["sqlite"], indirect=True)
def test_sentry_gets_the_error_and_nothing_personal(
    app: Flask, live_server: Callable[..., Site], sentry: tuple[str, list[str]]
) -> None:
    address, taken = sentry
    site = live_server(env={"SENTRY_DSN": address}, processes=("web",), app="tests.raising:app")
    storm(site, session(app))
    deadline = time.monotonic() + 20
    while "IntegrityError" not in "".join(taken) and time.monotonic() < deadline:
        time.sleep(0.1)
    sent = "".join(taken)
    assert "ValueError" in sent and "IntegrityError" in sent and "raising.py" in sent
    assert [word for word in PERSONAL if word in sent] == []
