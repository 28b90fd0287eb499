"""The words of an invitation: about a motif, before there is a session; nothing of it when it is discreet."""

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from tests import factories as make
from tests.notifications.scene import LONG, NOW, check, messages_of, one_base, scene, shown, words_context
from webapp import links
from webapp.domain import sms
from webapp.domain.capacity import Visibilite
from webapp.domain.events import Invitation as Invite
from webapp.extensions import db
from webapp.models import Canal, Discretion, Invitation
from webapp.notifications.outgoing import Outgoing
from webapp.notifications.render import draft, preview_email, preview_sms

__all__ = ["one_base", "words_context"]
NONCE = "nonce-of-the-snapshots"


def invited(**motif_fields: object) -> Invitation:
    """Yasmina, who has no place yet."""
    seat, agent = scene(**{"description": "Comprendre ses droits, à son rythme.", **motif_fields})
    motif, person = seat.rdv.motif, seat.usager
    motif.instructions_avant = "Pour qui vient d’ouvrir un droit au RSA."
    row = make.invitation(
        motif,
        person,
        agent=agent,
        envoyee_le=NOW,
        lien_nonce=NONCE,
        lien_hash=links.fingerprint(links.token(links.INVITATION, NONCE)),
    )
    db.session.delete(seat)
    db.session.commit()
    return row


def sent(row: Invitation, relance: int = 0) -> list[Outgoing]:
    with time_machine.travel(NOW + timedelta(days=relance), tick=False):
        return messages_of(Invite(invitation_id=row.id, version=1, relance=relance))


def together(found: list[Outgoing]) -> str:
    return "\n==========\n\n".join(shown(message) for message in found)


@pytest.mark.parametrize("discretion", list(Discretion))
def test_the_words_of_an_invitation(discretion: Discretion) -> None:
    row = invited(discretion=discretion)
    found = sent(row)
    check(f"invitation-{discretion}.txt", together(found))
    check(f"invitation-relance-{discretion}.txt", together(sent(row, 3)))
    link = links.address(f"/i/{links.token(links.INVITATION, NONCE)}")
    for message in found:
        assert link in message.text and link not in message.kept and "[lien personnel]" in message.kept
        assert message.ics == b"" and message.unsubscribe == ""
    assert all(link in message.html for message in found if message.canal is Canal.COURRIEL)


@pytest.mark.parametrize("fields", [{"discretion": Discretion.NEUTRE}, {"visibilite": Visibilite.VISIBLE_NON_NOTIFIE}])
def test_neutral_words_hide_what_it_is_about(fields: dict) -> None:
    for message in sent(invited(**fields)):
        everything = message.subject + message.text + message.html
        assert "endez-vous à la Maison des solidarités" in everything
        assert not [word for word in ("RSA", "Comprendre", "droit", "/motifs/") if word in everything]


def test_the_words_for_a_child() -> None:
    row = invited()
    row.usager = make.usager(row.organisation_id, first_name="Léa", phone=None, responsable=row.usager)
    db.session.commit()
    check("invitation-enfant.txt", together(sent(row)))


def test_long_names_keep_the_link_whole() -> None:
    found = sent(invited(nom_sms=LONG[:60], nom_courriel=(LONG * 2)[:120]))
    check("invitation-noms-longs.txt", together(found))


@pytest.mark.parametrize("host", ["https://rdv.fr", "https://rdv.departement-du-26.gouv.fr"])
@pytest.mark.parametrize("relance", [0, 3])
def test_the_text_is_one_text_that_ends_with_the_link(app: Flask, host: str, relance: int) -> None:
    app.config["PUBLIC_URL"] = host
    text = next(m.text for m in sent(invited(nom_sms="Café des parents et des bébés"), relance) if m.canal is Canal.SMS)
    weight = sms.measure(text)
    assert (weight.segments, weight.alphabet) == (1, sms.Alphabet.GSM_7), text
    assert text.endswith(f"{host}/i/{links.token(links.INVITATION, NONCE)}")
    assert "Café des parents et des bébés" in text and "15 mai" in text


def test_what_is_typed_by_others_stays_text() -> None:
    row = invited(nom_courriel="Atelier\r\nBcc: tous@exemple.fr", description="<b>gras</b>")
    row.usager.first_name = "Yas\nmina<script>"
    db.session.commit()
    mail = next(m for m in sent(row) if m.canal is Canal.COURRIEL)
    assert "\n" not in mail.subject + mail.sender and "<script>" not in mail.html and "<b>gras" not in mail.html


def test_the_preview_is_the_message() -> None:
    row = invited()
    motif, organisation = row.motif, row.motif.organisation
    text = preview_sms(motif, organisation, event="invitation")
    mail = preview_email(motif, organisation, event="invitation")
    real = {m.canal: m for m in sent(row)}
    token = links.token(links.INVITATION, NONCE)
    assert text.texte == real[Canal.SMS].text.replace(token, "AbCdEfGhIjKlMnOpQrStUv")
    assert mail.subject == replace(real[Canal.COURRIEL]).subject
    typed = draft(name="Café", discretion=Discretion.NEUTRE, instructions_avant="RSA", description="RSA")
    assert "Café" not in preview_sms(typed, organisation, event="invitation").texte
    assert "RSA" not in preview_email(typed, organisation, event="invitation").text
    assert not db.session.new
