"""One HTTP post to an address somebody typed: never into our own network, never elsewhere than where we looked.

The name is asked for once, every address it leads to is checked, and the connection goes to one of those: a name that
answers otherwise a moment later (DNS rebinding) changes nothing. Redirections are not followed, no proxy is asked, the
answer is read for so long and so far.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import urllib3

from webapp.domain.webhooks import AdresseRefusee, check_ip, target

from . import hurry

CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 10.0
READ_BYTES, KEPT = 2048, 500


@dataclass(frozen=True, slots=True)
class Reponse:
    """What came of a post. `code` None: no answer, `erreur` says why."""

    code: int | None
    texte: str
    erreur: str
    duree_ms: int

    @property
    def prise(self) -> bool:
        """Did the receiver take it?"""
        return self.code is not None and 200 <= self.code < 300 and not self.erreur


_request = threading.local()
"""`ends`: the monotonic moment at which this thread's request is given up."""


def post(url: str, headers: Mapping[str, str], body: bytes, *, local: bool) -> Reponse:
    """Send it, and say what was answered; never raises for what the receiver or the network does. Knows nothing of the
    application: it may run in a thread."""
    began = time.monotonic()
    code, text, error = None, "", ""
    try:
        code, text = _exchange(url, headers, body, local)
        if 300 <= code < 400:
            error = "Redirection refusée : donnez l’adresse finale."
        elif not 200 <= code < 300:
            error = f"Le serveur a répondu {code}."
    except AdresseRefusee as refusal:
        error = str(refusal)
    except ssl.SSLCertVerificationError:
        error = "Le certificat de ce serveur n’est pas valable pour son nom."
    except (TimeoutError, urllib3.exceptions.TimeoutError):
        error = "Pas de réponse à temps."
    except Exception as failure:  # whatever a stranger's server makes of HTTP is an answer that was not one
        certificate = isinstance(failure.__cause__ or failure.__context__, ssl.SSLCertVerificationError)
        error = "Le certificat de ce serveur n’est pas valable pour son nom." if certificate else _words(failure)
    return Reponse(code, text, error, round((time.monotonic() - began) * 1000))


def _words(failure: Exception) -> str:
    if isinstance(failure, ConnectionRefusedError):
        return "Le serveur refuse la connexion."
    if isinstance(failure, OSError):
        return "La connexion n’a pas abouti."
    return "Le serveur n’a pas répondu en HTTP."


def _exchange(url: str, headers: Mapping[str, str], body: bytes, local: bool) -> tuple[int, str]:
    secure, host, port, path = target(url, local=local)
    addresses = resolve(host, port, local=local)
    connection: Any = _Tls(host, port, ssl_context=_context()) if secure else _Plain(host, port)
    connection.addresses, connection.timeout = addresses, ANSWER_SECONDS
    _request.ends = time.monotonic() + CONNECT_SECONDS
    try:
        connection.connect()
        _request.ends = time.monotonic() + ANSWER_SECONDS
        connection.request("POST", path, body=body, headers=dict(headers), preload_content=False)
        answer = connection.getresponse()
        return answer.status, _begins(answer)
    finally:
        connection.close()


def resolve(host: str, port: int, *, local: bool) -> list[str]:
    """The addresses of that name. Raises `AdresseRefusee` when there is none, or one of them is not to be spoken to:
    who mixes them tries something."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AdresseRefusee("Le nom de ce serveur ne mène à aucune adresse.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise AdresseRefusee("Le nom de ce serveur ne mène à aucune adresse.")
    for address in addresses:
        check_ip(address, local=local)
    return addresses


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _left() -> float:
    """Seconds the next bytes may take. Raises `TimeoutError`: who drips is not waited for either."""
    if time.monotonic() >= _request.ends:
        raise TimeoutError
    return hurry.patience(_request.ends)


class _Socket:
    """A socket whose answers are read until the request is given up."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock

    def makefile(self, *_: Any, **__: Any) -> Any:
        return hurry.reader(self._sock, _left)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Checked:
    """A connection to one of the addresses that were checked; its certificate is that of the name."""

    addresses: list[str]
    port: int

    def _new_conn(self) -> socket.socket:
        failure: OSError = TimeoutError()
        for address in self.addresses:
            try:
                sock = socket.create_connection((address, self.port), timeout=_left())
            except OSError as error:
                failure = error
                continue
            sock.settimeout(_left())  # the TLS handshake too
            return sock
        raise failure

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.sock = _Socket(self.sock)


class _Plain(_Checked, urllib3.connection.HTTPConnection):
    pass


class _Tls(_Checked, urllib3.connection.HTTPSConnection):
    pass


def _begins(answer: Any) -> str:
    """How the answer begins, as text; what does not come in time is left."""
    said = b""
    try:
        while len(said) < READ_BYTES and (part := answer.read(READ_BYTES - len(said), decode_content=False)):
            said += part
    except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException, ValueError):
        pass  # the status came: that is the answer
    text = said.decode("utf-8", errors="replace")
    return "".join(letter if letter.isprintable() or letter == "\n" else "�" for letter in text).strip()[:KEPT]
