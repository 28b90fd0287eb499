"""What the tests talk to for real: an SMTP server, an SMS provider, and the site's own processes."""

import asyncio
import contextlib
import email
import email.policy
import functools
import http.server
import json
import pathlib
import signal
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, Self

from aiosmtpd.controller import Controller

from dev.processes import Child, environment, procfile, stop_all
from dev.servers import free_port

READY_SECONDS = 30


@dataclass
class Mail:
    """One e-mail as the SMTP server took it."""

    sender: str
    recipients: list[str]
    content: bytes

    @functools.cached_property
    def message(self) -> EmailMessage:
        """The mail, read."""
        message = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return message


@dataclass
class SmtpSink:
    """A real SMTP server that keeps what it is given; `answer` is what it says to each message."""

    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    answer: str = "250 OK"
    delay_seconds: float = 0
    mails: list[Mail] = field(default_factory=list)

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        await asyncio.sleep(self.delay_seconds)
        if self.answer.startswith("250"):
            self.mails.append(Mail(envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return self.answer

    @contextlib.contextmanager
    def listening(self) -> Iterator[Self]:
        """Serve until the block ends."""
        controller = Controller(self, hostname=self.host, port=self.port)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()

    def reset(self) -> None:
        """Forget the mails and accept everything again."""
        self.answer, self.delay_seconds = "250 OK", 0
        self.mails.clear()


@dataclass
class SmsRequest:
    """One request as the SMS provider got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass
class SmsSink:
    """A real HTTP provider of text messages that keeps what it is asked; status, answer and delay are the test's."""

    status: int = 200
    answer: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0
    drip_seconds: float = 0
    requests: list[SmsRequest] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    @contextlib.contextmanager
    def listening(self) -> Iterator[Self]:
        """Serve until the block ends."""
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # connections are kept, as providers do
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                sink.connections += 1

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                sink.requests.append(SmsRequest(self.command, self.path, dict(self.headers), body))
                time.sleep(sink.delay_seconds)
                said = json.dumps(sink.answer or {"id": uuid.uuid4().hex}).encode()
                with contextlib.suppress(ConnectionError):
                    self.send_response(sink.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(said)))
                    for name, value in sink.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    for part in [said[n : n + 1] for n in range(len(said))] if sink.drip_seconds else [said]:
                        time.sleep(sink.drip_seconds)
                        self.wfile.write(part)

            do_PUT = do_POST

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}/sms"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()

    def reset(self) -> None:
        """Forget the requests and accept everything again."""
        self.status, self.answer, self.headers, self.delay_seconds, self.connections = 200, {}, {}, 0, 0
        self.drip_seconds = 0
        self.requests.clear()


class Site:
    """The site as production runs it: the processes of the Procfile, on a database and a Redis of the test's."""

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        processes: tuple[str, ...] = ("web", "worker", "clock"),
        env: Mapping[str, str] | None = None,
        app: str = "wsgi:app",
    ) -> None:
        port = int((env or {}).get("PORT") or free_port())
        self.app = app  # another one than the Procfile's, for a negative control
        self.url = f"http://127.0.0.1:{port}"
        self.log = pathlib.Path(tempfile.mkstemp(prefix="rdv-site-", suffix=".log")[1])
        self.processes = processes
        self.children: dict[str, Child] = {}
        self.env = environment(
            {
                "MODE": "demo",
                "HOST": "127.0.0.1",
                "PORT": str(port),
                "PUBLIC_URL": self.url,
                "DATABASE_URL": database_url,
                "REDIS_URL": redis_url,
                "SECRET_KEY": "test-secret-key-of-a-site-that-lives-a-minute",
                "LINK_KEY": "test-link-key-of-a-site-that-lives-a-minute",
                "HTMX_SOURCE": "local",
                "RATE_LIMITS": "off",
                **(env or {}),
            }
        )

    def start(self, *names: str) -> Self:
        """Start these processes (all of them when none is named) and wait until the web answers."""
        commands = procfile()
        with self.log.open("ab") as output:
            for name in names or self.processes:
                command = commands[name].replace("wsgi:app", self.app)
                command = command.replace("--app wsgi", f"--app {self.app.partition(':')[0]}")
                self.children[name] = Child(name, command, self.env, output.fileno())
        if "web" in (names or self.processes):
            self._wait()
        return self

    def _wait(self) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                with opener.open(f"{self.url}/healthz", timeout=2):
                    return
            except OSError:
                if not self.children["web"].alive() or time.monotonic() > deadline:
                    said = self.output()
                    self.stop()
                    raise AssertionError(f"The site did not start:\n{said}") from None
                time.sleep(0.05)

    def output(self) -> str:
        """What the processes wrote so far."""
        return self.log.read_text(errors="replace")

    def kill(self, name: str, sig: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a process and all those it forked."""
        self.children[name].kill(sig)
        if sig == signal.SIGKILL:
            self.children[name].process.wait()

    def stop(self) -> None:
        """Stop everything; nothing is left but what the test holds."""
        for child in self.children.values():
            child.kill(signal.SIGCONT)
        stop_all(list(self.children.values()), seconds=3)
        self.children.clear()
        self.log.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
