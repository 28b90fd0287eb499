"""The small language of docs/qui-est-prevenu.md: what its sentences do, on the real services."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import time_machine

from tests import factories as make
from tests.servers import SmsSink, SmtpSink
from webapp.clock import utcnow
from webapp.domain.capacity import Visibilite
from webapp.domain.contacts import identity_keys
from webapp.domain.dates import local
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.jobs import alerts, reminders, waitlist
from webapp.jobs import invitations as repeats
from webapp.jobs.messages import deliver
from webapp.models import (
    ConfirmationSms,
    Discretion,
    NiveauNotification,
    Participation,
    Rdv,
    TypeLieu,
    Usager,
    UsagerCle,
)
from webapp.notifications.wake import QUEUES
from webapp.queries import notifications as queries
from webapp.services import booking, ecrire, rdvs

MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
MOMENT = re.compile(r"\w+ (\d+)(?:er)? (\w+) à (\d+) h(?: (\d+))?")
STATUTS = {
    "inscrit": Statut.INSCRIT,
    "excusé": Statut.EXCUSE,
    "retiré": Statut.ANNULE,
    "absent": Statut.ABSENT,
    "présent": Statut.PRESENT,
}
CONTACTS: dict[str, dict[str, Any]] = {
    "Yasmina": {"phone": "+33639980001", "email": "yasmina@exemple.fr"},
    "Karim": {"phone": "+33639980002"},
    "Aimé": {"phone": "+262692000003"},
    "Rose": {"phone": None, "email": "rose@exemple.fr"},
    "Jean": {"phone": "+33475990104"},
    "Marie": {"phone": None},
    "Léa": {"phone": None, "of": "Yasmina"},
    "Tom": {"phone": None, "of": "Yasmina"},
}
OTHER_NUMBER = "+33639980099"
SAID = "Le parking est fermé."


def words(text: str) -> str:
    """As one reads: any space is a space."""
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


@dataclass
class Received:
    """One message as it arrived: who, by what, its words."""

    qui: str
    canal: str
    text: str


@dataclass
class World:
    """The workshop of the page, its people and its agents; `sms` and `smtp` are real servers."""

    sms: SmsSink
    smtp: SmtpSink
    clock: Any
    tz: str = "Europe/Paris"
    ids: dict[str, int] = field(default_factory=dict)
    rdv_id: int = 0
    forms: int = 0

    # --- who and where ---------------------------------------------------------------------------------------------

    def build(self) -> None:
        org = make.organisation(name="Département de la Drôme", email="accueil@drome.exemple.fr")
        service = make.service(org)
        motif = make.motif(service, name="Mes droits au RSA", rappels=[48])
        place = make.lieu(org, name="Maison des Tilleuls")
        for name in ("Salle A", "Salle B"):
            self.ids[name] = make.salle(place, name=name).id
        self.ids["Centre social"] = make.lieu(org, name="Centre social", address="8 place du Marché").id
        rdv = make.rdv(motif, starts_at=self.moment("mardi 3 mars à 14 h"), lieu=place, salle_id=self.ids["Salle A"])
        for name, preset in (("Nadia", "agent"), ("Paul", "agent"), ("Alice", "admin")):
            agent = make.agent(service, preset, first_name=name, email=f"{name.lower()}@drome.exemple.fr")
            self.ids[name] = agent.id
            if name != "Alice":
                rdv.agents.append(agent)
        for name, contact in CONTACTS.items():
            fields = dict(contact)
            above = fields.pop("of", None)
            person = make.usager(org, first_name=name, last_name="Amrani", **fields)
            person.responsable_id = self.ids[above] if above else None
            self.ids[name] = person.id
            if above:  # known in the household by the contact of who answers for them
                for key in identity_keys(name, "Amrani", None, CONTACTS[above]["phone"], CONTACTS[above]["email"]):
                    db.session.add(UsagerCle(organisation_id=org.id, cle=key, usager_id=person.id))
        self.rdv_id = rdv.id
        db.session.commit()

    @property
    def rdv(self) -> Rdv:
        found = db.session.get(Rdv, self.rdv_id)
        assert found is not None
        return found

    def person(self, name: str) -> Usager:
        found = db.session.get(Usager, self.ids[name])
        assert found is not None
        return found

    def seat(self, name: str) -> Participation:
        return next(p for p in self.rdv.participations if p.usager_id == self.ids[name])

    def agent(self, name: str) -> Any:
        from webapp.models import Agent

        return db.session.get(Agent, self.ids[name])

    def moment(self, text: str) -> datetime:
        """mardi 3 mars à 14 h, on the organisation's clocks."""
        found = MOMENT.fullmatch(text)
        assert found, f"not a moment: {text}"
        day, month, hour, minute = found.groups()
        return datetime(2026, MONTHS.index(month) + 1, int(day), int(hour), int(minute or 0), tzinfo=ZoneInfo(self.tz))

    def travel(self, text: str) -> None:
        self.clock.move_to(self.moment(text))

    # --- what happens ----------------------------------------------------------------------------------------------

    def book(self, name: str, *, agent: str = "", prevenir: bool = True, phone: str | None = None) -> None:
        person, self.forms = self.person(name), self.forms + 1
        identity = None
        if not agent:
            identity = Identity(
                prenom=person.first_name,
                nom=person.last_name,
                telephone=phone or person.phone,
                courriel=person.email,
            )
        booking.book_seat(
            self.rdv_id,
            identity,
            by=Acteur.AGENT if agent else Acteur.USAGER,
            envoi=f"formulaire-{self.forms}",
            agent=self.agent(agent) if agent else None,
            usager_id=None if identity else person.id,
            prevenir=prevenir,
        )

    def mark(self, name: str, statut: Statut, *, agent: str = "", prevenir: bool = True) -> None:
        by = Acteur.AGENT if agent else Acteur.USAGER
        who = self.agent(agent) if agent else None
        booking.change_statut(self.seat(name).id, statut, by=by, agent=who, prevenir=prevenir)

    def move(self, prevenir: bool = True, **changes: Any) -> None:
        here = vars_of(rdvs.OuEtQuand.of(self.rdv)) | changes
        rdvs.move_rdv(self.rdv_id, rdvs.OuEtQuand(**here), agent=self.agent("Nadia"), prevenir=prevenir)

    def tick(self) -> None:
        """What the clock asks for at each minute."""
        due = (reminders.emit_due, repeats.emit_due, waitlist.pass_on_due)
        for job in (*due, alerts.under_minimum, alerts.digests, alerts.stuck):
            job()
            db.session.remove()

    def deliver(self) -> None:
        """Everything that may leave now leaves."""
        for _ in range(20):
            self.clock.shift(timedelta(seconds=1))
            for queue in QUEUES:
                deliver(queue)
            if not queries.due_files(utcnow()):
                return
        raise AssertionError("messages still wait")

    def forget(self) -> None:
        self.sms.reset()
        self.smtp.reset()

    def received(self) -> list[Received]:
        """What arrived since, from the providers' side."""
        by_phone = {contact["phone"]: name for name, contact in CONTACTS.items() if contact["phone"]}
        by_phone[OTHER_NUMBER] = "autre numéro"
        found = [
            Received(by_phone[asked["to"]], "SMS", words(asked["text"]))
            for asked in (request.json() for request in self.sms.requests)
        ]
        for mail in self.smtp.mails:
            (to,) = mail.recipients
            body = mail.message.get_body(("plain",))
            assert body is not None
            text = f"{mail.message['Subject']} {body.get_content()}"
            found.append(Received(to.partition("@")[0].capitalize(), "courriel", words(text)))
        return found


def vars_of(place: rdvs.OuEtQuand) -> dict[str, Any]:
    return {name: getattr(place, name) for name in ("starts_at", "ends_at", "lieu_id", "salle_id", "lien_visio")}


def named(text: str) -> list[str]:
    """Yasmina, Léa et Tom."""
    return re.split(r", | et ", text)


# --- the sentences ----------------------------------------------------------------------------------------------------

Step = Callable[..., None]
SENTENCES: list[tuple[re.Pattern[str], Step]] = []


def sentence(pattern: str) -> Callable[[Step], Step]:
    def keep(step: Step) -> Step:
        SENTENCES.append((re.compile(pattern), step))
        return step

    return keep


def say(world: World, text: str) -> None:
    """Make one sentence true."""
    for pattern, step in SENTENCES:
        if found := pattern.fullmatch(text):
            step(world, *found.groups())
            db.session.commit()
            return
    raise AssertionError(f"no such sentence: {text}")


@sentence(r"(.+?) (?:est|sont) (inscrit|excusé|retiré|absent)e?s?( sans prévenir)?")
def _is(world: World, names: str, statut: str, silent: str | None) -> None:
    for name in named(names):
        make.participation(world.rdv, world.person(name), STATUTS[statut], inscrit_le=utcnow(), prevenir=silent is None)


@sentence(r"(.+) refuse les (SMS|courriels)")
def _refuses(world: World, name: str, what: str) -> None:
    setattr(world.person(name), "notify_by_sms" if what == "SMS" else "notify_by_email", False)


@sentence(r"(.+) ne veut pas de rappel")
def _no_reminder(world: World, name: str) -> None:
    make.participation(world.rdv, world.person(name), inscrit_le=utcnow(), rappeler=False)


@sentence(r"confirmation par SMS : (seulement sans courriel|sous 48 h)")
def _confirms(world: World, when: str) -> None:
    rule = ConfirmationSms.SANS_COURRIEL if "sans" in when else ConfirmationSms.SOUS_48H
    world.rdv.organisation.confirmation_sms = rule


@sentence(r"(Nadia|Paul) ne veut aucun courriel")
def _no_mail(world: World, name: str) -> None:
    world.agent(name).niveau_notification = NiveauNotification.AUCUNE


@sentence(r"(Nadia|Paul) ne veut que les séances proches")
def _near(world: World, name: str) -> None:
    world.agent(name).niveau_notification = NiveauNotification.PROCHES


@sentence(r"(Nadia|Paul) demande le récapitulatif")
def _digest(world: World, name: str) -> None:
    world.agent(name).recapitulatif = True


@sentence(r"le motif est (discret|silencieux|invisible)")
def _motif(world: World, how: str) -> None:
    motif = world.rdv.motif
    if how == "discret":
        motif.discretion = Discretion.NEUTRE
    else:
        motif.visibilite = Visibilite.VISIBLE_NON_NOTIFIE if how == "silencieux" else Visibilite.INVISIBLE


@sentence(r"le motif rappelle (.+) avant")
def _delays(world: World, delays: str) -> None:
    world.rdv.motif.rappels = [int(delay) for delay in re.findall(r"(\d+) h", delays)]


@sentence(r"le motif demande au moins (\d+) personnes?")
def _minimum(world: World, count: str) -> None:
    world.rdv.motif.capacite_min = int(count)
    world.rdv.cree_le = utcnow()


@sentence(r"on est le (.+)")
def _now(world: World, moment: str) -> None:
    world.travel(moment)


@sentence(r"la séance est le (.+)")
def _start(world: World, moment: str) -> None:
    world.rdv.starts_at = world.moment(moment)
    world.rdv.ends_at = world.rdv.starts_at + timedelta(hours=2)


@sentence(r"la séance a commencé")
def _begun(world: World) -> None:
    world.rdv.starts_at = utcnow() - timedelta(minutes=30)
    world.rdv.ends_at = utcnow() + timedelta(minutes=90)


@sentence(r"la séance est en visio")
def _video(world: World) -> None:
    world.rdv.motif.location_type = TypeLieu.VISIO
    world.rdv.lieu = world.rdv.salle = None
    world.rdv.lien_visio = "https://visio.exemple.fr/ancienne"


@sentence(r"l’organisation est (?:en|à) (Martinique|La Réunion)")
def _overseas(world: World, where: str) -> None:
    wall = local(world.rdv.starts_at, world.tz).replace(tzinfo=None)
    now = local(utcnow(), world.tz).replace(tzinfo=None)
    world.tz = {"Martinique": "America/Martinique", "La Réunion": "Indian/Reunion"}[where]
    world.rdv.organisation.timezone = world.tz
    world.rdv.starts_at = wall.replace(tzinfo=ZoneInfo(world.tz))
    world.rdv.ends_at = world.rdv.starts_at + timedelta(hours=2)
    world.clock.move_to(now.replace(tzinfo=ZoneInfo(world.tz)))


@sentence(r"trois SMS de formulaires sont partis aujourd’hui vers (.+)")
def _three_texts(world: World, name: str) -> None:
    kept, motif = world.rdv_id, world.rdv.motif
    for _ in range(3):
        world.rdv_id = make.rdv(motif).id
        db.session.commit()
        world.book(name)
    world.rdv_id = kept
    world.deliver()
    assert len(world.sms.requests) == 3
    world.forget()


@sentence(r"le budget du jour est de (\d+) SMS")
def _budget(world: World, count: str) -> None:
    world.rdv.organisation.budget_sms_jour = int(count)


@sentence(r"(.+) s’inscrit en ligne( avec un autre numéro)?")
def _books(world: World, name: str, other: str | None) -> None:
    world.book(name, phone=OTHER_NUMBER if other else None)


@sentence(r"Nadia inscrit (.+?)( sans prévenir)?")
def _adds(world: World, name: str, silent: str | None) -> None:
    world.book(name, agent="Nadia", prevenir=silent is None)


@sentence(r"(.+) dit ne pas pouvoir venir")
def _gives_up(world: World, name: str) -> None:
    world.mark(name, Statut.EXCUSE)


@sentence(r"(.+) revient")
def _comes_back(world: World, name: str) -> None:
    world.mark(name, Statut.INSCRIT)


@sentence(r"Nadia (excuse|retire|réinscrit) (.+?)( sans prévenir)?")
def _marks(world: World, what: str, name: str, silent: str | None) -> None:
    statut = {"excuse": Statut.EXCUSE, "retire": Statut.ANNULE, "réinscrit": Statut.INSCRIT}[what]
    world.mark(name, statut, agent="Nadia", prevenir=silent is None)


@sentence(r"Nadia annule la séance(?: : (.+))?( sans prévenir)?")
def _cancels(world: World, reason: str | None, silent: str | None) -> None:
    rdvs.cancel_rdv(world.rdv_id, agent=world.agent("Nadia"), raison=reason or "", prevenir=silent is None)


@sentence(r"Nadia change (la date|le lieu|la salle|l’heure de fin|le lien de la visio)( sans prévenir)?")
def _changes(world: World, what: str, silent: str | None) -> None:
    day = world.moment("jeudi 5 mars à 14 h")
    changes: dict[str, dict[str, Any]] = {
        "la date": {"starts_at": day, "ends_at": day + timedelta(hours=2)},
        "le lieu": {"lieu_id": world.ids["Centre social"], "salle_id": None},
        "la salle": {"salle_id": world.ids["Salle B"]},
        "l’heure de fin": {"ends_at": world.rdv.ends_at + timedelta(hours=1)},
        "le lien de la visio": {"lien_visio": "https://visio.exemple.fr/nouvelle"},
    }
    world.move(silent is None, **changes[what])


@sentence(r"Nadia remet la date")
def _puts_back(world: World) -> None:
    day = world.moment("mardi 3 mars à 14 h")
    world.move(starts_at=day, ends_at=day + timedelta(hours=2))


@sentence(r"Nadia note quelque chose")
def _notes(world: World) -> None:
    rdvs.note_rdv(world.rdv_id, "Prévoir des chaises.", agent=world.agent("Nadia"))


@sentence(r"Nadia écrit aux (inscrit|excusé|absent)s(?: par (SMS|courriel))?")
def _writes(world: World, statut: str, by: str | None) -> None:
    what = ecrire.Ecrit(SAID, by != "courriel", by != "SMS", frozenset({STATUTS[statut]}))
    ecrire.write_to(world.rdv, what, agent=world.agent("Nadia"), envoi="formulaire")


@sentence(r"on arrive au (.+)")
def _arrives(world: World, moment: str) -> None:
    world.travel(moment)
    world.tick()


def travelling() -> time_machine.travel:
    """Friday 20 February 2026, 10:00 in Paris."""
    return time_machine.travel(datetime(2026, 2, 20, 10, tzinfo=ZoneInfo("Europe/Paris")), tick=False)
