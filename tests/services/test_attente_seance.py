"""The session itself moves or is cancelled: what becomes of those who wait for a seat in it."""

from datetime import timedelta

from sqlalchemy import select

from tests import factories as make
from tests.services.test_attente import NOW, Hall, hall, refused
from webapp.domain.errors import Ferme
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.jobs.waitlist import pass_on_due
from webapp.models import Journal
from webapp.services import attente
from webapp.services.rdvs import OuEtQuand, cancel_rdv, move_rdv

__all__ = ["hall"]


def test_cancelling_tells_everybody_once_and_ends_the_list(hall: Hall) -> None:
    hall.join("Awa")
    hall.join("Bilal")
    hall.free()
    cancel_rdv(hall.rdv_id, agent=hall.agent())
    assert hall.seats == (0, 0, 0)
    assert {"Awa", "Bilal"} <= set(hall.told("annulation")) and len(hall.told("annulation")) == 2
    last = db.session.scalars(select(Journal).order_by(Journal.id.desc())).first()
    assert last is not None and (last.action, last.details["attente"]) == ("annulation", 2)
    taken_off = select(Journal).where(Journal.action == "attente", Journal.acteur == Acteur.AGENT)
    assert db.session.scalars(taken_off).all() == []  # one sentence, not one for each
    refused(Ferme, lambda: attente.accept(hall.entry("Awa").id))
    refused(Ferme, lambda: attente.rejoin(hall.entry("Awa").id))


def test_moving_tells_who_waits_and_looks_at_offers_again(hall: Hall) -> None:
    hall.join("Awa")
    hall.free()
    rdv = hall.rdv
    rdv.lieu = make.lieu(rdv.organisation)
    db.session.commit()
    near = NOW + timedelta(hours=6)
    move_rdv(rdv.id, OuEtQuand(near, near + timedelta(hours=2), rdv.lieu_id, None), agent=hall.agent())
    assert hall.told("modification") == ["Awa"]
    until = hall.entry("Awa").jusqua
    assert until is not None and until <= near - timedelta(hours=2)
    near = NOW + timedelta(hours=3)
    move_rdv(rdv.id, OuEtQuand(near, near + timedelta(hours=2), rdv.lieu_id, None), agent=hall.agent())
    assert hall.etat("Awa") == "en_attente" and hall.seats == (2, 0, 1)
    assert hall.told("place_expiree") == [] and hall.told("proposition") == ["Awa", "Awa"]  # seats are open: said once


def test_moved_where_nothing_is_booked_online_any_more_an_offer_does_not_end_unsaid(hall: Hall) -> None:
    rdv = hall.rdv
    rdv.lieu, rdv.motif.delai_min_minutes = make.lieu(rdv.organisation), 48 * 60
    db.session.commit()
    for name in ("Awa", "Bilal"):
        hall.join(name)
    hall.free()
    near = NOW + timedelta(hours=30)
    move_rdv(rdv.id, OuEtQuand(near, near + timedelta(hours=2), rdv.lieu_id, None), agent=hall.agent())
    assert hall.etat("Awa") == "en_attente" and hall.seats == (2, 0, 2)
    assert hall.told("place_expiree") == ["Awa"] and hall.told("proposition") == ["Awa"]
    assert hall.told("modification") == ["Awa", "Bilal"]
    assert pass_on_due() == 0
