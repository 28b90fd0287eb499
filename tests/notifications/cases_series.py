"""The sentences of docs/qui-est-prevenu.md about a plage and its sessions."""

from dataclasses import replace
from datetime import date, time
from typing import Any

from tests import factories as make
from tests.notifications.cases import World, named, sentence
from webapp.clock import utcnow
from webapp.domain.recurrence import Frequency, Recurrence
from webapp.domain.serie import Choix, Decision
from webapp.extensions import db
from webapp.models import Rdv
from webapp.services.plages import Accord, PlageData, save_plage
from webapp.services.suites import Portee, cancel_rdvs, split_plage, stop_plage

TUESDAYS = Recurrence(Frequency.WEEKLY, weekdays=(1,), count=2)
SECOND = date(2026, 3, 10)


def data(world: World, **changes: Any) -> PlageData:
    """The plage as it is: both Tuesdays, from 14 to 16."""
    return PlageData(
        world.rdv.motif_id,
        (world.ids["Nadia"], world.ids["Paul"]),
        date(2026, 3, 3),
        time(14),
        time(16),
        lieu_id=world.rdv.lieu_id,
        salle_id=world.ids["Salle A"],
        **{"recurrence": TUESDAYS, **changes},
    )


def sessions(world: World) -> list[Rdv]:
    return db.session.query(Rdv).order_by(Rdv.starts_at).all()


@sentence(r"l’atelier revient le 10 mars")
def _comes_back(world: World) -> None:
    """The session is the first of a plage of two Tuesdays."""
    whole, nadia, first = data(world), world.agent("Nadia"), world.rdv
    plage = save_plage(None, replace(whole, first_day=SECOND, recurrence=Recurrence()), nadia).plage
    plage.first_day, plage.rrule = whole.first_day, whole.recurrence.to_rrule()
    first.plage_ouverture_id, first.occurrence_le = plage.id, whole.first_day
    world.ids["plage"] = plage.id


@sentence(r"(.+?) (?:est|sont) aussi inscrite?s? le 10 mars")
def _also(world: World, names: str) -> None:
    for name in named(names):
        make.participation(sessions(world)[1], world.person(name), inscrit_le=utcnow())


def accord(silent: str | None) -> Accord:
    return Accord(Choix(Decision.DEPLACER, Decision.ANNULER), prevenir=silent is None)


@sentence(r"Nadia avance toute la plage d’une heure( sans prévenir| en gardant les séances réservées)?")
def _earlier(world: World, how: str | None) -> None:
    agreed = Accord() if how and "gardant" in how else accord(how)
    change = replace(data(world), start_time=time(13), end_time=time(15))
    save_plage(world.ids["plage"], change, world.agent("Nadia"), accord=agreed)


@sentence(r"Nadia change la plage à partir du 10 mars")
def _follows(world: World) -> None:
    change = replace(data(world), first_day=SECOND, recurrence=Recurrence(), start_time=time(9), end_time=time(11))
    split_plage(world.ids["plage"], SECOND, change, world.agent("Nadia"), accord=accord(None))


@sentence(r"Nadia arrête la plage( à partir du 10 mars)?( sans prévenir)?")
def _stops(world: World, since: str | None, silent: str | None) -> None:
    portee = Portee.SUIVANTES if since else Portee.TOUTES
    stop_plage(world.ids["plage"], portee, SECOND, world.agent("Nadia"), accord=accord(silent))


@sentence(r"Nadia annule les deux séances")
def _cancels(world: World) -> None:
    cancel_rdvs([rdv.id for rdv in sessions(world)], world.agent("Nadia"), accord=accord(None))
