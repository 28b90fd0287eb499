"""Several people at once: copied to another session, invited again; put on a waitlist by an agent. Both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from webapp.domain.capacity import ReservablePar
from webapp.domain.errors import Complet, Interdit, Perime, Refus
from webapp.domain.participation import Acteur, Statut
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import Agent, Invitation, Journal, Notification, Participation, Rdv, Usager
from webapp.queries import invitations as queries
from webapp.services import attente, booking, copies, invitations
from webapp.services.checks import broken

NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)


class Hall:
    """A session that ended yesterday, with people in every state, and one to come of four seats."""

    def __init__(self) -> None:
        service = make.service()
        motif = make.motif(service, capacite_max=4, liste_attente=True, reservable_par=ReservablePar.TOUS)
        past = make.rdv(motif, starts_at=NOW - timedelta(days=1), capacite_max=9, capacite_propre=9)
        self.past, self.next = past.id, make.rdv(motif, starts_at=NOW + timedelta(days=12)).id
        self.agents = {preset: make.agent(service, preset).id for preset in ("agent", "référent")}
        self.people: dict[str, int] = {}
        self.usagers: dict[str, int] = {}
        states: dict[str, tuple[Statut, dict[str, Any]]] = {
            "Ada": (Statut.PRESENT, {}),
            "Bea": (Statut.ABSENT, {}),
            "Cyd": (Statut.INSCRIT, {}),
            "Dan": (Statut.EXCUSE, {"statut_par": Acteur.AGENT}),
            "Eve": (Statut.EXCUSE, {"statut_par": Acteur.USAGER}),
            "Fay": (Statut.ANNULE, {"statut_par": Acteur.AGENT}),
        }
        for rank, (name, (statut, fields)) in enumerate(states.items()):
            who = make.usager(motif.organisation_id, first_name=name, email=f"{name.lower()}@exemple.fr")
            booked = NOW - timedelta(days=9, hours=-rank)
            row = make.participation(past, who, statut, **{"inscrit_le": booked, "statut_le": NOW, **fields})
            self.people[name], self.usagers[name] = row.id, who.id
        db.session.commit()

    def rdv(self, rdv_id: int) -> Rdv:
        return db.session.get_one(Rdv, rdv_id, populate_existing=True)

    def usager(self, name: str) -> Usager:
        return db.session.get_one(Usager, self.usagers[name])

    def agent(self, preset: str = "agent") -> Agent:
        return db.session.get_one(Agent, self.agents[preset])

    def copy(self, *names: str, preset: str = "agent", envoi: str = "f", **how: Any) -> int:
        places = [self.people[name] for name in names]
        return copies.copy_people(self.past, self.next, places, agent=self.agent(preset), envoi=envoi, **how)

    def there(self) -> list[str]:
        rows = db.session.scalars(
            select(Participation)
            .where(Participation.rdv_id == self.next, Participation.statut == Statut.INSCRIT)
            .order_by(Participation.id)
        )
        return [row.usager.first_name for row in rows]

    def invite(self, *names: str, envoi: str = "i") -> list[str]:
        motif = self.rdv(self.next).motif
        rows = invitations.invite_many([self.usagers[n] for n in names], motif, self.agent(), envoi=envoi)
        return [row.usager.first_name for row in rows]


@pytest.fixture
def hall(app: Flask) -> Iterator[Hall]:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        yield Hall()
        db.session.rollback()
        assert [line for line in broken() if "the journal says" not in line] == []


def outbox(event: str) -> list[tuple[str, str]]:
    rows = db.session.execute(
        select(Notification.destinataire_type, Notification.canal)
        .where(Notification.event == event)
        .order_by(Notification.id)
    )
    return [(row[0], row[1]) for row in rows]


# --- copied ----------------------------------------------------------------------------------------------------------


def test_who_may_be_copied(hall: Hall) -> None:
    """Neither who cancelled themself nor who was removed (rule 20)."""
    assert [row.usager.first_name for row in copies.offered(hall.rdv(hall.past))] == ["Ada", "Bea", "Cyd", "Dan"]
    assert hall.copy("Ada", "Eve", "Fay") == 1
    assert hall.there() == ["Ada"]


def test_each_is_told_once_and_the_agents_too(hall: Hall) -> None:
    there = hall.rdv(hall.next)
    there.agents.append(hall.agent("référent"))
    db.session.commit()
    assert hall.copy("Ada", "Bea", "Cyd") == 3
    assert sorted(outbox("inscription")) == [("agent", "courriel")] + 3 * [("usager", "courriel")] + 3 * [
        ("usager", "sms")
    ]
    assert db.session.scalars(select(Journal.rdv_id).where(Journal.action == "inscription")).all() == [hall.next] * 3


def test_the_same_form_twice_copies_once(hall: Hall) -> None:
    assert hall.copy("Ada", "Bea") == 2
    place = db.session.scalars(select(Participation).where(Participation.rdv_id == hall.next)).first()
    assert place is not None
    booking.change_statut(place.id, Statut.EXCUSE, by=Acteur.USAGER)
    assert hall.copy("Ada", "Bea") == 0  # the answer of the first, whatever happened since
    with pytest.raises(Refus):
        hall.copy("Ada", "Bea", envoi="another")  # who cancelled themself is not put back, who is there is there
    assert hall.there() == ["Bea"]


def test_seats_go_to_who_booked_first_and_the_rest_is_said(hall: Hall) -> None:
    for _ in range(2):
        make.participation(hall.rdv(hall.next))
    db.session.commit()
    chosen = copies.offered(hall.rdv(hall.past))
    plan = copies.plan(hall.rdv(hall.next), chosen)
    assert [row.usager.first_name for row in plan.inscrites] == ["Ada", "Bea"]
    assert [row.usager.first_name for row in plan.depassent] == ["Cyd", "Dan"]
    assert (plan.told(hall.rdv(hall.next)).sms, plan.told(hall.rdv(hall.next)).courriels) == (2, 2)
    make.participation(hall.rdv(hall.next))
    db.session.commit()
    with pytest.raises(Perime):  # one seat fewer than the page said
        hall.copy("Ada", "Bea", "Cyd", "Dan", annonce=plan.cle)
    assert hall.copy("Ada", "Bea", "Cyd", "Dan") == 1
    with pytest.raises(Complet):
        hall.copy("Bea", envoi="later")
    with pytest.raises(Interdit):
        hall.copy("Bea", envoi="later", surbooking=True)
    assert hall.copy("Bea", "Cyd", preset="référent", surbooking=True) == 2
    assert hall.rdv(hall.next).places_prises == 6


def test_the_people_of_a_cancelled_session(hall: Hall) -> None:
    past = hall.rdv(hall.past)
    past.cancelled_at = NOW
    for row in past.participations:
        if row.occupe:
            row.statut = Statut.ANNULE
    past.places_prises = 0
    db.session.get_one(Participation, hall.people["Fay"]).statut_le = NOW - timedelta(days=2)
    db.session.commit()
    assert [row.usager.first_name for row in copies.offered(hall.rdv(hall.past))] == ["Ada", "Bea", "Cyd", "Dan"]


# --- invited again ---------------------------------------------------------------------------------------------------


def test_the_absent_are_invited_once(hall: Hall) -> None:
    motif = hall.rdv(hall.next).motif
    make.participation(hall.rdv(hall.next), hall.usager("Ada"))
    make.invitation(motif, hall.usager("Cyd"), agent=hall.agent())
    hall.usager("Dan").phone = hall.usager("Dan").email = None
    db.session.commit()
    left = invitations.left_out(motif, [hall.usager(name) for name in hall.usagers])
    assert sorted(left) == sorted(hall.usagers[name] for name in ("Ada", "Cyd", "Dan"))
    assert left[hall.usagers["Dan"]] == invitations.UNREACHABLE
    assert hall.invite("Ada", "Bea", "Cyd", "Dan", "Eve") == ["Bea", "Eve"]
    assert hall.invite("Ada", "Bea", "Cyd", "Dan", "Eve") == []
    assert hall.invite("Bea", envoi="another") == []  # a live one is enough
    assert len(db.session.scalars(select(Invitation)).all()) == 3
    assert sorted(outbox("invitation")) == 2 * [("usager", "courriel")] + 2 * [("usager", "sms")]


def test_who_was_invited_booked_and_did_not_come_is_invited_again(hall: Hall) -> None:
    """By the same link; until then the invitation says what became of it."""
    row = make.invitation(
        hall.rdv(hall.past).motif, hall.usager("Bea"), agent=hall.agent(), envoyee_le=NOW - timedelta(days=8)
    )
    link = row.lien_hash
    db.session.commit()
    ((_, rdv, statut),) = queries.of_motif(row.motif_id, limit=9)
    assert rdv is not None and (rdv.id, statut) == (hall.past, Statut.ABSENT)
    assert (queries.count(row.motif_id).reservees, queries.count(row.motif_id).absentes) == (1, 1)
    assert hall.invite("Bea") == ["Bea"]
    ((again, rdv, _),) = queries.of_motif(row.motif_id, limit=9)
    assert (again.lien_hash, rdv) == (link, None)


# --- put on the list by an agent -------------------------------------------------------------------------------------


def test_an_agent_puts_somebody_on_the_list(hall: Hall) -> None:
    with pytest.raises(Refus):
        attente.add(hall.next, None, usager_id=hall.usagers["Ada"], agent=hall.agent(), envoi="a")
    make.full(hall.rdv(hall.next))
    db.session.commit()
    entry = attente.add(hall.next, None, usager_id=hall.usagers["Ada"], agent=hall.agent(), envoi="a", places=2)
    assert (entry.etat, entry.etat_par, entry.places) == (EtatAttente.EN_ATTENTE, Acteur.AGENT, 2)
    assert attente.add(hall.next, None, usager_id=hall.usagers["Ada"], agent=hall.agent(), envoi="b").id == entry.id
    assert hall.rdv(hall.next).places_attente == 2
    assert ("usager", "courriel") in outbox("attente")
    seated = hall.rdv(hall.next).participations[0].usager_id
    with pytest.raises(Refus):
        attente.add(hall.next, None, usager_id=seated, agent=hall.agent(), envoi="c")
