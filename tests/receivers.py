"""Programs that receive webhooks, well or badly, over real HTTP."""

import contextlib
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass
class Post:
    """What one attempt brought."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A real HTTP server: `answer(request)` decides what it says; by default 200. Each test has its own."""

    answer: Callable[[Any], None] | None = None
    posts: list[Post] = field(default_factory=list)
    url: str = ""
    port: int = 0
    leaving: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def listening(self, tls: ssl.SSLContext | None = None) -> Iterator[Self]:
        """Serve until the block ends."""
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                receiver.posts.append(Post(self.path, dict(self.headers), body))
                with contextlib.suppress(OSError):
                    (receiver.answer or says(200, b"ok"))(self)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_: None  # type: ignore[method-assign, assignment]
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        self.port = server.server_port
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}/crochet?a=1"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield self
        finally:
            self.leaving.set()
            server.shutdown()
            server.server_close()

    def hangs(self, handler: Any) -> None:
        """Say nothing until the test is over."""
        self.leaving.wait(60)
        handler.close_connection = True

    def drips(self, handler: Any) -> None:
        """A header that never ends, a byte at a time."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not self.leaving.wait(0.05):
            handler.wfile.write(b"a")


def says(status: int, body: bytes = b"", **headers: str) -> Callable[[Any], None]:
    """An ordinary answer."""

    def answer(handler: Any) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def raw(content: bytes) -> Callable[[Any], None]:
    """Bytes that may not be HTTP at all, then the end."""

    def answer(handler: Any) -> None:
        handler.wfile.write(content)
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    return answer
