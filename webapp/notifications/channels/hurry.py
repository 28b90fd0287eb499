"""Answers read until a moment, not until a silence: a server that drips would outlast the claim, and the message would
leave twice."""

import io
import socket
import time
from collections.abc import Callable
from typing import Any

from . import TIMEOUT


def patience(ends: float) -> float:
    """Seconds the next bytes may take, of a conversation that ends at this monotonic moment."""
    return min(TIMEOUT.total_seconds(), max(0.01, ends - time.monotonic()))


class Watched(io.RawIOBase):
    """What a socket receives; each read waits no longer than is left."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        super().__init__()
        self.sock, self.left = sock, left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.sock.settimeout(self.left())
        return self.sock.recv_into(buffer)


def reader(sock: socket.socket, left: Callable[[], float]) -> io.BufferedReader:
    """A file to read lines from, like `sock.makefile("rb")`."""
    return io.BufferedReader(Watched(sock, left))
