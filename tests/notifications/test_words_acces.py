"""The words of a code asked for: nobody's name, no appointment, one text."""

import re

import pytest
from flask import Flask
from sqlalchemy import select

from tests.notifications.scene import check, one_base, scene, shown, words_context
from webapp import links
from webapp.clock import utcnow
from webapp.domain import sms
from webapp.domain.codes import LIFE
from webapp.extensions import db
from webapp.jobs import messages
from webapp.models import Acces, Canal, Notification
from webapp.notifications.acces import promise
from webapp.notifications.compose import compose
from webapp.notifications.outgoing import Outgoing
from webapp.queries import notifications as queries
from webapp.services.transaction import transaction

__all__ = ["one_base", "words_context"]

NONCE = "nonce-of-the-snapshots"
CONTACTS = {Canal.SMS: "+33639980001", Canal.COURRIEL: "yasmina@exemple.fr"}


def asked(canal: Canal) -> Outgoing:
    """What leaves for a demand made now with Yasmina's contact."""
    seat, _ = scene()
    demande = Acces(
        organisation_id=seat.rdv.organisation_id,
        canal=canal,
        contact=CONTACTS[canal],
        navigateur="",
        expire_le=utcnow() + LIFE,
        lien_nonce=NONCE,
        lien_hash=links.fingerprint(links.token(links.ACCES, NONCE)),
    )
    db.session.add(demande)
    db.session.commit()
    with transaction():
        promise(demande, if_=True)
    claim = messages.take("urgent")
    (row,) = db.session.scalars(select(Notification))
    message = compose(row, queries.load_batch(claim.ids, claim.until), utcnow())
    assert isinstance(message, Outgoing), message
    return message


@pytest.mark.parametrize("canal", list(Canal))
def test_the_words_of_a_code(canal: Canal) -> None:
    message = asked(canal)
    check(f"acces-{canal}.txt", shown(message))
    link = links.address(f"/mes-rendez-vous/{links.token(links.ACCES, NONCE)}")
    code = links.code(NONCE)
    assert re.fullmatch(r"\d{6}", code)
    assert code in message.text and link in message.text
    assert code not in message.kept + message.subject and link not in message.kept
    assert "[code]" in message.kept and "[lien personnel]" in message.kept
    assert "Yasmina" not in message.text + message.html and "RSA" not in message.text + message.html


def test_the_html_says_the_code_and_the_link() -> None:
    message = asked(Canal.COURRIEL)
    assert links.code(NONCE) in message.html
    assert links.token(links.ACCES, NONCE) in message.html
    assert "Bonjour," in message.html


@pytest.mark.parametrize("host", ["https://rdv.fr", "https://rendez-vous.departement-026.fr"])
def test_the_text_is_one_text_that_begins_with_the_code_and_ends_with_the_link(app: Flask, host: str) -> None:
    app.config["PUBLIC_URL"] = host
    message = asked(Canal.SMS)
    weight = sms.measure(message.text)
    assert (weight.segments, weight.alphabet) == (1, sms.Alphabet.GSM_7), message.text
    assert message.text.startswith(f"{links.code(NONCE)} est votre code")
    assert message.text.endswith(links.token(links.ACCES, NONCE))
