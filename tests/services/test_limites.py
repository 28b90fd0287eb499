"""One contact holds so many coming sessions of a motif, whichever public form asks for one more."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from webapp.clock import utcnow
from webapp.domain.errors import Refus
from webapp.domain.identity import Foyer, Identity
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import FileAttente, Participation, Rdv, Usager
from webapp.services.attente import join
from webapp.services.booking import book_seat
from webapp.services.foyer import book_household

AWA = Identity("Awa", "Diallo", "+33639980001", "awa@exemple.fr")
LEO = AWA.relative("Léo", "Diallo")


def alone(rdv: Rdv) -> None:
    book_seat(rdv.id, AWA, by=Acteur.USAGER, envoi=f"seul {rdv.id}")


def household(rdv: Rdv) -> None:
    book_household(rdv.id, Foyer(AWA, (LEO,), vient=True), by=Acteur.USAGER, envoi=f"foyer {rdv.id}")


def relative_only(rdv: Rdv) -> None:
    book_household(rdv.id, Foyer(AWA, (LEO,), vient=False), by=Acteur.USAGER, envoi=f"proche {rdv.id}")


def waitlist(rdv: Rdv) -> None:
    for _ in range(rdv.jauge().libres):
        make.participation(rdv)
    db.session.commit()
    join(rdv.id, AWA, envoi=f"attente {rdv.id}")


@pytest.mark.parametrize("ask", [alone, household, relative_only, waitlist])
def test_no_form_goes_past_what_one_contact_may_hold(app: Flask, ask: Callable[[Rdv], None]) -> None:
    with app.app_context():
        org = make.organisation(seances_par_contact=1)
        motif = make.motif(make.service(org), capacite_max=3, liste_attente=True)
        held, other = (make.rdv(motif, starts_at=utcnow() + timedelta(days=days)) for days in (5, 6))
        elsewhere = make.rdv(make.motif(motif.service, capacite_max=3, liste_attente=True, name="Couture"))
        db.session.commit()
        alone(held)
        with pytest.raises(Refus, match="plusieurs séances du même atelier"):
            ask(other)
        written = select(Participation.rdv_id).join(Participation.usager).where(Usager.last_name == "Diallo")
        assert db.session.scalars(written).all() == [held.id]
        assert db.session.scalar(select(func.count()).select_from(FileAttente)) == 0
        ask(elsewhere)  # another motif
        org.seances_par_contact = 2
        db.session.commit()
        ask(other)
