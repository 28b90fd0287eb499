"""The words themselves: every message as people get it, kept in snapshots/ for a reviewer to read."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from icalendar import Calendar

from tests import factories as make
from tests.notifications.scene import (
    LONG,
    NOW,
    START,
    check,
    messages_of,
    one_base,
    scene,
    shown,
    words_context,
)
from webapp.domain import sms
from webapp.domain.capacity import Visibilite
from webapp.domain.events import Annulation, Desistement, Event, Inscription, MotDePasse, Rappel, Retrait
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Canal, Discretion, Motif, Participation, TypeLieu
from webapp.notifications.render import draft, preview_email, preview_sms

__all__ = ["one_base", "words_context"]


def event_of(name: str, seat: Participation) -> Event:
    """That event about this seat, once true."""
    rdv = seat.rdv
    if name == "inscription":
        return Inscription(participation_id=seat.id, version=1)
    if name == "deja":
        return Inscription(participation_id=seat.id, version=1, deja_le="2026-02-20")
    if name == "desistement":
        seat.statut = Statut.EXCUSE
        what: Event = Desistement(participation_id=seat.id, version=2)
    elif name == "retrait":
        seat.statut = Statut.ANNULE
        what = Retrait(participation_id=seat.id, version=2)
    elif name == "annulation":
        rdv.cancelled_at, rdv.cancelled_reason, seat.statut = NOW, "formatrice absente", Statut.ANNULE
        what = Annulation(rdv_id=rdv.id, version=2, participation_ids=(seat.id,))
    else:
        what = Rappel(rdv_id=rdv.id, delai=48, starts_at_utc=START.isoformat(), participation_ids=(seat.id,))
    db.session.commit()
    return what


EVENTS = ("inscription", "deja", "desistement", "retrait", "annulation", "rappel")


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("discretion", list(Discretion))
def test_the_words_of_each_event(name: str, discretion: Discretion) -> None:
    seat, _ = scene(discretion=discretion)
    what = event_of(name, seat)
    if name == "rappel":
        with time_machine.travel(START - timedelta(hours=48), tick=False):
            found = messages_of(what)
    else:
        found = messages_of(what)
    if name == "desistement":  # by text only when there is no e-mail
        assert Canal.SMS not in {message.canal for message in found}
        seat.usager.email = None
        db.session.commit()
        found += messages_of(Desistement(participation_id=seat.id, version=3))[:1]
    check(f"{name}-{discretion}.txt", "\n==========\n\n".join(shown(message) for message in found))


def test_the_words_of_a_forgotten_password() -> None:
    _, agent = scene()
    agent.reset_nonce, agent.reset_version, agent.reset_expire_le = "nonce", 1, NOW + timedelta(hours=1)
    db.session.commit()
    (message,) = messages_of(MotDePasse(agent_id=agent.id, version=1))
    check("mot_de_passe.txt", shown(message))
    assert "[lien personnel]" in message.kept
    assert "/agent/mot-de-passe/" not in message.kept


def test_the_words_for_a_household() -> None:
    seat, _ = scene()
    rdv = seat.rdv
    seats = [seat]
    for name in ("Léa", "Tom"):
        child = make.usager(rdv.organisation_id, first_name=name, phone=None, responsable=seat.usager)
        seats.append(make.participation(rdv, child, lien_nonce=f"nonce-{name}"))
    rdv.cancelled_at = NOW
    for row in seats:
        row.statut = Statut.ANNULE
    db.session.commit()
    found = messages_of(Annulation(rdv_id=rdv.id, version=2, participation_ids=tuple(s.id for s in seats)))
    check("annulation-famille.txt", "\n==========\n\n".join(shown(m) for m in found if "nadia" not in m.to))


def test_a_household_is_reminded_once() -> None:
    seat, _ = scene()
    children = [
        make.participation(
            seat.rdv,
            make.usager(seat.rdv.organisation_id, first_name=name, phone=None, responsable=seat.usager),
            lien_nonce=f"nonce-{name}",
            inscrit_le=NOW - timedelta(hours=1),
        )
        for name in ("Léa", "Tom")
    ]
    db.session.commit()
    ids = tuple(s.id for s in (seat, *children))
    with time_machine.travel(START - timedelta(hours=48), tick=False):
        what = Rappel(rdv_id=seat.rdv_id, delai=48, starts_at_utc=START.isoformat(), participation_ids=ids)
        found = messages_of(what)
    assert len(found) == 2
    check("rappel-famille.txt", "\n==========\n\n".join(shown(m) for m in found))


def test_a_household_too_long_to_name_is_told_all_the_same() -> None:
    seat, _ = scene()
    seats = [seat]
    for number in range(8):
        name = f"Marie-Antoinette Aïssatou Jean-Baptiste numéro {number}"
        child = make.usager(seat.rdv.organisation_id, first_name=name, phone=None, responsable=seat.usager)
        seats.append(make.participation(seat.rdv, child, statut=Statut.ANNULE))
    seat.rdv.cancelled_at, seat.statut = NOW, Statut.ANNULE
    db.session.commit()
    found = messages_of(Annulation(rdv_id=seat.rdv_id, version=2, participation_ids=tuple(s.id for s in seats)))
    text = next(m.text for m in found if m.canal is Canal.SMS)
    assert sms.measure(text).segments <= 2
    assert "Annulé pour Yasmina et 8 autres" in text
    assert "numéro 7" in next(m.text for m in found if m.canal is Canal.COURRIEL)


@pytest.mark.parametrize("name", EVENTS)
def test_the_words_with_long_names(name: str) -> None:
    """Names as long as their columns: dates and links stay whole, in every channel."""
    seat, _ = scene(name=LONG * 2, nom_sms=LONG[:60], nom_courriel=(LONG * 2)[:120])
    rdv = seat.rdv
    rdv.intitule = "Groupe des personnes qui commencent, avec accompagnement renforcé et atelier en petit comité"
    rdv.lieu.name = "Maison départementale des solidarités et de l’autonomie de Valmont-sur-Drôme"
    seat.usager.first_name = "Marie-Antoinette Aïssatou Jean-Baptiste"
    db.session.commit()
    what = event_of(name, seat)
    if name == "desistement":
        seat.usager.email = None
        db.session.commit()
    with time_machine.travel(START - timedelta(hours=48) if name == "rappel" else NOW, tick=False):
        found = [m for m in messages_of(what) if "nadia" not in m.to]
    for message in found:
        assert "https://rdv.departement-drome.fr/" in message.text
        assert "3 mars" in message.text.replace("\u00a0", " ")
    check(f"{name}-noms-longs.txt", "\n==========\n\n".join(shown(m) for m in found))


def test_the_words_for_a_child() -> None:
    seat, _ = scene()
    child = make.usager(seat.rdv.organisation_id, first_name="Léa", phone=None, responsable=seat.usager)
    place = make.participation(seat.rdv, child, lien_nonce="nonce-lea")
    db.session.commit()
    found = messages_of(Inscription(participation_id=place.id, version=1))
    check("inscription-enfant.txt", "\n==========\n\n".join(shown(m) for m in found if "nadia" not in m.to))


def test_the_words_by_video() -> None:
    seat, _ = scene(location_type=TypeLieu.VISIO)
    seat.rdv.lien_visio = "https://visio.exemple.fr/salle-12"
    seat.rdv.lieu = seat.rdv.salle = None
    db.session.commit()
    found = messages_of(Inscription(participation_id=seat.id, version=1))
    check("inscription-visio.txt", "\n==========\n\n".join(shown(m) for m in found if "nadia" not in m.to))
    assert b"visio.exemple.fr" not in found[1].ics


@pytest.mark.parametrize(
    ("host", "place", "name"),
    [
        ("https://rdv.departement-du-26.gouv.fr", "Maison des solidarités de Valmont", "Café des parents et des bébés"),
        ("https://" + "a" * 26 + ".fr", "Centre social Les Lilas", "Mes démarches, pas à pas, Œuvre"),
        ("https://rdv.drome.fr", "MDS", LONG),
    ],
)
def test_texts_fit_one_segment(app: Flask, host: str, place: str, name: str) -> None:
    seat, _ = scene(nom_sms=name[:60])
    # The longest date: "mer. 30 sept. à 14h30".
    seat.rdv.starts_at = datetime(2026, 9, 30, 12, 30, tzinfo=UTC)
    seat.rdv.ends_at = seat.rdv.starts_at + timedelta(hours=2)
    seat.rdv.lieu.name = place
    db.session.commit()
    app.config["PUBLIC_URL"] = host
    text = next(m.text for m in messages_of(Inscription(participation_id=seat.id, version=1)) if m.canal is Canal.SMS)
    weight = sms.measure(text)
    assert (weight.alphabet, weight.segments) == (sms.Alphabet.GSM_7, 1), text
    assert "mer. 30 sept. à 14h30" in text
    assert text.split()[-1].startswith(f"{host}/p/")
    assert len(text.rpartition("/p/")[2]) == 22
    if len(name) <= 30:
        assert sms.transliterate(name) in text


def test_the_calendar_has_its_reader_alone_and_no_link() -> None:
    seat, _ = scene()
    other = make.participation(seat.rdv, make.usager(seat.rdv.organisation_id, last_name="Secret"))
    db.session.commit()
    found = messages_of(Inscription(participation_id=seat.id, version=1))
    mail = next(m for m in found if m.to == "yasmina@exemple.fr")
    calendar = Calendar.from_ical(mail.ics)
    (event,) = calendar.walk("VEVENT")
    assert calendar["METHOD"] == "REQUEST"
    assert event["ATTENDEE"] == "mailto:yasmina@exemple.fr"
    assert (event["ATTENDEE"].params["PARTSTAT"], event["ATTENDEE"].params["RSVP"]) == ("ACCEPTED", "FALSE")
    assert event["ORGANIZER"] == f"mailto:{seat.rdv.organisation.email}"
    assert event["UID"] == f"participation-{seat.id}@drome.rdv-collectifs"
    assert event["DTSTART"].dt == START
    assert "utilisez le lien du message" in event["DESCRIPTION"]
    assert b"/p/" not in mail.ics
    for message in found:
        assert "Secret" not in message.text + message.html + message.ics.decode()
        assert other.usager.phone not in message.text

    seat.statut, seat.rdv.version = Statut.ANNULE, 7
    db.session.commit()
    gone = next(m for m in messages_of(Retrait(participation_id=seat.id, version=2)) if m.ics)
    (after,) = Calendar.from_ical(gone.ics).walk("VEVENT")
    assert (after["UID"], after["SEQUENCE"], after["STATUS"]) == (event["UID"], 7, "CANCELLED")
    assert after["SEQUENCE"] > event["SEQUENCE"]


@pytest.mark.parametrize("fields", [{"discretion": Discretion.NEUTRE}, {"visibilite": Visibilite.VISIBLE_NON_NOTIFIE}])
def test_neutral_words_hide_what_the_session_is_about(fields: dict) -> None:
    seat, _ = scene(**fields)
    (text, mail, agent) = messages_of(event_of("annulation", seat))
    for message in (text, mail):
        everything = message.subject + message.text + message.html + message.ics.decode()
        assert "endez-vous à la Maison des solidarités" in everything
        for word in ("RSA", "CAF", "Groupe du mardi", "formatrice", "/motifs/"):
            assert word not in everything
    assert "Information collective RSA" in agent.text


def test_headers_and_words_are_clean() -> None:
    seat, _ = scene(nom_courriel="Atelier\r\nBcc: tous@exemple.fr\u202e\u200b caché")
    seat.usager.first_name = "Yas\nmina<script>"
    seat.rdv.organisation.name = "Mairie\r\nX-Faux: oui"
    db.session.commit()
    mail = next(m for m in messages_of(Inscription(participation_id=seat.id, version=1)) if m.ics)
    assert "\n" not in mail.subject + mail.sender
    assert "\u202e" not in mail.subject + mail.text + mail.html
    assert "<script>" not in mail.html
    assert "&lt;script&gt;" in mail.html
    assert "Bonjour Yas mina<script>," in mail.text


def test_previews_use_the_same_words_and_touch_nothing() -> None:
    seat, _ = scene()
    motif: Motif = seat.rdv.motif
    organisation = seat.rdv.organisation
    found = preview_sms(motif, organisation)
    assert found.mesure.segments == 1
    assert "Mes droits au RSA" in found.texte
    typed = draft(name="Café des parents", nom_sms="", location_type=TypeLieu.VISIO)
    assert "Café des parents" in preview_sms(typed, organisation).texte
    assert "en visio" in preview_sms(typed, organisation).texte
    mail = preview_email(draft(name="Café", nom_courriel="Le café des parents"), organisation)
    assert mail.subject.startswith("Votre place est réservée : Le café des parents, mardi ")
    assert "<h1" in mail.html
    neutral = preview_sms(draft(name="Café", discretion=Discretion.NEUTRE), organisation)
    assert "Café" not in neutral.texte
    for event in ("rappel", "annulation", "retrait", "desistement"):
        assert preview_sms(motif, organisation, event=event).texte
        assert preview_email(motif, organisation, event=event).text
    assert not db.session.dirty
    assert not db.session.new
