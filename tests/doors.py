"""Every door to a seat, in one table, and the people who push them all at once.

`python -m tests.doors` is one process of them: greenlets with a connection, cookies and dice of their own. A feature
that adds a way in or out of a session adds a line to DOORS (tests/test_doors.py fails until it does).
"""

import json
import re
import secrets
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

import gevent
from selectolax.lexbor import LexborHTMLParser

from bench.wire import FORM, TOKEN, Answer, Broken, Browser
from tests.crowd import person
from tests.doors_invitations import by_invitation, invite, not_invited
from tests.pages import Form

PUBLIC, AGENT, REFERENT, VOISIN = "public", "agent", "référent", "voisin"
ROLES = (PUBLIC,) * 6 + (AGENT,) * 3 + (REFERENT,) * 2 + (VOISIN,)
ROW = re.compile(r'id="participation-(\d+)"[^>]*data-version="(\d+)"')
SESSION = re.compile(rb"/rdv/(\d+)")
LINK = re.compile(rb"/p/([\w-]{22})")
STATUTS = ("inscrit", "present", "absent", "excuse", "annule")


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
    invitations: list[str]
    """Links to choose one session, each to somebody."""
    for_invited: list[int]
    """The sessions they may choose, of `invited_to`."""
    invited_to: int


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
            phone = person(self.dice.choice(self.world.people))["telephone"].replace(" ", "")
            found = {link.decode() for link in LINK.findall(self.get(f"/demo/messages?a={phone}").body)}
            self.world.links += sorted(found - set(self.world.links))
        return self.dice.choice(self.world.links) if self.world.links else None

    def somebody(self) -> dict[str, str]:
        """One of the people: booked online, or written down by an agent."""
        return {"pour": "moi", **person(self.dice.choice(self.world.people))}


def book(v: Visitor) -> Answer:
    rdv_id = v.session()
    if v.dice.random() < 0.5:
        v.get(f"/rdv/{rdv_id}/inscription")
    return v.post(f"/rdv/{rdv_id}/inscription", v.somebody())


def book_twice(v: Visitor) -> Answer:
    """A double click: the same form on two connections at once."""
    path, fields = f"/rdv/{v.session()}/inscription", {**v.somebody(), "envoi": v.dice.randbytes(12).hex()}
    twin = Visitor(v.world, v.role, v.dice, Browser(v.browser.host, v.browser.port, dict(v.browser.cookies)), v.csrf)
    other = gevent.spawn(twin.post, path, fields)
    answer = v.post(path, fields)
    second: Answer = other.get()
    twin.browser.leave()
    return max(answer, second, key=lambda one: one.status >= 500)


def excuse(v: Visitor) -> Answer | None:
    link = v.link()
    return v.post(f"/p/{link}/desistement", {"raison": "Je suis malade"}) if link else None


def come_back(v: Visitor) -> Answer | None:
    link = v.link()
    return v.post(f"/p/{link}/reinscription", {}) if link else None


def altered(v: Visitor) -> Answer | None:
    """Somebody else's link, guessed from one's own."""
    link = v.link()
    if link is None:
        return None
    at = v.dice.randrange(22)
    wrong = link[:at] + v.dice.choice([c for c in "Az09-_" if c != link[at]]) + link[at + 1 :]
    return v.post(f"/p/{wrong}/{v.dice.choice(['desistement', 'reinscription'])}", {})


def add_known(v: Visitor) -> Answer:
    return v.post(f"/agent/rdv/{v.sheet()}/participations", {"usager_id": v.dice.choice(v.world.known), **_told(v)})


def add_new(v: Visitor) -> Answer:
    headers = {"HX-Request": "true"} if v.dice.random() < 0.5 else {}
    return v.post(f"/agent/rdv/{v.sheet()}/participations", {**v.somebody(), **_told(v)}, **headers)


def overbook(v: Visitor) -> Answer:
    """On purpose; agents without the right are refused."""
    return v.post(f"/agent/rdv/{v.sheet()}/participations", {**v.somebody(), "surbooking": "1"})


def tap(v: Visitor) -> Answer | None:
    """Any status, from any other, with the version the sheet showed: old ones are refused."""
    row = v.row()
    if row is None:
        return None
    rdv_id, place, version = row
    fields = {"statut": v.dice.choice(STATUTS), "version": version, **_told(v)}
    if v.dice.random() < 0.1:
        del fields["version"]
    headers = {"HX-Request": "true"} if v.dice.random() < 0.5 else {}
    answer = v.post(f"/agent/rdv/{rdv_id}/participations/{place}/statut", fields, **headers)
    if answer.status in (200, 303):
        v.rows[rdv_id, place] = version + 1
    else:
        v.rows.pop((rdv_id, place), None)
    return answer


def remove(v: Visitor) -> Answer | None:
    """The page that says who will be told, then its button."""
    row = v.row()
    if row is None:
        return None
    rdv_id, place, _ = row
    v.get(f"/agent/rdv/{rdv_id}/participations/{place}/retrait")
    return v.post(f"/agent/rdv/{rdv_id}/participations/{place}/statut", {"statut": "annule", **_told(v)})


def cancel(v: Visitor) -> Answer:
    return v.post(f"/agent/rdv/{v.dice.choice(v.world.cancellable)}/annulation", {"raison": "Malade", **_told(v)})


def move(v: Visitor) -> Answer | None:
    """Another day for one session, while people book it."""
    path = f"/agent/rdv/{v.dice.choice(v.world.sessions)}/modification"
    values = v.form(path, "jour")
    if not values:
        return None
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * v.dice.randint(3, 30)))
    return v.post(path, {**values, "jour": day, **_told(v)})


def change_motif(v: Visitor) -> Answer | None:
    """Its capacity, that coming sessions inherit."""
    path = f"/configuration/motifs/{v.dice.choice(v.world.motifs)}"
    values = v.form(path, "capacite_max")
    return v.post(path, {**values, "capacite_max": v.dice.randint(2, 7)}) if values else None


def archive(v: Visitor) -> Answer:
    """Put a motif away, and take it back: who books meets both."""
    path = f"/configuration/motifs/{v.dice.choice(v.world.motifs)}/archivage"
    v.post(path, {})
    return v.post(path, {})


def change_plage(v: Visitor) -> Answer | None:
    """Its capacity, its hours or its days: sessions are made, moved, removed or kept."""
    path = f"/agent/plages/{v.dice.choice(v.world.plages)}"
    values = v.form(path, "first_day")
    return v.post(path, {**values, **_another_rule(v)}) if values else None


def open_plage(v: Visitor) -> Answer | None:
    path = f"/agent/plages/nouvelle?motif_id={v.dice.choice(v.world.motifs)}"
    values = v.form(path, "first_day")
    if not values:
        return None
    first_day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400 * v.dice.randint(20, 60)))
    endroit = v.form(f"/agent/plages/{v.world.plages[0]}", "endroit") or {}
    typed = {"first_day": first_day, "start_time": "09:00", "end_time": "10:00", "endroit": endroit.get("endroit", "")}
    return v.post(path, {**values, **typed, "title": f"Plage {v.dice.randint(1, 5)}"})


def _another_rule(v: Visitor) -> dict[str, Any]:
    change = v.dice.choice(("capacity", "hours", "days"))
    if change == "capacity":
        return {"capacite_max": v.dice.choice(["", 2, 3, 5, 8])}
    if change == "hours":
        return {"start_time": v.dice.choice(["09:00", "10:00", "14:00"]), "end_time": "16:00"}
    days = v.dice.sample(range(7), v.dice.randint(1, 2))
    return {"frequence": "semaines", "intervalle": v.dice.randint(1, 2), "jours": days, "fin": "fois", "fois": 4}


def not_mine(v: Visitor) -> Answer:
    """Another service's agent, whose addresses are typed by hand."""
    rdv_id = v.dice.choice([*v.world.sheets, *v.world.sessions])
    what = v.dice.choice(("participations", "annulation", f"participations/{v.dice.randint(1, 60)}/statut"))
    return v.post(f"/agent/rdv/{rdv_id}/{what}", {**v.somebody(), "statut": "annule", "surbooking": "1"})


def not_my_settings(v: Visitor) -> Answer:
    what = v.dice.choice([f"/agent/plages/{n}" for n in v.world.plages])
    return v.post(what, {"capacite_max": 1, "first_day": "2030-01-01"})


def _told(v: Visitor) -> dict[str, str]:
    return {"prevenir": v.dice.choice("011")}


@dataclass(frozen=True)
class Door:
    """One way in, out or around: the route it posts to, who pushes it, how often, what it may answer."""

    endpoint: str
    push: Callable[[Visitor], Answer | None]
    roles: tuple[str, ...]
    weight: int
    answers: frozenset[int]

    @property
    def opens(self) -> bool:
        """Is it one that lets people through, rather than a wall?"""
        return bool(self.answers & {200, 303})


def _door(endpoint: str, push: Callable[[Visitor], Answer | None], roles: str, weight: int, *answers: int) -> Door:
    return Door(endpoint, push, tuple(roles.split()), weight, frozenset(answers))


STAFF = f"{AGENT} {REFERENT}"
DOORS = (
    _door("public.inscription", book, PUBLIC, 10, 303, 404, 409),
    _door("public.inscription", book_twice, PUBLIC, 3, 303, 404, 409),
    _door("public.desistement", excuse, PUBLIC, 7, 303, 409),
    _door("public.reinscription", come_back, PUBLIC, 5, 303, 409),
    _door("public.desistement", altered, PUBLIC, 1, 404),
    _door("public.inscription", by_invitation, PUBLIC, 6, 303, 404, 409),
    _door("public.inscription", not_invited, PUBLIC, 1, 404),
    _door("agent.invitations", invite, STAFF, 1, 303, 409),
    _door("agent.ajouter", add_known, STAFF, 4, 303, 404, 409),
    _door("agent.ajouter", add_new, STAFF, 4, 200, 303, 404, 409),
    _door("agent.ajouter", overbook, STAFF, 2, 303, 403, 404, 409),
    _door("agent.statut", tap, STAFF, 16, 200, 303, 404, 409),
    _door("agent.statut", remove, STAFF, 2, 303, 404, 409),
    _door("agent.annulation", cancel, REFERENT, 1, 303, 409),
    _door("agent.modification", move, REFERENT, 3, 303, 404, 409),
    _door("configuration.motif", change_motif, REFERENT, 3, 303),
    _door("configuration.archivage", archive, REFERENT, 2, 303),
    _door("agent.plage", change_plage, REFERENT, 4, 303, 409),
    _door("agent.nouvelle_plage", open_plage, REFERENT, 1, 303, 409, 422),
    _door("agent.ajouter", not_mine, VOISIN, 3, 404),
    _door("agent.plage", not_my_settings, VOISIN, 1, 404),
)
NO_SEATS = {
    "public.terminer": "forgets what a browser booked",
    "public.mes_rendez_vous": "sends a code to a contact, and takes it",
    "public.mes_rendez_vous_lien": "shows somebody their appointments",
    "public.fermer_mes_rendez_vous": "forgets them",
    "agent.connexion": "opens a session of the back office",
    "agent.deconnexion": "closes it",
    "agent.mot_de_passe": "asks for a link",
    "agent.nouveau_mot_de_passe": "chooses a password",
    "agent.heritage": "shows what is being typed",
    "agent.message": "writes to people",
    "agent.nouvelle_seance": "opens a session nobody is in yet",
    "agent.note": "keeps the agents' own words",
    "agent.apercu_plage": "shows what is being typed",
    "configuration.apercu_motif": "shows what is being typed",
    "public.fermer_invitation": "this browser forgets an invitation",
    "agent.retrait_invitation": "takes an invitation back, not the seat it gave",
    "public.canaux": "says by what to be told",
    "public.desabonnement": "says no to e-mail",
    "agent.canaux": "notes by what to tell somebody",
    "agent.preferences": "says what an agent is told",
    "configuration.reessayer": "sends a message again",
    "configuration.reessayer_tout": "sends messages again",
    "configuration.reglages_messages": "sets how messages leave",
    "configuration.nouveau_lieu": "a place that has no session yet",
    "configuration.lieu": "corrects where sessions are held, not their seats",
    "configuration.activation": "proposes a place, or no more",
    "configuration.nouvelle_salle": "a room that has no session yet",
    "configuration.salle": "renames a room",
    "configuration.retrait_salle": "takes away a room where nothing is held",
    "configuration.organisation": "says how the organisation is called and reached",
    "configuration.inviter_agent": "opens an account",
    "configuration.agent": "what an agent may do",
    "configuration.renvoyer_invitation": "sends an agent a link again",
    "configuration.desactivation": "closes an account",
    "configuration.reactivation": "opens it again",
    "configuration.nouveau_motif": "a motif that has no session yet",
}


@dataclass
class Tally:
    """What one process saw: door → status → how many, and what must never happen."""

    answers: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[str] = field(default_factory=list)

    def note(self, door: Door, answer: Answer) -> None:
        name = door.push.__name__
        self.answers[name][answer.status] += 1
        busy = answer.status == 503 and answer.retry_after
        if answer.status not in door.answers and not busy:
            said = LexborHTMLParser(answer.body.decode(errors="replace")).css_first("main, body")
            self.faults.append(f"{name}: {answer.status} {' '.join(said.text().split())[:400] if said else ''}")


def push_doors(visitor: Visitor, tally: Tally, until: float, each: bool) -> None:
    """Push each door once if so asked, however slow the machine, then one after the other as often as it weighs."""
    mine = [door for door in DOORS if visitor.role in door.roles]
    weights = [door.weight for door in mine]
    first = visitor.dice.sample(mine, len(mine)) if each else []
    visitor.log_in()
    while first or time.monotonic() < until:
        (door,) = [first.pop()] if first else visitor.dice.choices(mine, weights)
        answer = door.push(visitor)
        if answer is not None:
            tally.note(door, answer)
    visitor.browser.leave()


def main() -> None:
    """`{seed, seconds, each, world}` on standard input, the tally on standard output."""
    asked = json.load(sys.stdin)
    world, tally = World(**asked["world"]), Tally()
    parts = urlsplit(world.url)
    until = time.monotonic() + asked["seconds"]
    people = []
    for number, role in enumerate(ROLES):
        browser = Browser(str(parts.hostname), int(parts.port or 80))
        visitor = Visitor(world, role, Random(f"{asked['seed']}/{number}"), browser)
        people.append(gevent.spawn(push_doors, visitor, tally, until, asked["each"]))
    gevent.joinall(people)
    for one in people:
        if one.exception is not None:
            tally.faults.append(f"a client ended: {one.exception!r}")
    json.dump({"answers": tally.answers, "faults": tally.faults}, sys.stdout)


def new_seed() -> int:
    return secrets.randbelow(10**6)


if __name__ == "__main__":
    main()
