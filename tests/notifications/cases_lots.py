"""The sentences of docs/qui-est-prevenu.md about several people at once, or somebody who goes to another session."""

from typing import Any

from tests import factories as make
from tests.notifications.cases import World, named, sentence
from webapp.domain.capacity import Visibilite
from webapp.extensions import db
from webapp.models import Participation, Rdv
from webapp.services import attente, copies, deplacements, invitations


@sentence(r"une autre séance est le (.+?)( avec Alice)?")
def _another(world: World, moment: str, who: str | None) -> None:
    """Of the same motif, in the same place; Nadia holds both, or Alice alone the other one."""
    first, starts = world.rdv, world.moment(moment)
    agents = [world.agent("Alice" if who else "Nadia")]
    world.ids["autre"] = make.rdv(
        first.motif, starts_at=starts, lieu=first.lieu, salle_id=first.salle_id, agents=agents
    ).id


@sentence(r"une autre séance du service est le (.+)")
def _another_motif(world: World, moment: str) -> None:
    """Of another motif, whose name may not be told."""
    hidden = make.motif(world.rdv.motif.service, name="Santé mentale", visibilite=Visibilite.INVISIBLE)
    world.ids["autre"] = make.rdv(hidden, starts_at=world.moment(moment), lieu=world.rdv.lieu).id


def _places(world: World, names: str, rdv_id: int) -> list[int]:
    people = {world.ids[name] for name in named(names)}
    rdv = db.session.get_one(Rdv, rdv_id, populate_existing=True)
    rows = db.session.query(Participation).filter_by(rdv_id=rdv.id)
    return [row.id for row in rows if row.usager_id in people]


def _move(world: World, names: str, de: int, vers: int, silent: Any) -> None:
    places = _places(world, names, de)
    deplacements.move_places(places, vers, agent=world.agent("Nadia"), prevenir=not silent)


@sentence(r"Nadia déplace (.+?) à l’autre séance( sans prévenir)?")
def _moves(world: World, names: str, silent: str | None) -> None:
    _move(world, names, world.rdv_id, world.ids["autre"], silent)


@sentence(r"Nadia ramène (.+)")
def _brings_back(world: World, names: str) -> None:
    _move(world, names, world.ids["autre"], world.rdv_id, None)


@sentence(r"Nadia copie (.+?) à l’autre séance( sans prévenir)?")
def _copies(world: World, names: str, silent: str | None) -> None:
    world.forms += 1
    places, form = _places(world, names, world.rdv_id), f"formulaire-{world.forms}"
    nadia = world.agent("Nadia")
    copies.copy_people(world.rdv_id, world.ids["autre"], places, agent=nadia, envoi=form, prevenir=silent is None)


@sentence(r"Nadia relance (.+)")
def _invites_again(world: World, names: str) -> None:
    world.forms += 1
    people = [world.ids[name] for name in named(names)]
    motif, nadia = world.rdv.motif, world.agent("Nadia")
    invitations.invite_many(people, motif, nadia, envoi=f"formulaire-{world.forms}")


@sentence(r"Nadia met (.+?) sur la liste d’attente( sans prévenir)?")
def _waits(world: World, name: str, silent: str | None) -> None:
    who, nadia = world.ids[name], world.agent("Nadia")
    attente.add(world.rdv_id, None, usager_id=who, agent=nadia, envoi="formulaire", prevenir=silent is None)
