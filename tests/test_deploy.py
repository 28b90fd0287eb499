"""A deployment: the old processes are asked to stop under load while the new ones listen on the same port; and several
web processes that agree."""

import http.client
import pathlib
import socket
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import redis
from flask import Flask

from dev.servers import Valkey
from tests.crowd import fetch
from tests.noise import noise
from tests.servers import Site
from tests.test_faults import book
from tests.visitors import session

Start = Callable[..., Site]
one_database = pytest.mark.parametrize("base", ["sqlite"], indirect=True)


class Listener:
    """A browser that holds one stream, read as it comes."""

    def __init__(self, url: str, rdv_id: int) -> None:
        parts = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        self.connection.request("GET", f"/flux/rdv/{rdv_id}")
        self.response = self.connection.getresponse()
        assert self.response.status == 200
        self.heard = ""
        self.ended: float | None = None
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        while piece := self.response.read1(65536):
            self.heard += piece.decode()
        self.ended = time.monotonic()

    def hears(self, words: str, seconds: float = 5) -> bool:
        deadline = time.monotonic() + seconds
        while words not in self.heard and time.monotonic() < deadline:
            time.sleep(0.02)
        return words in self.heard


def listening(port: int) -> int:
    """How many sockets listen on that port."""
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def until(what: Callable[[], Any], seconds: float, words: str) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, words
        time.sleep(0.02)


@one_database
def test_a_deployment_under_load_answers_what_it_took_and_hands_streams_over(app: Flask, live_server: Start) -> None:
    """Requests the old process took are answered by it. One that was still in the kernel's queue when the socket closed
    may be reset (a reverse proxy asks again): a few of hundreds. A stream ends at once, properly, and opens again on
    the new one with the current state."""
    rdv_id = session(app, capacite_propre=500)
    old = live_server(processes=("web",), app="tests.raising:app")
    listener = Listener(old.url, rdv_id)
    everyone: list[Any] = []
    held: list[Any] = []

    def ask(path: str) -> None:
        results = held if path.startswith("/lent") else everyone
        try:
            results.append(fetch(old.url + path)[0].status)
        except (OSError, http.client.HTTPException) as error:
            results.append(type(error).__name__)

    in_flight = [threading.Thread(target=ask, args=(f"/lent?secondes={n / 10}",)) for n in range(10, 30)]
    going = True

    def keep_asking() -> None:
        while going:
            ask(f"/rdv/{rdv_id}")

    crowd = [threading.Thread(target=keep_asking) for _ in range(6)]
    new = live_server(processes=("web",), app="tests.raising:app", env={"PORT": old.env["PORT"]})
    until(lambda: listening(int(old.env["PORT"])) == 2, 30, "the new one does not listen")
    for thread in (*in_flight, *crowd):
        thread.start()
    time.sleep(0.7)
    asked = time.monotonic()
    old.children["web"].terminate()
    assert old.children["web"].process.wait(15) == 0
    stopped = time.monotonic() - asked
    time.sleep(1)
    going = False
    for thread in (*in_flight, *crowd):
        thread.join()
    print(f"stopped in {stopped:.1f} s, {Counter(held)}, {Counter(everyone)}")
    assert held == [200] * 20
    assert set(everyone) <= {200, "ConnectionResetError"}
    assert everyone.count("ConnectionResetError") <= 0.05 * len(everyone)
    until(lambda: listener.ended, 5, "the stream did not end")
    assert listener.ended is not None and listener.ended - asked < 3 * noise()
    assert "incomplete" not in listener.heard.lower()
    book(new, rdv_id, 1)
    again = Listener(new.url, rdv_id)
    assert again.hears('data-prises="1"')
    assert "Traceback" not in old.output() + new.output()


@pytest.mark.parametrize("base", ["postgresql"], indirect=True)
def test_three_web_processes_agree(
    app: Flask, live_server: Start, record_property: Callable[[str, object], None]
) -> None:
    """A booking in one moves the streams of the two others, and each page says the same."""
    rdv_id = session(app)
    sites = [live_server(processes=("web",), env={"WEB_CONCURRENCY": "1"}) for _ in range(3)]
    listeners = [Listener(site.url, rdv_id) for site in sites]
    assert all(listener.hears('data-prises="0"') for listener in listeners)
    for turn, site in enumerate(sites, 1):
        began = time.monotonic()
        answer, _ = book(site, rdv_id, turn)
        assert answer.status == 303
        assert all(listener.hears(f'data-prises="{turn}"', 3 * noise()) for listener in listeners)
        record_property("seconds", time.monotonic() - began)
        assert {fetch(f"{one.url}/rdv/{rdv_id}/jauge")[0].text.count(f'data-prises="{turn}"') for one in sites} == {1}


@one_database
def test_a_page_that_never_reads_is_dropped_and_the_others_are_not(
    app: Flask, live_server: Start, valkey: Valkey
) -> None:
    """It keeps its connection open and reads nothing: what waits for it is bounded, then it is ended."""
    ids = [session(app) for _ in range(20)]
    site = live_server(processes=("web",))
    host, _, port = site.url.removeprefix("http://").partition(":")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        deaf.connect((host, int(port)))
        query = "&".join(f"rdv={one}" for one in ids)
        deaf.sendall(f"GET /flux?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        listener = Listener(site.url, ids[0])
        until(lambda: "rdv_streams_open 2.0" in figures(site), 5, "both are open")
        client = redis.Redis.from_url(valkey.url)
        version = 1

        def changes() -> bool:
            nonlocal version
            version += 1
            for one in ids:
                client.publish(f"rdv:{one}", version)
            time.sleep(0.1)
            return "rdv_streams_open 1.0" in figures(site)

        until(changes, 30 * noise(), "the deaf one was kept")
    assert "rdv_streams_dropped_total 1.0" in figures(site)
    before = len(listener.heard)
    changes()
    until(lambda: len(listener.heard) > before, 5, "the other one hears no more")
    assert listener.ended is None
    assert "Traceback" not in site.output()


def figures(site: Site) -> str:
    return fetch(f"{site.url}/metrics")[0].text
