"""Every change of a session or a seat is told once to each webhook that wants it, with numbers and dates only, in a
number of statements that does not grow with the people; without webhooks, in none."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from tests import factories as make
from tests.databases import statements
from webapp.clock import utcnow
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.domain.recurrence import Frequency, Recurrence
from webapp.domain.webhooks import CHOISIS, Evenement
from webapp.extensions import db
from webapp.models import Agent, Organisation, Participation, Rdv, Webhook, WebhookEnvoi
from webapp.services import deplacements, journal, plages, rdvs, reglages
from webapp.services.booking import book_seat, change_statuts
from webapp.services.rdvs import OuEtQuand
from webapp.services.reglages import Propres
from webapp.services.transaction import transaction

SECRETS = ("Zébulon", "Quidam", "zebulon@", "0639980042", "33639980042", "DOSSIER-77", "Motif secret", "Salle secrète")
"""What nobody may read in an event."""


@pytest.fixture(autouse=True)
def _context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def hook(org: Organisation, events: Any = CHOISIS, service_id: int | None = None, key: str = "") -> Webhook:
    row = Webhook(
        organisation_id=org.id,
        url="https://exemple.fr/",
        evenements=[one.value for one in events],
        service_id=service_id,
        cle=f"{org.id}{service_id}{key}{len(events)}",
        secret="",
    )
    org.webhooks_actifs = True
    db.session.add(row)
    db.session.commit()
    return row


class Told:
    """What was told since the last look: (event, status, version) by record."""

    def __init__(self, webhook: Webhook) -> None:
        self.webhook, self.seen = webhook.id, 0

    def rows(self) -> list[WebhookEnvoi]:
        found = db.session.scalars(
            select(WebhookEnvoi)
            .where(WebhookEnvoi.webhook_id == self.webhook, WebhookEnvoi.id > self.seen)
            .order_by(WebhookEnvoi.id)
        ).all()
        self.seen = found[-1].id if found else self.seen
        for row in found:
            assert not any(word in row.corps for word in SECRETS), row.corps
        return list(found)

    def events(self) -> list[tuple[str, str]]:
        """(event, status of the record), in order; each says the record as it is now."""
        said = []
        for row in self.rows():
            body = json.loads(row.corps)
            about = body.get("participation") or body["rdv"]
            kind = Participation if "participation" in body else Rdv
            now = db.session.get(kind, about["id"], populate_existing=True)
            assert now is None or now.version == about["version"]
            assert (row.cle, row.evenement.value) == (body["id"], body["evenement"])
            said.append((body["evenement"], about["statut"]))
        return said


def scene(people: int = 3) -> tuple[Rdv, Agent, list[int]]:
    rdv = make.rdv(make.motif(capacite_max=600, name="Motif secret", liste_attente=True))
    places = []
    for n in range(people):
        who = make.usager(
            rdv.organisation_id, first_name="Zébulon", last_name=f"Quidam{n}", email=f"zebulon@{n}.exemple.fr"
        )
        places.append(make.participation(rdv, who, numero_dossier="DOSSIER-77").id)
    agent = make.agent(rdv.motif.service, "admin")
    db.session.commit()
    return rdv, agent, places


def test_each_change_is_told_once_in_numbers() -> None:
    rdv, agent, (first, second, third) = scene()
    told = Told(hook(rdv.organisation))
    who = Identity("Zébulon", "Quidam", "+33639980042", "zebulon@exemple.fr")
    booked = book_seat(rdv.id, who, by=Acteur.USAGER, envoi="un")
    assert told.events() == [("participation.creee", "inscrit")]
    book_seat(rdv.id, who, by=Acteur.USAGER, envoi="un")
    assert told.events() == []  # the same form again changed nothing
    for statut in (Statut.EXCUSE, Statut.INSCRIT):
        change_statuts([booked.participation_id], statut, by=Acteur.USAGER)
        assert told.events() == [("participation.statut", statut.value)]
    change_statuts([first], Statut.ANNULE, by=Acteur.AGENT, agent=agent)
    assert told.events() == [("participation.retiree", "annule")]
    same = db.session.get_one(Participation, first).usager_id
    book_seat(rdv.id, None, usager_id=same, by=Acteur.AGENT, agent=agent, envoi="deux")
    assert told.events() == [("participation.statut", "inscrit")]
    change_statuts([second, third], Statut.EXCUSE, by=Acteur.AGENT, agent=agent)
    assert told.events() == [("participation.statut", "excuse")] * 2
    other = make.rdv(rdv.motif, starts_at=rdv.starts_at + timedelta(days=1))
    db.session.commit()
    deplacements.move_places([first], other.id, agent=agent)
    assert sorted(told.events()) == [("participation.creee", "inscrit"), ("participation.retiree", "annule")]
    hour, lieu = timedelta(hours=1), make.lieu(rdv.organisation)
    db.session.commit()
    to = OuEtQuand(rdv.starts_at + hour, rdv.ends_at + hour, lieu.id, None)
    rdvs.move_rdv(rdv.id, to, agent=agent, places=30)
    assert told.events() == [("rdv.modifie", "prevu")]
    reglages.set_reglages(rdv.id, Propres(intitule="Motif secret", capacite_propre=20), agent=agent)
    assert told.events() == [("rdv.modifie", "prevu")]
    rdvs.cancel_rdv(rdv.id, agent=agent, raison="Zébulon est malade")
    assert Counter(told.events()) == {("rdv.annule", "annule"): 1, ("participation.retiree", "annule"): 1}
    rdvs.cancel_rdv(rdv.id, agent=agent)
    assert told.events() == []


def test_a_series_is_told_session_by_session() -> None:
    rdv, agent, _ = scene(0)
    told = Told(hook(rdv.organisation))
    lieu = make.lieu(rdv.organisation)
    db.session.commit()
    day = (utcnow() + timedelta(days=8)).date()
    data = plages.PlageData(
        motif_id=rdv.motif_id,
        agent_ids=(agent.id,),
        first_day=day,
        start_time=time(9),
        end_time=time(10),
        lieu_id=lieu.id,
        recurrence=Recurrence(Frequency.WEEKLY, weekdays=(day.weekday(),), until=day + timedelta(days=28)),
    )
    plage = plages.save_plage(None, data, agent).plage
    made = told.events()
    assert made == [("rdv.cree", "prevu")] * len(made) and len(made) > 3
    plages.save_plage(plage.id, replace(data, start_time=time(8)), agent)
    assert told.events() == [("rdv.modifie", "prevu")] * len(made)
    plages.save_plage(plage.id, replace(data, start_time=time(8), excluded=(day,)), agent)
    assert told.events() == [("rdv.annule", "supprime")]


def test_statements_do_not_grow_with_the_people() -> None:
    counts = set()
    for people in (2, 40):
        rdv, agent, _ = scene(people)
        told = Told(hook(rdv.organisation))
        hook(rdv.organisation, key="another")
        with statements() as asked:
            rdvs.cancel_rdv(rdv.id, agent=agent, prevenir=False)
        counts.add(len(asked))
        assert len(told.events()) == people + 1
    assert len(counts) == 1, counts


def test_without_a_webhook_nothing_is_asked_nor_written() -> None:
    """Nor with one that is switched off."""
    rdv, agent, places = scene(2)
    off = hook(rdv.organisation)
    with transaction():
        db.session.execute(update(Webhook).where(Webhook.id == off.id).values(actif=False))
        rdv.organisation.webhooks_actifs = False
    db.session.remove()
    agent = db.session.get_one(Agent, agent.id)
    with statements() as asked:
        change_statuts(places, Statut.EXCUSE, by=Acteur.AGENT, agent=agent)
    assert [one for one in asked if re.search(r"\bwebhooks?(_envois)?\b", one)] == []
    assert len([one for one in asked if "FROM organisations" in one]) <= 1
    assert db.session.scalars(select(WebhookEnvoi.id)).all() == []


def test_what_is_told_to_whom() -> None:
    rdv, agent, (first, *_) = scene()
    elsewhere = make.rdv(make.motif(make.service(rdv.organisation)))
    stranger, _, _ = scene()
    some = Told(hook(rdv.organisation, [Evenement.RDV_ANNULE]))
    mine = Told(hook(rdv.organisation, service_id=rdv.motif.service_id))
    other = Told(hook(rdv.organisation, service_id=elsewhere.motif.service_id))
    away = Told(hook(stranger.organisation))
    change_statuts([first], Statut.EXCUSE, by=Acteur.AGENT, agent=agent)
    assert [len(told.events()) for told in (some, mine, other, away)] == [0, 1, 0, 0]
    rdvs.cancel_rdv(rdv.id, agent=agent)
    assert [len(told.events()) for told in (some, mine, other, away)] == [1, 3, 0, 0]


def test_what_is_refused_is_not_told() -> None:
    rdv, agent, (first, *_) = scene()
    told = Told(hook(rdv.organisation))
    with pytest.raises(RuntimeError), transaction():
        journal.note(rdv.organisation_id, "seance_reglages", rdv, agent=agent)
        raise RuntimeError
    assert told.events() == []
    change_statuts([first], Statut.EXCUSE, by=Acteur.AGENT, agent=agent)
    assert told.events() == [("participation.statut", "excuse")]  # and nothing of what was given up
