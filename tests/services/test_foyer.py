"""A household takes its seats: all or none, told together, without changing anybody's file (rules 7 to 10)."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from webapp.domain.errors import Complet, DomainError, Ferme, Refus
from webapp.domain.identity import FOYER_MAX, Foyer, Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Canal, Journal, Notification, Participation, Rdv, Usager
from webapp.services.booking import Booking, book_seat, change_statut, change_statuts
from webapp.services.checks import broken
from webapp.services.foyer import book_household, shown_with
from webapp.services.rdvs import cancel_rdv

ELODIE = Identity("Élodie", "Martin", "+33639980001", "elodie@exemple.fr")


@pytest.fixture(autouse=True)
def _context(app: Flask):
    with app.app_context():
        yield
        db.session.rollback()
        assert list(broken()) == []


def family(*prenoms: str, who: Identity = ELODIE, vient: bool = True) -> Foyer:
    return Foyer(who, tuple(who.relative(prenom, who.nom) for prenom in prenoms), vient)


def book(rdv: Rdv, foyer: Foyer, envoi: str = "un") -> Booking:
    return book_household(rdv.id, foyer, by=Acteur.USAGER, envoi=envoi)


def session(seats: int = 12) -> Rdv:
    rdv = make.rdv(make.motif(capacite_max=seats))
    db.session.commit()
    return rdv


def places(rdv: Rdv) -> dict[str, Participation]:
    found = db.session.scalars(select(Participation).where(Participation.rdv_id == rdv.id).order_by(Participation.id))
    return {place.usager.first_name: place for place in found}


def seats(rdv: Rdv) -> int | None:
    return db.session.scalar(select(Rdv.places_prises).where(Rdv.id == rdv.id))


def files() -> list[tuple[object, ...]]:
    """Everybody's file, as the database has it."""
    return [tuple(row) for row in db.session.execute(select(*Usager.__table__.columns).order_by(Usager.id))]


def told(*events: str) -> list[Notification]:
    question = select(Notification).where(Notification.destinataire_type == "usager").order_by(Notification.id)
    return list(db.session.scalars(question.where(Notification.event.in_(events)) if events else question))


def test_a_household_is_booked_at_once_and_told_once() -> None:
    rdv = session()
    rdv.agents = [make.agent(rdv.motif.service)]
    db.session.commit()
    first = book(rdv, family("Léa", "Tom"))
    found = places(rdv)
    assert list(found) == ["Élodie", "Léa", "Tom"] and seats(rdv) == 3
    assert first == Booking(found["Élodie"].id, deja=False)
    assert found["Léa"].usager.responsable_id == found["Élodie"].usager_id
    assert (found["Léa"].usager.phone, found["Léa"].usager.email, found["Léa"].telephone) == (None, None, None)
    ids = [place.id for place in found.values()]
    assert [(row.canal, row.participation_ids) for row in told()] == [(Canal.SMS, ids), (Canal.COURRIEL, ids)]
    (agent,) = db.session.scalars(select(Notification).where(Notification.destinataire_type == "agent"))
    assert agent.participation_ids == ids
    lines = db.session.scalars(select(Journal).where(Journal.action == "inscription"))
    assert sorted(line.sujet_id for line in lines) == ids


def test_only_relatives_come_and_the_responsable_is_told() -> None:
    rdv = session()
    book(rdv, family("Léa", vient=False))
    (lea,) = places(rdv).values()
    assert lea.usager.responsable.nom_complet == "Élodie Martin" and seats(rdv) == 1
    assert {row.destinataire_id for row in told()} == {lea.usager.responsable_id}


def test_all_or_none() -> None:
    rdv = session(2)
    with pytest.raises(Complet, match="Il ne reste que 2 places à cette séance, et vous en demandez 3"):
        book(rdv, family("Léa", "Tom"))
    assert (seats(rdv), places(rdv), told()) == (0, {}, [])
    assert db.session.scalar(select(func.count()).select_from(Usager)) == 0
    book(rdv, family("Léa"))
    with pytest.raises(Complet, match="maintenant complète"):
        book(rdv, family("Zoé", who=Identity("Luc", "Caron", "+33639980002")))


def test_the_same_form_twice_is_answered_once() -> None:
    rdv = session(3)
    first = book(rdv, family("Léa", "Tom"))
    before = len(told())
    assert book(rdv, family("Léa", "Tom")) == first and len(told()) == before
    again = book(rdv, family("Tom", "Léa"), envoi="deux")  # full, and all of them have a seat
    assert again.deja and seats(rdv) == 3
    assert all("deja" in row.changement for row in told()[before:])
    assert all(len(row.participation_ids) == 3 for row in told()[before:])


def test_who_has_a_seat_keeps_it_and_the_others_are_added() -> None:
    rdv = session(3)
    kept = book_seat(rdv.id, ELODIE, by=Acteur.USAGER, envoi="seule")
    booked = book(rdv, family("Léa", "Tom"))
    found = places(rdv)
    assert not booked.deja and seats(rdv) == 3 and found["Élodie"].id == kept.participation_id
    assert found["Élodie"].version == 1
    assert told()[-1].participation_ids == [found["Léa"].id, found["Tom"].id]


def test_how_many_are_asked_never_tells_who_has_a_seat() -> None:
    rdv = session(2)
    book_seat(rdv.id, ELODIE, by=Acteur.USAGER, envoi="seule")
    with pytest.raises(Complet, match="Il ne reste qu’une place") as refusal:
        book(rdv, family("Léa", "Tom"))
    assert "vous en demandez 3" in refusal.value.message


def test_a_relative_is_recognised_in_the_household_and_no_file_changes() -> None:
    rdv, other = session(), session()
    other.organisation_id = rdv.organisation_id
    other.motif = rdv.motif
    db.session.commit()
    book(rdv, family("Léa"))
    before = files()
    moved = Identity("ELODIE", "martin", "+33639980001", "autre@exemple.fr")
    book(other, Foyer(moved, (moved.relative("LEA", "MARTIN"),), vient=True))
    assert files() == before
    assert {place.courriel for place in places(other).values()} == {"autre@exemple.fr"}
    assert {row.participation_ids[0] for row in told()} <= {p.id for r in (rdv, other) for p in places(r).values()}


def test_a_birth_date_tells_two_relatives_of_one_name_apart() -> None:
    rdv = session()
    twins = tuple(ELODIE.relative("Camille", "Martin", born) for born in (date(2019, 3, 3), date(2021, 4, 4)))
    book(rdv, Foyer(ELODIE, twins, vient=False))
    assert seats(rdv) == 2
    book(rdv, Foyer(ELODIE, (twins[0], twins[0]), vient=False), envoi="deux")  # named twice: one person
    assert seats(rdv) == 2


def test_a_stranger_who_knows_a_name_and_a_number_changes_nothing_of_the_file() -> None:
    rdv = session()
    yasmina = make.usager(rdv.organisation_id, first_name="Yasmina", last_name="Amrani", phone="+33639980077")
    make.participation(rdv, yasmina)
    db.session.commit()
    stranger = Identity("Yasmina", "Amrani", "+33639980077", "moi@exemple.fr")
    book(rdv, Foyer(stranger, (stranger.relative("Léa", "Amrani"),), vient=True))
    db.session.expire_all()
    assert (yasmina.email, yasmina.responsable_id) == (None, None)
    lea = places(rdv)["Léa"]
    # The link of what the stranger booked went to their address too: it shows that place alone.
    assert shown_with(lea) == [lea]


def test_who_was_removed_by_the_service_is_not_booked_again_nor_the_others() -> None:
    rdv = session()
    book(rdv, family("Léa"))
    agent = make.agent(rdv.motif.service)
    db.session.commit()
    change_statut(places(rdv)["Léa"].id, Statut.ANNULE, by=Acteur.AGENT, agent=agent)
    with pytest.raises(Refus, match="en ligne"):
        book(rdv, family("Léa", "Tom"), envoi="deux")
    assert list(places(rdv)) == ["Élodie", "Léa"] and seats(rdv) == 1


def test_too_many_and_too_late_are_refused() -> None:
    rdv = session()
    with pytest.raises(Refus):
        book(rdv, family(*[f"Enfant{n}" for n in range(FOYER_MAX)]))
    first = book(rdv, family("Léa"))
    agent = make.agent(rdv.motif.service)
    db.session.commit()
    cancelled = session()
    cancel_rdv(cancelled.id, agent=agent)
    with pytest.raises(Ferme):
        book(cancelled, family("Léa"))
    rdv.motif.archived_at = rdv.starts_at
    db.session.commit()
    assert book(rdv, family("Léa")) == first  # the same form, sent again after the session closed
    with pytest.raises(Ferme):
        book(rdv, family("Léa"), envoi="autre")


def test_each_or_all_give_their_seats_back_and_come_back_together() -> None:
    rdv = session(3)
    book(rdv, family("Léa", "Tom"))
    ids = {name: place.id for name, place in places(rdv).items()}
    change_statuts([ids["Léa"], ids["Tom"]], Statut.EXCUSE, by=Acteur.USAGER, raison="transport")
    assert seats(rdv) == 1 and {places(rdv)[name].raison for name in ("Léa", "Tom")} == {"transport"}
    (mail,) = told("desistement")
    assert mail.participation_ids == [ids["Léa"], ids["Tom"]]
    change_statuts(list(ids.values()), Statut.EXCUSE, by=Acteur.USAGER)  # who had given it back stays as they were
    assert told("desistement")[-1].participation_ids == [ids["Élodie"]] and seats(rdv) == 0
    book_seat(rdv.id, Identity("Luc", "Caron", "+33639980002"), by=Acteur.USAGER, envoi="luc")
    with pytest.raises(Complet, match="ne reste que 2 places"):
        change_statuts(list(ids.values()), Statut.INSCRIT, by=Acteur.USAGER)
    assert seats(rdv) == 1
    change_statuts([ids["Léa"], ids["Tom"]], Statut.INSCRIT, by=Acteur.USAGER)
    assert seats(rdv) == 3 and told("inscription")[-1].participation_ids == [ids["Léa"], ids["Tom"]]


def test_the_link_shows_who_was_told_at_the_same_address() -> None:
    rdv = session()
    book(rdv, family("Léa", "Tom"))
    found = places(rdv)
    assert [one.usager.first_name for one in shown_with(found["Tom"])] == ["Élodie", "Léa", "Tom"]
    found["Tom"].telephone = "+33639980099"
    db.session.commit()
    assert [one.usager.first_name for one in shown_with(found["Léa"])] == ["Élodie", "Léa"]
    assert shown_with(found["Tom"]) == [found["Tom"]]


def crowd(app: Flask, actions: list) -> list:
    """All at once, each with a session of its own: what each was answered."""
    together = threading.Barrier(len(actions))

    def one(action):
        with app.app_context():
            together.wait(10)
            try:
                return action()
            except DomainError as refusal:
                return refusal
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(one, actions))


@pytest.mark.parametrize("turn", range(5))
def test_two_households_for_the_last_three_seats(app: Flask, turn: int) -> None:
    rdv = session(3)
    rdv_id = rdv.id
    households = [
        family("Léa", "Tom", who=Identity("Parent", f"Nom{n}", f"+3363998010{n}"), vient=True) for n in range(2)
    ]
    db.session.remove()
    answers = crowd(
        app,
        [
            lambda foyer=foyer, n=n: book_household(rdv_id, foyer, by=Acteur.USAGER, envoi=f"{turn}-{n}")
            for n, foyer in enumerate(households)
        ],
    )
    assert Counter(type(answer) for answer in answers) == {Booking: 1, Complet: 1}
    rdv = db.session.get_one(Rdv, rdv_id)
    assert (rdv.places_prises, len(places(rdv))) == (3, 3)
    assert len({place.usager.last_name for place in places(rdv).values()}) == 1


def test_households_and_people_alone_never_go_over(app: Flask) -> None:
    rdv = session(7)
    rdv_id = rdv.id
    db.session.remove()
    parents = [Identity("Parent", f"Nom{n}", f"+336399802{n:02}") for n in range(8)]
    actions = [
        lambda who=who: book_household(rdv_id, family("Léa", "Tom", who=who), by=Acteur.USAGER, envoi=who.nom)
        for who in parents[:4]
    ]
    actions += [lambda who=who: book_seat(rdv_id, who, by=Acteur.USAGER, envoi=who.nom) for who in parents[4:]]
    # The same household, by two forms, in another order; and one of it alone.
    actions += [
        lambda: book_household(rdv_id, family("Tom", "Léa", who=parents[0]), by=Acteur.USAGER, envoi="bis"),
        lambda: book_seat(rdv_id, parents[0].relative("Léa", "Nom0"), by=Acteur.USAGER, envoi="ter"),
    ]
    crowd(app, actions)
    rdv = db.session.get_one(Rdv, rdv_id)
    names = Counter(
        db.session.execute(
            select(Usager.last_name, Usager.first_name).join(Participation).where(Participation.rdv_id == rdv_id)
        ).all()
    )
    assert rdv.places_prises == names.total() <= 7 and max(names.values()) == 1
    for who in parents[1:4]:
        assert sum(nom == who.nom for nom, _ in names) in (0, 3)
