"""A browser reduced to its bytes: keep-alive, cookies and gzip over a gevent socket, so that asking costs little."""

import re
import time
import zlib
from dataclasses import dataclass, field
from urllib.parse import urlencode

from gevent import socket

IDLE = 1.0
"""Seconds after which a kept connection is not trusted any more: the server closes them soon after."""
TIMEOUT = 40.0
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOKEN = re.compile(rb'name="csrf_token"[^>]*value="([^"]+)"')
ENVOI = re.compile(rb'name="envoi"[^>]*value="([^"]+)"')


class Broken(Exception):
    """The server closed the connection in the middle of an answer."""


@dataclass(slots=True)
class Answer:
    """What one request got. `sent` is the size of the body on the wire; `started` and `ended` are monotonic seconds."""

    status: int
    location: str
    body: bytes
    sent: int
    started: float
    ended: float
    retry_after: str = ""

    @property
    def seconds(self) -> float:
        return self.ended - self.started


@dataclass(slots=True)
class Browser:
    """One person: one connection, their own cookies."""

    host: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    _socket: socket.socket | None = None
    _used: float = 0.0

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, b"", headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        return self.ask("POST", path, urlencode(fields).encode(), {**FORM, **headers})

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """One request on the kept connection, or on a new one; the time to connect counts."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", "Accept-Encoding: gzip"]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if body:
            lines.append(f"Content-Length: {len(body)}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        request = "\r\n".join([*lines, "", ""]).encode() + body
        started = time.monotonic()
        if self._socket is None or started - self._used > IDLE:
            self.leave()
            self._socket = socket.create_connection((self.host, self.port), timeout=TIMEOUT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        head, body = self._read(method)
        ended = self._used = time.monotonic()
        return self._answer(head, body, started, ended)

    def leave(self) -> None:
        """Close the connection; the cookies stay."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self, method: str) -> tuple[bytes, bytes]:
        assert self._socket is not None
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more()
        head, body = data[: end + 2], data[end + 4 :]
        status = int(head[9:12])
        length = _header(head, b"content-length")
        if length is None and status not in (204, 304):
            raise Broken("an answer without a length")
        parts, missing = [body], int(length or 0) - len(body)
        while missing > 0 and method != "HEAD":
            parts.append(self._more())
            missing -= len(parts[-1])
        return head, b"".join(parts)

    def _more(self) -> bytes:
        assert self._socket is not None
        received = self._socket.recv(65536)
        if not received:
            self.leave()
            raise Broken("closed by the server")
        return received

    def _answer(self, head: bytes, body: bytes, started: float, ended: float) -> Answer:
        for line in head.split(b"\r\n"):
            if line[:11].lower() == b"set-cookie:":
                name, _, value = line[11:].strip().partition(b";")[0].decode().partition("=")
                self.cookies[name] = value
        if _header(head, b"connection") == b"close":
            self.leave()
        sent = len(body)
        if _header(head, b"content-encoding") == b"gzip":
            body = zlib.decompress(body, 31)
        location = (_header(head, b"location") or b"").decode()
        retry_after = (_header(head, b"retry-after") or b"").decode()
        return Answer(int(head[9:12]), location, body, sent, started, ended, retry_after)


def _header(head: bytes, name: bytes) -> bytes | None:
    lower = head.lower()
    at = lower.find(b"\r\n" + name + b":")
    if at < 0:
        return None
    return head[at + len(name) + 3 : head.find(b"\r\n", at + 2)].strip()


def form_fields(page: bytes) -> dict[str, str]:
    """The token and the form's own id, as the page holds them; a KeyError-like failure says which page had none."""
    token, envoi = TOKEN.search(page), ENVOI.search(page)
    if token is None:
        raise Broken(f"no form in this page: {page[:200]!r}")
    return {"csrf_token": token[1].decode(), **({"envoi": envoi[1].decode()} if envoi else {})}


def person(number: int) -> dict[str, str]:
    """Somebody nobody else is, with a number that can't exist; every second one also gives an e-mail address."""
    letters, left = "", number
    while left or not letters:
        letters, left = chr(97 + left % 26) + letters, left // 26
    return {
        "pour": "moi",
        "prenom": "Camille",
        "nom": f"Mesure-{letters}",
        "telephone": f"06 39 98 {number // 100 % 100:02d} {number % 100:02d}",
        "courriel": f"mesure{number}@exemple.fr" if number % 2 else "",
    }
