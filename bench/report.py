"""The figures with their targets, and the table that goes into the README."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

KINDS = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}


@dataclass(frozen=True, slots=True)
class Target:
    """What we want of a figure on two cores with PostgreSQL, the load on the same machine."""

    words: str
    met: Callable[[float], bool]


def at_least(number: float, unit: str) -> Target:
    return Target(f"≥ {number:g}{unit}", lambda value: value >= number)


def under(number: float, unit: str, name: str = "") -> Target:
    return Target(f"{name + ' ' if name else ''}< {number:g}{unit}", lambda value: value < number)


def at_most(number: float, unit: str, name: str = "") -> Target:
    return Target(f"{name + ' ' if name else ''}≤ {number:g}{unit}", lambda value: value <= number)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    label: str
    target: Target | None = None


FIGURES: Mapping[str, Figure] = {
    "trivial": Figure("A trivial page (`/healthz`), 20 people at a time"),
    "booking": Figure("Whole booking, 20 people at a time, messages leaving meanwhile", at_least(40, "/s")),
    "booking-time": Figure("… the journey, p50 / p95 / p99", under(600, " ms", "p95")),
    "booking-messages": Figure("… messages sent meanwhile"),
    "booking-alone": Figure("Whole booking, 20 people at a time, worker stopped", at_least(80, "/s")),
    "booking-alone-time": Figure("… the journey, p50 / p95 / p99", under(600, " ms", "p95")),
    "post": Figure("The booking post alone, 20 at a time, over many sessions", at_least(250, "/s")),
    "post-time": Figure("… p50 / p95 / p99"),
    "post-hot": Figure("… all in one session", at_least(250, "/s")),
    "rush": Figure("1,000 people post at once for 30 seats: until the last answer", at_most(4, " s")),
    "rush-time": Figure("… each answer, p50 / p99", under(2000, " ms", "p99")),
    "rush-seats": Figure("… seats given, errors (5xx, no answer)", Target("30, none", lambda value: value == 30)),
    "search": Figure("Search page, 20 people at a time", at_least(250, "/s")),
    "search-time": Figure("… p50 / p95 / p99"),
    "session": Figure("Session page, 20 people at a time"),
    "session-time": Figure("… p50 / p95 / p99"),
    "sheet": Figure("Sheet of 500 participants, p50 / p95", under(400, " ms", "p95")),
    "sheet-size": Figure("… its HTML, compressed / before"),
    "tap": Figure("A status tap on that sheet, p50 / p95", under(60, " ms", "p95")),
    "tap-size": Figure("… its answer, compressed", under(4, " kB")),
    "live": Figure("Live gauges, one process: from a booking's answer to its gauges, p50 / p99", under(1, " s", "p99")),
    "live-streams": Figure("… streams open", at_least(5000, "")),
    "live-memory": Figure("… memory of one stream", at_most(25, " kB")),
    "live-pages": Figure("… ordinary pages meanwhile, p50 / p95", under(300, " ms", "p95")),
    "live-opening": Figure("… streams opened one after another"),
    "messages": Figure("5,000 messages by two workers, providers on this machine", at_least(200, "/s")),
    "messages-code": Figure("… a password link asked for meanwhile, median / slowest", at_most(3, " s")),
    "messages-pages": Figure("… ordinary pages at a steady pace: p95 idle / meanwhile", at_most(1.5, " times")),
    "statements": Figure("SQL statements: session page, form, post, confirmation"),
    "statements-more": Figure("… search, sheet, tap"),
    "start": Figure("`make run`, data kept: until the first page", under(5, " s")),
    "start-first": Figure("… the very first time (demonstration loaded)"),
    "memory": Figure("Memory at rest, proportional: web, worker, clock, Valkey", under(350, " MB")),
    "weight": Figure("First page (HTML, CSS, htmx, our script), compressed", at_most(60, " kB")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """A figure as measured: the number its target looks at, how it reads, and how many trivial pages it is worth."""

    number: float
    text: str
    ratio: float | None = None


@dataclass
class Report:
    """What was measured, by database and figure; the trivial page's rates, whose spread is the machine's noise."""

    values: dict[str, dict[str, Value]] = field(default_factory=dict)
    trivial: dict[tuple[str, ...], list[float]] = field(default_factory=dict)  # by database and processes
    skipped: list[str] = field(default_factory=list)

    def note(self, kind: str, figure: str, number: float, text: str, ratio: float | None = None) -> None:
        self.values.setdefault(kind, {})[figure] = Value(number, text, ratio)

    def missed(self) -> list[str]:
        """Targets PostgreSQL missed (SQLite's, when PostgreSQL was not measured): figure, value, target."""
        kind = next((kind for kind in KINDS if kind in self.values), "")
        return [
            f"{name}: {value.text} (target {figure.target.words})"
            for name, figure in FIGURES.items()
            if figure.target
            and (value := self.values.get(kind, {}).get(name) or self._any(name))
            and not figure.target.met(value.number)
        ]

    def _any(self, name: str) -> Value | None:
        return next((values[name] for values in self.values.values() if name in values), None)

    def noise(self) -> str:
        """How far apart the trivial page's rates were: nothing below that is a difference."""
        lines = []
        for (kind, *processes), rates in self.trivial.items():
            middle = sorted(rates)[len(rates) // 2]
            spread = 100 * (max(rates) - min(rates)) / middle
            runs = f"{len(rates)} runs (spread {spread:.0f} %)" if len(rates) > 1 else "one run"
            lines.append(f"{KINDS[kind]} ({', '.join(processes)}) {min(rates):.0f} to {max(rates):.0f}/s over {runs}")
        return "; ".join(lines)

    def table(self) -> str:
        """Markdown: a line per figure, each database's value with its worth in trivial pages, its target."""
        kinds = [kind for kind in KINDS if kind in self.values]
        head = ["Figure", "Target", *(column for kind in kinds for column in (KINDS[kind], "in trivial pages"))]
        rows = [
            [figure.label, figure.target.words if figure.target else "", *self._cells(name, figure, kinds)]
            for name, figure in FIGURES.items()
            if self._any(name)
        ]
        return "\n".join(_line(row) for row in [head, ["---", "---", *["---:"] * (2 * len(kinds))], *rows])

    def _cells(self, name: str, figure: Figure, kinds: Iterable[str]) -> Iterable[str]:
        for kind in kinds:
            value = self.values[kind].get(name)
            mark = "" if not value or not figure.target or figure.target.met(value.number) else " ✗"
            yield f"{value.text}{mark}" if value else ""
            yield f"{value.ratio:.3g}" if value and value.ratio is not None else ""


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
