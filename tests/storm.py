"""Many people at every door of a running site for a while, then the recount."""

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from datetime import time as wall

from flask import Flask
from sqlalchemy import select

from dev.processes import ROOT
from tests import factories as make
from tests.crowd import person
from tests.doors import World
from tests.servers import Site
from webapp import links
from webapp.broker import broker
from webapp.clock import utcnow
from webapp.domain.events import Inscription
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.domain.recurrence import Frequency, Recurrence
from webapp.extensions import db
from webapp.jobs.schedule import RUN_ALONE
from webapp.models import Agent, FileAttente, Lieu, Motif, Organisation, Participation, Rdv, Usager
from webapp.notifications import wake
from webapp.notifications.base import emit
from webapp.services import attente
from webapp.services.booking import change_statut
from webapp.services.plages import PlageData, save_plage
from webapp.services.transaction import transaction

LINK_KEY = "test-link-key-that-is-long-enough-to-be-accepted"
PROCESSES = 2
PEOPLE = 24
SEATS = 4
BAD_LINES = ("Traceback", "ERROR", "CRITICAL")
CHECK_SECONDS = 60


@dataclass
class Outcome:
    """What a storm left behind."""

    seed: int
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    said: str = ""
    """What `flask check` printed when it was not content."""

    def __str__(self) -> str:
        counts = {door: dict(sorted(got.items())) for door, got in sorted(self.answers.items())}
        return f"seed {self.seed}: {counts}"


def world(app: Flask, site: Site, number: int) -> World:
    """An organisation of its own with sessions of every kind, few seats and many people who want them."""
    with app.app_context():
        with transaction():  # the site writes meanwhile
            org = make.organisation(surbooking_autorise=True)
            mine, other = make.service(org), make.service(org, name="PMI", short_name="PMI")
            agents = {
                "agent": [make.agent(mine).email, make.agent(mine, "accueil").email],
                "référent": [make.agent(mine, "référent").email],
                "voisin": [make.agent(other).email],
            }
            jetons = [make.jeton(make.agent(mine, preset))[1] for preset in ("agent", "référent")]
            people = [number * PEOPLE + n for n in range(PEOPLE)]
            known = [_known(org, n).id for n in people[: PEOPLE // 2]]
            motifs = [
                make.motif(mine, name=f"Atelier {n}", capacite_max=SEATS, delai_min_minutes=0, liste_attente=n != 1)
                for n in range(3)
            ]
            where, day = make.lieu(org), timedelta(days=1)
            alone = [make.rdv(motifs[0], starts_at=utcnow() + n * day, lieu_id=where.id) for n in range(2, 14)]
            soon = make.rdv(motifs[1], starts_at=utcnow() + timedelta(seconds=6), lieu_id=where.id)
            begun = make.rdv(motifs[1], starts_at=utcnow() - timedelta(minutes=5), lieu_id=where.id)
            tokens = []
            waited_for = [make.full(rdv) for rdv in alone[:2]]
            for rdv in (soon, begun, *alone[2:]):
                tokens += [
                    links.token(links.PARTICIPATION, make.participation(rdv).lien_nonce) for _ in range(SEATS - 2)
                ]
            closed = make.motif(mine, capacite_max=SEATS, reservable_par="invites")
            invited = [make.rdv(closed, starts_at=utcnow() + n * day, lieu_id=where.id) for n in range(2, 5)]
            invitations = [_invitation(closed, usager_id) for usager_id in known]
            families = [_household(rdv) for rdv in alone[2:5]]
            holders = [(make.agent(mine, "référent"), make.lieu(org)) for _ in range(2)]
            make.webhook(org, url="https://localhost:9/rdv")  # told everything, and never there
        with transaction():
            for first, second in families:
                emit(Inscription(participation_id=first.id, version=1, avec=(second.id,)))
        # As often as others, among so many.
        tokens += [links.token(links.PARTICIPATION, first.lien_nonce) for first, _ in families] * 3
        waits = [token for rdv in waited_for for token in _waiting(rdv.id)]
        plages = [_plage(motifs[n], *held_by) for n, held_by in zip((1, 2), holders, strict=True)]
        held = db.session.scalars(select(Rdv.id).where(Rdv.plage_ouverture_id.in_(plages)).order_by(Rdv.id)).all()
        made = World(
            url=site.url,
            sessions=[*(rdv.id for rdv in alone[2:]), soon.id, *held, *(rdv.id for rdv in waited_for)],
            sheets=[soon.id, begun.id, *(rdv.id for rdv in alone[:2]), invited[0].id],
            cancellable=[rdv.id for rdv in alone[3:]],
            motifs=[motif.id for motif in motifs],
            plages=plages,
            pages=[f"/o/{org.slug}/motifs/{motif.id}" for motif in motifs],
            agents=agents,
            password=make.PASSWORD,
            known=known,
            people=people,
            links=tokens,
            waits=waits,
            invitations=invitations,
            for_invited=[rdv.id for rdv in invited],
            invited_to=closed.id,
            jetons=jetons,
        )
        db.session.remove()
        return made


def _household(rdv: Rdv) -> tuple[Participation, Participation]:
    """A parent and a child, told by one message, whose link moves either or both."""
    parent = make.usager(rdv.organisation_id, first_name="Parent")
    child = make.usager(rdv.organisation_id, first_name="Léa", phone=None, responsable_id=parent.id)
    return make.participation(rdv, parent), make.participation(rdv, child)


def _known(org: Organisation, number: int) -> make.Usager:
    """Somebody the organisation knows already, who may book online as well."""
    who = person(number)
    phone = "+33" + who["telephone"].replace(" ", "")[1:]
    return make.usager(org, first_name=who["prenom"], last_name=who["nom"], phone=phone)


def _waiting(rdv_id: int) -> list[str]:
    """Twelve people wait there, two of them are offered a seat; their links."""
    for n in range(12):
        attente.join(rdv_id, Identity(f"Patient{n}", "Du Nom", courriel=f"patient{n}@exemple.fr"), envoi=f"{n}")
    seats = select(Participation.id).where(Participation.rdv_id == rdv_id).limit(2)
    for place in db.session.scalars(seats).all():
        change_statut(place, Statut.EXCUSE, by=Acteur.USAGER)
    nonces = db.session.scalars(select(FileAttente.lien_nonce).where(FileAttente.rdv_id == rdv_id))
    return [links.token(links.ATTENTE, nonce) for nonce in nonces]


def _invitation(motif: Motif, usager_id: int) -> str:
    """The link somebody known was sent."""
    row = make.invitation(motif, db.session.get_one(Usager, usager_id))
    return links.token(links.INVITATION, row.lien_nonce)


def _plage(motif: Motif, agent: Agent, lieu: Lieu) -> int:
    """Four weeks of sessions, made as an agent makes them."""
    first: date = (utcnow() + timedelta(days=5)).date()
    rule = Recurrence(Frequency.WEEKLY, weekdays=(first.weekday(),), count=4)
    data = PlageData(motif.id, (agent.id,), first, wall(14), wall(16), lieu_id=lieu.id, recurrence=rule)
    return save_plage(None, data, agent).plage.id


def rage(app: Flask, site: Site, seed: int, seconds: float, *, number: int = 0, each: bool = True) -> Outcome:
    """Real processes push the doors for that long (`each`: every one of them once at least), while the worker freezes
    what starts; then `flask check`."""
    where = asdict(world(app, site, number))
    outcome = Outcome(seed)
    clients = []
    for process in range(PROCESSES):
        client = subprocess.Popen(
            [sys.executable, "-m", "tests.doors"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert client.stdin is not None
        asked = {"seed": f"{seed}/{number}/{process}", "seconds": seconds, "each": each, "world": where}
        client.stdin.write(json.dumps(asked))
        client.stdin.close()
        client.stdin = None
        clients.append(client)
    try:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            freeze(app)
            time.sleep(2)
        for client in clients:
            said, _ = client.communicate(timeout=120)
            read(outcome, json.loads(said))
    finally:
        for client in clients:
            client.kill()
            client.wait()
    outcome.said = check(site)
    return outcome


def read(outcome: Outcome, tally: dict[str, dict[str, dict[str, int]]]) -> None:
    """Add what one process saw."""
    for door, got in tally["answers"].items():
        outcome.answers.setdefault(door, Counter()).update({int(status): n for status, n in got.items()})
    outcome.faults += tally["faults"]  # type: ignore[arg-type]


def freeze(app: Flask) -> None:
    """Ask for what the clock asks for each minute."""
    with app.app_context():
        broker().call(
            lambda client: wake.enqueue(
                client, RUN_ALONE, "webapp.services.rdvs.freeze_started", queue=wake.DEFAULT, seconds=60
            )
        )


def check(site: Site) -> str:
    """`flask check` as an operator types it: nothing, or what it says is broken."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "check"],
        cwd=ROOT,
        env=site.env,
        capture_output=True,
        text=True,
        timeout=CHECK_SECONDS,
    )
    assert done.returncode == 0 or done.stdout.strip(), done.stderr
    return "" if done.returncode == 0 else done.stdout


def bad_lines(site: Site) -> str:
    """What the processes wrote from the first thing they should not have, if any."""
    lines = site.output().splitlines()
    first = next((n for n, line in enumerate(lines) if any(word in line for word in BAD_LINES)), len(lines))
    return "\n".join(lines[first : first + 80])
