"""`make bench`: measure the site on PostgreSQL and on SQLite, print the figures and a table for the README.

make bench ARGS="booking search"        some measures only
make bench ARGS="--database sqlite"     one database
"""

import argparse
import random
import sys
import time

from dev.servers import ServerUnavailable

from . import machine
from .measures import FULL, TINY, Measures, Sizes
from .report import KINDS, Report
from .stage import Stage, stage
from .takers import providers

SECONDS = 360
# The processes a group of measures runs on; the name of each measure, and what it takes at most, in seconds.
TOGETHER = {"memory": 8, "booking": 15}
PAGES = {
    "booking-alone": 15, "post": 45, "rush": 20, "search": 9, "session": 9, "sheet": 12, "statements": 6, "weight": 1,
}  # fmt: skip
ONE_PROCESS = {"live": 45}
SENDING = {"messages": 60}
ALONE = {"start": 40}
NAMES = [name for group in (TOGETHER, PAGES, ONE_PROCESS, SENDING, ALONE) for name in group]


class Bench:
    """One run: what was asked, until when, and what was found."""

    def __init__(self, wanted: list[str], sizes: Sizes, seed: int, seconds: float) -> None:
        self.wanted = {"booking-alone" if name == "booking" else name for name in wanted} | set(wanted)
        self.sizes, self.seed = sizes, seed
        self.started = time.monotonic()
        self.deadline = self.started + seconds
        self.report = Report()

    def say(self, line: str) -> None:
        print(f"[{time.monotonic() - self.started:5.0f} s] {line}", flush=True)

    def measure(self, kind: str) -> None:
        """Everything asked for, on one kind of database."""
        self.say(f"{KINDS[kind]}: filling a database (seed {self.seed})")
        with stage(kind, self.seed, self.sizes.needed, self.sizes.participants) as place:
            measures = Measures(place, self.report, self.sizes, self.say)
            for group, processes, env in (
                (TOGETHER, ("web", "worker", "clock"), {}),
                (PAGES, ("web",), {}),
                (ONE_PROCESS, ("web",), {"WEB_CONCURRENCY": "1", "STREAMS_PER_ADDRESS": "6000"}),
            ):
                if self.wanted & set(group):
                    self._group(place, measures, group, processes, env)
            if kind == "postgresql" and "messages" in self.wanted:  # two workers: where writers do not take turns
                with providers() as takers:
                    measures.takers = takers
                    self._group(place, measures, SENDING, ("web", "worker", "clock"), takers.env)
            if wrong := place.broken():
                raise RuntimeError(f"the measures broke the data: {wrong}")
            if kind == "sqlite" and "start" in self.wanted and self._in_time("start", ALONE["start"], kind):
                measures.start()

    def _group(
        self, place: Stage, measures: Measures, group: dict[str, int], processes: tuple[str, ...], env: dict[str, str]
    ) -> None:
        with place.running(*processes, **env):
            measures.warm()
            for name, seconds in group.items():
                if name in self.wanted and self._in_time(name, seconds, place.kind):
                    self.say(f"{KINDS[place.kind]}: {name}")
                    getattr(measures, name.replace("-", "_"))()

    def _in_time(self, name: str, seconds: int, kind: str) -> bool:
        if time.monotonic() + seconds <= self.deadline:
            return True
        self.report.skipped.append(f"{name} on {KINDS[kind]}")
        self.say(f"{KINDS[kind]}: {name} left out, the {SECONDS} s would be over")
        return False


def main() -> int:
    """Measure, print; 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure the site (see bench/README.md).")
    parser.add_argument("measures", nargs="*", metavar="measure", help=f"all of them by default: {', '.join(NAMES)}")
    parser.add_argument(
        "--database", choices=list(KINDS), action="append", help="one kind of database; both by default"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same demonstration again")
    parser.add_argument("--tiny", action="store_true", help="sizes that only show that the code runs")
    asked = parser.parse_args()
    if unknown := set(asked.measures) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    seed = asked.seed or random.SystemRandom().randrange(1, 10**6)
    print(f"make bench, seed {seed}")
    described = machine.describe()
    for name, words in described.items():
        print(f"{name}: {words}")
    bench = Bench(asked.measures or NAMES, TINY if asked.tiny else FULL, seed, SECONDS)
    for kind in asked.database or KINDS:
        try:
            bench.measure(kind)
        except ServerUnavailable as error:
            bench.report.skipped.append(f"{KINDS[kind]} ({error})")
    report = bench.report
    print(f"\nNoise: the trivial page did {report.noise()}.")
    for line in report.missed():
        print(f"Missed: {line}")
    if report.skipped:
        print(f"Not measured: {', '.join(report.skipped)}.")
    took = time.monotonic() - bench.started
    print(f"\nCommit {described['commit']}, {described['machine']}; seed {seed}; {took:.0f} s.\n")
    print(report.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
