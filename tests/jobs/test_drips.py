"""Servers that drip: each byte comes in time, all of them together do not; what is sent ends before its claim."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask

from tests.databases import Base
from webapp.models import Canal
from webapp.notifications.channels import Temporary, email, hurry, sms
from webapp.notifications.outgoing import Outgoing

Talk = Callable[[socket.socket], None]


@pytest.fixture(name="base")
def _sqlite(sqlite_base: Base) -> Base:
    """Nothing here is about the database."""
    sqlite_base.empty()
    return sqlite_base


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (email, hurry, sms):
        monkeypatch.setattr(module, "TIMEOUT", timedelta(seconds=1))


@pytest.fixture
def serve() -> Iterator[Callable[[Talk], int]]:
    """A server of one conversation; answers its port."""
    listening: list[socket.socket] = []

    def started(talk: Talk) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        listening.append(server)

        def run() -> None:
            connection, _ = server.accept()
            try:
                talk(connection)
            except OSError:
                connection.close()  # the other side had enough, as it should

        threading.Thread(target=run, daemon=True).start()
        port: int = server.getsockname()[1]
        return port

    yield started
    for server in listening:
        server.close()


def drip(connection: socket.socket, said: bytes) -> None:
    for byte in said:
        connection.sendall(bytes([byte]))
        time.sleep(0.25)


def message(canal: Canal) -> Outgoing:
    to = "+33639980001" if canal is Canal.SMS else "y@exemple.fr"
    return Outgoing(canal=canal, key="cle", to=to, text="Bonjour", kept="", sender="MDS", subject="Bonjour")


def seconds(send: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(Temporary):
        send()
    return time.monotonic() - began


def test_the_headers_of_an_answer(make_app: Callable[..., Flask], serve: Callable[[Talk], int]) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        drip(connection, b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 40)

    app = make_app(SMS_URL=f"http://127.0.0.1:{serve(talk)}/")
    with app.app_context():
        assert seconds(lambda: sms.HttpSms().send(message(Canal.SMS))) < 15  # all of it takes longer


@pytest.mark.parametrize("after_data", [False, True])
def test_a_line_of_a_mail_server(
    make_app: Callable[..., Flask], serve: Callable[[Talk], int], after_data: bool
) -> None:
    def talk(connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        slow = b"250 " + b"a" * 60 + b"\r\n"
        drip(connection, slow) if not after_data else connection.sendall(b"220 bonjour\r\n")
        for line in lines:
            if line.upper().startswith(b"DATA"):
                connection.sendall(b"354 allez\r\n")
            elif line == b".\r\n":
                drip(connection, slow)
            elif line[:4].upper() in (b"EHLO", b"MAIL", b"RCPT"):
                connection.sendall(b"250 oui\r\n")

    app = make_app(MAIL_SERVER="127.0.0.1", MAIL_PORT=serve(talk), MAIL_DEFAULT_SENDER="a@exemple.fr")
    with app.app_context():
        assert seconds(lambda: email.SmtpMail().send(message(Canal.COURRIEL))) < 15  # all of it takes longer
