"""What people type is harmless in every channel of every message; the texts of every demonstration motif fit."""

import re
from email import policy
from email.parser import BytesParser
from html.parser import HTMLParser

import pytest
from flask import Flask
from icalendar import Calendar
from sqlalchemy import select, update

from tests import factories as make
from tests.notifications.scene import NOW, START, messages_of, one_base, scene, words_context
from tests.notifications.test_words import EVENTS, event_of
from tests.notifications.test_words_changes import moved, written
from webapp.clock import utcnow
from webapp.domain import sms
from webapp.domain.events import Event, Inscription, Minimum, Rappel, Recapitulatif
from webapp.extensions import db
from webapp.models import Agent, Canal, Discretion, EtatNotification, Notification, Participation, Rdv, Usager
from webapp.notifications.channels.email import build
from webapp.notifications.outgoing import Outgoing
from webapp.notifications.render import preview_sms
from webapp.services import demonstration

__all__ = ["one_base", "words_context"]

HOSTILE = {
    "header": "Atelier\r\nBcc: tous@exemple.fr\r\n\r\n<b>corps</b>",
    "html": "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&",
    "bidi": "Atelier \u202egnp.exe\u2066 \u200b\u200d\ufeff\u00ad caché",
    "long": "Très long nom d’atelier " * 9,
    "emoji": "Atelier 👩‍👩‍👧 🎉 café",
    "template": "{{ 7*7 }} {% raw %} %s %(x)s ${y}",
    "lines": "Atelier\u2028suite\u2029fin\x00\x1b[31m\t",
}
UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\x00\x1b]")
ALL = (*EVENTS, "modification", "message", "minimum", "recapitulatif")


def spoilt(words: str) -> tuple[Participation, Agent]:
    """Everything somebody may have typed says that."""
    seat, agent = scene(discretion=Discretion.COMPLET, capacite_min=4)
    rdv, motif, org = seat.rdv, seat.rdv.motif, seat.rdv.organisation
    motif.name, motif.nom_courriel, motif.nom_sms = words[:120], words[:120], words[:60]
    motif.instructions_apres = motif.avertissement_annulation = words[:300]
    rdv.intitule, rdv.lieu.name, rdv.salle.name = words[:120], words[:120], words[:80]
    rdv.lieu.pmr = rdv.lieu.address = words[:200]
    org.name = org.phone_hours = words[:120]
    seat.usager.first_name, seat.usager.last_name = words[:80], words[:80]
    agent.first_name = words[:80]
    agent.recapitulatif = True
    db.session.commit()
    return seat, agent


def messages(name: str, words: str) -> list[Outgoing]:
    seat, agent = spoilt(words)
    if name == "annulation":
        found = event_of(name, seat)
        seat.rdv.cancelled_reason = words[:300]
        db.session.commit()
        return messages_of(found)
    events: dict[str, Event] = {}
    if name == "modification":
        return messages_of(moved(seat, when=True, where=True))
    if name == "message":
        return messages_of(written(seat, agent, words))
    if name == "minimum":
        return messages_of(Minimum(rdv_id=seat.rdv_id, starts_at_utc=START.isoformat()))
    if name == "recapitulatif":
        seat.rdv.starts_at = NOW
        db.session.commit()
        return messages_of(Recapitulatif(agent_id=agent.id, jour=NOW.date().isoformat()))
    if name == "rappel":
        seat.rdv.starts_at = utcnow().replace(hour=13) + (START - START.replace(day=1))
        seat.rdv.ends_at = seat.rdv.starts_at + (START.replace(hour=15) - START)
        seat.inscrit_le = utcnow().replace(day=10)
        db.session.commit()
        start = seat.rdv.starts_at.isoformat()
        return messages_of(Rappel(rdv_id=seat.rdv_id, delai=48, starts_at_utc=start, participation_ids=(seat.id,)))
    events[name] = event_of(name, seat)
    return messages_of(events[name])


class Tags(HTMLParser):
    """The tags a mail program would see."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("kind", list(HOSTILE))
def test_nothing_typed_does_harm(name: str, kind: str) -> None:
    found = messages(name, HOSTILE[kind])
    assert found
    for message in found:
        assert not UNSEEN.search(message.subject + message.text + message.html + message.sender)
        if message.canal is Canal.SMS:
            weight = sms.measure(message.text)
            assert weight.segments <= sms.MAX_SEGMENTS, message.text
            assert "\n" not in message.text and "\r" not in message.text
            assert re.search(r"https://\S+$", message.text), message.text
            continue
        raw = build(message, "rdv@drome.exemple.fr").as_bytes()
        read = BytesParser(policy=policy.default).parsebytes(raw)
        assert {"From", "To", "Subject", "Date", "Message-ID"} <= set(read.keys())
        assert "Bcc" not in read and "Cc" not in read
        assert len(set(read.keys())) == len(read.keys())
        assert "\n" not in read["Subject"]
        assert max(map(len, raw.split(b"\r\n"))) <= 998  # RFC 5322
        tags = Tags()
        tags.feed(message.html)
        assert {tag for tag, _ in tags.seen}.isdisjoint({"script", "img", "b\r"})
        assert not any(name.startswith("on") for _, attrs in tags.seen for name, _ in attrs)
        assert "49" not in message.subject
        if message.ics:
            calendar = Calendar.from_ical(message.ics)
            (event,) = calendar.walk("VEVENT")
            assert len(calendar.walk()) == 2
            assert event["ATTENDEE"] == f"mailto:{message.to}"
            assert not UNSEEN.search(message.ics.decode())


def test_every_demonstration_motif_fits_one_text(app: Flask) -> None:
    """A host of 30 characters, every session with its place, with and without its longest first name."""
    app.config["PUBLIC_URL"], app.config["DEMO"] = "https://rdv.departement-valmont.fr", True
    assert len("rdv.departement-valmont.fr") <= 30
    with app.app_context():
        demonstration.load(sessions=0, participants=0, seed=1)
        now, checked = utcnow(), set()
        sent = {"etat": EtatNotification.ENVOYEE, "envoyee_le": now}  # its invitations were about to leave
        db.session.execute(update(Notification).values(**sent))
        for rdv in db.session.scalars(select(Rdv).where(Rdv.starts_at > now, Rdv.cancelled_at.is_(None))).all():
            key = rdv.motif_id, rdv.lieu_id, rdv.plage_ouverture_id
            if rdv.capacite_max is None or key in checked:
                continue
            checked.add(key)
            invited = preview_sms(rdv.motif, rdv.organisation, event="invitation").mesure
            assert (invited.alphabet, invited.segments) == (sms.Alphabet.GSM_7, 1)
            person = make.usager(rdv.organisation_id, first_name="Jean-Baptiste", email=None)
            seat = make.participation(rdv, person, inscrit_le=now)
            db.session.commit()
            found = texts(Inscription(participation_id=seat.id, version=1))
            assert len(found) == 1
            for text in found:
                weight = sms.measure(text)
                assert (weight.alphabet, weight.segments) == (sms.Alphabet.GSM_7, 1), text
                assert rdv.motif.discretion is Discretion.NEUTRE or sms.transliterate(rdv.motif.nom_sms) in text
        assert len(checked) >= 8
        assert db.session.scalars(select(Usager)).first() is not None


def texts(event: Event) -> list[str]:
    """The words of both texts a place is told by: when it is booked, and before it."""
    return [m.text for m in messages_of(event) if m.canal is Canal.SMS]
