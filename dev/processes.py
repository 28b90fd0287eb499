"""The processes of the Procfile, started as production starts them, one session each."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO

from honcho.environ import parse_procfile

from dev.servers import die_with_parent

ROOT = pathlib.Path(__file__).resolve().parent.parent
STOP_SECONDS = 10


def procfile() -> dict[str, str]:
    """The Procfile: process name → command, in its order."""
    return dict(parse_procfile((ROOT / "Procfile").read_text()).processes)


def environment(values: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with those values over it, and the commands of this virtual environment first. What
    Python compiles is kept, whatever this shell prefers: three processes start at once."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    path = os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", **values}


class Child:
    """One process of the Procfile. Started from the main thread: it ends when the thread that started it does.

    `keep` are file descriptors it inherits.
    """

    def __init__(
        self, name: str, command: str, env: Mapping[str, str], output: IO[bytes] | int, keep: Sequence[int] = ()
    ) -> None:
        self.name = name
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
            pass_fds=keep,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started

    def terminate(self) -> None:
        """Ask it to finish what it is doing and stop: itself only, a worker's job in its fork goes on to its end."""
        if self.alive():
            self.process.terminate()

    def kill(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to it and to every process it forked."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, sig)


def stop_all(children: list[Child], seconds: float = STOP_SECONDS) -> None:
    """SIGTERM to each, up to that many seconds for all of them, then SIGKILL to what is left of their groups."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + seconds
    for child in children:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.05, deadline - time.monotonic()))
        child.kill()
        child.process.wait()
