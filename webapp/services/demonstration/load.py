"""Load the demonstration, the same each time for a seed; dates follow today."""

import random
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select, update

from webapp import links
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.dates import local
from webapp.domain.droits import PAR_JETON, Octroi
from webapp.domain.identity import Identity
from webapp.domain.invitations import LIFE
from webapp.domain.participation import Acteur, Statut
from webapp.domain.recurrence import Frequency, Recurrence, interval_utc
from webapp.extensions import db
from webapp.models import (
    Agent,
    Canal,
    EtatNotification,
    Lieu,
    Motif,
    Notification,
    Organisation,
    Participation,
    PlageOuverture,
    Rdv,
    Salle,
    Service,
    Usager,
    ouverture,
)
from webapp.notifications.people import addresses
from webapp.queries import public

from .. import attente, invitations, jetons
from ..booking import book_seat, change_statut
from ..comptes import authenticate, create_agent
from ..plages import PlageData, save_plage
from ..rdvs import effective_capacity, freeze_started
from ..transaction import transaction
from ..usagers import find_or_create
from . import data

PAST_WEEKS = 3
PEOPLE = 220
WAITED_FOR = 4


class DemoRefused(Exception):
    """The database holds somebody's real work: the demonstration stays out."""


def load(*, sessions: int = 0, participants: int = 0, seed: int = 1) -> None:
    """Fill an empty database; on one that already holds the demonstration, only add `sessions` more.

    `sessions` sessions of 30 seats (more when `participants` is larger) with `participants` people each come on top,
    open online. Raises `DemoRefused` when an organisation that is not the demonstration lives there.
    """
    if db.session.scalar(select(func.count()).where(Organisation.demo.is_(False))):
        raise DemoRefused("cette base contient une organisation réelle : la démonstration n’y touche pas.")
    rng = random.Random(seed)
    organisation = db.session.scalars(select(Organisation).where(Organisation.demo.is_(True))).first()
    if organisation is None:
        organisation = _department()
        _plages(organisation)
        people = _people(organisation, rng, PEOPLE)
        _past(organisation)
        _fill(organisation, people, rng)
        _invite(people)
        _wait(people, rng)
        freeze_started()
    with transaction():
        _token()
    if sessions:
        _extra(organisation, sessions, participants, rng)


def summary() -> dict[str, Any]:
    """What programs need to use the demonstration: logins, sessions open now (emptiest first), a full one."""
    organisation = db.session.scalars(select(Organisation).where(Organisation.demo.is_(True))).one()
    now = utcnow()
    coming = db.session.scalars(
        select(Rdv).where(Rdv.organisation_id == organisation.id, Rdv.starts_at > now).order_by(Rdv.starts_at, Rdv.id)
    ).all()
    open_now = [rdv for rdv in coming if ouverture(rdv).refusal(now) is None]
    open_now.sort(key=lambda rdv: (rdv.places_prises, rdv.starts_at, rdv.id))
    full = [rdv for rdv in _waited_for(now) if rdv.organisation_id == organisation.id]
    agents = {agent.email: agent for agent in db.session.scalars(select(Agent))}
    return {
        "organisation": organisation.slug,
        "agents": [
            {
                "courriel": email,
                "mot_de_passe": data.PASSWORD if authenticate(email, data.PASSWORD) else None,  # somebody chose another
                "presets": [preset],
            }
            for preset, _, _, email, _ in data.AGENTS
            if email in agents
        ],
        "api_token": data.API_TOKEN if jetons.known(data.API_TOKEN) else None,  # somebody revoked it
        "rdvs": [rdv.id for rdv in open_now],
        "full_rdv": full[0].id if full else None,
    }


def _department() -> Organisation:
    with transaction():
        organisation = Organisation(**data.ORGANISATION, demo=True)
        db.session.add(organisation)
        db.session.flush()
        services = {}
        for key, (name, short_name) in data.SERVICES.items():
            services[key] = Service(organisation_id=organisation.id, name=name, short_name=short_name)
            db.session.add(services[key])
        for name, address, postal_code, city, pmr, rooms in data.LIEUX:
            salles = [Salle(name=room, capacite=seats) for room, seats in rooms]
            db.session.add(
                Lieu(
                    organisation_id=organisation.id,
                    name=name,
                    address=address,
                    postal_code=postal_code,
                    city=city,
                    pmr=pmr,
                    salles=salles,
                )
            )
        db.session.flush()
        for motif in data.MOTIFS:
            fields = {name: value for name, value in motif.items() if name != "service"}
            db.session.add(Motif(organisation_id=organisation.id, service_id=services[motif["service"]].id, **fields))
        for preset, prenom, nom, courriel, keys in data.AGENTS:
            create_agent(
                organisation,
                courriel=courriel,
                prenom=prenom,
                nom=nom,
                mot_de_passe=data.PASSWORD,
                preset=preset,
                services=[services[key] for key in keys],
            )
        return organisation


def _token() -> None:
    """The admin's, with all a program may do; once revoked it does not come back."""
    admin = db.session.scalars(select(Agent).where(Agent.email == data.AGENTS[0][3])).one()
    grants = [Octroi(admin.organisation_id, None, droit) for droit in PAR_JETON]
    jetons.keep("Démonstration", data.API_TOKEN, utcnow() + timedelta(days=3650), grants, admin)


def _plages(organisation: Organisation) -> None:
    """Plages that began before today, so that there is a past, and go on for three months and more."""
    admin = db.session.scalars(select(Agent).where(Agent.email == data.AGENTS[0][3])).one()
    motifs = db.session.scalars(select(Motif).order_by(Motif.id)).all()
    lieux = db.session.scalars(select(Lieu).order_by(Lieu.id)).all()
    agents = {agent.email.split("@")[0]: agent.id for agent in db.session.scalars(select(Agent))}
    today = local(utcnow(), organisation.timezone).date()
    for plage in data.PLAGES:
        first = today - timedelta(weeks=PAST_WEEKS + PAST_WEEKS % plage["toutes"])
        first += timedelta(days=(plage["jour"] - first.weekday()) % 7)
        lieu = lieux[plage["lieu"]]
        salle = {room.name: room for room in lieu.salles}[data.LIEUX[plage["lieu"]][5][plage["salle"]][0]]
        save_plage(
            None,
            PlageData(
                motif_id=motifs[plage["motif"]].id,
                agent_ids=tuple(agents[name] for name in plage["agents"]),
                first_day=first,
                start_time=time(plage["de"]),
                end_time=time(plage["a"]),
                lieu_id=lieu.id,
                salle_id=salle.id,
                recurrence=Recurrence(
                    Frequency.WEEKLY,
                    interval=plage["toutes"],
                    weekdays=(plage["jour"],),
                    until=today + timedelta(weeks=14),
                ),
                excluded=tuple(date(year, *day) for year in (today.year, today.year + 1) for day in data.HOLIDAYS),
                capacite_max=plage.get("capacite_max"),
                instructions_apres=plage.get("instructions_apres"),
                reservable_par=ReservablePar(plage["reservable_par"]) if "reservable_par" in plage else None,
                nom_sms=plage.get("nom_sms"),
            ),
            admin,
        )


def _past(organisation: Organisation) -> None:
    """The sessions of the last weeks, which saving a plage never creates."""
    now = utcnow()
    with transaction():
        for plage in db.session.scalars(select(PlageOuverture).order_by(PlageOuverture.id)).all():
            interval = Recurrence.from_rrule(plage.rrule).interval
            day = plage.first_day
            known = set(db.session.scalars(select(Rdv.occurrence_le).where(Rdv.plage_ouverture_id == plage.id)))
            while True:
                starts, ends = interval_utc(day, plage.start_time, plage.end_time, organisation.timezone)
                if starts > now:
                    break
                if day not in known and (day.month, day.day) not in data.HOLIDAYS:
                    rdv = Rdv(
                        organisation_id=organisation.id,
                        motif=plage.motif,
                        plage_ouverture=plage,
                        occurrence_le=day,
                        starts_at=starts,
                        ends_at=ends,
                        lieu_id=plage.lieu_id,
                        salle_id=plage.salle_id,
                        agents=list(plage.agents),
                    )
                    rdv.capacite_max = effective_capacity(rdv)
                    db.session.add(rdv)
                day += timedelta(weeks=interval)


def _people(organisation: Organisation, rng: random.Random, count: int, *, first: int = 0) -> list[Usager]:
    """Different people, with a mobile, an e-mail, both, a landline or nothing at all, as at a real reception."""
    people = []
    with transaction():
        for number in range(first, first + count):
            prenom = data.PRENOMS[number % len(data.PRENOMS)]
            nom = data.NOMS[(number // len(data.PRENOMS) + number * 7) % len(data.NOMS)]
            kind = rng.random()
            telephone = f"+3363998{number % 10000:04d}" if kind < 0.85 else None
            if 0.85 <= kind < 0.9:
                telephone = f"+3347599{number % 10000:04d}"
            courriel = f"usager{number}@exemple.fr" if kind < 0.5 or 0.9 <= kind < 0.97 else None
            people.append(find_or_create(organisation.id, Identity(prenom, nom, telephone, courriel))[0])
    return people


def _fill(organisation: Organisation, people: list[Usager], rng: random.Random) -> None:
    """Past sessions with statuses (the last ones still to fill in), coming ones empty, half full and full."""
    now = utcnow()
    admin = db.session.scalars(select(Agent).where(Agent.email == data.AGENTS[1][3])).one()
    shares = [1.0, 0.5, 0.0, 0.75, 0.3, 1.0, 0.0, 0.9]
    with transaction():
        seen: dict[int, int] = {}
        for rdv in db.session.scalars(select(Rdv).order_by(Rdv.starts_at, Rdv.id)).all():
            if rdv.capacite_max is None:
                if rdv.starts_at < now:
                    rdv.presents_anonymes = rng.randint(4, 14)
                continue
            rank = seen[rdv.motif_id] = seen.get(rdv.motif_id, -1) + 1
            past = rdv.ends_at < now
            far = rdv.starts_at > now + timedelta(days=45)
            share = 0.8 if past else 0.0 if far else shares[(rank + rdv.motif_id) % len(shares)]
            to_fill_in = past and rdv.starts_at > now - timedelta(days=7)
            rows = rng.sample(people, min(len(people), int(rdv.capacite_max * share)))
            invites = rdv.motif.reservable_par is ReservablePar.INVITES
            for usager in rows:
                statut = Statut.INSCRIT
                if past and not to_fill_in:
                    statut = rng.choices([Statut.PRESENT, Statut.ABSENT, Statut.EXCUSE], weights=[75, 15, 10])[0]
                by = rng.choice([Acteur.USAGER, Acteur.USAGER, Acteur.AGENT])
                _seat(rdv, usager, statut, by=Acteur.AGENT if invites else by, agent=admin, rng=rng)
            if not past and share not in (0.0, 1.0) and rng.random() < 0.5:
                for usager in rng.sample([person for person in people if person not in rows], 1):
                    _seat(rdv, usager, Statut.EXCUSE, by=Acteur.USAGER, agent=admin, rng=rng)


def _wait(people: list[Usager], rng: random.Random) -> None:
    """People wait for a seat of the coming full sessions that have a waitlist; in the second one somebody who could not
    come freed a seat, which is offered to the first."""
    for rank, rdv in enumerate(_waited_for(utcnow())[:WAITED_FOR]):
        seated = {place.usager_id for place in rdv.participations}
        waiting = [one for one in people if one.id not in seated and one.phone and one.phone.startswith("+336")]
        for number, usager in enumerate(rng.sample(waiting, 4 if rank == 0 else 3)):
            identity = Identity(usager.first_name, usager.last_name, usager.phone, usager.email)
            attente.join(rdv.id, identity, envoi=f"demo {rdv.id} {number}", places=2 if number == 2 else 1)
        if rank == 1:
            place = next(place for place in rdv.participations if place.statut is Statut.INSCRIT)
            change_statut(place.id, Statut.EXCUSE, by=Acteur.USAGER, raison=data.RAISON)


def _waited_for(now: datetime) -> list[Rdv]:
    """Coming sessions that are full, where one may wait, soonest first."""
    coming = db.session.scalars(select(Rdv).where(Rdv.starts_at > now).order_by(Rdv.starts_at, Rdv.id)).all()
    return [rdv for rdv in coming if ouverture(rdv).waitlist_refusal(now) is None]


def _invite(people: list[Usager]) -> None:
    """Six people invited to the motif that is for the invited only: one has booked, one has opened, two have not, one
    waited too long, one was withdrawn. The links are in their messages alone."""
    motif = db.session.scalars(select(Motif).where(Motif.reservable_par == ReservablePar.INVITES)).one()
    agent = db.session.scalars(select(Agent).where(Agent.email == data.AGENTS[3][3])).one()
    seated = set(db.session.scalars(select(Participation.usager_id).join(Rdv).where(Rdv.motif_id == motif.id)))
    free = [person for person in people if person.id not in seated and Canal.SMS in addresses(person)]
    rows = [invitations.invite(person.id, motif, agent, envoi=f"demo-{person.id}") for person in free[:6]]
    booked, opened, _, _, late, withdrawn = rows
    invitations.note_opened(opened.id)
    invitations.withdraw(withdrawn.id, agent)
    session = public.bookable(motif, utcnow(), 1, invited=True)[0]
    invitations.note_opened(booked.id)
    book_seat(
        session.id,
        None,
        by=Acteur.USAGER,
        envoi="demo",
        usager_id=booked.usager_id,
        invitation_id=booked.id,
    )
    with transaction():
        late.envoyee_le -= LIFE + timedelta(days=3)
        late.expire_le -= LIFE + timedelta(days=3)
        late.cree_le = late.envoyee_le
        told = update(Notification).where(Notification.sujet_type == "invitation", Notification.sujet_id == late.id)
        db.session.execute(told.values(etat=EtatNotification.ENVOYEE, envoyee_le=late.envoyee_le))


def _seat(rdv: Rdv, usager: Usager, statut: Statut, *, by: Acteur, agent: Agent, rng: random.Random) -> None:
    """A participation as it would stand today, with its confirmation already received."""
    now = utcnow()
    booked: datetime = min(now, rdv.starts_at) - timedelta(days=rng.randint(1, 12), minutes=rng.randint(0, 600))
    nonce, hashed = links.new_link(links.PARTICIPATION)
    row = Participation(
        rdv=rdv,
        usager=usager,
        statut=statut,
        inscrit_le=booked,
        statut_le=rdv.ends_at if statut in (Statut.PRESENT, Statut.ABSENT) else booked,
        statut_par=by if statut in (Statut.INSCRIT, Statut.EXCUSE) else Acteur.AGENT,
        statut_par_agent_id=agent.id if by is Acteur.AGENT or statut in (Statut.PRESENT, Statut.ABSENT) else None,
        origine=by,
        cree_par_agent_id=agent.id if by is Acteur.AGENT else None,
        raison="transport" if statut is Statut.EXCUSE else "",
        lien_nonce=nonce,
        lien_hash=hashed,
    )
    db.session.add(row)
    rdv.places_prises += row.occupe
    db.session.flush()
    for canal, adresse in ((Canal.SMS, usager.phone), (Canal.COURRIEL, usager.email)):
        if adresse and (canal is Canal.COURRIEL or adresse.startswith("+336")):
            db.session.add(
                Notification(
                    organisation_id=rdv.organisation_id,
                    event="inscription",
                    sujet_type="participation",
                    sujet_id=row.id,
                    participation_ids=[row.id],
                    changement="1",
                    canal=canal,
                    destinataire_type="usager",
                    destinataire_id=usager.id,
                    rdv_id=rdv.id,
                    etat=EtatNotification.ENVOYEE,
                    prevue_le=booked,
                    a_envoyer_le=booked,
                    envoyee_le=booked,
                    cle_envoi=links.new_nonce(),
                )
            )


def _extra(organisation: Organisation, sessions: int, participants: int, rng: random.Random) -> None:
    """Sessions for load tests: one-off, open online, one a day, thirty seats or more."""
    motif = db.session.scalars(
        select(Motif).where(Motif.organisation_id == organisation.id, Motif.name == data.MOTIFS[1]["name"])
    ).one()
    lieu = db.session.scalars(select(Lieu).where(Lieu.organisation_id == organisation.id).order_by(Lieu.id)).first()
    agent = db.session.scalars(select(Agent).where(Agent.email == data.AGENTS[1][3])).one()
    known = db.session.scalar(select(func.count()).select_from(Usager)) or 0
    people = _people(organisation, rng, participants, first=known) if participants else []
    today = local(utcnow(), organisation.timezone).date()
    with transaction():
        for number in range(sessions):
            day = today + timedelta(days=2 + number % 60)
            starts, ends = interval_utc(day, time(8 + number // 60 % 10), time(20), organisation.timezone)
            rdv = Rdv(
                organisation_id=organisation.id,
                motif=motif,
                lieu=lieu,
                starts_at=starts,
                ends_at=ends,
                agents=[agent],
                intitule=f"Séance supplémentaire {number + 1}",
            )
            rdv.capacite_propre = rdv.capacite_max = max(30, participants + 10 if participants else 0)
            db.session.add(rdv)
            for usager in people:
                _seat(rdv, usager, Statut.INSCRIT, by=Acteur.USAGER, agent=agent, rng=rng)
