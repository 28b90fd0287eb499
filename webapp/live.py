"""Live pages: `publish` after a commit, and the streams that carry it, over Redis pub/sub.

One subscriber per process feeds every stream of that process: a public gauge is rendered once per change, whoever
looks. When Redis is lost the streams end and pages poll (see `static/js/app.js`); a stream that opens again starts
with the current state, so nothing needs replaying.
"""

import contextlib
import json
import logging
import queue
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import redis
from flask import Flask, current_app

from webapp import metrics
from webapp.aftercommit import after_commit
from webapp.broker import Unavailable, broker

log = logging.getLogger(__name__)

CHANNEL = "rdv:"
MERGE = 0.5  # seconds: at most one message per session and stream kind in that time
HEARTBEAT, EVERY = ": toujours là\n\n".encode(), 15.0  # a comment, and the seconds between two
QUEUE = 32  # messages a slow client may be late by before it is dropped
RETRY = 2.0


class TooManyStreams(Exception):
    """This process, or this address, has all the streams it may have: poll instead."""


class Stream:
    """One open page: the sessions it shows, and the messages waiting for it."""

    __slots__ = ("address", "closed", "connection", "dropped", "kind", "messages", "rdv_ids")

    def __init__(self, rdv_ids: list[int], kind: str, address: str, connection: socket.socket | None) -> None:
        self.rdv_ids, self.kind, self.address, self.connection = rdv_ids, kind, address, connection
        self.messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()  # a tenth of a Queue's memory
        self.dropped = self.closed = False

    def put(self, message: bytes | None) -> None:
        """One more message, unless so many wait that its reader must have gone deaf: it is dropped then."""
        if message is not None and self.messages.qsize() >= QUEUE:
            self.drop()
        else:
            self.messages.put(message)

    def drop(self) -> None:
        """End it though it does not read: whoever is writing to it waits for room that never comes."""
        if self.dropped:
            return
        self.dropped = True
        metrics.DROPPED.inc()
        if self.connection is not None:
            with contextlib.suppress(OSError):  # it left by itself just now
                self.connection.shutdown(socket.SHUT_RDWR)


class Hub:
    """All the streams of a process, and the thread that listens to Redis for them (a greenlet under gevent)."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.render: Callable[[int], str] = lambda rdv_id: ""
        self.streams: dict[int, set[Stream]] = defaultdict(set)
        self.total = 0
        self.by_address: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.pending: dict[int, tuple[float, int]] = {}  # rdv → when to send, version
        self.last: dict[int, float] = {}
        self.wake = threading.Event()
        self.threads: list[threading.Thread] = []
        self.closing = False
        self.listening = threading.Event()

    def open(self, rdv_ids: list[int], kind: str, address: str, connection: socket.socket | None = None) -> Stream:
        """A new stream; raises `TooManyStreams`, or `Unavailable` when Redis can't be listened to."""
        with self.lock:
            if self.closing or self.total >= self.app.config["STREAMS_MAX"]:
                raise TooManyStreams
            if self.by_address[address] >= self.app.config["STREAMS_PER_ADDRESS"]:
                raise TooManyStreams
            if not self.threads:
                self.threads = [
                    threading.Thread(target=target, name=target.__name__, daemon=True)
                    for target in (self._listen, self._flush)
                ]
                for thread in self.threads:
                    thread.start()
        if not self.listening.wait(1.0):
            raise Unavailable
        stream = Stream(rdv_ids, kind, address, connection)
        with self.lock:
            self.total += 1
            metrics.STREAMS.inc()
            self.by_address[address] += 1
            for rdv_id in rdv_ids:
                self.streams[rdv_id].add(stream)
        return stream

    def close(self, stream: Stream) -> None:
        """Forget a stream; twice is once (its body ends, then its response closes)."""
        with self.lock:
            if stream.closed:
                return
            stream.closed = True
            self.total -= 1
            metrics.STREAMS.dec()
            self.by_address[stream.address] -= 1
            if not self.by_address[stream.address]:
                del self.by_address[stream.address]
            for rdv_id in stream.rdv_ids:
                self.streams[rdv_id].discard(stream)
                if not self.streams[rdv_id]:
                    del self.streams[rdv_id]
                    self.last.pop(rdv_id, None)

    def close_all(self) -> None:
        """End every stream: the process stops, or Redis is gone. Browsers come back by themselves."""
        with self.lock:
            streams = {stream for group in self.streams.values() for stream in group}
        for stream in streams:
            stream.dropped = True
            stream.put(None)

    def shut(self) -> None:
        """The process is stopping: no stream opens any more, those that are open end now, and so do the threads."""
        self.closing = True
        self.close_all()
        self.wake.set()

    def iterate(self, stream: Stream, first: list[str], environ: dict[str, Any]) -> Iterator[bytes]:
        """What the response sends: the current state, then each change, and a comment every 15 s. Thousands wait here
        for long: the empty piece after each makes the server let go of it, and the request (`environ`) is forgotten."""
        try:
            yield ("retry: 3000\n\n" + "".join(first)).encode()
            first.clear()
            environ.clear()
            yield b""
            while not stream.dropped:
                try:
                    message = stream.messages.get(timeout=EVERY)
                except queue.Empty:
                    message = HEARTBEAT
                if message is None:
                    return
                yield message
                message = b""
                yield message
        finally:
            self.close(stream)

    def _listen(self) -> None:
        while not self.closing:
            try:
                # A pub/sub read waits for as long as nothing happens: its pings, not a timeout, tell a dead server.
                client = redis.Redis.from_url(
                    self.app.config["REDIS_URL"], socket_timeout=None, socket_connect_timeout=1.0
                )
                with client.pubsub(ignore_subscribe_messages=True) as channel:
                    channel.psubscribe(f"{CHANNEL}*")
                    self.listening.set()
                    self._receive(channel)
            except (redis.RedisError, OSError) as error:
                if self.closing:
                    return
                log.warning("live: redis lost: %s", type(error).__name__)
            self.listening.clear()
            self.close_all()
            time.sleep(RETRY)

    def _receive(self, channel: redis.client.PubSub) -> None:
        asked = heard = time.monotonic()
        while not self.closing:
            message = channel.get_message(timeout=1.0)
            now = time.monotonic()
            if message is not None:
                heard = now
                if message["type"] == "pmessage":
                    self._note(int(message["channel"].rpartition(b":")[2]), int(message["data"]), now)
            elif now - asked > 5.0:
                if heard < asked:
                    raise redis.TimeoutError("no answer to a ping")
                asked = now
                channel.ping()

    def _note(self, rdv_id: int, version: int, now: float) -> None:
        if rdv_id not in self.streams:
            return
        due = max(now, self.last.get(rdv_id, 0.0) + MERGE)
        known = self.pending.get(rdv_id)
        self.pending[rdv_id] = (min(due, known[0]) if known else due, max(version, known[1] if known else 0))
        self.wake.set()

    def _flush(self) -> None:
        while not self.closing:
            self.wake.wait()
            now = time.monotonic()
            for rdv_id in [rdv_id for rdv_id, (due, _) in self.pending.items() if due <= now]:
                _, version = self.pending.pop(rdv_id)
                self.last[rdv_id] = now
                self._send(rdv_id, version)
            if self.pending:
                time.sleep(max(0.0, min(due for due, _ in self.pending.values()) - time.monotonic()))
            else:
                self.wake.clear()
                if self.pending:  # noted between the test and the clear
                    self.wake.set()

    def _send(self, rdv_id: int, version: int) -> None:
        streams = list(self.streams.get(rdv_id, ()))
        if any(stream.kind == "public" for stream in streams):
            try:
                fragment = sse(self.render(rdv_id)).encode()  # once for all of them
            except Exception:
                log.exception("live: gauge %s not rendered", rdv_id)
                return
        else:
            fragment = b""
        named = sse(json.dumps({"rdv": rdv_id, "version": version}), event="maj").encode()
        for count, stream in enumerate(streams, 1):
            stream.put(fragment if stream.kind == "public" else named)
            if count % 100 == 0:
                time.sleep(0)  # under gevent: let the pages be served between two hundreds


def sse(data: str, event: str = "") -> str:
    """One server-sent event; an empty message would be dropped by browsers."""
    head = f"event: {event}\n" if event else ""
    return head + "".join(f"data: {line}\n" for line in data.strip().splitlines()) + "\n"


def init_app(app: Flask) -> None:
    app.extensions["live"] = Hub(app)


def hub() -> Hub:
    """The current application's streams."""
    return current_app.extensions["live"]  # type: ignore[no-any-return]


def publish(rdv_id: int, version: int) -> None:
    """After the commit, tell every page that shows this session that it changed."""

    def send() -> None:
        try:
            broker().call(lambda client: client.publish(f"{CHANNEL}{rdv_id}", version))
        except Unavailable:
            log.info("live: change of session %s not announced; pages will poll", rdv_id)

    after_commit(("live", rdv_id), send)
