"""The providers' process as the measures hold it."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dev.processes import ROOT


@dataclass
class Takers:
    """`env` makes a site send its messages there."""

    process: "subprocess.Popen[str]"
    env: dict[str, str]

    def figures(self) -> dict[str, Any]:
        """What they took so far (see `bench.providers`)."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())  # type: ignore[no-any-return]


@contextlib.contextmanager
def providers() -> Iterator[Takers]:
    """A provider of texts and a mail server, until the block ends."""
    command = [sys.executable, "-m", "bench.providers"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            ports = json.loads(process.stdout.readline())
            sms = f"http://127.0.0.1:{ports['sms']}/sms"
            yield Takers(process, {"SMS_URL": sms, "MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(ports["mail"])})
        finally:
            process.kill()
