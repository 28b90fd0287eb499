"""The words of the waitlist: on the list, a seat offered, a seat that is free for the first, one that no longer is."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from tests import factories as make
from tests.notifications.scene import LONG, NOW, START, check, messages_of, one_base, scene, shown, words_context
from tests.notifications.test_words_changes import moved
from webapp.domain import sms
from webapp.domain.events import Annulation, Attente, Event, PlaceExpiree, Proposition
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import Canal, Discretion, EtatNotification, FileAttente, Notification

__all__ = ["one_base", "words_context"]
JUSQUA = NOW + timedelta(days=2, hours=1, minutes=30)


def waits(
    etat: EtatAttente = EtatAttente.EN_ATTENTE, *, wait: dict[str, Any] | None = None, **motif: Any
) -> FileAttente:
    """Karim waits behind somebody else, at a full session."""
    seat, _ = scene(liste_attente=True, capacite_max=3, **motif)
    rdv = seat.rdv
    for _ in range(1 if etat is EtatAttente.PROPOSEE else 2):
        make.participation(rdv)
    karim = make.usager(rdv.organisation_id, first_name="Karim", phone="+33639980002", email="karim@exemple.fr")
    jusqua = {"jusqua": JUSQUA} if etat is EtatAttente.PROPOSEE else {}
    if etat is not EtatAttente.PROPOSEE:
        make.attente(rdv)
    row = make.attente(rdv, karim, etat, lien_nonce="nonce-of-the-wait", inscrit_le=NOW, **jusqua, **(wait or {}))
    db.session.commit()
    return row


def of(name: str, **motif: Any) -> tuple[FileAttente, Event]:
    """That event, once true."""
    if name in ("attente", "deja"):
        row = waits(**motif)
        return row, Attente(attente_ids=(row.id,), deja_le="2026-02-20" if name == "deja" else "")
    if name == "proposition":
        row = waits(EtatAttente.PROPOSEE, **motif)
        return row, Proposition(attente_ids=(row.id,))
    row = waits(EtatAttente.EXPIREE if name == "place_expiree" else EtatAttente.EN_ATTENTE, **motif)
    return row, PlaceExpiree(attente_ids=(row.id,))


EVENTS = ("attente", "deja", "proposition", "place_expiree", "reprise")


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("discretion", list(Discretion))
def test_the_words_of_each_event(name: str, discretion: Discretion) -> None:
    row, what = of(name, discretion=discretion)
    found = messages_of(what)
    if name != "proposition":  # by text only when there is no e-mail
        assert [message.canal for message in found] == [Canal.COURRIEL]
        row.usager.email, row.version = None, 2
        db.session.commit()
        found += messages_of(what)
    for message in found:
        assert "RSA" not in message.text or discretion is Discretion.COMPLET
        assert "/p/" not in message.kept and not message.ics
        assert ("#canaux" in message.text) is (message.canal is Canal.COURRIEL)
        assert message.canal is not Canal.SMS or sms.measure(message.text).segments <= 2
    check(f"attente-{name}-{discretion}.txt", "\n==========\n\n".join(shown(message) for message in found))


@pytest.mark.parametrize("discretion", list(Discretion))
def test_the_words_of_a_seat_for_the_first_who_comes(discretion: Discretion) -> None:
    row = waits(discretion=discretion)
    row.rdv.capacite_max = 4
    db.session.commit()
    with time_machine.travel(START - timedelta(hours=3), tick=False):
        found = messages_of(Proposition(attente_ids=(row.id,), ouverte=True))
    check(f"attente-ouverte-{discretion}.txt", "\n==========\n\n".join(shown(message) for message in found))


def test_the_words_close_to_the_session_say_what_is_kept() -> None:
    row = waits(EtatAttente.PROPOSEE, wait={"places": 2})
    row.jusqua = START - timedelta(hours=2, minutes=30)
    db.session.commit()
    with time_machine.travel(START - timedelta(hours=5), tick=False):
        found = messages_of(Proposition(attente_ids=(row.id,)))
    check("attente-proposition-proche.txt", "\n==========\n\n".join(shown(message) for message in found))
    assert all("10\u00a0h" in message.text or "à 10h" in message.text for message in found)


def test_long_names_keep_the_date_the_deadline_and_the_link() -> None:
    row = waits(EtatAttente.PROPOSEE, nom_sms=LONG[:60])
    row.rdv.lieu.name = "Maison départementale des solidarités et de l’autonomie de Valmont-sur-Drôme"
    db.session.commit()
    text = next(m.text for m in messages_of(Proposition(attente_ids=(row.id,))) if m.canal is Canal.SMS)
    assert "mar. 3 mars à 14h" in text and "avant le dim. 22 févr. à 11h30" in text
    assert sms.measure(text).segments <= 2 and len(text.rpartition("/p/")[2]) == 22


@pytest.mark.parametrize("discretion", list(Discretion))
def test_who_waits_hears_of_a_change_and_of_the_end(discretion: Discretion) -> None:
    row = waits(discretion=discretion)
    found = [m for m in messages_of(moved(row.rdv.participations[0], when=True)) if "karim" in m.to or "0002" in m.to]
    assert len(found) == 2
    check(f"attente-modification-{discretion}.txt", "\n==========\n\n".join(shown(message) for message in found))
    row.rdv.cancelled_at, row.rdv.cancelled_reason, row.etat = NOW, "formatrice absente", EtatAttente.RETIREE
    db.session.commit()
    what = Annulation(rdv_id=row.rdv_id, version=3, participation_ids=(), attente_ids=(row.id,))
    found = [m for m in messages_of(what) if "karim" in m.to or "0002" in m.to]
    check(f"attente-annulation-{discretion}.txt", "\n==========\n\n".join(shown(message) for message in found))


def test_what_is_no_longer_true_does_not_leave() -> None:
    """Looked at again when it leaves: answered, over, taken, or at night."""
    from webapp.jobs.messages import deliver
    from webapp.notifications.base import emit
    from webapp.services.transaction import transaction

    row = waits(EtatAttente.PROPOSEE)
    entry = row.id
    for change, reason in (
        ({"version": 2}, "déjà répondu"),
        ({"etat": EtatAttente.ACCEPTEE, "jusqua": None}, "déjà répondu"),
        ({"etat": EtatAttente.PROPOSEE, "jusqua": NOW, "version": 3}, "délai pour répondre"),
    ):
        with transaction():
            emit(Proposition(attente_ids=(entry,)))
            found = db.session.get_one(FileAttente, entry)
            for name, value in change.items():
                setattr(found, name, value)
        with transaction():
            if change.get("version") == 3:
                emit(Proposition(attente_ids=(entry,)))
        deliver("default")
        rows = db.session.query(Notification).order_by(Notification.id.desc()).limit(2).all()
        assert {r.etat for r in rows} == {EtatNotification.IGNOREE}
        assert all(reason in r.erreur for r in rows), [r.erreur for r in rows]
    with time_machine.travel(NOW.replace(hour=22), tick=False):
        with transaction():
            found = db.session.get_one(FileAttente, entry)
            found.jusqua, found.version = NOW + timedelta(days=2), 4
            emit(Proposition(attente_ids=(entry,)))
        deliver("default")
        rows = db.session.query(Notification).order_by(Notification.id.desc()).limit(2).all()
        assert {(r.etat, r.prevue_le) for r in rows} == {
            (EtatNotification.A_ENVOYER, NOW.replace(day=21, hour=7))  # 8:00 in Paris
        }
