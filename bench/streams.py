"""A crowd that watches one gauge: N live streams held by one process on epoll, and when each heard each change.

    python -m bench.streams HOST PORT SESSION COUNT

Says how many streams are open once no more opens, then listens until its standard input closes, and answers (JSON)
with the monotonic seconds at which each number of taken seats arrived, one entry a stream.
"""

import contextlib
import json
import re
import resource
import select
import socket
import sys
import time
from collections import defaultdict

AT_ONCE = 50  # streams being opened at the same time
PATIENCE = 10.0  # seconds without a new stream after which those missing are given up
TAKEN = re.compile(rb'data-prises="(\d+)"')


class Watchers:
    """The streams, and what they heard."""

    def __init__(self, host: str, port: int, rdv_id: int) -> None:
        self.address = (host, port)
        self.request = f"GET /flux/rdv/{rdv_id} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
        self.poll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}
        self.open: set[int] = set()
        self.refused = self.lost = 0
        self.heard: dict[int, list[float]] = defaultdict(list)

    def start(self, count: int) -> None:
        """Open them, some at a time; a stream is open when its first message came."""
        begun, last = 0, time.monotonic()
        while len(self.open) + self.refused < count and time.monotonic() - last < PATIENCE:
            while begun < count and begun - len(self.open) - self.refused < AT_ONCE:
                connection = socket.create_connection(self.address, timeout=PATIENCE)
                connection.sendall(self.request)
                connection.setblocking(False)
                self.sockets[connection.fileno()] = connection
                self.poll.register(connection.fileno(), select.EPOLLIN)
                begun += 1
            before = len(self.open)
            self.listen(1.0)
            if len(self.open) > before:
                last = time.monotonic()

    def listen(self, seconds: float) -> None:
        """Note what arrives during one wait."""
        for number, _ in self.poll.poll(seconds):
            if number not in self.sockets:
                continue
            try:
                data = self.sockets[number].recv(65536)
            except BlockingIOError:
                continue
            except ConnectionError:
                data = b""
            now = time.monotonic()
            if number in self.open:
                for found in TAKEN.finditer(data):
                    self.heard[int(found[1])].append(now)
            elif b"data:" in data:
                self.open.add(number)
            if not data or data[9:12] == b"503":
                self._forget(number)

    def _forget(self, number: int) -> None:
        self.poll.unregister(number)
        self.sockets.pop(number).close()
        if number in self.open:
            self.open.discard(number)
            self.lost += 1
        else:
            self.refused += 1


def main() -> None:
    """Open, listen, answer."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    host, port, rdv_id, count = sys.argv[1], *map(int, sys.argv[2:])
    watchers = Watchers(host, port, rdv_id)
    started = time.monotonic()
    watchers.start(count)
    opened = {"open": len(watchers.open), "refused": watchers.refused, "seconds": time.monotonic() - started}
    print(json.dumps(opened), flush=True)
    watchers.poll.register(sys.stdin.fileno(), select.EPOLLIN | select.EPOLLHUP)
    with contextlib.suppress(KeyboardInterrupt):
        while not select.select([sys.stdin], [], [], 0)[0]:
            watchers.listen(5.0)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps({"heard": watchers.heard, "lost": watchers.lost, "cpu": round(usage.ru_utime + usage.ru_stime, 3)}),
        flush=True,
    )


if __name__ == "__main__":
    main()
