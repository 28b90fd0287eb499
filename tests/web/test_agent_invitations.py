"""An agent invites people to a motif, sees what became of it, takes an invitation back (docs/domain.md rule 8)."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.desk import Desk, desk, sound, sqlite_only, told  # noqa: F401
from tests.pages import Page, PageClient
from webapp import links
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.participation import Acteur
from webapp.extensions import db
from webapp.models import Invitation, Motif, Rdv, Usager
from webapp.services.booking import book_seat


@pytest.fixture
def made(app: Flask) -> Desk:
    return desk(app, people=0, reservable_par=ReservablePar.INVITES)


def motif_id(made: Desk) -> int:
    return made.session().motif_id


def person(made: Desk, **fields: object) -> int:
    with made.app.app_context():
        known = {"first_name": "Élodie", "last_name": "N’Diaye", "email": "elodie@exemple.fr"}
        found = make.usager(made.session().organisation_id, **{**known, **fields})
        db.session.commit()
        return found.id


def put(made: Desk, **fields: object) -> None:
    """Change the motif behind the site's back."""
    with made.app.app_context():
        motif = db.session.get_one(Motif, motif_id(made))
        for name, value in fields.items():
            setattr(motif, name, value)
        db.session.commit()


def page_of(client: PageClient, made: Desk, **query: object) -> Page:
    return client.get(f"/agent/motifs/{motif_id(made)}/invitations", query_string=query)


def invite(client: PageClient, made: Desk, text: str = "diaye", button: str = "Inviter", **fields: object) -> Page:
    found = page_of(client, made, q=text)
    return found.form("/invitations", css="#resultats form").submit(fields, button=button)


def rows(made: Desk) -> list[Invitation]:
    with made.app.app_context():
        return list(db.session.scalars(select(Invitation).order_by(Invitation.id)))


def lines(page: Page) -> list[str]:
    return [" ".join(node.text(separator=" ").split()) for node in page.select("tbody tr")]


def test_from_the_sheet_to_the_message(made: Desk) -> None:
    person(made)
    client = made.log_in()
    page = client.get(f"/agent/rdv/{made.rdv}").link("Invitations à cet atelier")
    assert page.h1.replace("\xa0", " ") == "Invitations : Mes droits au RSA" and page.has(
        "Personne n’est invité pour l’instant."
    )
    page = page.form("/invitations", css="form[role=search]").submit(q="n'diaye")
    assert page.has("N’DIAYE Élodie") and page.has("06 •• •• ••") and not page.has("elodie@exemple.fr")
    page = page.form("/invitations", css="#resultats form").submit(button="Inviter")
    assert page.history[0].status == 303
    assert page.has("Élodie N’Diaye est sur la liste des personnes invitées : un SMS et un courriel partent.")
    (line,) = lines(page)
    assert "Pas encore ouverte" in line and "par Nadia K." in line and "SMS et courriel en cours d’envoi" in line
    assert page.has("1 personne invitée : 0 place réservée, 0 invitation ouverte sans réserver.")
    assert [n.canal for n in told(made, "invitation")] == ["sms", "courriel"]


def test_what_became_of_each_is_seen(made: Desk) -> None:
    with made.app.app_context():
        motif = db.session.get_one(Motif, motif_id(made))
        people = [make.usager(motif.organisation_id, last_name=f"Nom{n}") for n in range(5)]
        now = utcnow()
        states: list[dict[str, object]] = [
            {},
            {"ouverte_le": now},
            {"ouverte_le": now},
            {"envoyee_le": now - timedelta(weeks=13)},
            {"retiree_le": now},
        ]
        made_rows = [make.invitation(motif, who, **state) for who, state in zip(people, states, strict=True)]
        booked = made_rows[2]
        db.session.commit()
        usager_id, invitation_id = booked.usager_id, booked.id
        book_seat(made.rdv, None, by=Acteur.USAGER, envoi="f1", usager_id=usager_id, invitation_id=invitation_id)
    client = made.log_in()
    page = page_of(client, made)
    said = {line.split()[0]: line for line in lines(page)}
    assert page.has("5 personnes invitées : 1 place réservée, 1 invitation ouverte sans réserver.")
    for name, word, live in (
        ("NOM0", "Pas encore ouverte", True),
        ("NOM1", "Ouverte", True),
        ("NOM2", "Place réservée", False),
        ("NOM3", "Expirée", False),
        ("NOM4", "Retirée", False),
    ):
        assert word in said[name] and ("Retirer l’invitation" in said[name]) is live, said[name]
    assert page.select(f'a[href="/agent/rdv/{made.rdv}"]')
    sheet = client.get(f"/agent/rdv/{made.rdv}")
    assert sheet.has("Inscription en ligne, sur invitation") and sound(made)


def test_a_double_click_sends_one_invitation(made: Desk) -> None:
    person(made)
    client = made.log_in()
    form = page_of(client, made, q="diaye").form("/invitations", css="#resultats form")
    assert [form.submit(button="Inviter", follow=False).status for _ in range(2)] == [303, 303]
    (row,) = rows(made)
    assert row.version == 1 and len(told(made, "invitation")) == 2


def test_inviting_again_renews_and_may_be_silent(made: Desk) -> None:
    person(made)
    client = made.log_in()
    invite(client, made)
    found = page_of(client, made, q="diaye")
    assert found.has("invitation : pas encore ouverte")
    page = invite(client, made, button="Inviter à nouveau", prevenir="0")
    assert page.has("Invitation prolongée : Élodie N’Diaye. Aucun message ne part.")
    (row,) = rows(made)
    assert (row.version, row.prevenir, len(told(made, "invitation"))) == (2, False, 2)
    page = invite(client, made, button="Inviter à nouveau")
    assert page.has("un SMS et un courriel partent") and len(told(made, "invitation")) == 4


def test_without_a_message_nobody_would_know(made: Desk) -> None:
    person(made)
    page = invite(made.log_in(), made, prevenir="0")
    assert page.status == 409 and page.has("cochez la case pour l’envoyer") and rows(made) == []


def test_who_can_not_be_reached_or_has_a_seat_is_said(made: Desk) -> None:
    person(made, first_name="Jean", last_name="Fixe", phone="+33475990104", email=None)
    seated = person(made, last_name="Assise")
    with made.app.app_context():
        make.participation(db.session.get_one(Rdv, made.rdv), db.session.get_one(Usager, seated))
        db.session.commit()
    client = made.log_in()
    for text, words in (("jean fixe", "n’a ni portable ni courriel"), ("assise", "a déjà une place à une séance")):
        page = invite(client, made, text)
        assert page.status == 409 and page.title.startswith("Erreur : ") and page.has(words)
        assert page.select("#resultats form"), "what was searched is still there"
    assert rows(made) == []


def test_a_motif_that_is_closed_says_why_and_lets_nobody_in(made: Desk) -> None:
    person(made)
    client = made.log_in()
    form = page_of(client, made, q="diaye").form("/invitations", css="#resultats form")
    for fields, words in (
        ({"archived_at": utcnow()}, "Ce motif est archivé"),
        ({"archived_at": None, "visibilite": Visibilite.INVISIBLE}, "invisible pour le public"),
        ({"visibilite": Visibilite.VISIBLE_NOTIFIE, "reservable_par": ReservablePar.AGENTS}, "ni au public"),
    ):
        put(made, **fields)
        page = page_of(client, made, q="diaye")
        assert page.has(words) and not page.select("main form")
        assert form.submit(button="Inviter").status == 409
    put(made, reservable_par=ReservablePar.INVITES)
    with made.app.app_context():
        db.session.get_one(Rdv, made.rdv).cancelled_at = utcnow()
        db.session.commit()
    assert page_of(client, made).has("Aucune date n’est ouverte en ce moment")
    assert rows(made) == []


def test_an_old_token_sends_nothing(made: Desk) -> None:
    person(made)
    client = made.log_in()
    form = page_of(client, made, q="diaye").form("/invitations", css="#resultats form")
    page = form.submit(csrf_token="périmé", button="Inviter")
    assert page.status == 419 and page.has("N’DIAYE Élodie") and rows(made) == []


@pytest.mark.parametrize("sent", ["", "abc", "999999", "99999999999999", "-1"])
def test_nobody_known_is_unknown(made: Desk, sent: str) -> None:
    client = made.log_in()
    token = str(page_of(client, made).select("input[name=csrf_token]")[0].attributes["value"])
    answer = client.post(
        f"/agent/motifs/{motif_id(made)}/invitations", data={"csrf_token": token, "envoi": "f1", "usager_id": sent}
    )
    assert answer.status == 404 and rows(made) == []


def test_taking_it_back(made: Desk) -> None:
    person(made)
    client = made.log_in()
    page = invite(client, made)
    (row,) = rows(made)
    with made.app.app_context():
        token = links.token(links.INVITATION, row.lien_nonce)
    assert client.another().get(f"/i/{token}").status == 303
    page = page.link("Retirer l’invitation :")
    assert page.h1 == "Retirer cette invitation\u00a0?"
    assert page.has("Élodie N’Diaye") and page.has("Aucun message ne part.")
    page = page.form("/retrait").submit(button="Oui, retirer")
    assert page.has("Invitation retirée : Élodie N’Diaye.") and "Retirée" in lines(page)[0]
    assert client.another().get(f"/i/{token}").status == 404
    again = client.get(f"/agent/invitations/{row.id}/retrait")
    assert again.has("déjà retirée") and not again.select("main form")
    assert len(told(made, "invitation")) == 2


def test_as_one_types_the_list_follows(made: Desk) -> None:
    person(made)
    client = made.log_in()
    for text, words in (("diay", "N’DIAYE Élodie"), ("zzz", "Aucune personne ne correspond"), ("n", "deux lettres")):
        found = client.get(f"/agent/motifs/{motif_id(made)}/invitations", query_string={"q": text}, htmx=True)
        assert found.status == 200 and not found.whole and found.has(words)
        assert 'hx-target="#annonces"' in found.html


def test_fifty_at_a_time(made: Desk) -> None:
    with made.app.app_context():
        motif = db.session.get_one(Motif, motif_id(made))
        by = make.agent(motif.service)
        for _ in range(53):
            make.invitation(motif, agent=by)
        db.session.commit()
    client = made.log_in()
    page = page_of(client, made)
    assert len(lines(page)) == 50
    rest = page.link("Suivante")
    assert len(lines(rest)) == 3 and "page 2" in rest.title


def test_the_journal_tells_who_invited_whom(made: Desk) -> None:
    person(made)
    client = made.log_in()
    invite(client, made).link("Retirer l’invitation :").form("/retrait").submit(button="Oui, retirer")
    page = made.log_in("référent").get("/configuration/journal?quoi=invitations")
    assert page.has("a invité Élodie N’Diaye à choisir une date.")
    assert page.has("a retiré une invitation : Élodie N’Diaye.")
    assert page.select(f'a[href="/agent/motifs/{motif_id(made)}/invitations"]')
    assert not made.log_in("admin").get("/configuration/journal?quoi=agents").has("N’Diaye")


# --- whose doors open ----------------------------------------------------------------------------------------------

WHO = {"agent": 200, "référent": 200, "accueil": 200, "admin": 200, "voisin": 404, "étranger": 404, "regard": 403}


@pytest.mark.parametrize("who", sorted(WHO))
def test_each_address_answers_each_as_it_should(made: Desk, who: str) -> None:
    uid = person(made)
    with made.app.app_context():
        motif = db.session.get_one(Motif, motif_id(made))
        looks = make.agent(motif.service)
        looks.droits = [right for right in looks.droits if right.droit == "voir"]
        made.emails["regard"] = looks.email
        row = make.invitation(motif, make.usager(motif.organisation_id, last_name="Invitée"), agent=looks)
        db.session.commit()
        ids = motif.id, row.id
    client = made.log_in(who)
    token = str(client.get("/agent/").select("input[name=csrf_token]")[0].attributes["value"])
    addresses = (f"/agent/motifs/{ids[0]}/invitations", f"/agent/invitations/{ids[1]}/retrait")
    for address in addresses:
        page = client.get(address, query_string={"q": "diaye"})
        assert page.status == WHO[who]
        assert ("INVITÉE" in page.html or "Invitée" in page.html) is (WHO[who] == 200)
        assert WHO[who] != 403 or page.has("Peuvent vous le donner : Nadia")
        data = {"csrf_token": token, "envoi": "f1", "usager_id": str(uid)}
        assert client.post(address, data=data).status == (303 if WHO[who] == 200 else WHO[who])
    found = rows(made)
    assert len(found) == (2 if WHO[who] == 200 else 1) and (found[0].retiree_le is not None) is (WHO[who] == 200)


def test_an_invitation_that_is_not_there(made: Desk) -> None:
    client = made.log_in("admin")
    assert client.get("/agent/invitations/999/retrait").status == 404
    assert client.get("/agent/motifs/999/invitations").status == 404
