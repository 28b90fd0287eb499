"""What is measured on one kind of database, and how each figure is worked out."""

import contextlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy
from flask import request_started
from flask.testing import FlaskClient

from dev.processes import ROOT, environment
from dev.run import answers
from dev.servers import free_port
from tests.servers import Site
from webapp.extensions import db

from . import machine, weight
from .load import INPUT, ROW
from .report import Report
from .stage import JOB_SECONDS, Stage
from .takers import Takers
from .wire import form_fields, person

PEOPLE = 20
SEATS = 30


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each: `FULL` is what is published, `TINY` only shows that the code runs."""

    seconds: float
    trivial: float
    sessions: int  # for one measure of whole journeys
    posts: int
    rush: int
    participants: int
    views: int
    taps: int
    streams: int
    bookings: int
    every: float
    rest: float
    messages: int  # people written to, each by a text and a mail
    starts: int

    @property
    def needed(self) -> int:
        """Sessions of 30 seats to load."""
        return 2 * self.sessions + -(-self.posts // SEATS) + 1


FULL = Sizes(7.0, 1.0, 45, 1000, 1000, 500, 15, 60, 5000, 8, 1.0, 3.0, 2500, 2)
TINY = Sizes(0.3, 0.1, 3, 10, 40, 12, 1, 3, 20, 2, 0.6, 0.0, 10, 0)


@dataclass
class Measures:
    """The measures of one stage, written down in the report."""

    stage: Stage
    report: Report
    sizes: Sizes
    say: Callable[[str], None]
    takers: Takers | None = None  # while messages leave for real
    rate: float = 0.0  # the trivial page's, in the last run
    slow: float = 0.0  # ms, its 95th percentile
    alone: float = 0.0  # ms, one person asking for it

    # --- the trivial page -----------------------------------------------------------------------------------------

    def warm(self) -> None:
        """Each web process compiles its templates and fills its pool once: nobody's measure pays for it."""
        one = {"people": PEOPLE, "seconds": self.sizes.trivial}
        self.stage.load("pages", paths=["/healthz", "/", f"/rdv/{self.stage.wide}"], **one)
        first = self.stage.people(1000)
        self.stage.load("journeys", rdvs=[self.stage.wide], seats=1000, first=first, **one)

    def trivial(self) -> None:
        """Before each measure, on the same processes: what everything is compared with."""
        found = self.stage.load("pages", paths=["/healthz"], people=PEOPLE, seconds=self.sizes.trivial)
        self.rate, self.slow = found["rate"], found["p95"]
        self.alone = self.stage.load("pages", paths=["/healthz"], people=1, seconds=self.sizes.trivial / 2)["p50"]
        rates = self.report.trivial.setdefault((self.stage.kind, *self.stage.processes), [])
        rates.append(self.rate)
        if len(self.stage.processes) == 1:
            middle = sorted(rates)[len(rates) // 2]
            self._note("trivial", middle, f"{middle:.0f}/s; alone {self.alone:.2f} ms")

    def _note(self, figure: str, number: float, text: str, ratio: float | None = None) -> None:
        self.report.note(self.stage.kind, figure, number, text, ratio)

    def _measured(self, figure: str, found: dict[str, Any], ranks: tuple[int, ...] = (50, 95, 99)) -> None:
        """A rate and its times: worth so many trivial pages; and what it cost whom."""
        self._note(
            figure, found["rate"], f"{found['rate']:.1f}/s", self.rate / found["rate"] if found["rate"] else None
        )
        self._times(f"{figure}-time", found, 95, ranks)
        self._cost(figure, found, found["count"])

    def _times(self, figure: str, found: dict[str, Any], looked_at: int, ranks: tuple[int, ...]) -> None:
        text = " / ".join(f"{found[f'p{rank}']:.0f}" for rank in ranks) + " ms"
        self._note(figure, found[f"p{looked_at}"], text, found[f"p{looked_at}"] / max(self.slow, 0.01))

    def _cost(self, figure: str, found: dict[str, Any], count: int) -> None:
        spent = ", ".join(f"{name} {1000 * used / max(count, 1):.2f}" for name, used in found["spent"].items())
        self.say(f"{figure}: {found['rate']}/s, p50 {found['p50']} ms, p99 {found['p99']} ms, {found['answers']}")
        self.say(f"    processor ms for each: {spent}; the rest of the machine took {found['others']:.0%} of it")

    # --- booking --------------------------------------------------------------------------------------------------

    def booking(self) -> None:
        """Whole journeys while the worker sends their messages."""
        self._journeys("booking")

    def booking_alone(self) -> None:
        """Whole journeys, the worker stopped."""
        self._journeys("booking-alone")

    def _journeys(self, figure: str) -> None:
        self.trivial()
        sizes, before = self.sizes, self.stage.messages()
        seats = SEATS * sizes.sessions
        found = self.stage.load(
            "journeys",
            rdvs=self.stage.take(sizes.sessions),
            seats=SEATS,
            first=self.stage.people(seats),
            people=PEOPLE,
            seconds=sizes.seconds,
        )
        after = self.stage.messages()
        if set(found["answers"]) - {"booked"}:
            raise RuntimeError(f"journeys went wrong: {found['answers']}")
        self._measured(figure, found)
        for name, step in found["steps"].items():
            self.say(f"    {name}: p50 {step['p50']} ms, p95 {step['p95']} ms")
        if figure == "booking":
            sent, waiting = after[0] - before[0], after[1]
            self._note("booking-messages", sent, f"{sent / sizes.seconds:.0f}/s ({waiting} left to send)")

    def post(self) -> None:
        """The post alone: over many sessions, then all in one."""
        count = self.sizes.posts
        for figure, rdvs in (("post", self.stage.take(-(-count // SEATS))), ("post-hot", [self.stage.wide])):
            self.trivial()
            found = self.stage.load("posts", rdvs=rdvs, count=count, first=self.stage.people(count), people=PEOPLE)
            if set(found["answers"]) != {"303"}:
                raise RuntimeError(f"posts went wrong: {found['answers']}")
            self._measured(figure, found)
            if figure == "post-hot":
                del self.report.values[self.stage.kind]["post-hot-time"]

    def rush(self) -> None:
        """Everybody posts at the same moment, for the same thirty seats."""
        self.trivial()
        [rdv_id], people = self.stage.take(1), self.sizes.rush
        found = self.stage.load("posts", rdvs=[rdv_id], count=people, first=self.stage.people(people), people=people)
        self._note("rush", found["seconds"], f"{found['seconds']:.2f} s", found["seconds"] * self.rate)
        self._times("rush-time", found, 99, (50, 99))
        errors = sum(count for answer, count in found["answers"].items() if answer not in ("303", "409"))
        seated, answered = self.stage.seated(rdv_id), found["answers"].get("303", 0)
        exact = seated == answered and not errors
        self._note("rush-seats", seated if exact else -1, f"{seated}, {errors or 'none'}")
        self._cost("rush", found, people)

    # --- pages ----------------------------------------------------------------------------------------------------

    def search(self) -> None:
        self._pages("search", ["/"])

    def session(self) -> None:
        self._pages("session", [f"/rdv/{rdv_id}" for rdv_id in self.stage.rdvs or [self.stage.wide]])

    def _pages(self, figure: str, paths: list[str]) -> None:
        self.trivial()
        found = self.stage.load("pages", paths=paths, people=PEOPLE, seconds=self.sizes.seconds / 2)
        self._measured(figure, found)

    def sheet(self) -> None:
        """One agent, alone on the machine: the time is the server's."""
        self.trivial()
        agent = self.stage.demo["agents"][1]
        found = self.stage.load(
            "sheet",
            rdv=self.stage.crowded,
            views=self.sizes.views,
            taps=self.sizes.taps,
            courriel=agent["courriel"],
            mot_de_passe=agent["mot_de_passe"],
        )
        views, taps = found["views"], found["taps"]
        if set(views["answers"]) != {"200"} or set(taps["answers"]) != {"200"}:
            raise RuntimeError(f"the sheet went wrong: {views['answers']}, {taps['answers']}")
        alone = max(self.alone, 0.01)
        for figure, one in (("sheet", views), ("tap", taps)):
            self._note(figure, one["p95"], f"{one['p50']:.0f} / {one['p95']:.0f} ms", one["p50"] / alone)
        self._note("sheet-size", views["bytes"], f"{views['bytes'] / 1000:.1f} / {found['page'] / 1000:.0f} kB")
        self._note("tap-size", taps["bytes"] / 1000, f"{taps['bytes'] / 1000:.1f} kB")
        self.say(f"sheet of {found['rows']}: {views}; taps: {taps}")

    def statements(self) -> None:
        """The SQL of each page: a figure no machine changes."""
        app, rdv_id = self.stage.app, self.stage.wide
        visitor, agent = app.test_client(), app.test_client()
        who = self.stage.demo["agents"][1]
        with app.app_context():
            engine = db.engine
        number = self.stage.people(2)
        address, sheet = f"/rdv/{rdv_id}/inscription", f"/agent/rdv/{self.stage.crowded}"
        visitor.post(address, data=form_fields(visitor.get(address).data) | person(number))  # caches are warm
        door = form_fields(agent.get("/agent/connexion").data)
        agent.post("/agent/connexion", data=door | {name: who[name] for name in ("courriel", "mot_de_passe")})
        with counted(engine) as seen:
            visitor.get(f"/rdv/{rdv_id}")
            form = form_fields(visitor.get(address).data)
            visitor.post(address, data=form | person(number + 1))
            visitor.get(f"/rdv/{rdv_id}/confirmation")
            visitor.get("/")
            page = agent.get(sheet).data
            _tap(agent, sheet, page)
        said = [str(count) for count in seen]
        self._note("statements", sum(seen[:4]), ", ".join(said[:4]))
        self._note("statements-more", sum(seen[4:]), ", ".join(said[4:]))

    def weight(self) -> None:
        """What a first visit downloads, as a browser on https asks for it."""
        assert self.stage.site is not None
        parts = weight.first_page(f"{self.stage.site.url}/rdv/{self.stage.wide}")
        total = sum(parts.values()) / 1000
        self._note("weight", total, f"{total:.1f} kB")
        self.say("weight: " + ", ".join(f"{name} {size / 1000:.1f} kB" for name, size in parts.items()))

    # --- processes ------------------------------------------------------------------------------------------------

    def memory(self) -> None:
        """Each process has served or worked once, then rests."""
        assert self.stage.site is not None
        weight.first_page(f"{self.stage.site.url}/rdv/{self.stage.wide}")
        time.sleep(self.sizes.rest)
        found = {name: machine.memory(pid) for name, pid in self.stage.pids().items() if name != "postgresql"}
        total = sum(proportional for _, proportional in found.values())
        self._note("memory", total, f"{total:.0f} MB")
        each = (f"{name} {pss:.0f} ({rss:.0f} resident)" for name, (rss, pss) in found.items())
        self.say(f"memory, proportional MB: {', '.join(each)}")

    def live(self) -> None:
        """Many streams on one gauge, a booking a second, ordinary pages meanwhile."""
        self.trivial()
        sizes = self.sizes
        wanted = min(sizes.streams, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 500)
        web = self.stage.pids()["web"]
        before = machine.memory(web)[1]
        command = [
            sys.executable,
            "-m",
            "bench.streams",
            *map(str, self.stage.address),
            str(self.stage.wide),
            str(wanted),
        ]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watchers:
            assert watchers.stdin and watchers.stdout
            try:
                opened = json.loads(watchers.stdout.readline())
                memory = 1024 * (machine.memory(web)[1] - before) / max(opened["open"], 1)
                taken = self.stage.seated(self.stage.wide)
                found = self.stage.load(
                    "live",
                    rdv=self.stage.wide,
                    paths=["/"] + [f"/rdv/{rdv_id}" for rdv_id in self.stage.rdvs[:10]] + [f"/rdv/{self.stage.wide}"],
                    first=self.stage.people(sizes.bookings),
                    bookings=sizes.bookings,
                    every=sizes.every,
                    pace=PEOPLE,
                )
                heard = json.loads(watchers.communicate("\n", timeout=30)[0])
            finally:
                watchers.kill()
        delays = sorted(
            max(0.0, moment - booked["ended"])
            for number, booked in enumerate(found["booked"], taken + 1)
            for moment in heard["heard"].get(str(number), [])
        )
        missing = opened["open"] * len(found["booked"]) - len(delays)
        if not delays:
            raise RuntimeError(f"no stream heard anything: {opened}, {found}")
        p50, p99 = (delays[min(len(delays) - 1, len(delays) * rank // 100)] for rank in (50, 99))
        lost = f", {missing} messages missing" if missing else ""
        self._note("live", p99 if not missing else 1e9, f"{1000 * p50:.0f} / {1000 * p99:.0f} ms{lost}")
        self._note("live-streams", opened["open"], str(opened["open"]))
        self._note("live-memory", memory, f"{memory:.1f} kB")
        self._note("live-opening", 0, f"{opened['open'] / opened['seconds']:.0f}/s")
        self._times("live-pages", found, 95, (50, 95))
        self.say(f"live: {opened}, last message {1000 * delays[-1]:.0f} ms after its booking, {missing} missing")
        spent = found["spent"] | {"streams": heard["cpu"]}
        self.say(f"    pages: {found['answers']}, p99 {found['p99']} ms; processor s: {spent}")

    def messages(self) -> None:
        """An agent writes to thousands, two workers send; meanwhile pages, and password links somebody waits for."""
        assert self.takers is not None and self.stage.site is not None
        self.trivial()
        sizes = self.sizes
        idle = self._steady()
        site = self.stage.site
        with Site(site.env["DATABASE_URL"], site.env["REDIS_URL"], ("worker",), env=site.env):
            wanted = self.stage.promise(sizes.messages)
            began = time.monotonic()
            busy = [self._steady(links=True) for _ in range(2)]
            while (found := self.takers.figures())["sms"] + found["mails"] < wanted + len(found["links"]):
                if time.monotonic() - began > JOB_SECONDS:
                    raise RuntimeError(f"messages do not leave: {found}, {wanted} promised")
                time.sleep(0.1)
        asked = self.stage.asked
        waits = sorted(moment - asked[to] for to, moment in found["links"].items() if to in asked)
        if len(waits) < len(asked):
            raise RuntimeError(f"{len(asked) - len(waits)} password links did not come")
        took = found["last"] - began
        sent = found["sms"] + found["mails"]
        self._note("messages", sent / took, f"{sent / took:.0f}/s", self.rate / (sent / took))
        self._note("messages-code", waits[-1], f"{waits[len(waits) // 2]:.1f} / {waits[-1]:.1f} s")
        times = max(one["p95"] for one in busy)
        self._note("messages-pages", times / idle["p95"], f"{idle['p95']:.0f} / {times:.0f} ms")
        spent = {name: busy[0]["spent"].get(name, 0) for name in ("web", "worker", "postgresql")}
        self.say(f"messages: {sent} in {took:.1f} s, links {waits}; idle p95 {idle['p95']}; busy {times}; {spent}")

    def _steady(self, *, links: bool = False) -> dict[str, Any]:
        """Ordinary pages at a steady pace, a booking a second; a password link is asked for first, if so said."""
        if links:
            self.stage.ask_link()
        return self.stage.load(
            "live",
            rdv=self.stage.wide,
            paths=["/"] + [f"/rdv/{rdv_id}" for rdv_id in self.stage.rdvs[:10]],
            first=self.stage.people(self.sizes.bookings),
            bookings=self.sizes.bookings,
            every=self.sizes.every,
            pace=PEOPLE,
        )

    def start(self) -> None:
        """`make run` in a folder of its own: the first time, then with what it kept."""
        if not self.sizes.starts:
            return
        with tempfile.TemporaryDirectory(prefix="bench-run-") as name:
            folder = pathlib.Path(name)
            first = until_first_page(folder)
            again = sorted(until_first_page(folder) for _ in range(self.sizes.starts))
        self._note("start-first", first, f"{first:.1f} s")
        self._note("start", again[-1], f"{again[-1]:.1f} s")
        self.say(f"start: first {first:.2f} s, then {', '.join(f'{one:.2f} s' for one in again)}")


def _tap(agent: FlaskClient, sheet: str, page: bytes) -> None:
    """Note the first person of the sheet present."""
    row = ROW.search(page)
    assert row is not None
    agent.post(
        f"{sheet}/participations/{row[1].decode()}/statut",
        data={
            "csrf_token": form_fields(page)["csrf_token"],
            "statut": "absent" if row[2] == b"present" else "present",
            "version": row[3].decode(),
            "prevenir": "1",
            **{name.decode(): value.decode() for name, value in INPUT.findall(page)},
        },
        headers={"HX-Request": "true"},
    )


@contextlib.contextmanager
def counted(engine: sqlalchemy.Engine) -> Iterator[list[int]]:
    """The number of statements of each request made inside the block."""
    seen: list[int] = []

    def begin(*_: object, **__: object) -> None:
        seen.append(0)

    def statement(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if not text.startswith("BEGIN"):
            seen[-1] += 1

    sqlalchemy.event.listen(engine, "before_cursor_execute", statement)
    request_started.connect(begin)
    try:
        yield seen
    finally:
        request_started.disconnect(begin)
        sqlalchemy.event.remove(engine, "before_cursor_execute", statement)


def until_first_page(folder: pathlib.Path) -> float:
    """Seconds from the command to a page of the site."""
    port = str(free_port())
    env = environment({"HOST": "127.0.0.1", "PORT": port, "HTMX_SOURCE": "local", "RATE_LIMITS": "off"})
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "LINK_KEY", "PUBLIC_URL", "MODE"):
        env.pop(name, None)
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.makerun", str(folder)],
        cwd=ROOT,
        env=env,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not answers(f"http://127.0.0.1:{port}/"):
            if process.poll() is not None or time.monotonic() - started > 60:
                raise RuntimeError("make run did not get to its first page")
            time.sleep(0.02)
        return time.monotonic() - started
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
