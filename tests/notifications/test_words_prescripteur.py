"""What a professional who booked for somebody reads, and what an old contact reads: no name, no link."""

import pytest

from tests import factories as make
from tests.notifications.scene import NOW, check, messages_of, one_base, scene, shown, words_context
from webapp import links
from webapp.domain import sms
from webapp.domain.events import ContactModifie, Inscription, Prescription
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Canal, Discretion, Participation

__all__ = ["one_base", "words_context"]

OLD = {"sms": "+33639980001", "courriel": "ancienne@exemple.fr"}


def prescribed(discretion: Discretion) -> Participation:
    seat, _ = scene(discretion=discretion)
    seat.prescripteur_nom, seat.prescripteur_structure = "Claire Petit", "Mission locale"
    seat.prescripteur_courriel = "claire@mission.exemple.fr"
    return seat


@pytest.mark.parametrize("discretion", list(Discretion))
@pytest.mark.parametrize("quoi", ["inscrite", "refusee", "annulee", "seance"])
def test_the_words_of_a_prescription(quoi: str, discretion: Discretion) -> None:
    seat = prescribed(discretion)
    if quoi != "inscrite":
        seat.statut = Statut.EXCUSE if quoi == "annulee" else Statut.ANNULE
    if quoi == "seance":
        seat.rdv.cancelled_at, seat.rdv.cancelled_reason = NOW, "formatrice absente"
    db.session.commit()
    said = quoi.replace("seance", "annulee")
    (message,) = messages_of(Prescription(participation_id=seat.id, version=2, quoi=said))
    assert message.canal is Canal.COURRIEL and message.to == "claire@mission.exemple.fr"
    everything = message.subject + message.text + message.html
    assert "Yasmina" not in everything and links.token(links.PARTICIPATION, seat.lien_nonce) not in everything
    assert "Y. " in message.subject and ("RSA" in everything) is (discretion is Discretion.COMPLET)
    check(f"prescription-{quoi}-{discretion}.txt", shown(message))


@pytest.mark.parametrize("discretion", list(Discretion))
@pytest.mark.parametrize("fiche", [False, True])
def test_the_words_to_an_old_contact(fiche: bool, discretion: Discretion) -> None:
    seat, _ = scene(discretion=discretion)
    event = ContactModifie(participation_id=seat.id, version=2, anciens=OLD, fiche=fiche)
    found = messages_of(event)
    assert {message.to for message in found} == set(OLD.values())
    for message in found:
        everything = message.subject + message.text + message.html
        assert "Yasmina" not in everything and "/p/" not in everything
        assert ("RSA" in everything) is (discretion is Discretion.COMPLET)
        if message.canal is Canal.SMS:
            assert sms.measure(message.text).segments == 1 and "04 75 99 01 00" in message.text
    name = "contact_fiche" if fiche else "contact_modifie"
    check(f"{name}-{discretion}.txt", "\n==========\n\n".join(shown(message) for message in found))


def test_agents_read_how_many_of_a_household() -> None:
    seat, _ = scene()
    lea = make.usager(seat.rdv.organisation_id, first_name="Léa", phone=None, responsable_id=seat.usager_id)
    other = make.participation(seat.rdv, lea, inscrit_le=seat.inscrit_le)
    db.session.commit()
    found = messages_of(Inscription(participation_id=seat.id, version=1, avec=(other.id,)))
    (agent,) = [message for message in found if message.to == "nadia@drome.exemple.fr"]
    assert "2 personnes d’un même foyer" in agent.text and agent.subject.startswith("2 nouvelles inscriptions")
    assert "Yasmina" not in agent.text + agent.html and "Léa" not in agent.text + agent.html
    people = [message for message in found if message is not agent]
    assert all("Yasmina et Léa" in message.text for message in people)
    check("inscription-famille.txt", "\n==========\n\n".join(shown(message) for message in found))
