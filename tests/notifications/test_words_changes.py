"""The words of what changes, of what agents write and are told, as people get them (kept in snapshots/)."""

from datetime import timedelta

import pytest
import time_machine

from tests import factories as make
from tests.notifications.scene import LONG, NOW, START, check, messages_of, one_base, scene, shown, words_context
from webapp.clock import utcnow
from webapp.domain import sms
from webapp.domain.events import (
    BudgetSms,
    Message,
    MessagesBloques,
    Minimum,
    Modification,
    Recapitulatif,
    WebhookSuspendu,
)
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Agent, Canal, Discretion, Participation, TypeLieu
from webapp.models import Message as Ecrit
from webapp.notifications.content import ou_et_quand

__all__ = ["one_base", "words_context"]


def together(found: list) -> str:
    return "\n==========\n\n".join(shown(message) for message in found)


def moved(seat: Participation, *, when: bool = False, where: bool = False, room: bool = False, end: bool = False):
    """The event of that change, once made."""
    rdv = seat.rdv
    avant = ou_et_quand(rdv)
    if when:
        rdv.starts_at += timedelta(days=2, hours=1)
        rdv.ends_at += timedelta(days=2, hours=1)
    if end:
        rdv.ends_at += timedelta(minutes=30)
    if where:
        rdv.lieu = make.lieu(rdv.organisation, name="Centre social Les Lilas", address="8 place du Marché")
        rdv.salle = None
    if room:
        rdv.salle = make.salle(rdv.lieu, name="Grande salle")
    rdv.version += 1
    db.session.commit()
    return Modification(rdv_id=rdv.id, version=rdv.version, avant=avant)


def household(seat: Participation) -> None:
    for name in ("Léa", "Tom"):
        child = make.usager(seat.rdv.organisation_id, first_name=name, phone=None, responsable=seat.usager)
        make.participation(seat.rdv, child, lien_nonce=f"nonce-{name}")
    db.session.commit()


@pytest.mark.parametrize("discretion", list(Discretion))
def test_the_words_of_another_date_and_place(discretion: Discretion) -> None:
    seat, _ = scene(discretion=discretion)
    found = messages_of(moved(seat, when=True, where=True))
    check(f"modification-{discretion}.txt", together(found))
    for message in found[:2]:
        assert message.canal is Canal.SMS or (message.ics and message.unsubscribe == "")


def test_another_hour_of_the_day_is_one_short_text() -> None:
    seat, _ = scene(nom_sms="Atelier cuisine du midi")
    rdv = seat.rdv
    avant = ou_et_quand(rdv)
    rdv.starts_at, rdv.ends_at, rdv.version = START - timedelta(hours=5), START - timedelta(hours=3), 2
    db.session.commit()
    found = messages_of(Modification(rdv_id=rdv.id, version=rdv.version, avant=avant))
    text = next(m.text for m in found if m.canal is Canal.SMS)
    assert "mar. 3 mars à 9h (avant : 14h). Voir ou annuler : https://" in text
    assert sms.measure(text).segments == 1
    mail = next(m for m in found if m.canal is Canal.COURRIEL)
    assert mail.text.count("9\u00a0h à 11\u00a0h") == 1 and "/p/" in mail.text and "#canaux" in mail.html


@pytest.mark.parametrize("what", ["when", "where", "room", "end"])
def test_the_words_of_one_change(what: str) -> None:
    seat, _ = scene()
    found = messages_of(moved(seat, **{what: True}))
    check(f"modification-{what}.txt", together([m for m in found if "nadia" not in m.to]))


def test_the_words_of_another_video_link() -> None:
    seat, _ = scene(location_type=TypeLieu.VISIO)
    rdv = seat.rdv
    rdv.lieu, rdv.salle, rdv.lien_visio = None, None, "https://visio.exemple.fr/ancienne"
    db.session.commit()
    avant = ou_et_quand(rdv)
    rdv.lien_visio = "https://visio.exemple.fr/nouvelle"
    rdv.version += 1
    db.session.commit()
    found = messages_of(Modification(rdv_id=rdv.id, version=rdv.version, avant=avant))
    check("modification-visio.txt", together([m for m in found if "nadia" not in m.to]))
    assert "ancienne" not in together(found)


def test_the_words_of_a_change_for_a_household() -> None:
    seat, _ = scene()
    household(seat)
    found = [m for m in messages_of(moved(seat, when=True)) if "nadia" not in m.to]
    assert len(found) == 2
    check("modification-famille.txt", together(found))


def test_a_change_with_long_names_keeps_the_dates_and_the_link() -> None:
    seat, _ = scene(nom_sms=LONG[:60])
    seat.rdv.lieu.name = "Maison départementale des solidarités et de l’autonomie de Valmont-sur-Drôme"
    db.session.commit()
    found = [m for m in messages_of(moved(seat, when=True, where=True)) if "nadia" not in m.to]
    check("modification-noms-longs.txt", together(found))
    text = next(m.text for m in found if m.canal is Canal.SMS)
    assert sms.measure(text).segments <= 2
    assert "jeu. 5 mars à 15h (avant : mar. 3 mars à 14h)" in text
    assert "Centre social Les Lilas (avant : Maison départementale" in text
    assert len(text.rpartition("/p/")[2]) == 22


def written(seat: Participation, agent: Agent, corps: str) -> Message:
    message = Ecrit(
        organisation_id=seat.rdv.organisation_id,
        rdv_id=seat.rdv_id,
        agent_id=agent.id,
        cle=corps[:60],
        corps=corps,
        par_sms=True,
        par_courriel=True,
        statuts=[Statut.INSCRIT],
    )
    db.session.add(message)
    db.session.commit()
    ids = tuple(p.id for p in seat.rdv.participations)
    return Message(message_id=message.id, rdv_id=seat.rdv_id, participation_ids=ids)


@pytest.mark.parametrize("discretion", list(Discretion))
def test_the_words_of_an_agent(discretion: Discretion) -> None:
    seat, agent = scene(discretion=discretion)
    found = messages_of(written(seat, agent, "Le parking est fermé.\n\nGarez-vous rue des Acacias"))
    check(f"message-{discretion}.txt", together(found))
    assert next(m for m in found if m.canal is Canal.COURRIEL).unsubscribe.endswith("/desabonnement")


def test_the_words_of_an_agent_to_a_household_after_the_start() -> None:
    seat, agent = scene()
    household(seat)
    with time_machine.travel(START + timedelta(hours=3), tick=False):
        found = messages_of(written(seat, agent, "Merci d’être venus ! Les documents sont à l’accueil."))
    check("message-famille.txt", together(found))


def test_a_very_long_message_loses_its_end_not_its_link() -> None:
    seat, agent = scene()
    found = messages_of(written(seat, agent, "Très long. " * 90))
    text = next(m.text for m in found if m.canal is Canal.SMS)
    assert sms.measure(text).segments == 3
    assert len(text.rpartition("/p/")[2]) == 22


def test_the_words_of_a_session_under_its_minimum() -> None:
    seat, _ = scene(capacite_min=4)
    (message,) = messages_of(Minimum(rdv_id=seat.rdv_id, starts_at_utc=START.isoformat()))
    check("minimum.txt", shown(message))


def test_the_words_of_a_morning() -> None:
    seat, agent = scene()
    agent.recapitulatif = True
    past = make.rdv(seat.rdv.motif, starts_at=NOW - timedelta(days=3))
    past.agents.append(agent)
    make.participation(past)
    db.session.commit()
    with time_machine.travel(START.replace(hour=6, minute=1), tick=False):
        (message,) = messages_of(Recapitulatif(agent_id=agent.id, jour="2026-03-03"))
    check("recapitulatif.txt", shown(message))


@pytest.mark.parametrize("canal", list(Canal))
def test_the_words_of_messages_that_wait(canal: Canal) -> None:
    seat, _ = scene()
    admin = make.agent(seat.rdv.motif.service, "admin", email="admin@drome.exemple.fr", first_name="Alice")
    db.session.commit()
    late = messages_of(moved(seat, when=True))
    assert late
    from sqlalchemy import update

    from webapp.models import EtatNotification, Notification

    db.session.execute(
        update(Notification).values(
            etat=EtatNotification.A_ENVOYER, prevue_le=utcnow() - timedelta(minutes=25), a_envoyer_le=utcnow()
        )
    )
    db.session.commit()
    event = MessagesBloques(organisation_id=admin.organisation_id, canal=canal, jour="2026-02-20")
    (message,) = [m for m in messages_of(event, "urgent") if m.to == admin.email]
    check(f"messages_bloques-{canal}.txt", shown(message))


def test_the_words_of_a_budget_that_is_spent() -> None:
    seat, _ = scene()
    admin = make.agent(seat.rdv.motif.service, "admin", email="admin@drome.exemple.fr", first_name="Alice")
    db.session.commit()
    (message,) = messages_of(BudgetSms(organisation_id=admin.organisation_id, jour="2026-02-20"))
    check("budget_sms.txt", shown(message))


def test_the_words_of_a_webhook_that_is_suspended() -> None:
    seat, _ = scene()
    org = seat.rdv.organisation
    make.agent(seat.rdv.motif.service, "admin", email="admin@drome.exemple.fr", first_name="Alice")
    hook = make.webhook(org, id=7, actif=False)
    db.session.commit()
    (message,) = messages_of(WebhookSuspendu(organisation_id=org.id, webhook_id=hook.id, le="2026-02-20T09:00"))
    check("webhook_suspendu.txt", shown(message))
