"""`flask check` sees what is broken: one wound by SQL for each kind of invariant, and its name."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests import factories as make
from tests.services.test_plages import Place, sessions
from webapp.clock import utcnow
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import Participation, Rdv
from webapp.services.booking import book_seat, change_statut
from webapp.services.checks import broken
from webapp.services.motifs import save_motif
from webapp.services.rdvs import cancel_rdv


@pytest.fixture
def scene(app: Flask) -> Iterator[dict[str, Any]]:
    """A plage whose first session holds two people of three, one of them by the doors, and one more session that is
    cancelled; all is well so far."""
    with app.app_context():
        place = Place(capacite_max=3)
        days = sessions(place.save(first_day=(utcnow() + timedelta(days=20)).date()).plage)
        rdv, off = days[0].id, days[1].id
        one = book_seat(rdv, Identity("Awa", "Diallo", "+33639980001"), by=Acteur.USAGER, envoi="un").participation_id
        two = book_seat(rdv, Identity("Luc", "Caron", "+33639980002"), by=Acteur.USAGER, envoi="deux").participation_id
        late = book_seat(off, Identity("Luc", "Caron", "+33639980002"), by=Acteur.USAGER, envoi="trois")
        cancel_rdv(off, agent=place.agent)
        save_motif(place.motif.id, {"capacite_max": 2}, place.agent)
        save_motif(place.motif.id, {"capacite_max": 3}, place.agent)
        assert list(broken()) == []
        yield {"place": place, "rdv": rdv, "off": off, "one": one, "two": two, "late": late.participation_id}
        db.session.rollback()


def wound(statement: str, **values: Any) -> list[str]:
    """What the recount says once this was done behind the site's back."""
    assert db.session.execute(text(statement), values).rowcount, "nothing was broken"  # type: ignore[attr-defined]
    db.session.commit()
    db.session.expire_all()
    return list(broken())


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE rdvs SET places_prises = 1 WHERE id = :rdv", "places_prises says 1, 2 participations"),
        ("UPDATE rdvs SET places_proposees = 1 WHERE id = :rdv", "places_proposees says 1"),
        ("UPDATE rdvs SET capacite_max = 9 WHERE id = :rdv", "capacite_max is 9, its settings give 3"),
        ("UPDATE participations SET statut = 'inscrit' WHERE id = :late", "cancelled, yet 1 participations"),
        ("UPDATE participations SET statut = 'absent' WHERE id = :one", "absent before the start"),
        ("UPDATE participations SET statut = 'present' WHERE id = :one", "present before the day"),
        ("UPDATE participations SET statut = 'absent' WHERE id = :one", "absent, the journal says inscrit"),
        ("UPDATE participations SET deplacee_vers_id = :two WHERE id = :one", "moved, yet here"),
        ("UPDATE participations SET agenda_id = :two WHERE id = :one", "2 participations have it"),
        ("UPDATE participations SET rdv_version = 99 WHERE id = :one", "changed at version 99 of a session"),
        ("UPDATE rdvs SET version = 4 WHERE id = :rdv", "version 4 after 4 changes"),
        ("UPDATE participations SET version = 1 WHERE id = :moved", "version 1 after 3 changes"),
        ("DELETE FROM usager_organisations", "its usager is unknown to organisation"),
        ("UPDATE usagers SET responsable_id = id", "answers for themself"),
        ("UPDATE participations SET prescripteur_nom = 'Claire' WHERE id = :one", "is half known"),
        ("UPDATE usagers SET first_name = 'Awa', last_name = 'DIALLO', phone = '+33639980001'", "the same person"),
        ("UPDATE notifications SET etat = 'envoyee', envoyee_le = NULL", "state envoyee without what goes with it"),
        ("UPDATE notifications SET changement = 'v7'", "about v7 of a participation at version"),
        ("UPDATE rdvs SET motif_id = :other WHERE id = :rdv", "not of its plage's motif"),
        ("UPDATE rdvs SET occurrence_le = '2031-01-01' WHERE id = :rdv", "its plage is not held on 2031-01-01"),
        ("UPDATE plages_ouverture SET start_time = '08:00:00.000000'", "not at its plage's time or place"),
    ],
)
def test_a_wound_is_named(scene: dict[str, Any], statement: str, said: str) -> None:
    ids = {name: value for name, value in scene.items() if name != "place"}
    if ":moved" in statement:
        change_statut(scene["one"], Statut.EXCUSE, by=Acteur.USAGER)
        change_statut(scene["one"], Statut.INSCRIT, by=Acteur.USAGER)
        ids["moved"] = scene["one"]
    if ":other" in statement:
        ids["other"] = make.motif(scene["place"].service, capacite_max=3).id
        db.session.commit()
    named = {name: value for name, value in ids.items() if f":{name}" in statement}
    lines = wound(statement, **named)
    assert any(said in line for line in lines), lines


def test_a_seat_sold_beyond_the_capacity_is_named_even_when_it_was_freed_since(scene: dict[str, Any]) -> None:
    """The counter is right, nobody is over any more: only the journal remembers."""
    first = db.session.scalar(text("SELECT min(id) FROM journal WHERE action = 'capacite'"))
    lines = wound("UPDATE journal SET details = :details WHERE id = :id", details='{"de": 1, "a": 2}', id=first)
    assert len(lines) == 1 and lines[0].endswith("took seat 2 of 1"), lines


def test_people_beyond_the_capacity_whom_no_line_explains_are_named(app: Flask) -> None:
    with app.app_context():
        rdv = make.full(make.rdv(make.motif(capacite_max=2)))
        db.session.commit()
        assert list(broken()) == []
        make.participation(rdv)
        db.session.commit()
        assert list(broken()) == [f"rdv {rdv.id}: before what its journal says, 3 seats taken of 2"]


def test_what_an_agent_meant_or_corrected_is_no_wound(app: Flask) -> None:
    """Overbooked on purpose; the capacity lowered under the people; corrected once it began."""
    with app.app_context():
        place = Place(capacite_max=1)
        place.org.surbooking_autorise = True
        rdv = make.rdv(place.motif, starts_at=utcnow() + timedelta(days=2))
        begun = make.rdv(place.motif, starts_at=utcnow() - timedelta(minutes=5))
        away = [make.participation(begun, statut=Statut.EXCUSE).id for _ in range(2)]
        db.session.commit()
        for number in range(3):
            who = Identity("Awa", f"Diallo{number}", f"+3363998000{number}")
            book_seat(rdv.id, who, by=Acteur.AGENT, agent=place.agent, envoi=f"{number}", surbooking=True)
        save_motif(place.motif.id, {"capacite_max": 4}, place.agent)
        save_motif(place.motif.id, {"capacite_max": 2}, place.agent)
        for participation_id in away:
            change_statut(participation_id, Statut.PRESENT, by=Acteur.AGENT, agent=place.agent)
        assert db.session.get_one(Rdv, rdv.id).jauge().prises == 3
        assert list(broken()) == []


def test_the_database_itself_refuses_a_second_seat(scene: dict[str, Any]) -> None:
    """One person, one row: also for who writes past every door."""
    row = db.session.get_one(Participation, scene["one"])
    with pytest.raises(IntegrityError):
        make.participation(row.rdv, row.usager)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE rdvs SET places_attente = 5 WHERE id = :rdv", "places_attente says 5, its waitlist 2"),
        ("UPDATE file_attente SET places = 3 WHERE etat = 'proposee'", "places_proposees says 1, its waitlist 3"),
        ("UPDATE rdvs SET capacite_max = 1, capacite_propre = 1 WHERE id = :rdv", "1 seats offered, 1 taken of 1"),
        ("UPDATE file_attente SET usager_id = :seated WHERE etat = 'en_attente'", "waits for a seat its person has"),
        ("UPDATE participations SET statut = 'excuse' WHERE id = :place", "a free seat fits somebody who waits"),
    ],
)
def test_a_wounded_waitlist_is_named(app: Flask, statement: str, said: str) -> None:
    with app.app_context():
        rdv = make.rdv(make.motif(capacite_max=2, liste_attente=True))
        place = make.participation(rdv)
        make.attente(rdv, etat=EtatAttente.PROPOSEE)
        make.attente(rdv)
        db.session.commit()
        assert list(broken()) == []
        ids = {"rdv": rdv.id, "seated": place.usager_id, "place": place.id}
        if ":place" in statement:  # the counter goes with it
            rdv.places_prises = 0
            db.session.commit()
        lines = wound(statement, **{name: value for name, value in ids.items() if f":{name}" in statement})
        assert any(said in line for line in lines), lines


def test_the_database_itself_refuses_a_second_wait(app: Flask) -> None:
    with app.app_context():
        rdv = make.rdv(make.motif(liste_attente=True))
        first = make.attente(rdv)
        with pytest.raises(IntegrityError):
            make.attente(rdv, first.usager)
