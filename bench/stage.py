"""What is measured: the processes of the Procfile on a database and a Valkey that live as long as the measure."""

import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self
from urllib.parse import urlsplit

import redis
from flask import Flask
from sqlalchemy import func, select, update

from dev.processes import ROOT, procfile
from dev.run import finish
from dev.servers import Postgres, Valkey
from tests.databases import PostgresDatabases, build, forget_connections
from tests.servers import Site
from webapp import links
from webapp.clock import utcnow
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import (
    Agent,
    EtatNotification,
    Notification,
    Participation,
    Rdv,
    Usager,
    ouverture,
    usager_organisations,
)
from webapp.services import checks
from webapp.services.booking import book_seat
from webapp.services.comptes import ask_reset
from webapp.services.ecrire import Ecrit, write_to

from .machine import Usage

JOB_SECONDS = 120
WIDE = 5000  # seats of the one session everybody wants
ENV = {
    "MODE": "demo",
    "HTMX_SOURCE": "local",
    "RATE_LIMITS": "off",
    "SECRET_KEY": "bench-secret-key-of-a-site-that-lives-a-minute",
    "LINK_KEY": "bench-link-key-of-a-site-that-lives-a-minute",
    "SMS_URL": "",
    "MAIL_SERVER": "",
    "SENTRY_DSN": "",
}


class DurablePostgres(Postgres):
    """The tests' PostgreSQL with production's promise: what is committed is on the disk."""

    def launch(self, command: Any, log: pathlib.Path, keep: Any = ()) -> None:
        durable = [
            part for name in ("fsync", "synchronous_commit", "full_page_writes") for part in ("-c", f"{name}=on")
        ]
        super().launch([*command, *durable], log, keep)  # the last value given for a name is the one


@dataclass
class Stage:
    """One kind of database with the demonstration in it, and the site on it while `running`."""

    kind: str
    database_url: str
    valkey: Valkey
    seed: int
    postgres: Postgres | None = None
    site: Site | None = None
    demo: dict[str, Any] = field(default_factory=dict)
    rdvs: list[int] = field(default_factory=list)
    wide: int = 0
    crowded: int = 0
    asked: dict[str, float] = field(default_factory=dict)
    """Password links asked for: whose, and when."""
    _next: int = 0
    _app: Flask | None = None

    @property
    def app(self) -> Flask:
        """The application in this process: to look into the database, and to count statements."""
        if self._app is None:
            self._app = build(self.database_url, **{**ENV, "REDIS_URL": self.valkey.url})
        return self._app

    def fill(self, sessions: int, participants: int) -> None:
        """Migrate and load the demonstration: `sessions` empty ones of 30 seats, one much wider, one crowded."""
        env = {**Site(self.database_url, self.valkey.url).env, **ENV}
        finish(procfile()["release"], env)
        load = f"flask --app wsgi demo --seed {self.seed} --sessions {sessions + 2} --json"
        self.demo = json.loads(finish(load, env))
        with self.app.app_context():
            now = utcnow()
            extra = db.session.scalars(
                select(Rdv).where(Rdv.intitule.startswith("Séance supplémentaire")).order_by(Rdv.id)
            )
            *empty, wide, crowded = [rdv for rdv in extra if ouverture(rdv).refusal(now) is None]
            for rdv in (wide, crowded):
                rdv.capacite_propre = rdv.capacite_max = WIDE
            db.session.commit()
            self.rdvs, self.wide, self.crowded = [rdv.id for rdv in empty], wide.id, crowded.id
            first = self.people(participants)
            for number in range(first, first + participants):
                who = Identity("Camille", f"Présent {number}", f"+3363998{number % 10000:04d}")
                book_seat(crowded.id, who, by=Acteur.USAGER, envoi=str(number))
            # The session is being held, so that statuses are noted; its messages left some time ago.
            crowded.starts_at, crowded.ends_at = now - timedelta(hours=1), now + timedelta(hours=3)
            db.session.execute(update(Notification).values(etat=EtatNotification.ENVOYEE, envoyee_le=now))
            db.session.commit()
        forget_connections(self.app)
        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()

    def take(self, sessions: int) -> list[int]:
        """Sessions nobody has booked in yet."""
        taken, self.rdvs = self.rdvs[:sessions], self.rdvs[sessions:]
        if len(taken) < sessions:
            raise RuntimeError("the demonstration was loaded with too few sessions for this measure")
        return taken

    def people(self, count: int) -> int:
        """The number of the first of `count` people nobody has been yet."""
        first, self._next = self._next, self._next + count
        return first

    @contextlib.contextmanager
    def running(self, *processes: str, **env: str) -> Iterator[Self]:
        """These processes of the Procfile, started and stopped."""
        self.site = Site(self.database_url, self.valkey.url, processes, env={**ENV, **env})
        try:
            self.site.start()
            yield self
        finally:
            self.site.stop()
            self.site = None

    @property
    def processes(self) -> tuple[str, ...]:
        """What runs, and on how many cores."""
        assert self.site is not None
        return (*self.site.processes, *([one] if (one := self.site.env.get("WEB_CONCURRENCY", "")) else []))

    @property
    def address(self) -> tuple[str, int]:
        assert self.site is not None
        parts = urlsplit(self.site.url)
        return str(parts.hostname), int(parts.port or 0)

    def pids(self) -> dict[str, int]:
        """Every server's process, by name."""
        assert self.site is not None
        found = {name: child.pid for name, child in self.site.children.items() if child.alive()}
        found["valkey"] = self.valkey.process.pid
        if self.postgres:
            found["postgresql"] = self.postgres.process.pid
        return found

    def load(self, kind: str, **job: Any) -> dict[str, Any]:
        """Run one job of the load generator; its figures, and the processor seconds everybody spent on it (`spent`)."""
        host, port = self.address
        with subprocess.Popen(
            [sys.executable, "-m", "bench.load"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as generator:
            assert generator.stdin and generator.stdout
            try:
                generator.stdin.write(json.dumps({"kind": kind, "host": host, "port": port, **job}) + "\n")
                generator.stdin.flush()
                if generator.stdout.readline() != "ready\n":
                    raise RuntimeError(f"the load generator could not prepare {kind!r} (its reason is above)")
                usage = Usage(self.pids())
                said, _ = generator.communicate("go\n", timeout=JOB_SECONDS)
                spent = usage.spent()
                others = usage.others(sum(spent.values()) + (json.loads(said)["cpu"] if said else 0.0))
            finally:
                generator.kill()
        if not said:
            raise RuntimeError(f"the load generator failed in {kind!r} (its reason is above)")
        found: dict[str, Any] = json.loads(said)
        spent["load"] = found["cpu"]
        return found | {"spent": spent, "others": others}

    def messages(self) -> tuple[int, int]:
        """Messages sent, and messages that wait."""
        with self.app.app_context():
            rows = db.session.execute(select(Notification.etat, func.count()).group_by(Notification.etat)).all()
            db.session.remove()
        counted = dict(map(tuple, rows))
        waiting = (EtatNotification.A_ENVOYER, EtatNotification.EN_COURS)
        return counted.get(EtatNotification.ENVOYEE, 0), sum(counted.get(etat, 0) for etat in waiting)

    def promise(self, people: int) -> int:
        """An agent writes to that many people of a session of their own, by text and by mail. Answers how many messages
        that makes."""
        with self.app.app_context():
            crowded = db.session.get_one(Rdv, self.crowded)
            rdv = Rdv(
                organisation_id=crowded.organisation_id,
                motif_id=crowded.motif_id,
                lieu_id=crowded.lieu_id,
                starts_at=utcnow() + timedelta(days=3),
                ends_at=utcnow() + timedelta(days=3, hours=2),
                capacite_propre=people,
                capacite_max=people,
                places_prises=people,
            )
            crowded.organisation.budget_sms_jour = 10**6
            db.session.add(rdv)
            seats = [_seat(rdv, number) for number in range(self.people(people), self._next)]
            db.session.add_all(seats)
            db.session.flush()
            known = [{"usager_id": p.usager_id, "organisation_id": rdv.organisation_id} for p in seats]
            db.session.execute(usager_organisations.insert(), known)
            db.session.commit()
            words = Ecrit("Le parking est fermé.", True, True, frozenset({Statut.INSCRIT}))
            write_to(rdv, words, agent=self._agent(), envoi="bench")
            db.session.remove()
        return 2 * people

    def _agent(self) -> Agent:
        return db.session.scalars(select(Agent).where(Agent.email == self.demo["agents"][0]["courriel"])).one()

    def ask_link(self) -> None:
        """Somebody forgot their password, now."""
        email = self.demo["agents"][len(self.asked)]["courriel"]
        with self.app.app_context():
            self.asked[email] = time.monotonic()
            ask_reset(email)
            db.session.remove()

    def seated(self, rdv_id: int) -> int:
        """Seats taken in a session."""
        with self.app.app_context():
            taken = db.session.scalar(select(Rdv.places_prises).where(Rdv.id == rdv_id))
            db.session.remove()
        return taken or 0

    def broken(self) -> list[str]:
        """What `flask check` would say: the invariants that do not hold."""
        with self.app.app_context():
            found = list(checks.broken())
            db.session.remove()
        return found


def _seat(rdv: Rdv, number: int) -> Participation:
    """A place written down as it stands: booking 2,500 people is not what is measured here."""
    nonce, hashed = links.new_link(links.PARTICIPATION)
    now = utcnow()
    return Participation(
        rdv=rdv,
        usager=Usager(
            first_name="Camille",
            last_name=f"Prévenu {number}",
            phone=f"+3363998{number % 10000:04d}",
            email=f"personne{number}@exemple.fr",
        ),
        statut=Statut.INSCRIT,
        inscrit_le=now,
        statut_le=now,
        statut_par=Acteur.AGENT,
        origine=Acteur.AGENT,
        lien_nonce=nonce,
        lien_hash=hashed,
    )


@contextlib.contextmanager
def stage(kind: str, seed: int, sessions: int, participants: int) -> Iterator[Stage]:
    """A temporary database of that kind and a Valkey of its own, filled, gone afterwards."""
    with contextlib.ExitStack() as stack:
        valkey = stack.enter_context(Valkey())
        postgres = None
        if kind == "postgresql":
            postgres = stack.enter_context(DurablePostgres())
            databases = PostgresDatabases(postgres.url)
            url = databases.create()
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            url = f"sqlite:///{folder}/rdv.sqlite3"
        found = Stage(kind, url, valkey, seed, postgres)
        found.fill(sessions, participants)
        try:
            yield found
        finally:
            forget_connections(found.app)
