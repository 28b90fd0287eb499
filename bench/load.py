"""The load generator: one process, one job (JSON on its standard input), its figures (JSON on its standard output).

It prepares (opens the forms, logs in), says `ready`, waits for a line, then works: what is measured on the servers
meanwhile is the work alone. Run by `bench.stage.Stage.load`.
"""

import itertools
import json
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gevent

from .wire import Broken, Browser, form_fields, person

PER_CONNECTION = 10
"""Requests a visitor makes on one connection: nobody stays for ever, and connections spread over the web processes."""
WARM = 0.3  # seconds at the beginning that do not count
ROW = re.compile(rb'<li id="participation-(\d+)"[^>]*data-statut="(\w+)" data-version="(\d+)"')
INPUT = re.compile(rb'<input[^>]*name="(depuis|dernier)"[^>]*value="(\d+)"')

Job = dict[str, Any]
Work = Callable[[], dict[str, Any]]


@dataclass
class Tally:
    """Durations and answers of one kind of request (or of one whole journey)."""

    seconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    bytes: int = 0

    def add(self, seconds: float, answer: object, size: int = 0) -> None:
        self.seconds.append(seconds)
        self.answers[str(answer)] += 1
        self.bytes += size

    def figures(self, elapsed: float) -> dict[str, Any]:
        """Count, rate, percentiles in milliseconds, answers, mean size of a body on the wire."""
        count = len(self.seconds)
        ordered = sorted(self.seconds) or [0.0]
        found: dict[str, Any] = {
            f"p{rank}": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * rank // 100)], 2)
            for rank in (50, 95, 99)
        }
        return {
            **found,
            "max": round(1000 * ordered[-1], 2),
            "count": count,
            "rate": round(count / elapsed, 1) if elapsed else 0.0,
            "answers": dict(self.answers),
            "bytes": round(self.bytes / count) if count else 0,
        }


def crowd(people: int, work: Callable[[], None]) -> float:
    """`people` greenlets at once; how long until the last one is done."""
    started = time.monotonic()
    gevent.joinall([gevent.spawn(work) for _ in range(people)], raise_error=True)
    return time.monotonic() - started


def pages(job: Job) -> Work:
    """`people` visitors ask for the paths in turn, for some seconds (or `count` times)."""
    paths = itertools.cycle(job["paths"])

    def work() -> dict[str, Any]:
        tally = Tally()
        begin = time.monotonic() + WARM
        end = begin + job["seconds"]

        def visitor() -> None:
            while time.monotonic() < end:
                browser = Browser(job["host"], job["port"])
                for _ in range(PER_CONNECTION):
                    answer = browser.get(next(paths))
                    if begin <= answer.ended < end:
                        tally.add(answer.seconds, answer.status, answer.sent)
                    if answer.ended >= end:
                        break
                browser.leave()

        crowd(job["people"], visitor)
        return tally.figures(job["seconds"])

    return work


def seats(job: Job) -> Iterator[int]:
    """Session ids, one for each free seat, taking the sessions in turn."""
    return (rdv_id for _ in range(job["seats"]) for rdv_id in job["rdvs"])


def journeys(job: Job) -> Work:
    """People one after another in `people` lines: session page, form, post, confirmation, on a connection of their
    own. A journey counts when it ended within the time and its person holds a seat."""
    numbers, free = itertools.count(job["first"]), seats(job)

    def work() -> dict[str, Any]:
        whole, steps = Tally(), {name: Tally() for name in ("seance", "formulaire", "envoi", "confirmation")}
        begin = time.monotonic() + WARM
        end = begin + job["seconds"]

        def line() -> None:
            while time.monotonic() < end:
                rdv_id = next(free, None)
                if rdv_id is None:
                    raise Broken("no seat is left to book: this job needs more sessions")
                browser, number = Browser(job["host"], job["port"]), next(numbers)
                seance = browser.get(f"/rdv/{rdv_id}")
                form = browser.get(f"/rdv/{rdv_id}/inscription")
                sent = browser.post(f"/rdv/{rdv_id}/inscription", form_fields(form.body) | person(number))
                answers = [seance, form, sent]
                if sent.status == 303:
                    answers.append(browser.get(sent.location))
                browser.leave()
                if begin <= answers[-1].ended < end:
                    said = [answer.status for answer in answers]
                    whole.add(answers[-1].ended - seance.started, "booked" if said == [200, 200, 303, 200] else said)
                    for step, answer in zip(steps.values(), answers, strict=False):
                        step.add(answer.seconds, answer.status, answer.sent)

        crowd(job["people"], line)
        return whole.figures(job["seconds"]) | {
            "steps": {name: tally.figures(job["seconds"]) for name, tally in steps.items()}
        }

    return work


def posts(job: Job) -> Work:
    """`count` people have the form of their session open; then `people` at a time post it."""
    free = itertools.cycle(job["rdvs"])
    numbers = iter(range(job["first"], job["first"] + job["count"]))
    ready: list[tuple[str, dict[str, str], dict[str, str]]] = []

    def open_forms() -> None:
        for number in numbers:
            path = f"/rdv/{next(free)}/inscription"
            browser = Browser(job["host"], job["port"])
            form = browser.get(path)
            browser.leave()
            ready.append((path, browser.cookies, form_fields(form.body) | person(number)))

    crowd(20, open_forms)

    def work() -> dict[str, Any]:
        tally, waiting = Tally(), iter(ready)

        def line() -> None:
            browser = Browser(job["host"], job["port"])
            for turn, (path, cookies, fields) in enumerate(waiting, 1):
                browser.cookies = dict(cookies)
                begun = time.monotonic()
                try:
                    answer = browser.post(path, fields)
                except (OSError, Broken) as error:
                    tally.add(time.monotonic() - begun, f"no answer: {type(error).__name__}")
                    browser.leave()
                else:
                    tally.add(answer.seconds, answer.status, answer.sent)
                if turn % PER_CONNECTION == 0:
                    browser.leave()
            browser.leave()

        elapsed = crowd(job["people"], line)
        return tally.figures(elapsed) | {"seconds": round(elapsed, 3)}

    return work


def sheet(job: Job) -> Work:
    """An agent alone opens a session's sheet `views` times, then taps `taps` statuses, one person after another."""
    browser = Browser(job["host"], job["port"])
    door = browser.get("/agent/connexion")
    login = {"courriel": job["courriel"], "mot_de_passe": job["mot_de_passe"]}
    if browser.post("/agent/connexion", form_fields(door.body) | login).status != 303:
        raise Broken("the agent can't log in")
    address = f"/agent/rdv/{job['rdv']}"
    page = browser.get(address).body

    def work() -> dict[str, Any]:
        views, taps = Tally(), Tally()
        for _ in range(job["views"]):
            view = browser.get(address)
            views.add(view.seconds, view.status, view.sent)
        shown = dict(INPUT.findall(page))
        token = form_fields(page)["csrf_token"]
        rows = [found.groups() for found in ROW.finditer(page)]
        for number in range(job["taps"]):
            who, statut, version = rows[number * 7 % len(rows)]
            fields = {
                "csrf_token": token,
                "statut": "present" if statut != b"present" else "absent",
                "version": version.decode(),
                "prevenir": "1",
                **{name.decode(): value.decode() for name, value in shown.items()},
            }
            tap = browser.post(f"{address}/participations/{who.decode()}/statut", fields, HX_Request="true")
            taps.add(tap.seconds, tap.status, tap.sent)
            shown |= dict(INPUT.findall(tap.body))
        return {
            "views": views.figures(sum(views.seconds)),
            "taps": taps.figures(sum(taps.seconds)),
            "rows": len(rows),
            "page": len(page),
        }

    return work


def live(job: Job) -> Work:
    """Visitors ask for ordinary pages at a steady pace while somebody books in the watched session once a second."""
    forms = []
    for number in range(job["first"], job["first"] + job["bookings"]):
        browser = Browser(job["host"], job["port"])
        path = f"/rdv/{job['rdv']}/inscription"
        forms.append((browser, path, form_fields(browser.get(path).body) | person(number)))
        browser.leave()
    paths = itertools.cycle(job["paths"])

    def work() -> dict[str, Any]:
        tally, booked = Tally(), []
        end = time.monotonic() + job["bookings"] * job["every"]

        def visitor(delay: float) -> None:
            gevent.sleep(delay)
            while (now := time.monotonic()) < end:
                browser = Browser(job["host"], job["port"])
                answer = browser.get(next(paths))
                browser.leave()
                tally.add(answer.seconds, answer.status, answer.sent)
                gevent.sleep(max(0.0, now + 1.0 - time.monotonic()))

        visitors = [gevent.spawn(visitor, n / job["pace"]) for n in range(job["pace"])]
        for browser, path, fields in forms:
            due = time.monotonic() + job["every"]
            answer = browser.post(path, fields)
            booked.append({"status": answer.status, "ended": answer.ended, "seconds": answer.seconds})
            gevent.sleep(max(0.0, due - time.monotonic()))
        gevent.joinall(visitors, raise_error=True)
        return tally.figures(job["bookings"] * job["every"]) | {"booked": booked}

    return work


JOBS: dict[str, Callable[[Job], Work]] = {
    "pages": pages,
    "journeys": journeys,
    "posts": posts,
    "sheet": sheet,
    "live": live,
}


def main() -> None:
    """One job."""
    job = json.loads(sys.stdin.readline())
    work = JOBS[job["kind"]](job)
    print("ready", flush=True)
    sys.stdin.readline()
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    found["cpu"] = round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 3)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
