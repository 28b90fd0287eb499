"""The figures kept by month always equal the sums of the exports, whatever is done to sessions and people."""

import contextlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from tests.databases import statements
from webapp.clock import utcnow
from webapp.domain.errors import DomainError
from webapp.domain.participation import Acteur, Statut
from webapp.domain.statistiques import Chiffres
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.jobs.statistiques import count_due
from webapp.models import FIGURES, Agregat, Canal, EtatNotification, Notification, Rdv
from webapp.queries import exports
from webapp.queries import statistiques as queries
from webapp.services.booking import change_statut
from webapp.services.rdvs import cancel_rdv

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
EVER = queries.Choix(NOW.date().replace(year=2020, day=1), NOW.date().replace(year=2030, day=1))


def exported(organisation_id: int, now: datetime) -> Chiffres:
    """The same figures, added up from the rows of the two files for the sessions that have begun."""
    choix = exports.Choix(fin=now + timedelta(microseconds=1))
    found = [one for some in exports.seances(organisation_id, choix) for one in some]
    people = [one for some in exports.participations(organisation_id, choix) for one in some]
    held = [one for one in found if not one.annulee]
    limited = [one for one in held if one.capacite is not None]

    def having(statut: Statut) -> int:
        return sum(one.statuts.get(statut, 0) for one in found)

    def booked(by: Acteur) -> int:
        return sum(one.origine is by for one in people)

    return Chiffres(
        seances=len(held), annulees=len(found) - len(held), capacite=sum(one.capacite or 0 for one in limited),
        prises_limitees=sum(one.prises for one in limited), anonymes=sum(one.anonymes for one in found),
        inscrits=having(Statut.INSCRIT), presents=having(Statut.PRESENT), absents=having(Statut.ABSENT),
        excuses=having(Statut.EXCUSE), annules=having(Statut.ANNULE), en_ligne=booked(Acteur.USAGER),
        par_agent=booked(Acteur.AGENT), par_prescripteur=booked(Acteur.PRESCRIPTEUR),
        par_invitation=sum(one.invitee for one in people),
        delai_jours=sum((one.seance.starts_at - one.inscrit_le).days for one in people),
    )  # fmt: skip


def kept(organisation_id: int) -> Chiffres:
    return Chiffres.total(figures for _, figures in queries.by_month(organisation_id, EVER))


def same(organisation_id: int) -> Chiffres:
    """Counts, and compares what exports know of; answers the figures."""
    count_due()
    found, now = kept(organisation_id), utcnow()
    outside = {"attentes": 0, "attentes_servies": 0, "sms": 0, "segments": 0, "courriels": 0, "echecs": 0}
    known = {name: getattr(found, name) for name in FIGURES} | outside
    assert Chiffres(**known) == exported(organisation_id, now)
    return found


def test_figures_follow_what_happens(app: Flask) -> None:
    with app.app_context(), time_machine.travel(NOW, tick=False) as clock:
        service = make.service()
        org = service.organisation_id
        agent = make.agent(service)
        motif = make.motif(service, capacite_max=10)
        rdv = make.rdv(motif, starts_at=NOW + timedelta(hours=1))
        places = [make.participation(rdv) for _ in range(3)]
        make.participation(rdv, origine=Acteur.PRESCRIPTEUR)
        other = make.rdv(make.motif(service, capacite_max=None, reservable_par="entree_libre"), starts_at=NOW)
        other.presents_anonymes = 7
        db.session.commit()
        rdv_id, ids = rdv.id, [place.id for place in places]
        assert same(org).seances == 1  # the other has not begun
        clock.shift(timedelta(hours=2))
        found = same(org)
        assert (found.seances, found.capacite, found.prises_limitees, found.inscrits, found.anonymes) == (
            2,
            10,
            4,
            4,
            7,
        )
        clock.shift(timedelta(minutes=20))
        for place, statut in zip(ids, (Statut.PRESENT, Statut.ABSENT, Statut.EXCUSE), strict=True):
            change_statut(place, statut, by=Acteur.AGENT, agent=agent)
        found = same(org)
        assert (found.presents, found.absents, found.excuses, found.inscrits, found.prises_limitees) == (1, 1, 1, 1, 3)
        clock.shift(timedelta(days=40))
        change_statut(ids[1], Statut.PRESENT, by=Acteur.AGENT, agent=agent)  # a correction, long after
        assert same(org).presents == 2
        coming = make.rdv(motif, starts_at=utcnow() + timedelta(days=1))
        make.participation(coming)
        db.session.commit()
        cancel_rdv(coming.id, agent=agent)
        assert same(org).annulees == 0
        clock.shift(timedelta(days=2))
        found = same(org)
        assert (found.annulees, found.annules) == (1, 1)
        assert [month.month for month, _ in queries.by_month(org, EVER)] == [3, 4]
        assert db.session.get_one(Rdv, rdv_id)


def test_messages_and_waits(app: Flask) -> None:
    with app.app_context(), time_machine.travel(NOW, tick=False) as clock:
        rdv = make.rdv(starts_at=NOW - timedelta(hours=1))
        place = make.participation(rdv)
        make.attente(rdv, etat=EtatAttente.ACCEPTEE)
        make.attente(rdv)
        db.session.commit()
        org, rdv_id, place_id, usager_id = rdv.organisation_id, rdv.id, place.id, place.usager_id
        found = same(org)
        assert (found.attentes, found.attentes_servies, found.sms) == (2, 1, 0)
        clock.shift(timedelta(hours=1))
        for number, (canal, etat, who) in enumerate(
            [
                (Canal.SMS, EtatNotification.ENVOYEE, "usager"),
                (Canal.COURRIEL, EtatNotification.ENVOYEE, "usager"),
                (Canal.SMS, EtatNotification.ECHEC, "usager"),
                (Canal.COURRIEL, EtatNotification.ENVOYEE, "agent"),
                (Canal.SMS, EtatNotification.A_ENVOYER, "usager"),
            ]
        ):
            values: dict[str, Any] = {"prevue_le": utcnow(), "a_envoyer_le": utcnow(), "segments": 2}
            db.session.add(
                Notification(
                    organisation_id=org,
                    event="message",
                    sujet_type="participation",
                    sujet_id=place_id,
                    canal=canal,
                    changement=str(number),
                    destinataire_type=who,
                    destinataire_id=usager_id,
                    rdv_id=rdv_id,
                    etat=etat,
                    cle_envoi=f"m{number}",
                    envoyee_le=utcnow() if etat is EtatNotification.ENVOYEE else None,
                    **values,
                )
            )
        db.session.commit()
        found = same(org)
        assert (found.sms, found.segments, found.courriels, found.echecs) == (1, 2, 1, 1)


def test_months_are_those_of_the_organisation_and_another_s_are_not_counted(app: Flask) -> None:
    with app.app_context(), time_machine.travel(NOW, tick=False):
        far = make.service(make.organisation(timezone="Pacific/Noumea"))
        make.rdv(make.motif(far), starts_at=datetime(2026, 2, 28, 22, tzinfo=UTC))  # 1 March there
        make.rdv(starts_at=datetime(2026, 2, 28, 22, tzinfo=UTC))
        db.session.commit()
        count_due()
        assert [month.month for month, _ in queries.by_month(far.organisation_id, EVER)] == [3]
        assert sum(figures.seances for _, _, figures in queries.everywhere(EVER.de, EVER.a)) == 2


def test_counting_again_changes_nothing_and_looks_at_little(app: Flask) -> None:
    with app.app_context(), time_machine.travel(NOW, tick=False) as clock:
        rdv = make.rdv(starts_at=NOW - timedelta(days=90))
        make.participation(rdv)
        db.session.commit()
        assert count_due() == 1
        before = db.session.scalars(select(Agregat.id)).all()
        clock.shift(timedelta(minutes=30))
        with statements() as sent:
            assert count_due() == 0
        assert db.session.scalars(select(Agregat.id)).all() == before
        assert len(sent) <= 6
        assert db.session.scalar(select(func.count()).select_from(Agregat)) == 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_any_corrections_leave_the_same_sums(app: Flask, seed: int) -> None:
    dice = random.Random(seed)
    with app.app_context(), time_machine.travel(NOW, tick=False) as clock:
        service = make.service()
        agent = make.agent(service)
        motif = make.motif(service, capacite_max=4)
        rdvs = [make.rdv(motif, starts_at=NOW - timedelta(days=days)) for days in (1, 40)]
        ids = [make.participation(rdv).id for rdv in rdvs for _ in range(3)]
        db.session.commit()
        org = service.organisation_id
        moved = 0
        for _ in range(4):
            for _ in range(4):
                clock.shift(timedelta(minutes=7))
                with contextlib.suppress(DomainError):  # a move to the status it has
                    change_statut(dice.choice(ids), dice.choice(list(Statut)), by=Acteur.AGENT, agent=agent)
                    moved += 1
            same(org)
        assert moved > 8
