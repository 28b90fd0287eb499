"""The sentences of docs/qui-est-prevenu.md about invitations."""

from sqlalchemy import select

from tests.notifications.cases import World, sentence
from webapp.domain.capacity import ReservablePar
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Invitation
from webapp.services import booking, invitations


def _of(world: World, name: str) -> Invitation:
    return db.session.scalars(select(Invitation).where(Invitation.usager_id == world.ids[name])).one()


@sentence(r"le motif est sur invitation")
def _for_invited(world: World) -> None:
    world.rdv.motif.reservable_par = ReservablePar.INVITES


@sentence(r"Nadia invite (.+?)( à nouveau)?( sans prévenir)?")
def _invites(world: World, name: str, again: str | None, silent: str | None) -> None:
    world.forms += 1
    motif, agent, form = world.rdv.motif, world.agent("Nadia"), f"formulaire-{world.forms}"
    invitations.invite(world.ids[name], motif, agent, envoi=form, prevenir=silent is None)


@sentence(r"Nadia reprend l’invitation de (.+)")
def _takes_back(world: World, name: str) -> None:
    invitations.withdraw(_of(world, name).id, world.agent("Nadia"))


@sentence(r"(.+) choisit la séance par son invitation")
def _chooses(world: World, name: str) -> None:
    row, world.forms = _of(world, name), world.forms + 1
    booking.book_seat(
        world.rdv_id,
        None,
        by=Acteur.USAGER,
        envoi=f"formulaire-{world.forms}",
        usager_id=row.usager_id,
        invitation_id=row.id,
    )
