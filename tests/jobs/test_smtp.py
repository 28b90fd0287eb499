"""How e-mails leave: one conversation for a run, under a certificate that is checked, headers nobody can write into."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from flask import Flask

from tests.outbox import booked
from tests.servers import SmtpSink
from webapp.jobs.messages import deliver
from webapp.models import Canal
from webapp.notifications import channels
from webapp.notifications.channels.email import build
from webapp.notifications.outgoing import Outgoing

MakeApp = Callable[..., Flask]

one_database = pytest.mark.parametrize("base", ["sqlite"], indirect=True)  # nothing of this reads the database


@dataclass
class Server(SmtpSink):
    """A server that counts who connects, and may hang up after so many mails, speak TLS and ask for a password."""

    hang_up_after: int = 1000
    tls: ssl.SSLContext | None = None
    from_the_start: bool = False
    password: bytes = b""
    connections: int = 0
    resets: int = 0
    refused: list[str] = field(default_factory=list)
    _talking: list[Any] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refused:
            return "550 inconnu"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_RSET(self, *_: Any) -> str:
        self.resets += 1
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        said = await super().handle_DATA(server, session, envelope)
        if len(self.mails) % self.hang_up_after == 0:
            asyncio.get_running_loop().call_later(0.02, server.transport.close)
        return said

    @contextlib.contextmanager
    def listening(self) -> Iterator["Server"]:
        sink = self

        class Counting(SMTP):
            def connection_made(self, transport: Any) -> None:
                if self.transport is None:  # not once more under TLS
                    sink.connections += 1
                super().connection_made(transport)

        class Here(Controller):
            def factory(self) -> SMTP:
                return Counting(
                    sink,
                    tls_context=None if sink.from_the_start else sink.tls,
                    require_starttls=sink.tls is not None and not sink.from_the_start,
                    auth_required=bool(sink.password),
                    auth_require_tls=sink.tls is not None and not sink.from_the_start,
                    authenticator=lambda *args: sink.known(args[-1]),
                )

            def _trigger_server(self) -> None:
                """Wake the server; aiosmtpd's own would speak TLS, and trusts nobody we made."""
                with socket.create_connection((self.hostname, self.port), 1) as client:
                    if self.ssl_context is None:
                        client.recv(1024)

        controller = Here(
            self, hostname="127.0.0.1", port=self.port, ssl_context=self.tls if self.from_the_start else None
        )
        controller.start()
        self.connections = 0
        try:
            yield self
        finally:
            controller.stop()

    def known(self, given: LoginPassword) -> AuthResult:
        return AuthResult(success=given.login == b"rdv" and given.password == self.password)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine trusts our authority."""
    authority.cert_pem.write_to_path(str(tmp_path / "autorite.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "autorite.pem"))


def served(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def app_for(make_app: MakeApp, server: Server, **settings: object) -> Flask:
    return make_app(
        MAIL_SERVER="localhost", MAIL_PORT=server.port, MAIL_DEFAULT_SENDER="rdv@drome.exemple.fr", **settings
    )


def mail(number: int = 1, **fields: Any) -> Outgoing:
    return Outgoing(
        **{
            "canal": Canal.COURRIEL,
            "key": f"cle-{number}",
            "to": f"personne{number}@exemple.fr",
            "text": "Bonjour",
            "kept": "",
            "sender": "Maison des solidarités",
            "subject": "Votre place",
            **fields,
        }
    )


def send(app: Flask, *messages: Outgoing) -> list[str]:
    """Send these in one run; what became of each."""
    said = []
    with app.app_context(), channels.opened() as made:
        channel = made.of(Canal.COURRIEL)
        assert channel is not None
        for message in messages:
            try:
                said.append(channel.send(message))
            except (channels.Permanent, channels.Temporary) as error:
                said.append(f"{type(error).__name__} : {error}")
    return said


# --- one conversation --------------------------------------------------------------------------------------------


def test_a_run_is_one_conversation(make_app: MakeApp) -> None:
    with Server().listening() as server:
        app = app_for(make_app, server)
        with app.app_context():
            booked(25)
            assert deliver("default") == 25
        assert len(server.mails) == 25
        assert server.connections == 1


@one_database
def test_a_server_that_hangs_up_between_two_mails_costs_nothing(make_app: MakeApp) -> None:
    with Server(hang_up_after=2).listening() as server:
        app = app_for(make_app, server)
        with app.app_context(), channels.opened() as made:
            for number in range(6):
                assert made.of(Canal.COURRIEL).send(mail(number))  # type: ignore[union-attr]
                if number % 2:
                    time.sleep(0.1)  # for it to say goodbye
        assert [m.recipients for m in server.mails] == [[f"personne{n}@exemple.fr"] for n in range(6)]
        assert server.connections == 3


@one_database
def test_a_server_that_says_421_to_the_next_mail_is_called_again(make_app: MakeApp) -> None:
    class Tired(Server):
        async def handle_MAIL(self, _server: Any, session: Any, envelope: Any, address: str, _options: Any) -> str:
            if getattr(session, "served", 0):
                return "421 trop de messages"
            session.served = 1
            envelope.mail_from = address
            return "250 OK"

    with Tired().listening() as server:
        assert send(app_for(make_app, server), mail(1), mail(2)) == [
            "<cle-1@drome.exemple.fr>",
            "<cle-2@drome.exemple.fr>",
        ]
        assert server.connections == 2


@one_database
def test_a_server_that_hangs_up_once_it_heard_the_mail_is_not_told_again(make_app: MakeApp) -> None:
    """Nobody knows whether it took it: it is for another attempt, with the same Message-ID, to say it again."""

    class Rude(Server):
        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            said = await SmtpSink.handle_DATA(self, server, session, envelope)
            if len(self.mails) == 2:
                server.transport.close()
            return said

    with Rude().listening() as server:
        first, second, third = send(app_for(make_app, server), mail(1), mail(2), mail(3))
        assert second.startswith("Temporary")
        assert first == "<cle-1@drome.exemple.fr>" and third == "<cle-3@drome.exemple.fr>"
        assert [m.recipients[0] for m in server.mails] == [f"personne{n}@exemple.fr" for n in (1, 2, 3)]
        assert server.connections == 2


@one_database
def test_what_is_refused_does_not_spoil_the_next(make_app: MakeApp) -> None:
    with Server(refused=["personne1@exemple.fr"]).listening() as server:
        said = send(app_for(make_app, server), mail(1), mail(2))
        assert said == ["Permanent : Adresse refusée (SMTP 550)", "<cle-2@drome.exemple.fr>"]
        [taken] = server.mails
        assert taken.recipients == ["personne2@exemple.fr"]
        assert (server.connections, server.resets) == (1, 1)


@one_database
def test_nobody_there_is_a_failure_for_now(make_app: MakeApp) -> None:
    assert send(app_for(make_app, Server()), mail())[0].startswith("Temporary")


# --- TLS and passwords -------------------------------------------------------------------------------------------


@one_database
@pytest.mark.parametrize("ways", [{"MAIL_USE_TLS": 1}, {"MAIL_USE_SSL": 1}])
def test_a_certificate_this_machine_trusts(
    make_app: MakeApp, authority: trustme.CA, trusted: None, ways: dict[str, int]
) -> None:
    with Server(tls=served(authority), from_the_start="MAIL_USE_SSL" in ways).listening() as server:
        assert send(app_for(make_app, server, **ways), mail(1), mail(2))[1] == "<cle-2@drome.exemple.fr>"
        assert server.connections == 1


@one_database
@pytest.mark.parametrize("ways", [{"MAIL_USE_TLS": 1}, {"MAIL_USE_SSL": 1}])
@pytest.mark.parametrize("name", ["", "autre.exemple.fr"])
def test_any_other_certificate_is_refused(
    make_app: MakeApp, authority: trustme.CA, request: pytest.FixtureRequest, ways: dict[str, int], name: str
) -> None:
    if name:  # trusted, but another's
        request.getfixturevalue("trusted")
    context = served(authority, name or "localhost")
    with Server(tls=context, from_the_start="MAIL_USE_SSL" in ways).listening() as server:
        [said] = send(app_for(make_app, server, **ways), mail())
        assert said == "Temporary : Le certificat du serveur de courriel n’est pas reconnu"
        assert not server.mails


@one_database
def test_tls_that_is_not_offered_is_not_done_without(make_app: MakeApp) -> None:
    with Server().listening() as server:
        [said] = send(app_for(make_app, server, MAIL_USE_TLS=1), mail())
        assert said.startswith("Temporary : Le serveur de courriel n’offre pas STARTTLS")
        assert not server.mails


@one_database
def test_a_password(make_app: MakeApp, authority: trustme.CA, trusted: None) -> None:
    with Server(tls=served(authority), password=b"secret").listening() as server:
        ways = {"MAIL_USE_TLS": 1, "MAIL_USERNAME": "rdv"}
        assert send(app_for(make_app, server, **ways, MAIL_PASSWORD="secret"), mail(1))[0].startswith("<cle-1")
        [said] = send(app_for(make_app, server, **ways, MAIL_PASSWORD="autre"), mail(2))
        assert said.startswith("Temporary")
        assert len(server.mails) == 1


# --- what goes into headers --------------------------------------------------------------------------------------


@one_database
def test_nobody_writes_a_header_of_ours(make_app: MakeApp) -> None:
    evil = "Bonjour\r\nBcc: victime@exemple.fr\r\n\r\nAutre corps"
    with Server().listening() as server:
        app = app_for(make_app, server)
        assert send(app, mail(1, sender=evil, subject=evil))[0].startswith("<")
        [taken] = server.mails
        assert taken.message["Bcc"] is None
        assert taken.recipients == ["personne1@exemple.fr"]
        assert str(taken.message["Subject"]) == "Bonjour Bcc: victime@exemple.fr Autre corps"
        assert taken.message["From"].addresses[0].addr_spec == "rdv@drome.exemple.fr"
        assert taken.message.get_body(("plain",)).get_content().strip() == "Bonjour"  # type: ignore[union-attr]
        wrong = [
            mail(2, to=f"a@exemple.fr\r\nBcc: {evil}"),
            mail(3, reply_to=f"a@exemple.fr\n{evil}"),
            mail(4, to="a b"),
        ]
        assert send(app, *wrong) == ["Permanent : Adresse de courriel inutilisable"] * 3
        assert len(server.mails) == 1


def test_one_click_to_refuse() -> None:
    """RFC 8058: both headers, the address whole on one line, however long."""
    address = "https://rdv.drome.exemple.fr/refuser/courriel/" + "AbCdEfGh" * 14
    raw = build(mail(unsubscribe=address), "rdv@drome.exemple.fr").as_bytes().decode()
    assert f"\r\nList-Unsubscribe: <{address}>\r\n" in raw
    assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw
    assert "List-Unsubscribe" not in build(mail(), "rdv@drome.exemple.fr").as_bytes().decode()
    with pytest.raises(ValueError):
        build(mail(unsubscribe=f"{address}\r\nBcc: a@exemple.fr"), "rdv@drome.exemple.fr")
