"""Whose seat it is that a wait gives: who reads its link, who comes with whom (docs/domain.md rules 9, 12, 18)."""

from datetime import date

from sqlalchemy import select

from tests.services.test_attente import Hall, hall, refused, who
from webapp.domain.errors import Refus
from webapp.domain.identity import Foyer, Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Participation, Usager
from webapp.services import attente, booking, foyer

__all__ = ["hall"]


def stranger(hall: Hall, name: str) -> None:
    """Somebody who knows that person's name and mobile waits in their name, with an e-mail of their own."""
    hall.forms += 1
    mine = Identity(name, "Du Nom", who(name).telephone, "autre@exemple.fr")
    attente.join(hall.rdv_id, mine, envoi=f"form {hall.forms}")


def place_of(hall: Hall, name: str) -> Participation:
    return db.session.scalars(
        select(Participation)
        .join(Participation.usager)
        .where(Participation.rdv_id == hall.rdv_id, Usager.first_name == name)
        .execution_options(populate_existing=True)
    ).one()


def test_a_wait_does_not_show_a_seat_that_was_booked_with_another_contact(hall: Hall) -> None:
    stranger(hall, "Awa")
    attente.leave(hall.entry("Awa").id)
    hall.free()
    booking.book_seat(hall.rdv_id, who("Awa"), by=Acteur.USAGER, envoi="z")
    assert "déjà une place" in refused(Refus, lambda: attente.accept(hall.entry("Awa").id))
    assert "déjà une place" in refused(Refus, lambda: attente.rejoin(hall.entry("Awa").id))
    assert not attente.leads_to(hall.entry("Awa"), place_of(hall, "Awa"))


def test_who_comes_back_from_a_wait_keeps_the_contact_of_their_place(hall: Hall) -> None:
    hall.free()
    booking.book_seat(hall.rdv_id, who("Awa"), by=Acteur.USAGER, envoi="a")
    hall.seated.append(place_of(hall, "Awa").id)
    own = place_of(hall, "Awa").adresses
    hall.free(len(hall.seated))
    for name in ("Kim", "Lou", "Max"):
        booking.book_seat(hall.rdv_id, who(name), by=Acteur.USAGER, envoi=name)
    stranger(hall, "Awa")
    booking.change_statut(place_of(hall, "Kim").id, Statut.EXCUSE, by=Acteur.USAGER)
    place = attente.accept(hall.entry("Awa").id)
    assert place.id == place_of(hall, "Awa").id and place.statut is Statut.INSCRIT
    assert place_of(hall, "Awa").adresses == own and len(own) == 2
    assert not attente.leads_to(hall.entry("Awa"), place_of(hall, "Awa"))


def test_who_waits_again_with_another_contact_has_another_link(hall: Hall) -> None:
    stranger(hall, "Awa")
    first = hall.entry("Awa").lien_hash
    attente.leave(hall.entry("Awa").id)
    stranger(hall, "Awa")
    assert hall.entry("Awa").lien_hash == first  # the same contact: the same link
    attente.leave(hall.entry("Awa").id)
    hall.join("Awa")
    assert hall.entry("Awa").lien_hash != first
    hall.free()
    assert attente.leads_to(hall.entry("Awa"), attente.accept(hall.entry("Awa").id))


LEO = {"prenom": "Léo", "nom": "Du Nom", "date_naissance": None}


def family(hall: Hall, form: str) -> None:
    """Awa books for herself and Léo."""
    awa = who("Awa")
    foyer.book_household(hall.rdv_id, Foyer(awa, (awa.relative("Léo", "Du Nom"),), True), by=Acteur.USAGER, envoi=form)


def leave(hall: Hall, *names: str) -> None:
    for name in names:
        booking.change_statut(place_of(hall, name).id, Statut.EXCUSE, by=Acteur.USAGER)


def fill(hall: Hall, *names: str) -> None:
    for name in names:
        booking.book_seat(hall.rdv_id, who(name), by=Acteur.USAGER, envoi=name)


def test_a_relative_who_has_a_seat_keeps_it_and_takes_no_other(hall: Hall) -> None:
    hall.free(2)
    family(hall, "une")
    leave(hall, "Awa")
    fill(hall, "Kim")
    hall.join("Awa", places=2, accompagnants=[LEO])
    hall.free()
    leave(hall, "Kim")
    assert hall.seats == (1, 2, 2)
    attente.accept(hall.entry("Awa").id)
    assert hall.seats == (2, 0, 0)  # Léo's seat, Awa's; nobody has two
    assert place_of(hall, "Léo").statut is place_of(hall, "Awa").statut is Statut.INSCRIT


def test_a_relative_known_before_is_recognised_and_waits_no_more(hall: Hall) -> None:
    awa = who("Awa")
    leo = awa.relative("Léo", "Du Nom")
    attente.join(hall.rdv_id, leo, envoi="léo")
    hall.join("Awa", places=2, accompagnants=[LEO])
    hall.free(3)
    attente.accept(hall.entry("Awa").id)
    assert place_of(hall, "Léo").usager_id == hall.entry("Léo").usager_id and hall.etat("Léo") == "acceptee"
    assert place_of(hall, "Léo").adresses == place_of(hall, "Awa").adresses == hall.entry("Awa").adresses
    assert hall.seats == (2, 0, 0)


def test_a_relative_with_a_birth_date_is_the_same_without_it(hall: Hall) -> None:
    hall.free(2)
    awa = who("Awa")
    leo = awa.relative("Léo", "Du Nom", date(2018, 3, 3))
    foyer.book_household(hall.rdv_id, Foyer(awa, (leo,), True), by=Acteur.USAGER, envoi="une")
    leave(hall, "Awa")
    fill(hall, "Kim")
    hall.join("Awa", places=2, accompagnants=[LEO])
    hall.free()
    leave(hall, "Kim")
    attente.accept(hall.entry("Awa").id)
    assert hall.seats == (2, 0, 0) and place_of(hall, "Léo").statut is Statut.INSCRIT


def test_a_relative_the_service_removed_does_not_come_back_online(hall: Hall) -> None:
    hall.free(2)
    family(hall, "une")
    booking.change_statut(place_of(hall, "Léo").id, Statut.ANNULE, by=Acteur.AGENT, agent=hall.agent())
    leave(hall, "Awa")
    said = refused(Refus, lambda: family(hall, "deux"))
    fill(hall, "Kim", "Lou")
    hall.join("Awa", places=2, accompagnants=[LEO])
    leave(hall, "Kim", "Lou")
    assert refused(Refus, lambda: attente.accept(hall.entry("Awa").id)) == said
    assert hall.seats == (1, 2, 2) and place_of(hall, "Léo").statut is Statut.ANNULE
    attente.promote(hall.entry("Awa").id, agent=hall.agent())  # an agent may
    assert hall.seats == (3, 0, 0)


def test_who_came_without_a_name_is_the_same_each_time(hall: Hall) -> None:
    hall.join("Awa", places=2)
    hall.free(2)
    attente.accept(hall.entry("Awa").id)
    leave(hall, "Awa")
    fill(hall, "Kim")
    attente.rejoin(hall.entry("Awa").id)
    hall.free()
    leave(hall, "Kim")
    attente.accept(hall.entry("Awa").id)
    other = place_of(hall, "Accompagnant 1 de Awa")  # one of them
    assert hall.seats == (2, 0, 0)
    booking.change_statut(other.id, Statut.ANNULE, by=Acteur.AGENT, agent=hall.agent())
    leave(hall, "Awa")
    fill(hall, "Lou", "Max", "Zoé")
    attente.rejoin(hall.entry("Awa").id)
    leave(hall, "Lou", "Max")
    refused(Refus, lambda: attente.accept(hall.entry("Awa").id))
    assert hall.seats == (1, 2, 2)
