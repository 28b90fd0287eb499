"""The sentences of docs/qui-est-prevenu.md about households, professionals of elsewhere and corrected contacts."""

from tests.notifications.cases import OTHER_NUMBER, World, named, sentence
from webapp.domain.identity import Foyer, Identity, Prescripteur
from webapp.domain.participation import Acteur, Statut
from webapp.services import booking, contact
from webapp.services.foyer import book_household


def identity(world: World, name: str) -> Identity:
    person = world.person(name)
    return Identity(person.first_name, person.last_name, person.phone, person.email)


def form(world: World) -> str:
    world.forms += 1
    return f"formulaire-{world.forms}"


@sentence(r"(.+) inscrit en ligne (soi-même, )?(.+)")
def _books_all(world: World, name: str, comes: str | None, others: str) -> None:
    who = identity(world, name)
    foyer = Foyer(who, tuple(who.relative(other, "Amrani") for other in named(others)), vient=bool(comes))
    book_household(world.rdv_id, foyer, by=Acteur.USAGER, envoi=form(world))


@sentence(r"(.+) inscrit (.+) depuis la Mission locale")
def _prescribes(world: World, name: str, other: str) -> None:
    who = Prescripteur(f"{name} Petit", "Mission locale", f"{name.lower()}@mission.exemple.fr")
    by, person = Acteur.PRESCRIPTEUR, identity(world, other)
    booking.book_seat(world.rdv_id, person, by=by, envoi=form(world), prescripteur=who)


@sentence(r".+ (annule pour|reprend les places de) (.+)")
def _moves_all(world: World, what: str, names: str) -> None:
    statut = Statut.EXCUSE if what == "annule pour" else Statut.INSCRIT
    booking.change_statuts([world.seat(name).id for name in named(names)], statut, by=Acteur.USAGER)


@sentence(r"(.+) donne un autre numéro")
def _corrects(world: World, name: str) -> None:
    contact.correct([world.seat(name).id], telephone=OTHER_NUMBER, courriel=None)
