"""The one door to a seat: rules 7 to 10 and 19 of docs/domain.md, on both databases."""

import contextlib
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from tests import factories as make
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.errors import Complet, Ferme, Interdit, Introuvable, Perime, Refus
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Agent, Envoi, Journal, Notification, Participation, Rdv, TypeMotif, Usager
from webapp.services import booking
from webapp.services.booking import Booking, book_seat, change_statut
from webapp.services.checks import broken

ELODIE = Identity("Élodie", "Martin", "+33639980001", "elodie@exemple.fr")
LUC = Identity("Luc", "Caron", "+33639980002")


@pytest.fixture(autouse=True)
def _context(app: Flask):
    with app.app_context():
        yield
        assert list(broken()) == []


def book(rdv: Rdv, identity: Identity = ELODIE, envoi: str = "un", **options: object):
    return book_seat(rdv.id, identity, by=Acteur.USAGER, envoi=envoi, **options)


def saved(row):
    db.session.commit()
    return row


def seats(rdv: Rdv) -> int:
    return db.session.scalar(select(Rdv.places_prises).where(Rdv.id == rdv.id))


def count(model: type) -> int:
    return db.session.scalar(select(func.count()).select_from(model))


def test_a_seat_is_taken_once_and_the_person_created() -> None:
    rdv = saved(make.rdv())
    booking = book(rdv)
    row = db.session.get(Participation, booking.participation_id)
    assert (row.statut, row.origine, seats(rdv), booking.deja) == (Statut.INSCRIT, Acteur.USAGER, 1, False)
    assert (row.usager.nom_complet, row.telephone, row.courriel) == ("Élodie Martin", None, None)
    assert {n.canal.value for n in db.session.scalars(select(Notification))} == {"sms", "courriel"}
    assert db.session.scalar(select(Journal.action)) == "inscription"


def test_the_same_form_sent_twice_gets_its_first_answer_and_tells_once() -> None:
    rdv = saved(make.rdv())
    first, second = book(rdv), book(rdv)
    assert first == second
    assert (seats(rdv), count(Notification)) == (1, 2)


def test_the_same_form_sent_again_after_excusing_oneself_books_again_under_the_ordinary_rules() -> None:
    rdv = saved(make.rdv(make.motif(capacite_max=1)))
    first = book(rdv)
    change_statut(first.participation_id, Statut.EXCUSE, by=Acteur.USAGER)
    assert book(rdv) == first
    assert (seats(rdv), db.session.get(Participation, first.participation_id).statut) == (1, Statut.INSCRIT)
    change_statut(first.participation_id, Statut.EXCUSE, by=Acteur.USAGER)
    book(rdv, LUC)
    with pytest.raises(Complet):
        book(rdv)
    assert (seats(rdv), count(Envoi)) == (1, 2)


def test_the_twin_of_a_form_that_comes_after_its_seat_was_given_up_books_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin has looked before the first was answered and is late at the lock: real connections, in that order."""
    rdv = saved(make.rdv())
    at_the_door, go_on = threading.Event(), threading.Event()
    opened = booking.transaction

    def late(*look: Callable[[], None]):
        if threading.current_thread().name == "twin":
            at_the_door.set()
            assert go_on.wait(30)
        return opened(*look)

    monkeypatch.setattr(booking, "transaction", late)
    answers = in_threads(app, lambda: book(rdv), names=["twin"])
    assert at_the_door.wait(30)
    first = book(rdv)
    change_statut(first.participation_id, Statut.EXCUSE, by=Acteur.USAGER)
    go_on.set()
    assert answers() == [first]
    assert (seats(rdv), count(Participation), count(Envoi)) == (1, 1, 1)


def test_a_known_person_booked_by_two_forms_at_the_same_moment_has_one_seat(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have seen that the person has no row yet when they write it: the database refuses one, which looks again."""
    known, rdv = saved(make.rdv()), saved(make.rdv())
    book(known)
    together, write = threading.Barrier(2), booking.new_row

    def at_once(*args):
        with contextlib.suppress(threading.BrokenBarrierError):  # where writers take turns, the second never comes
            together.wait(1)
        return write(*args)

    monkeypatch.setattr(booking, "new_row", at_once)
    answers = in_threads(app, lambda: book(rdv, envoi=threading.current_thread().name), names=["one", "two"])
    ids, deja = zip(*((answer.participation_id, answer.deja) for answer in answers()), strict=True)
    assert len(set(ids)) == 1 and sorted(deja) == [False, True]
    assert seats(rdv) == 1


def test_a_session_removed_while_its_last_visitor_writes_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    rdv = saved(make.rdv())
    rdv_id, opened = rdv.id, booking.transaction

    def late(look: Callable[[], None]):
        db.session.commit()
        with db.engine.begin() as connection:
            connection.execute(delete(Rdv).where(Rdv.id == rdv_id))
        return opened(look)

    monkeypatch.setattr(booking, "transaction", late)
    with pytest.raises(Introuvable):
        book(rdv)
    assert (count(Participation), count(Usager), count(Notification)) == (0, 0, 0)


def test_who_left_no_contact_is_one_person_for_a_form_sent_several_times(app: Flask) -> None:
    rdv = make.rdv(make.motif(capacite_max=1))
    agent_id = saved(make.agent(rdv.motif.service)).id

    def add() -> Booking:
        agent = db.session.get(Agent, agent_id)
        return book_seat(rdv.id, Identity("Jean", "Valjean"), by=Acteur.AGENT, agent=agent, envoi="un")

    answers = in_threads(app, add, names=["one", "two"])()
    assert answers == [add()] * 2  # the last one finds the session full, and has its seat
    assert (seats(rdv), count(Participation), count(Usager)) == (1, 1, 1)


def test_the_journal_tells_seats_in_the_order_they_were_taken(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newcomer is written down, then waits for the lock; others come and go meanwhile. The check reads it back."""
    rdv = saved(make.rdv(make.motif(capacite_max=2)))
    first = book(rdv)
    at_the_lock, go_on, lock = threading.Event(), threading.Event(), booking.seat_lock

    def late(*rdv_ids: int) -> list[Rdv]:
        if threading.current_thread().name == "late":
            at_the_lock.set()
            go_on.wait(1)  # where writers take turns nobody else comes meanwhile
        return lock(*rdv_ids)

    monkeypatch.setattr(booking, "seat_lock", late)
    answers = in_threads(app, lambda: book(rdv, LUC), names=["late"])
    assert at_the_lock.wait(30)
    with contextlib.suppress(Complet):
        book(rdv, Identity("Ada", "Brun", "+33639980003"), envoi="deux")
    change_statut(first.participation_id, Statut.EXCUSE, by=Acteur.USAGER)
    go_on.set()
    (answer,) = answers()
    assert isinstance(answer, Booking) and list(broken()) == []


def test_the_same_form_sent_again_twice_at_once_takes_one_seat(app: Flask) -> None:
    rdv = saved(make.rdv())
    first = book(rdv)
    change_statut(first.participation_id, Statut.EXCUSE, by=Acteur.USAGER)
    answers = in_threads(app, lambda: book(rdv), names=["one", "two", "three"])
    assert answers() == [first] * 3
    assert (seats(rdv), count(Participation), count(Envoi)) == (1, 1, 1)


def in_threads(app: Flask, action: Callable[[], Booking], names: list[str]) -> Callable[[], list[object]]:
    """Run it once in each thread, on a connection of its own; call the result for what each got, its error included."""
    got: list[object] = []

    def run() -> None:
        with app.app_context():
            try:
                got.append(action())
            except Exception as error:
                got.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, name=name) for name in names]
    for thread in threads:
        thread.start()

    def join() -> list[object]:
        for thread in threads:
            thread.join(30)
        return got

    return join


def test_back_and_another_name_on_the_same_form_is_another_booking() -> None:
    rdv = saved(make.rdv())
    assert book(rdv, ELODIE).participation_id != book(rdv, LUC).participation_id
    assert seats(rdv) == 2


def test_booking_again_takes_no_second_seat_and_makes_no_second_person() -> None:
    rdv = saved(make.rdv())
    first = book(rdv, envoi="un")
    again = book(rdv, Identity("ELODIE", "martin", "+33639980001"), envoi="deux")
    assert (again.participation_id, again.deja, seats(rdv), count(Usager)) == (first.participation_id, True, 1, 1)


def test_who_has_a_seat_may_ask_again_when_the_session_is_full() -> None:
    rdv = saved(make.rdv(make.motif(capacite_max=1)))
    first = book(rdv, envoi="un")
    assert book(rdv, envoi="deux").participation_id == first.participation_id
    with pytest.raises(Complet):
        book(rdv, LUC)


def test_a_public_post_never_changes_a_known_person() -> None:
    motif = make.motif()
    one, two = make.rdv(motif), saved(make.rdv(motif, starts_at=utcnow() + timedelta(days=3)))
    book(one)
    booking = book(two, Identity("Élodie", "Martin", "+33639980001", "autre@exemple.fr"), envoi="deux")
    row = db.session.get(Participation, booking.participation_id)
    assert (row.usager.email, row.courriel, row.telephone, count(Usager)) == (
        "elodie@exemple.fr",
        "autre@exemple.fr",
        None,
        1,
    )


def test_who_books_in_public_is_told_by_what_they_typed_only() -> None:
    """A stranger made the file first, with a victim's name and number and an e-mail of their own: the victim's own
    booking, by number only, is not told to that e-mail."""
    book(saved(make.rdv()), Identity("Luc", "Caron", "+33639980002", "inconnu@exemple.fr"))
    rdv = saved(make.rdv(db.session.scalars(select(Rdv)).one().motif))
    row = db.session.get(Participation, book(rdv, LUC, envoi="deux").participation_id)
    assert row.usager.email == "inconnu@exemple.fr"
    told = db.session.scalars(select(Notification).where(Notification.rdv_id == rdv.id)).all()
    assert [n.canal.value for n in told if n.destinataire_type == "usager"] == ["sms"]
    assert (row.refus_sms, row.refus_courriel) == (False, True)


def test_a_stranger_who_books_again_for_somebody_gets_no_message_to_their_own_address() -> None:
    rdv = saved(make.rdv())
    book(rdv, Identity("Élodie", "Martin", "+33639980001"), envoi="un")
    book(rdv, Identity("Élodie", "Martin", "+33639980001", "pirate@exemple.fr"), envoi="deux")
    assert "pirate@exemple.fr" not in {n.adresse for n in db.session.scalars(select(Notification))}
    assert db.session.scalars(select(Participation)).one().courriel is None


def test_who_comes_back_keeps_the_row_and_the_link() -> None:
    rdv = saved(make.rdv())
    first = book(rdv)
    link = db.session.get(Participation, first.participation_id).lien_hash
    change_statut(first.participation_id, Statut.EXCUSE, by=Acteur.USAGER)
    assert seats(rdv) == 0
    again = book(rdv, envoi="deux")
    row = db.session.get(Participation, again.participation_id)
    assert (again.participation_id, row.lien_hash, row.statut, seats(rdv)) == (
        first.participation_id,
        link,
        Statut.INSCRIT,
        1,
    )


def test_who_was_removed_by_the_service_can_t_come_back_online() -> None:
    rdv = make.rdv()
    agent = saved(make.agent(rdv.motif.service))
    first = book(rdv)
    change_statut(first.participation_id, Statut.ANNULE, by=Acteur.AGENT, agent=agent)
    with pytest.raises(Refus, match="Appelez le 04 75 99 01 00"):
        book(rdv, envoi="deux")
    assert seats(rdv) == 0


@pytest.mark.parametrize(
    ("fields", "motif_fields", "error"),
    [
        ({"starts_at": utcnow() - timedelta(days=1)}, {}, Ferme),
        ({"starts_at": utcnow() + timedelta(minutes=20)}, {}, Ferme),
        ({"starts_at": utcnow() + timedelta(days=120)}, {}, Ferme),
        ({"cancelled_at": utcnow()}, {}, Ferme),
        ({}, {"archived_at": utcnow()}, Ferme),
        ({}, {"reservable_par": ReservablePar.AGENTS}, Introuvable),
        ({}, {"reservable_par": ReservablePar.INVITES}, Introuvable),
        ({}, {"visibilite": Visibilite.INVISIBLE}, Introuvable),
        ({}, {"type": TypeMotif.INDIVIDUEL}, Introuvable),
        ({}, {"reservable_par": ReservablePar.ENTREE_LIBRE}, Ferme),
        ({"reservable_par": ReservablePar.AGENTS}, {}, Introuvable),
    ],
)
def test_what_the_public_may_not_book_is_refused_and_nothing_changes(fields, motif_fields, error) -> None:
    rdv = saved(make.rdv(make.motif(**motif_fields), **fields))
    with pytest.raises(error):
        book(rdv)
    assert (count(Participation), count(Usager), count(Notification), seats(rdv)) == (0, 0, 0, 0)


def test_a_session_opens_online_what_its_motif_keeps_closed() -> None:
    rdv = saved(make.rdv(make.motif(reservable_par=ReservablePar.AGENTS), reservable_par=ReservablePar.TOUS))
    assert book(rdv).participation_id


def test_an_agent_goes_over_the_capacity_only_knowingly_and_with_the_right() -> None:
    rdv = make.rdv(make.motif(capacite_max=1))
    plain, referent = make.agent(rdv.motif.service), make.agent(rdv.motif.service, "référent")
    make.participation(rdv)
    saved(rdv)
    with pytest.raises(Complet):
        book_seat(rdv.id, LUC, by=Acteur.AGENT, agent=referent, envoi="a")
    with pytest.raises(Interdit):
        book_seat(rdv.id, LUC, by=Acteur.AGENT, agent=plain, envoi="b", surbooking=True)
    book_seat(rdv.id, LUC, by=Acteur.AGENT, agent=referent, envoi="c", surbooking=True)
    assert seats(rdv) == 2
    assert db.session.scalar(select(Journal).order_by(Journal.id.desc())).details["surbooking"] is True


def test_an_agent_adds_a_known_person_of_the_organisation_only() -> None:
    rdv = make.rdv()
    agent, known = make.agent(rdv.motif.service), make.usager(rdv.organisation_id)
    stranger = saved(make.usager(make.organisation()))
    booking = book_seat(rdv.id, None, usager_id=known.id, by=Acteur.AGENT, agent=agent, envoi="a")
    assert db.session.get(Participation, booking.participation_id).usager_id == known.id
    with pytest.raises(Introuvable):
        book_seat(rdv.id, None, usager_id=stranger.id, by=Acteur.AGENT, agent=agent, envoi="b")


def test_unticking_prevenir_tells_nobody_and_is_in_the_journal() -> None:
    rdv = make.rdv()
    agent = saved(make.agent(rdv.motif.service))
    book_seat(rdv.id, LUC, by=Acteur.AGENT, agent=agent, envoi="a", prevenir=False)
    assert count(Notification) == 0
    assert db.session.scalar(select(Journal.details))["prevenir"] is False


def test_a_stale_page_is_told_what_the_colleague_did() -> None:
    rdv = make.rdv()
    agent = make.agent(rdv.motif.service)
    row = saved(make.participation(rdv))
    change_statut(row.id, Statut.EXCUSE, by=Acteur.AGENT, agent=agent, version=1)
    with pytest.raises(Perime, match="Excusé"):
        change_statut(row.id, Statut.ANNULE, by=Acteur.AGENT, agent=agent, version=1)
    assert change_statut(row.id, Statut.EXCUSE, by=Acteur.AGENT, agent=agent, version=1).version == 2


def test_after_the_start_a_correction_may_go_over_the_capacity() -> None:
    rdv = make.rdv(make.motif(capacite_max=1), starts_at=utcnow() - timedelta(minutes=5))
    agent = make.agent(rdv.motif.service)
    gone = make.participation(rdv, statut=Statut.EXCUSE)
    make.participation(rdv)
    saved(rdv)
    change_statut(gone.id, Statut.PRESENT, by=Acteur.AGENT, agent=agent)
    assert seats(rdv) == 2
    assert count(Notification) == 0


def test_an_usager_comes_back_only_while_a_seat_is_free() -> None:
    rdv = saved(make.rdv(make.motif(capacite_max=1)))
    first = book(rdv)
    change_statut(first.participation_id, Statut.EXCUSE, by=Acteur.USAGER, raison="transport")
    book(rdv, LUC, envoi="deux")
    with pytest.raises(Complet):
        change_statut(first.participation_id, Statut.INSCRIT, by=Acteur.USAGER)
    assert seats(rdv) == 1
