"""What failed goes again, and nothing else moves; what an organisation decides is what its next messages do."""

import uuid
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from webapp.clock import utcnow
from webapp.domain.errors import Introuvable
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Agent, Canal, EtatNotification, Journal, Notification, Rdv
from webapp.services.messages_envoyes import retry_all, retry_everywhere, retry_message
from webapp.services.preferences import save_agent, save_reglages


@pytest.fixture(autouse=True)
def _context(app: Flask) -> Any:
    with app.app_context():
        yield


def message(rdv: Rdv, etat: EtatNotification) -> Notification:
    now = utcnow()
    row = Notification(
        organisation_id=rdv.organisation_id,
        event="annulation",
        sujet_type="rdv",
        sujet_id=rdv.id,
        changement=uuid.uuid4().hex,
        canal=Canal.SMS,
        destinataire_type="usager",
        destinataire_id=1,
        rdv_id=rdv.id,
        etat=etat,
        prevue_le=now,
        a_envoyer_le=now,
        cle_envoi=uuid.uuid4().hex,
        tentatives=5,
        claimed_until=now if etat is EtatNotification.EN_COURS else None,
        envoyee_le=now if etat is EtatNotification.ENVOYEE else None,
    )
    db.session.add(row)
    db.session.flush()
    return row


def desk() -> tuple[Rdv, Agent]:
    rdv = make.rdv()
    return rdv, make.agent(rdv.motif.service, "admin")


def states(*rows: Notification) -> list[str]:
    db.session.expire_all()
    return [row.etat.value for row in rows]


def test_only_what_failed_moves() -> None:
    rdv, admin = desk()
    rows = [message(rdv, etat) for etat in EtatNotification]
    db.session.commit()
    before = {row.etat: row.cle_envoi for row in rows}
    assert [retry_message(row.id, agent=admin) for row in rows] == [row.etat == "echec" for row in rows]
    assert states(*rows) == ["a_envoyer", "en_cours", "envoyee", "a_envoyer", "ignoree"]
    assert rows[3].cle_envoi == before[EtatNotification.ECHEC]  # the provider that took it after all knows it
    assert retry_all(agent=admin) == 0


def test_an_agent_s_retry_stays_at_home_an_operator_s_goes_everywhere() -> None:
    (here, admin), (away, _) = desk(), desk()
    mine, theirs = message(here, EtatNotification.ECHEC), message(away, EtatNotification.ECHEC)
    db.session.commit()
    with pytest.raises(Introuvable):
        retry_message(theirs.id, agent=admin)
    assert retry_all(agent=admin) == 1 and states(mine, theirs) == ["a_envoyer", "echec"]
    assert retry_everywhere() == 1 and states(theirs) == ["a_envoyer"]
    lines = db.session.scalars(select(Journal).where(Journal.action == "nouvel_essai").order_by(Journal.id)).all()
    assert [(line.organisation_id, line.acteur, line.agent_id) for line in lines] == [
        (here.organisation_id, Acteur.AGENT, admin.id),
        (away.organisation_id, Acteur.SYSTEME, None),
    ]


def test_settings_that_are_not_ours_are_refused() -> None:
    rdv, admin = desk()
    db.session.commit()
    with pytest.raises(ValueError, match="retention_mois"):
        save_reglages(rdv.organisation_id, {"retention_mois": 1}, admin)
    assert save_reglages(rdv.organisation_id, {"budget_sms_jour": 3}, admin)
    assert not save_reglages(rdv.organisation_id, {"budget_sms_jour": 3}, admin)


def test_the_same_preferences_twice_are_one_line_of_the_journal() -> None:
    _, admin = desk()
    db.session.commit()
    for _ in range(2):
        save_agent(admin.id, niveau=admin.niveau_notification, recapitulatif=True)
    assert len(db.session.scalars(select(Journal).where(Journal.action == "preferences")).all()) == 1
