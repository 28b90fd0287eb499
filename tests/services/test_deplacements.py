"""Somebody goes from one session to another (docs/domain.md rule 24), on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from icalendar import Calendar
from sqlalchemy import select

from tests import factories as make
from tests.notifications.scene import messages_left
from tests.services.test_invitations_race import at_once
from webapp.domain.capacity import ReservablePar
from webapp.domain.errors import Complet, DomainError, Ferme, Interdit, Introuvable, Perime, Refus
from webapp.domain.participation import Acteur, Statut
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import Agent, Journal, Notification, Participation, Rdv
from webapp.services import booking, deplacements
from webapp.services.checks import broken

NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)


class Hall:
    """Two sessions of one motif, of two seats each; somebody in the first, who booked by themself."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        service = make.service()
        self.service_id = service.id
        motif = make.motif(service, capacite_max=2, liste_attente=True)
        self.a, self.b = (make.rdv(motif, starts_at=NOW + timedelta(days=n)).id for n in (10, 12))
        self.agents = {preset: make.agent(service, preset).id for preset in ("agent", "référent")}
        who = make.usager(motif.organisation_id, email="yasmina@exemple.fr")
        self.place = make.participation(self.rdv(self.a), who).id
        db.session.commit()

    def rdv(self, rdv_id: int) -> Rdv:
        return db.session.get_one(Rdv, rdv_id, populate_existing=True)

    def row(self, place: int) -> Participation:
        return db.session.get_one(Participation, place, populate_existing=True)

    def agent(self, preset: str = "agent") -> Agent:
        return db.session.get_one(Agent, self.agents[preset])

    def move(self, vers: int | None = None, preset: str = "agent", **how: Any) -> Participation:
        self.clock.shift(1)
        places = how.pop("places", [self.place])
        return deplacements.move_places(places, vers or self.b, agent=self.agent(preset), **how)[0]

    @property
    def seats(self) -> tuple[int, int]:
        return self.rdv(self.a).places_prises, self.rdv(self.b).places_prises


@pytest.fixture
def hall(app: Flask):  # type: ignore[no-untyped-def]
    with app.app_context(), time_machine.travel(NOW, tick=False) as clock:
        yield Hall(clock)
        db.session.rollback()
        assert list(broken()) == []


def outbox(event: str = "deplacement") -> list[Notification]:
    return list(db.session.scalars(select(Notification).where(Notification.event == event).order_by(Notification.id)))


def test_a_seat_given_back_and_a_seat_taken(hall: Hall) -> None:
    old = hall.row(hall.place)
    old.telephone, old.rappeler, old.refus_courriel, old.numero_dossier = "+33639980777", False, True, "26-1"
    old.prescripteur_nom, old.prescripteur_structure, old.prescripteur_courriel = "Claire", "ML", "c@ml.exemple.fr"
    db.session.commit()
    new = hall.move(prevenir=True, versions={hall.place: 1})
    assert hall.seats == (0, 1)
    assert (hall.row(hall.place).statut, hall.row(hall.place).deplacee_vers_id) == (Statut.ANNULE, new.id)
    for name in deplacements.GOES_ALONG:
        assert getattr(new, name) == getattr(hall.row(hall.place), name), name
    assert (new.statut, new.statut_par, new.origine) == (Statut.INSCRIT, Acteur.AGENT, Acteur.AGENT)
    (text,) = [row for row in outbox() if row.destinataire_type == "usager"]  # no e-mail for this place
    assert (text.canal, text.rdv_id, text.participation_ids) == ("sms", hall.b, [new.id])
    assert [row.changement.split()[0] for row in outbox("prescription")] == ["deplacee"]
    assert outbox("retrait") == outbox("inscription") == []
    lines = db.session.execute(select(Journal.rdv_id, Journal.action).order_by(Journal.id)).all()
    assert sorted(lines) == [(hall.a, "statut"), (hall.b, "inscription")]


def test_the_same_form_twice_moves_once(hall: Hall) -> None:
    first = hall.move(versions={hall.place: 1})
    assert hall.move(versions={hall.place: 1}).id == first.id
    assert hall.seats == (0, 1)
    assert len(outbox()) == 2  # a text and a mail


def free_entry(rdv: Rdv) -> None:
    rdv.reservable_par, rdv.capacite_max = ReservablePar.ENTREE_LIBRE, None


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        (lambda h: booking.change_statut(h.place, Statut.EXCUSE, by=Acteur.USAGER), Refus),
        (lambda h: make.participation(h.rdv(h.b), h.row(h.place).usager), Refus),
        (lambda h: setattr(h.rdv(h.b), "cancelled_at", NOW), Ferme),
        (lambda h: setattr(h.rdv(h.a), "starts_at", NOW - timedelta(minutes=1)), Refus),
        (lambda h: setattr(h.rdv(h.b), "starts_at", NOW - timedelta(minutes=1)), Ferme),
        (lambda h: free_entry(h.rdv(h.b)), Ferme),
        (lambda h: make.full(h.rdv(h.b)), Complet),
        (lambda h: setattr(h.row(h.place), "version", 7), Perime),
    ],
    ids=["excused", "there already", "cancelled", "begun", "begun there", "entrée libre", "full", "changed meanwhile"],
)
def test_every_rule_is_looked_at_again(hall: Hall, given: Callable[[Hall], Any], refusal: type[DomainError]) -> None:
    given(hall)
    db.session.commit()
    before = hall.seats
    with pytest.raises(refusal):
        hall.move(versions={hall.place: 1 if refusal is Perime else hall.row(hall.place).version})
    db.session.rollback()
    assert hall.seats == before and outbox() == []


def test_over_the_capacity_on_purpose_by_who_may(hall: Hall) -> None:
    make.full(hall.rdv(hall.b))
    db.session.commit()
    with pytest.raises(Interdit):
        hall.move(surbooking=True)
    assert hall.seats == (1, 2)
    hall.move(preset="référent", surbooking=True)
    assert hall.seats == (0, 3)


def test_another_motif_of_the_service_never_another_service(hall: Hall) -> None:
    same = make.rdv(make.motif(hall.agent().services[0]), starts_at=NOW + timedelta(days=5))
    other = make.rdv(make.motif(make.service(same.organisation)), starts_at=NOW + timedelta(days=5))
    admin = make.agent(hall.agent().services[0], "admin")
    db.session.commit()
    with pytest.raises(Introuvable):
        hall.move(other.id)
    with pytest.raises(Refus):
        deplacements.move_places([hall.place], other.id, agent=admin)
    assert hall.move(same.id).rdv_id == same.id


def test_the_freed_seat_goes_to_who_waits_and_who_waited_there_waits_no_more(hall: Hall) -> None:
    make.full(hall.rdv(hall.a))
    first = make.attente(hall.rdv(hall.a))
    make.full(hall.rdv(hall.b))
    mine = make.attente(hall.rdv(hall.b), hall.row(hall.place).usager)
    db.session.commit()
    hall.move(preset="référent", surbooking=True)
    db.session.expire_all()
    assert (first.etat, mine.etat) == (EtatAttente.PROPOSEE, EtatAttente.ACCEPTEE)


def test_there_and_back_uses_the_same_rows(hall: Hall) -> None:
    new = hall.move()
    assert hall.move(hall.a, places=[new.id]).id == hall.place
    old = hall.row(hall.place)
    assert (old.statut, old.deplacee_vers_id, hall.row(new.id).deplacee_vers_id) == (Statut.INSCRIT, None, old.id)
    assert (old.agenda, hall.row(new.id).agenda) == (hall.place, new.id)
    assert hall.seats == (1, 0)
    # Nothing was said yet: they never left.
    assert messages_left() == []


def test_moved_twice_before_anything_left_tells_once_from_where_they_think_they_are(hall: Hall) -> None:
    third = make.rdv(hall.rdv(hall.a).motif, starts_at=NOW + timedelta(days=20))
    db.session.commit()
    new = hall.move()
    hall.move(third.id, places=[new.id])
    (text,) = [m for m in messages_left() if m.canal == "sms"]
    assert "lun. 23 mars" in text.text and "(avant : ven. 13 mars" in text.text


def test_in_a_calendar_the_event_moves(hall: Hall) -> None:
    """The same UID with a higher SEQUENCE; the seat that is left gets another number, should they come back."""
    hall.rdv(hall.a).version = 40
    db.session.commit()
    new = hall.move()
    (mail,) = [m for m in messages_left() if m.canal == "courriel"]
    (event,) = Calendar.from_ical(mail.ics).walk("VEVENT")
    assert mail.ics_method == "REQUEST" and int(event["sequence"]) > 40
    assert str(event["uid"]).startswith(f"participation-{hall.place}@")
    assert event["dtstart"].dt == hall.rdv(hall.b).starts_at
    booking.change_statut(hall.place, Statut.INSCRIT, by=Acteur.AGENT, agent=hall.agent())
    assert {hall.row(hall.place).agenda, hall.row(new.id).agenda} == {hall.place, new.id}


def test_a_household_keeps_its_event_while_somebody_stays(hall: Hall) -> None:
    mother = hall.row(hall.place).usager
    lea = make.usager(mother.participations[0].rdv.organisation_id, first_name="Léa", phone=None, responsable=mother)
    child = make.participation(hall.rdv(hall.a), lea)
    db.session.commit()
    assert [one.id for one in deplacements.household(hall.row(hall.place))] == [child.id]
    new = hall.move(places=[child.id])
    assert (new.agenda, hall.row(hall.place).agenda) == (new.id, hall.place)
    hall.move(hall.a, places=[new.id])
    hall.clock.shift(1)
    moved = deplacements.move_places([hall.place, child.id], hall.b, agent=hall.agent())
    assert min(row.agenda for row in moved) == hall.place
    (text,) = [m for m in messages_left() if m.canal == "sms"]
    assert "Léa et Yasmina" in text.text


def test_who_joins_their_household_there_loses_the_event_of_here(hall: Hall) -> None:
    mother = hall.row(hall.place).usager
    lea = make.usager(mother.participations[0].rdv.organisation_id, first_name="Léa", phone=None, responsable=mother)
    seated = make.participation(hall.rdv(hall.b), lea)
    db.session.commit()
    new = hall.move()
    (mail,) = [m for m in messages_left() if m.canal == "courriel"]
    (event,) = Calendar.from_ical(mail.ics).walk("VEVENT")
    assert mail.ics_method == "CANCEL" and event["dtstart"].dt == hall.rdv(hall.a).starts_at
    assert str(event["uid"]).startswith(f"participation-{hall.place}@")
    assert (seated.agenda, new.agenda) == (seated.id, new.id)


def test_the_old_link_follows_unless_the_contact_changed(hall: Hall) -> None:
    new = hall.move()
    db.session.expire_all()
    assert deplacements.followed(hall.row(hall.place)) is not None
    hall.row(new.id).telephone = "+33639980999"
    assert deplacements.followed(hall.row(hall.place)) is None
    assert deplacements.followed(hall.row(new.id)) is None


def test_opposite_moves_at_once_never_deadlock(app: Flask, hall: Hall) -> None:
    ids, agent_id = (hall.a, hall.b), hall.agents["référent"]
    for rdv_id in ids:
        hall.rdv(rdv_id).capacite_propre = hall.rdv(rdv_id).capacite_max = 12
    places = [(make.participation(hall.rdv(ids[n % 2])).id, ids[(n + 1) % 2]) for n in range(8)]
    db.session.commit()
    db.session.remove()

    def go(place: int, vers: int) -> int:
        return deplacements.move_places([place], vers, agent=db.session.get_one(Agent, agent_id))[0].rdv_id

    found = at_once(app, [lambda p=p, v=v: go(p, v) for p, v in places])  # type: ignore[misc]
    assert sorted(found) == sorted(vers for _, vers in places)  # type: ignore[type-var]
    assert hall.seats == (5, 4)
