"""Sentences of docs/qui-est-prevenu.md about the waitlist."""

from datetime import timedelta

from sqlalchemy import select

from tests import factories as make
from tests.notifications.cases import World, named, sentence
from webapp.clock import utcnow
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import FileAttente
from webapp.services import attente
from webapp.services.motifs import save_motif


def wait_of(world: World, name: str) -> FileAttente:
    return db.session.scalars(
        select(FileAttente)
        .where(FileAttente.rdv_id == world.rdv_id, FileAttente.usager_id == world.ids[name])
        .execution_options(populate_existing=True)
    ).one()


@sentence(r"la séance est complète")
def _full(world: World) -> None:
    """Of people nobody is told about."""
    world.rdv.motif.liste_attente = True
    world.rdv.motif.capacite_max = world.rdv.capacite_max = 2
    strangers = (make.usager(world.rdv.organisation_id, first_name="Autre", phone=None) for _ in range(2))
    world.ids["place"], _ = (make.participation(world.rdv, who, prevenir=False).id for who in strangers)


@sentence(r"(.+?) (?:attend|attendent)( deux places)?")
def _waits(world: World, names: str, two: str | None) -> None:
    for name in named(names):
        make.attente(world.rdv, world.person(name), places=2 if two else 1, inscrit_le=utcnow())


@sentence(r"une place est proposée à (.+)")
def _offered(world: World, name: str) -> None:
    """Since ten minutes ago."""
    world.rdv.places_prises -= 1
    for place in world.rdv.participations[:1]:
        place.statut = Statut.EXCUSE
    make.attente(world.rdv, world.person(name), EtatAttente.PROPOSEE, jusqua=utcnow() + timedelta(days=2))


@sentence(r"(.+) s’inscrit sur la liste d’attente")
def _joins(world: World, name: str) -> None:
    person, world.forms = world.person(name), world.forms + 1
    identity = Identity(person.first_name, person.last_name, person.phone, person.email)
    attente.join(world.rdv_id, identity, envoi=f"attente-{world.forms}")


@sentence(r"une place se libère")
def _freed(world: World) -> None:
    """Somebody's whom no message reaches."""
    from webapp.services.booking import change_statut

    place = next(p for p in world.rdv.participations if p.statut is Statut.INSCRIT)
    change_statut(place.id, Statut.EXCUSE, by=Acteur.AGENT, agent=world.agent("Nadia"), prevenir=False)


@sentence(r"(.+) accepte la place")
def _accepts(world: World, name: str) -> None:
    attente.accept(wait_of(world, name).id)


@sentence(r"(.+) refuse la place")
def _refuses(world: World, name: str) -> None:
    attente.refuse(wait_of(world, name).id)


@sentence(r"(.+) quitte la liste d’attente")
def _leaves(world: World, name: str) -> None:
    attente.leave(wait_of(world, name).id)


@sentence(r"(.+) revient sur la liste d’attente")
def _rejoins(world: World, name: str) -> None:
    attente.rejoin(wait_of(world, name).id)


@sentence(r"Nadia donne une place à (.+?)( sans prévenir)?")
def _gives(world: World, name: str, silent: str | None) -> None:
    attente.promote(wait_of(world, name).id, agent=world.agent("Nadia"), prevenir=silent is None)


@sentence(r"Nadia enlève (.+) de la liste d’attente")
def _strikes(world: World, name: str) -> None:
    attente.leave(wait_of(world, name).id, by=Acteur.AGENT, agent=world.agent("Nadia"))


@sentence(r"la capacité passe à (\d) places")
def _capacity(world: World, count: str) -> None:
    save_motif(world.rdv.motif_id, {"capacite_max": int(count)}, world.agent("Alice"))
