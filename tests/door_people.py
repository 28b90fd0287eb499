"""Who pushes the doors of tests/doors.py: somebody with a browser, a role and dice, and what they found out."""

import re
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlencode

from selectolax.lexbor import LexborHTMLParser

from bench.wire import FORM, TOKEN, Answer, Broken, Browser
from tests.crowd import person
from tests.doors_attente import is_wait
from tests.pages import Form

PUBLIC, AGENT, REFERENT, VOISIN = "public", "agent", "référent", "voisin"
ROW = re.compile(r'id="participation-(\d+)"[^>]*data-version="(\d+)"')
SESSION = re.compile(rb"/rdv/(\d+)")
LINK = re.compile(rb"/p/([\w-]{22})")


@dataclass
class World:
    """What one process knows: where things are, and what its people found out."""

    url: str
    sessions: list[int]
    sheets: list[int]
    """Sessions of the agents: also those that have started, or are about to."""
    cancellable: list[int]
    motifs: list[int]
    plages: list[int]
    pages: list[str]
    """Public pages where sessions are found."""
    agents: dict[str, list[str]]
    password: str
    known: list[int]
    people: list[int]
    """Numbers of `crowd.person`."""
    links: list[str]
    waits: list[str] = field(default_factory=list)
    """Personal links of those who wait, or did."""
    invitations: list[str] = field(default_factory=list)
    """Links to choose one session, each to somebody."""
    for_invited: list[int] = field(default_factory=list)
    """The sessions they may choose, of `invited_to`."""
    invited_to: int = 0
    jetons: list[str] = field(default_factory=list)
    """Tokens of the API, of agents of the service."""


@dataclass
class Visitor:
    """Somebody with a browser, a role and dice."""

    world: World
    role: str
    dice: Random
    browser: Browser
    csrf: str = ""
    rows: dict[tuple[int, int], int] = field(default_factory=dict)
    """(session, participation) → the version last seen."""

    def get(self, path: str) -> Answer:
        """Look at a page; what it says of tokens, rows and links is remembered."""
        answer = self._ask("GET", path, b"", {})
        token = TOKEN.search(answer.body)
        if token:
            self.csrf = token[1].decode()
        return answer

    def form(self, path: str, needs: str) -> dict[str, list[str]] | None:
        """The values of the form that has this field, as a browser would send them."""
        tree = LexborHTMLParser(self.get(path).body.decode())
        for node in tree.css("form"):
            form = Form(None, node, path)  # type: ignore[arg-type]
            if needs in form.names:
                return form.values
        return None

    def post(self, path: str, fields: dict[str, Any], **headers: str) -> Answer:
        """Send a form; an answer that got lost on its way is asked again, as a browser or its owner would."""
        data = {"csrf_token": self.csrf, "envoi": self.dice.randbytes(12).hex(), **fields}
        return self._ask("POST", path, urlencode(data, doseq=True).encode(), {**FORM, **headers})

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            return self.browser.ask(method, path, body, headers)
        except (Broken, OSError):
            self.browser.leave()
            return self.browser.ask(method, path, body, headers)

    def log_in(self) -> None:
        """Public visitors only need the token of a form."""
        if self.role == PUBLIC:
            self.get("/mes-rendez-vous")  # whatever became of the sessions, there is a form
            assert self.csrf
            return
        self.get("/agent/connexion")
        email = self.dice.choice(self.world.agents[self.role])
        answer = self.post("/agent/connexion", {"courriel": email, "mot_de_passe": self.world.password})
        assert answer.status == 303, f"{email}: {answer.status}"
        self.get(f"/agent/rdv/{self.world.sheets[0]}" if self.role != VOISIN else "/agent/plages/nouvelle")
        assert self.csrf

    def sheet(self) -> int:
        """A session to work on, its rows read again one time in three."""
        rdv_id = self.dice.choice([*self.world.sheets, *self.world.sessions])
        if self.dice.random() < 0.35 or not any(rdv == rdv_id for rdv, _ in self.rows):
            for row, version in ROW.findall(self.get(f"/agent/rdv/{rdv_id}").body.decode()):
                self.rows[rdv_id, int(row)] = int(version)
        return rdv_id

    def row(self) -> tuple[int, int, int] | None:
        """Session, participation and version of somebody on a sheet."""
        rdv_id = self.sheet()
        here = sorted((row, version) for (rdv, row), version in self.rows.items() if rdv == rdv_id)
        return (rdv_id, *self.dice.choice(here)) if here else None

    def session(self) -> int:
        """A session found on the public pages, which are looked at again from time to time."""
        if self.dice.random() < 0.05:
            found = {int(n) for n in SESSION.findall(self.get(self.dice.choice(self.world.pages)).body)}
            self.world.sessions += sorted(found - set(self.world.sessions))
        return self.dice.choice(self.world.sessions)

    def link(self) -> str | None:
        """A personal link: one that was given, or one found in somebody's messages."""
        if self.dice.random() < 0.2:
            self._read_messages()
        return self.dice.choice(self.world.links) if self.world.links else None

    def wait(self) -> str | None:
        """The same, of somebody who waits or did."""
        if not self.world.waits or self.dice.random() < 0.3:
            self._read_messages()
        return self.dice.choice(self.world.waits) if self.world.waits else None

    def _read_messages(self) -> None:
        phone = person(self.dice.choice(self.world.people))["telephone"].replace(" ", "")
        found = {link.decode() for link in LINK.findall(self.get(f"/demo/messages?a={phone}").body)}
        for link in sorted(found - {*self.world.links, *self.world.waits}):
            of_a_wait = is_wait(self.get(f"/p/{link}"))
            (self.world.waits if of_a_wait else self.world.links).append(link)

    def somebody(self) -> dict[str, str]:
        """One of the people: booked online, or written down by an agent."""
        return {"pour": "moi", **person(self.dice.choice(self.world.people))}
