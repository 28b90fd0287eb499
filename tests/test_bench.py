"""The bench still runs, measures what it says, and its README gives the targets its table checks."""

import pathlib
import subprocess
import sys

import pytest

from bench import report
from bench.report import FIGURES, Report
from bench.wire import person

ROOT = pathlib.Path(__file__).resolve().parent.parent


def bench(*arguments: str) -> str:
    """What `make bench` prints with these arguments, on sizes that measure nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--tiny", "--seed", "5", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_runs_on_a_tiny_size() -> None:
    said = bench("--database", "sqlite", "rush")
    assert "make bench, seed 5" in said and "Noise: the trivial page did SQLite" in said
    assert "| … seats given, errors (5xx, no answer) | 30, none | 30, none |" in said
    assert "Not measured" not in said


@pytest.mark.volume
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_all_of_it_runs(kind: str) -> None:
    said = bench("--database", kind)
    expected = {name for name in FIGURES if not name.startswith("start")}
    assert [name for name in expected if f"| {FIGURES[name].label} |" not in said] == []


def test_a_missed_target_is_marked_and_named() -> None:
    found = Report()
    found.note("postgresql", "search", 249.0, "249.0/s", 10.04)
    found.note("postgresql", "tap", 59.0, "31 / 59 ms")
    found.note("sqlite", "search", 300.0, "300.0/s", 8.0)
    assert found.missed() == ["search: 249.0/s (target ≥ 250/s)"]
    assert found.table().splitlines() == [
        "| Figure | Target | PostgreSQL | in trivial pages | SQLite | in trivial pages |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
        "| Search page, 20 people at a time | ≥ 250/s | 249.0/s ✗ | 10 | 300.0/s | 8 |",
        "| A status tap on that sheet, p50 / p95 | p95 < 60 ms | 31 / 59 ms |  |  |  |",
    ]


def test_noise_is_said_by_processes() -> None:
    found = Report(trivial={("postgresql", "web"): [1000.0, 900.0, 1100.0], ("sqlite", "web"): [700.0]})
    assert found.noise() == (
        "PostgreSQL (web) 900 to 1100/s over 3 runs (spread 20 %); SQLite (web) 700 to 700/s over one run"
    )


def test_the_readme_gives_every_target() -> None:
    text = (ROOT / "bench" / "README.md").read_text()
    wanted = [f"| {figure.label} | {figure.target.words} |" for figure in FIGURES.values() if figure.target]
    assert [line for line in wanted if line not in text] == []
    assert report.KINDS.keys() == {"postgresql", "sqlite"}


def test_nobody_is_twice() -> None:
    assert len({person(number)["nom"] for number in range(20000)}) == 20000
