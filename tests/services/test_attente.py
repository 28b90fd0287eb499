"""The waitlist as people and agents use it (docs/domain.md rule 12), on both databases."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.errors import Complet, DomainError, Ferme, Interdit, Introuvable, Libre, Perime, Refus
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.jobs.waitlist import pass_on_due
from webapp.models import Agent, FileAttente, Journal, Notification, Participation, Rdv, Usager
from webapp.services import attente, booking
from webapp.services.checks import broken
from webapp.services.motifs import save_motif, set_archived

NOW = datetime(2026, 3, 3, 8, tzinfo=UTC)  # Tuesday, 9:00 in Paris
START = NOW + timedelta(days=10)
CAPACITY = 3


def who(name: str) -> Identity:
    return Identity(name, "Du Nom", f"+3363998{sum(map(ord, name)):04d}", f"{name.lower()}@exemple.fr")


class Hall:
    """A full session of three seats, and what people do there."""

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        org = make.organisation()
        service = make.service(org)
        motif = make.motif(service, capacite_max=CAPACITY, liste_attente=True)
        rdv = make.full(make.rdv(motif, starts_at=START))
        self.rdv_id, self.motif_id = rdv.id, motif.id
        self.agents = {preset: make.agent(service, preset).id for preset in ("agent", "référent")}
        self.seated = [place.id for place in rdv.participations]
        db.session.commit()
        self.forms = 0

    @property
    def rdv(self) -> Rdv:
        return db.session.get_one(Rdv, self.rdv_id, populate_existing=True)

    @property
    def seats(self) -> tuple[int, int, int]:
        """Taken, offered, waiting."""
        rdv = self.rdv
        return rdv.places_prises, rdv.places_proposees, rdv.places_attente

    def agent(self, preset: str = "agent") -> Agent:
        return db.session.get_one(Agent, self.agents[preset])

    def join(self, name: str, places: int = 1, **others: Any) -> None:
        self.forms += 1
        attente.join(self.rdv_id, who(name), envoi=f"form {self.forms}", places=places, **others)

    def entry(self, name: str) -> FileAttente:
        return db.session.scalars(
            select(FileAttente)
            .join(FileAttente.usager)
            .where(Usager.first_name == name)
            .execution_options(populate_existing=True)
        ).one()

    def etat(self, name: str) -> str:
        return self.entry(name).etat.value

    def free(self, count: int = 1) -> None:
        for place in self.seated[:count]:
            booking.change_statut(place, Statut.EXCUSE, by=Acteur.USAGER)
        del self.seated[:count]

    def told(self, event: str) -> list[str]:
        """First names of those a message of that event was promised to, in order, once for each channel."""
        rows = db.session.execute(
            select(Usager.first_name, Notification.changement)
            .join(Usager, Usager.id == Notification.destinataire_id)
            .where(Notification.event == event, Notification.destinataire_type == "usager")
            .where(Notification.canal == "courriel")
            .order_by(Notification.id)
        )
        return [row.first_name for row in rows]


@pytest.fixture
def hall(app: Flask) -> Iterator[Hall]:
    with time_machine.travel(NOW, tick=False) as clock, app.app_context():
        yield Hall(clock)
        db.session.rollback()
        assert list(broken()) == []
        db.session.remove()


def refused(kind: type[DomainError], action: Callable[[], Any]) -> str:
    with pytest.raises(DomainError) as found:
        action()
    assert type(found.value) is kind, found.value
    return str(found.value)


# --- join and leave --------------------------------------------------------------------------------------------------


def test_one_waits_in_the_order_one_came(hall: Hall) -> None:
    for name in ("Awa", "Bilal", "Chloé"):
        hall.join(name)
    assert hall.seats == (3, 0, 3)
    assert [hall.entry(name).rang for name in ("Awa", "Bilal", "Chloé")] == [1, 2, 3]
    assert hall.told("attente") == ["Awa", "Bilal", "Chloé"]


def test_a_repeat_changes_nothing_and_is_answered_the_same(hall: Hall) -> None:
    hall.join("Awa")
    hall.join("Awa", places=3)
    assert hall.entry("Awa").places == 1 and hall.seats == (3, 0, 1)
    assert hall.told("attente") == ["Awa", "Awa"]  # the second says that they wait already
    attente.join(hall.rdv_id, who("Bilal"), envoi="double clic")
    attente.leave(hall.entry("Bilal").id)
    attente.join(hall.rdv_id, who("Bilal"), envoi="double clic")  # the same form, late: it had its answer
    assert hall.etat("Bilal") == "retiree"


def test_who_has_a_seat_is_told_so_and_nobody_else(hall: Hall) -> None:
    place = db.session.get_one(Participation, hall.seated[0])
    person = place.usager
    person.email = "la-bonne@exemple.fr"
    db.session.commit()
    identity = Identity(person.first_name, person.last_name, person.phone)
    attente.join(hall.rdv_id, identity, envoi="x")
    assert hall.seats == (3, 0, 0)
    assert db.session.scalars(select(FileAttente)).all() == []
    (row,) = db.session.scalars(select(Notification).where(Notification.canal == "sms"))
    assert row.event == "inscription" and "deja" in row.changement


def test_one_does_not_wait_where_there_is_room(hall: Hall) -> None:
    hall.free()
    refused(Libre, lambda: hall.join("Awa"))
    hall.join("Awa", places=2)  # fewer are free than asked
    assert hall.seats == (2, 0, 2)
    refused(Refus, lambda: hall.join("Bilal", places=4))  # more than there are at all


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"liste_attente": False}, Ferme),
        ({"visibilite": Visibilite.VISIBLE_NON_NOTIFIE}, Ferme),
        ({"visibilite": Visibilite.INVISIBLE}, Introuvable),
        ({"reservable_par": ReservablePar.AGENTS}, Introuvable),
        ({"archived_at": NOW}, Ferme),
        ({"delai_min_minutes": 60 * 24 * 11}, Ferme),
        ({"delai_max_jours": 5}, Ferme),
    ],
)
def test_where_one_does_not_wait(hall: Hall, fields: dict[str, Any], kind: type[DomainError]) -> None:
    for name, value in fields.items():
        setattr(hall.rdv.motif, name, value)
    db.session.commit()
    refused(kind, lambda: hall.join("Awa"))
    assert hall.seats == (3, 0, 0)


def test_a_stranger_learns_and_changes_nothing(hall: Hall) -> None:
    known = make.usager(hall.rdv.organisation_id, first_name="Awa", last_name="Du Nom", phone=who("Awa").telephone)
    db.session.commit()
    hall.join("Awa")
    assert hall.entry("Awa").usager_id == known.id and hall.entry("Awa").courriel == "awa@exemple.fr"
    db.session.refresh(known)
    assert known.email is None


def test_one_leaves_when_one_likes(hall: Hall) -> None:
    hall.join("Awa")
    hall.join("Bilal")
    attente.leave(hall.entry("Awa").id)
    attente.leave(hall.entry("Awa").id)
    assert hall.seats == (3, 0, 1)
    attente.rejoin(hall.entry("Awa").id)
    assert hall.entry("Awa").rang > hall.entry("Bilal").rang
    hall.free()
    assert (hall.etat("Awa"), hall.etat("Bilal")) == ("en_attente", "proposee")


def test_who_was_removed_comes_back_through_an_agent(hall: Hall) -> None:
    hall.join("Awa")
    attente.leave(hall.entry("Awa").id, by=Acteur.AGENT, agent=hall.agent())
    refused(Refus, lambda: attente.rejoin(hall.entry("Awa").id))
    refused(Refus, lambda: hall.join("Awa"))
    assert hall.told("place_expiree") == []


# --- offers ----------------------------------------------------------------------------------------------------------


def test_a_freed_seat_is_offered_at_once_and_never_public(hall: Hall) -> None:
    hall.join("Awa")
    hall.join("Bilal")
    hall.free()
    assert hall.seats == (2, 1, 2) and hall.rdv.jauge().libres == 0
    assert hall.rdv.jauge().phrase == "1 place libérée, proposée à la liste d’attente"
    entry = hall.entry("Awa")
    assert entry.etat is EtatAttente.PROPOSEE and entry.jusqua == NOW + timedelta(days=2)
    assert hall.told("proposition") == ["Awa"]
    refused(Complet, lambda: booking.book_seat(hall.rdv_id, who("Zoé"), by=Acteur.USAGER, envoi="z"))


def test_accepting_takes_the_seat_once(hall: Hall) -> None:
    hall.join("Awa")
    hall.free()
    place = attente.accept(hall.entry("Awa").id)
    assert attente.accept(hall.entry("Awa").id).id == place.id
    assert hall.seats == (3, 0, 0) and hall.etat("Awa") == "acceptee"
    assert hall.told("inscription") == ["Awa"]
    assert place.statut is Statut.INSCRIT and place.origine is Acteur.USAGER


def test_refusing_and_leaving_pass_on(hall: Hall) -> None:
    for name in ("Awa", "Bilal", "Chloé"):
        hall.join(name)
    hall.free()
    attente.refuse(hall.entry("Awa").id)
    attente.refuse(hall.entry("Awa").id)
    assert [hall.etat(n) for n in ("Awa", "Bilal", "Chloé")] == ["refusee", "proposee", "en_attente"]
    attente.leave(hall.entry("Bilal").id)
    assert [hall.etat(n) for n in ("Awa", "Bilal", "Chloé")] == ["refusee", "retiree", "proposee"]
    assert hall.told("proposition") == ["Awa", "Bilal", "Chloé"]
    refused(Refus, lambda: attente.accept(hall.entry("Awa").id))
    refused(Refus, lambda: attente.refuse(hall.entry("Bilal").id))


def test_an_offer_nobody_answers_passes_on(hall: Hall) -> None:
    hall.join("Awa")
    hall.join("Bilal")
    hall.free()
    until = hall.entry("Awa").jusqua
    assert until is not None
    hall.clock.move_to(until - timedelta(seconds=1))
    assert pass_on_due() == 0
    hall.clock.move_to(until)
    assert "délai" in refused(Refus, lambda: attente.accept(hall.entry("Awa").id))  # before the clock came
    assert (pass_on_due(), pass_on_due()) == (1, 0)
    assert (hall.etat("Awa"), hall.etat("Bilal")) == ("expiree", "proposee")
    assert hall.told("place_expiree") == ["Awa"]
    attente.rejoin(hall.entry("Awa").id)
    assert hall.seats == (2, 1, 2) and hall.etat("Awa") == "en_attente"


def test_a_seat_that_fits_nobody_is_public(hall: Hall) -> None:
    hall.join("Awa", places=2)
    hall.free()
    assert hall.seats == (2, 0, 2)
    booking.book_seat(hall.rdv_id, who("Zoé"), by=Acteur.USAGER, envoi="z")
    hall.free(2)
    assert hall.seats == (1, 2, 2) and hall.etat("Awa") == "proposee"


def test_a_seat_nobody_passed_on_is_still_not_public(hall: Hall) -> None:
    """Whatever forgets to call `pass_on`: the public door looks for itself, and the clock mends it."""
    hall.join("Awa")
    rdv = hall.rdv
    db.session.get_one(Participation, hall.seated[0]).statut = Statut.EXCUSE
    rdv.places_prises -= 1
    db.session.commit()
    assert any("fits somebody who waits" in line for line in broken())
    refused(Complet, lambda: booking.book_seat(hall.rdv_id, who("Zoé"), by=Acteur.USAGER, envoi="z"))
    place = hall.seated[0]
    refused(Complet, lambda: booking.change_statut(place, Statut.INSCRIT, by=Acteur.USAGER))
    hall.join("Bilal")
    assert (hall.etat("Awa"), hall.etat("Bilal")) == ("proposee", "en_attente")


def test_more_seats_make_offers_and_fewer_end_them(hall: Hall) -> None:
    for name in ("Awa", "Bilal"):
        hall.join(name)
    save_motif(hall.motif_id, {"capacite_max": 5}, hall.agent("référent"))
    assert hall.seats == (3, 2, 2)
    save_motif(hall.motif_id, {"capacite_max": 4}, hall.agent("référent"))
    assert hall.seats == (3, 1, 2)
    assert (hall.etat("Awa"), hall.etat("Bilal")) == ("proposee", "en_attente")
    assert hall.told("place_expiree") == ["Bilal"]
    assert "liste d’attente" in refused(Complet, lambda: attente.accept(hall.entry("Bilal").id))


def test_an_archived_motif_makes_no_offer_until_it_is_back(hall: Hall) -> None:
    hall.join("Awa")
    set_archived(hall.motif_id, True, hall.agent("référent"))
    hall.free()
    assert hall.etat("Awa") == "en_attente"
    set_archived(hall.motif_id, False, hall.agent("référent"))
    assert hall.etat("Awa") == "proposee"


def test_several_seats_are_taken_together_or_not_at_all(hall: Hall) -> None:
    others = [{"prenom": "Léo", "nom": "Du Nom", "date_naissance": None}]
    hall.join("Awa", places=3, accompagnants=others)
    hall.free(2)
    assert hall.etat("Awa") == "en_attente"
    hall.free()
    assert hall.seats == (0, 3, 3)
    place = attente.accept(hall.entry("Awa").id)
    rows = db.session.scalars(
        select(Participation).where(Participation.rdv_id == hall.rdv_id, Participation.statut == Statut.INSCRIT)
    ).all()
    names = {row.usager.first_name for row in rows}
    assert names == {"Awa", "Léo", "Accompagnant 2 de Awa"} and hall.seats == (3, 0, 0)
    assert {row.usager.responsable_id for row in rows} == {None, place.usager_id}
    assert hall.told("inscription") == ["Awa"]


# --- last minute -----------------------------------------------------------------------------------------------------


def test_close_to_the_session_seats_are_for_the_first_who_comes(hall: Hall) -> None:
    hall.join("Awa")
    hall.join("Bilal")
    hall.clock.move_to(START - timedelta(hours=1))
    hall.clock.move_to(START - timedelta(hours=24) + timedelta(hours=7))  # 16:00 the day before a session at 9:00
    hall.free()
    assert hall.etat("Awa") == "proposee"
    hall.clock.shift(timedelta(hours=1, seconds=1))
    assert (pass_on_due(), pass_on_due()) == (1, 0)
    assert hall.seats == (2, 0, 2) and (hall.etat("Awa"), hall.etat("Bilal")) == ("en_attente", "en_attente")
    assert hall.told("proposition") == ["Awa", "Awa", "Bilal"]  # the offer; then once each, that it is open
    assert hall.told("place_expiree") == []
    attente.accept(hall.entry("Bilal").id)
    refused(Complet, lambda: attente.accept(hall.entry("Awa").id))
    assert hall.seats == (3, 0, 1)


def test_a_seat_that_comes_free_later_is_told_once(hall: Hall) -> None:
    hall.join("Awa")
    hall.clock.move_to(START - timedelta(hours=15))
    assert pass_on_due() == 0 and hall.told("proposition") == []  # nothing is free: nothing to say
    hall.free()
    assert hall.told("proposition") == ["Awa"]
    booking.book_seat(hall.rdv_id, who("Zoé"), by=Acteur.USAGER, envoi="z")
    hall.free()
    assert hall.told("proposition") == ["Awa"]


def test_an_outage_until_the_start_leaves_nothing_held(hall: Hall) -> None:
    hall.join("Awa")
    hall.free()
    hall.clock.move_to(START + timedelta(minutes=1))
    assert pass_on_due() == 1
    assert hall.seats[1] == 0
    refused(Ferme, lambda: attente.accept(hall.entry("Awa").id))


# --- agents ----------------------------------------------------------------------------------------------------------


def test_an_agent_gives_a_place_by_hand(hall: Hall) -> None:
    for name in ("Awa", "Bilal"):
        hall.join(name)
    refused(Complet, lambda: attente.promote(hall.entry("Bilal").id, agent=hall.agent()))
    refused(Interdit, lambda: attente.promote(hall.entry("Bilal").id, agent=hall.agent(), surbooking=True))
    refused(Perime, lambda: attente.promote(hall.entry("Bilal").id, agent=hall.agent(), version=9))
    attente.promote(hall.entry("Bilal").id, agent=hall.agent("référent"), surbooking=True)
    attente.promote(hall.entry("Bilal").id, agent=hall.agent("référent"), surbooking=True)
    assert hall.seats == (4, 0, 1)
    hall.free(2)
    assert hall.seats == (2, 1, 1)
    attente.promote(hall.entry("Awa").id, agent=hall.agent())  # the seat that was kept for them
    assert hall.seats == (3, 0, 0) and hall.told("inscription") == ["Bilal", "Awa"]


def test_going_over_the_capacity_ends_an_offer(hall: Hall) -> None:
    hall.join("Awa")
    hall.free()
    booking.book_seat(
        hall.rdv_id, who("Zoé"), by=Acteur.AGENT, agent=hall.agent("référent"), envoi="z", surbooking=True
    )
    assert hall.seats == (3, 0, 1) and hall.etat("Awa") == "en_attente"
    assert hall.told("place_expiree") == ["Awa"]


def test_who_gets_a_seat_another_way_waits_no_more(hall: Hall) -> None:
    hall.join("Awa")
    hall.join("Bilal")
    hall.free()
    booking.book_seat(
        hall.rdv_id, who("Awa"), by=Acteur.AGENT, agent=hall.agent("référent"), envoi="z", surbooking=True
    )
    assert hall.etat("Awa") == "acceptee" and hall.seats == (3, 0, 1)


def test_the_journal_says_what_became_of_the_list(hall: Hall) -> None:
    hall.join("Awa")
    hall.free()
    attente.refuse(hall.entry("Awa").id)
    lines = db.session.scalars(select(Journal).where(Journal.sujet_type == "fileattente").order_by(Journal.id)).all()
    assert [(line.acteur, line.details["a"]) for line in lines] == [
        (Acteur.USAGER, "en_attente"),
        (Acteur.SYSTEME, "proposee"),
        (Acteur.USAGER, "refusee"),
    ]


def test_what_does_not_exist_is_not_found(hall: Hall) -> None:
    refused(Introuvable, lambda: attente.accept(999))
    refused(Introuvable, lambda: attente.join(999, who("Awa"), envoi="x"))
