"""Fifty people wait, ten seats come free at once, fifty say yes at once: exactly those who were offered one get in."""

from collections import Counter
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from tests.crowd import TOKEN, Answer, fetch, person, together
from tests.servers import Site
from tests.storm import LINK_KEY
from tests.test_race import mostly_postgresql
from webapp import links
from webapp.domain.identity import Identity
from webapp.domain.participation import Statut
from webapp.domain.waitlist import EtatAttente
from webapp.extensions import db
from webapp.models import FileAttente, Notification, Participation, Rdv
from webapp.services import attente
from webapp.services.checks import broken

WAIT, FREED, SEATS = 50, 10, 20


@pytest.fixture
def crowd(app: Flask) -> tuple[int, list[int], list[str]]:
    """A full session where fifty people wait: its id, the places of those who will give theirs up, all the links."""
    app.config["LINK_KEY"] = LINK_KEY
    with app.app_context():
        motif = make.motif(capacite_max=SEATS, liste_attente=True)
        rdv = make.full(make.rdv(motif))
        leave = [links.token(links.PARTICIPATION, place.lien_nonce) for place in rdv.participations[:FREED]]
        rdv_id = rdv.id
        db.session.commit()
        for number in range(WAIT):
            who = person(number)
            phone = "+33" + who["telephone"].replace(" ", "")[1:]
            attente.join(rdv_id, Identity(who["prenom"], who["nom"], phone), envoi=str(number))
        nonces = db.session.scalars(select(FileAttente.lien_nonce).order_by(FileAttente.rang)).all()
        waits = [links.token(links.ATTENTE, nonce) for nonce in nonces]
        db.session.remove()
        return rdv_id, leave, waits


def started(live_server: Callable[..., Site], **options: str) -> Site:
    return live_server(processes=("web",), env={"WEB_CONCURRENCY": "3", "LINK_KEY": LINK_KEY}, **options)


def post_all(site: Site, rdv_id: int, paths: list[str], fields: dict[str, str]) -> list[Answer]:
    """Everybody posts at once, each from a browser of their own."""
    form, cookie = fetch(f"{site.url}/rdv/{rdv_id}/attente")
    found = TOKEN.search(form.text)
    assert found, form.text[:500]
    body = urlencode({"csrf_token": found[1], **fields})
    return together(lambda path: fetch(site.url + path, "POST", body, cookie)[0], paths)


def run(site: Site, crowd: tuple[int, list[int], list[str]]) -> tuple[list[Answer], list[Answer]]:
    rdv_id, leave, waits = crowd
    left = post_all(site, rdv_id, [f"/p/{token}/desistement" for token in leave], {})
    said_yes = post_all(site, rdv_id, [f"/p/{token}/proposition" for token in waits], {"reponse": "accepter"})
    return left, said_yes


def test_only_those_who_were_offered_a_seat_get_in(
    app: Flask, live_server: Callable[..., Site], crowd: tuple[int, list[int], list[str]]
) -> None:
    left, said_yes = run(started(live_server), crowd)
    assert {answer.status for answer in left} == {303}
    assert [answer.status for answer in said_yes] == [303] * FREED + [409] * (WAIT - FREED)
    assert "Vous êtes toujours sur la liste d’attente" in said_yes[-1].text
    with app.app_context():
        rdv = db.session.get_one(Rdv, crowd[0])
        assert (rdv.places_prises, rdv.places_proposees, rdv.places_attente) == (SEATS, 0, WAIT - FREED)
        etats = db.session.scalars(select(FileAttente.etat).order_by(FileAttente.rang)).all()
        assert etats == [EtatAttente.ACCEPTEE] * FREED + [EtatAttente.EN_ATTENTE] * (WAIT - FREED)
        told = db.session.execute(
            select(Notification.destinataire_id, func.count())
            .where(Notification.event.in_(["proposition", "inscription"]))
            .group_by(Notification.destinataire_id, Notification.event)
        )
        assert Counter(count for _, count in told) == {1: 2 * FREED}  # the offer, the seat: once each
        assert list(broken()) == []


@mostly_postgresql
def test_without_the_lock_the_same_crowd_leaves_traces(
    app: Flask, live_server: Callable[..., Site], crowd: tuple[int, list[int], list[str]]
) -> None:
    """The negative control: with the door left open, seats offered and taken no longer add up."""
    site = started(live_server, app="tests.unlocked:app")
    run(site, crowd)
    with app.app_context():
        counted = select(func.count()).where(Participation.rdv_id == crowd[0], Participation.statut == Statut.INSCRIT)
        rdv = db.session.get_one(Rdv, crowd[0])
        assert db.session.scalar(counted) != rdv.places_prises or list(broken()) != []
