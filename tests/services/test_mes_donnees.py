"""What goes with a contact, and only that, is given or erased: households, strangers' files, seats given back."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from webapp import links
from webapp.clock import utcnow
from webapp.domain.errors import Occupe
from webapp.domain.identity import Identity
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.jobs import messages
from webapp.models import (
    Acces,
    Canal,
    EtatNotification,
    Journal,
    MessageDemo,
    Notification,
    Participation,
    Rdv,
    Usager,
    UsagerCle,
)
from webapp.services import acces, attente, mes_donnees
from webapp.services.booking import book_seat
from webapp.services.checks import broken
from webapp.services.mes_donnees import as_text, erase_mine

PHONE, MAIL, OTHER = "+33639980001", "yasmina@exemple.fr", "autre@exemple.fr"
DAY = timedelta(days=1)
YASMINA = Identity("Yasmina", "Amrani", PHONE, MAIL)


@pytest.fixture(autouse=True)
def in_context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield
        db.session.rollback()
        assert list(broken()) == []


def demand(canal: Canal = Canal.SMS, contact: str = PHONE) -> Acces:
    acces.ask(canal, contact, "navigateur")
    return db.session.scalars(select(Acces).order_by(Acces.id.desc())).first()  # type: ignore[return-value]


def book(rdv: Rdv, identity: Identity = YASMINA) -> Participation:
    booking = book_seat(rdv.id, identity, by=Acteur.USAGER, envoi=f"e{rdv.id}{identity.courriel}")
    return db.session.get_one(Participation, booking.participation_id)


def known(usager_id: int) -> Usager:
    db.session.expire_all()
    return db.session.get_one(Usager, usager_id)


def everything() -> str:
    """All that the database holds, as one text."""
    db.session.rollback()
    rows = (db.session.execute(select(table)) for table in db.metadata.sorted_tables)
    return " ".join(str(tuple(row)) for result in rows for row in result)


def test_seats_are_given_back_and_nobody_is_left() -> None:
    motif = make.motif(make.service(), champs=["telephone", "courriel", "date_naissance", "numero_dossier"])
    coming, full = make.rdv(motif), make.rdv(motif, capacite_propre=1)
    past = make.rdv(motif, starts_at=utcnow() - 5 * DAY)
    agent = make.agent(motif.service)
    coming.agents.append(agent)
    db.session.commit()
    place, other = book(coming), book(full)
    make.participation(past, place.usager, Statut.ABSENT, raison="Je suis malade")
    db.session.commit()
    tokens = [links.token(links.PARTICIPATION, row.lien_nonce) for row in (place, other)]
    done = erase_mine(demand())
    assert (done.liberees, done.rendez_vous) == (2, 3)
    db.session.expire_all()
    assert [rdv.places_prises for rdv in (coming, full, past)] == [0, 0, 1]
    assert [row.statut.value for row in past.participations] == ["absent"]
    assert {row.statut.value for row in (place, other)} == {"excuse"}
    assert known(place.usager_id).last_name == "Anonyme" and known(place.usager_id).anonymise_le
    held = everything()
    for word in ("Yasmina", "Amrani", PHONE, MAIL, "malade", *map(links.fingerprint, tokens)):
        assert word not in held, word
    assert db.session.scalar(select(func.count()).select_from(UsagerCle)) == 0
    told = db.session.scalars(select(Notification.destinataire_type).where(Notification.event == "desistement")).all()
    assert "agent" in told  # the team knows that a seat is free


def test_waits_are_told_then_left_and_forgotten() -> None:
    """Whose file it is or not: a seat that was offered goes on, the link leads nowhere, nobody is named."""
    rdv = make.rdv(make.motif(make.service(), liste_attente=True), capacite_propre=1)
    theirs = make.usager(rdv.organisation_id, first_name="Zineb", last_name="Oubella", phone=PHONE, email=None)
    another = make.usager(rdv.organisation_id, first_name="Rose", last_name="Bel", phone=None, email=OTHER)
    make.full(rdv)
    mine = make.attente(rdv, theirs, places=2, accompagnants=[{"prenom": "Lila", "nom": "Oubella"}])
    borrowed = make.attente(rdv, another, telephone=PHONE)
    elsewhere = make.rdv(rdv.motif, capacite_propre=1)
    make.full(elsewhere)
    other = make.attente(elsewhere, another)
    db.session.commit()
    tokens = [links.token(links.ATTENTE, row.lien_nonce) for row in (mine, borrowed)]
    said = as_text(demand())["listes d’attente"]
    assert [(one["pour"], one["attend encore"]) for one in said] == [("Zineb Oubella", "oui"), ("Rose Bel", "oui")]
    assert said[0]["avec"] == "Lila Oubella"
    erase_mine(demand())
    db.session.expire_all()
    assert [row.attend for row in (mine, borrowed, other)] == [False, False, True]
    assert rdv.places_attente == 0
    held = everything()
    for word in ("Zineb", "Lila", PHONE, *map(links.fingerprint, tokens)):
        assert word not in held, word
    assert borrowed.usager_id != another.id and other.usager_id == another.id
    assert known(another.id).first_name == "Rose"


def test_what_was_written_about_a_wait_goes_with_it() -> None:
    """Whoever's the file: they proved the address, and have no place."""
    rdv = make.rdv(make.motif(make.service(), liste_attente=True), capacite_propre=1)
    make.full(rdv)
    make.usager(rdv.organisation_id, first_name="Yasmina", last_name="Amrani", phone=PHONE, email=None)
    db.session.commit()
    attente.join(rdv.id, Identity("Yasmina", "Amrani", PHONE, OTHER), envoi="attente")
    sent = db.session.scalars(select(Notification).where(Notification.canal == Canal.COURRIEL)).one()
    sent.etat, sent.envoyee_le, sent.adresse = EtatNotification.ENVOYEE, utcnow(), OTHER
    sent.objet, sent.corps = "Sur la liste d’attente", "Bonjour Yasmina, voilà où vous en êtes"
    db.session.commit()
    sent_id = sent.id
    demande = demand(Canal.COURRIEL, OTHER)
    assert [one["texte"] for one in as_text(demande)["messages"]] == ["Bonjour Yasmina, voilà où vous en êtes"]
    erase_mine(demande)
    db.session.expire_all()
    kept = db.session.get_one(Notification, sent_id)
    assert (kept.adresse, kept.objet, kept.corps) == ("", "", "")
    assert OTHER not in everything()


def test_the_journal_says_how_much_and_not_whom() -> None:
    place = book(make_rdv())
    erase_mine(demand())
    (line,) = db.session.scalars(select(Journal).where(Journal.action == "donnees_supprimees"))
    assert (line.acteur, line.details, line.organisation_id) == (
        Acteur.USAGER,
        {"rendez_vous": 1},
        place.rdv.organisation_id,
    )


def make_rdv(**fields: Any) -> Rdv:
    rdv = make.rdv(**fields)
    db.session.commit()
    return rdv


def test_messages_not_sent_yet_do_not_leave_and_those_kept_are_emptied() -> None:
    rdv = make_rdv()
    place = book(rdv)
    sent = db.session.scalars(select(Notification).where(Notification.canal == Canal.SMS)).one()
    sent.etat, sent.envoyee_le, sent.adresse = EtatNotification.ENVOYEE, utcnow(), PHONE
    sent.corps = "Bonjour Yasmina [lien personnel]"
    db.session.add(MessageDemo(canal=Canal.SMS, cle_envoi="x", de="MDS", a=PHONE, corps="Bonjour Yasmina"))
    db.session.commit()
    erase_mine(demand())
    claim = messages.take("default")
    from webapp.notifications.compose import Ignored, compose
    from webapp.queries import notifications as outbox

    batch = outbox.load_batch(claim.ids, claim.until)
    assert batch.notifications and all(
        isinstance(compose(row, batch, utcnow()), Ignored) for row in batch.notifications
    )
    assert place.statut is Statut.EXCUSE and "Yasmina" not in everything()


def test_a_household_goes_with_who_reads_its_messages() -> None:
    org = make.organisation()
    parent = make.usager(org, first_name="Yasmina", phone=PHONE)
    child = make.usager(org, first_name="Léa", phone=None, responsable=parent)
    rdv = make.rdv(make.motif(make.service(org)))
    make.participation(rdv, parent), make.participation(rdv, child)
    db.session.commit()
    assert erase_mine(demand()).liberees == 2
    assert {known(parent.id).last_name, known(child.id).last_name} == {"Anonyme"}


def test_who_answers_for_a_child_with_a_place_elsewhere_stays() -> None:
    """The child's other place goes by another contact: the two files are not only that contact's."""
    org = make.organisation()
    parent = make.usager(org, first_name="Yasmina", phone=PHONE)
    child = make.usager(org, first_name="Léa", phone=None, responsable=parent)
    rdv, other = (make.rdv(make.motif(make.service(org))) for _ in range(2))
    here = make.participation(rdv, child)
    there = make.participation(other, child, telephone="+33639980077")
    db.session.commit()
    assert erase_mine(demand()).liberees == 1
    assert known(parent.id).first_name == "Yasmina" and known(child.id).first_name == "Léa"
    assert there.statut is Statut.INSCRIT and there.usager_id == child.id and there.telephone == "+33639980077"
    assert here.usager_id != child.id and known(here.usager_id).anonymise_le


def test_a_place_with_a_contact_of_its_own_leaves_the_file_of_somebody_else() -> None:
    """A stranger knows Yasmina's name and number: what they booked with an address of theirs goes, her file stays."""
    first, second = make_rdv(), None
    hers = book(first)
    second = make_rdv(of=first.motif)
    strangers = book(second, Identity("Yasmina", "Amrani", PHONE, OTHER))
    assert strangers.usager_id == hers.usager_id
    file_id, before = hers.usager_id, sorted(db.session.scalars(select(UsagerCle.cle)))
    assert erase_mine(demand(Canal.COURRIEL, OTHER)).rendez_vous == 1
    assert (known(file_id).first_name, known(file_id).phone) == ("Yasmina", PHONE)
    assert hers.statut is Statut.INSCRIT and hers.usager_id == file_id
    assert strangers.usager_id != file_id and strangers.courriel is None and strangers.statut is Statut.EXCUSE
    assert sorted(db.session.scalars(select(UsagerCle.cle))) == before
    assert OTHER not in everything()


def test_a_stranger_s_address_in_a_file_gives_nothing_of_whom_it_names() -> None:
    """A file made by a stranger with Yasmina's name and number and an address of theirs, then used by her."""
    rdv = make_rdv()
    made = book(rdv, Identity("Yasmina", "Amrani", PHONE, OTHER))
    hers = book(make_rdv(of=rdv.motif), Identity("Yasmina", "Amrani", PHONE))
    assert made.usager_id == hers.usager_id
    text = json.dumps(as_text(demand(Canal.COURRIEL, OTHER)), ensure_ascii=False)
    assert PHONE not in text
    erase_mine(demand(Canal.COURRIEL, OTHER))
    db.session.refresh(hers)
    assert hers.statut is Statut.INSCRIT and known(hers.usager_id).phone == PHONE


def test_a_file_without_any_place_goes_too() -> None:
    usager = make.usager(make.organisation(), phone=PHONE)
    db.session.commit()
    done = erase_mine(demand())
    assert (done.liberees, done.rendez_vous) == (0, 0) and known(usager.id).anonymise_le


def test_an_unknown_contact_erases_nothing() -> None:
    book(make_rdv())
    before = sorted(str(tuple(row)) for row in db.session.execute(select(Usager)))
    assert erase_mine(demand(Canal.SMS, "+33639980099")).rendez_vous == 0
    assert sorted(str(tuple(row)) for row in db.session.execute(select(Usager))) == before


def test_every_organisation_is_told_in_its_journal() -> None:
    places = [book(make_rdv()) for _ in range(2)]
    erase_mine(demand())
    lines = db.session.scalars(select(Journal.organisation_id).where(Journal.action == "donnees_supprimees")).all()
    assert sorted(lines) == sorted(place.rdv.organisation_id for place in places)


def test_who_books_while_it_goes_on_keeps_what_they_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the seats given back and the file erased, the same person books again."""
    rdv, other = make_rdv(), make_rdv()
    place = book(rdv)
    again = make_rdv(of=rdv.motif)
    give_back = mes_donnees.change_statut

    def and_book(place_id: int, *args: Any, **options: Any) -> Any:
        done = give_back(place_id, *args, **options)
        book(again)
        return done

    monkeypatch.setattr(mes_donnees, "change_statut", and_book)
    erase_mine(demand())
    db.session.expire_all()
    (kept,) = again.participations
    assert kept.statut is Statut.INSCRIT and kept.usager.first_name == "Yasmina" and kept.usager.phone == PHONE
    assert place.usager_id != kept.usager_id and other.places_prises == 0


def test_what_is_given_back_before_a_failure_can_be_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    place = book(make_rdv())
    demande = demand()

    def busy(*_: object) -> None:
        raise Occupe

    with monkeypatch.context() as broken_for_now:
        broken_for_now.setattr(mes_donnees, "erase", busy)
        with pytest.raises(Occupe):
            erase_mine(demande)
    db.session.expire_all()
    assert place.statut is Statut.EXCUSE and known(place.usager_id).phone == PHONE
    done = erase_mine(demande)
    assert (done.liberees, done.rendez_vous) == (0, 1) and known(place.usager_id).anonymise_le


def test_the_file_says_all_that_is_kept_and_nothing_of_others() -> None:
    motif = make.motif(make.service(), champs=["telephone", "courriel", "numero_dossier"])
    rdv = make.rdv(motif, lieu_id=make.lieu(motif.organisation).id)
    make.participation(rdv, make.usager(motif.organisation_id, first_name="Karim"))
    db.session.commit()
    place = book(rdv, Identity("Yasmina", "Amrani", PHONE, MAIL, numero_dossier="A12"))
    sent = db.session.scalars(select(Notification).where(Notification.canal == Canal.SMS)).one()
    sent.adresse, sent.corps = PHONE, "Votre place est réservée [lien personnel]"
    place.raison = "Je suis malade"
    db.session.commit()
    text = json.dumps(as_text(demand()), ensure_ascii=False)
    for word in ("Yasmina", "Amrani", PHONE, MAIL, "A12", "Mes droits au RSA", "Maison des solidarités", "Inscrit"):
        assert word in text, word
    for word in ("en ligne", "Je suis malade", "Votre place est réservée [lien personnel]"):
        assert word in text, word
    assert "Karim" not in text and place.lien_nonce not in text and place.lien_hash not in text


def test_as_many_statements_whatever_there_is(app: Flask) -> None:
    from tests.databases import statements

    book(make_rdv())
    demande = demand()

    def cost() -> int:
        db.session.expire_all()
        with statements() as seen:
            as_text(demande)
        return len(seen)

    one = cost()
    motif = db.session.scalars(select(Rdv)).first().motif  # type: ignore[union-attr]
    usager = db.session.scalars(select(Usager)).one()
    for n in range(10):
        make.participation(make.rdv(motif, starts_at=utcnow() - n * DAY), usager)
    db.session.commit()
    assert cost() == one


def test_a_file_alone_with_its_invitation_is_given_then_erased() -> None:
    """Nobody booked: the code comes all the same, and what is kept goes."""
    motif = make.motif(make.service())
    person = make.usager(motif.organisation_id, first_name="Zineb", last_name="Oubella", phone=PHONE)
    row = make.invitation(motif, person)
    db.session.commit()
    token = links.token(links.INVITATION, row.lien_nonce)
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 0
    said = as_text(demand())
    assert db.session.scalar(select(func.count()).select_from(Notification)) == 1, "a code was promised"
    assert [one["nom"] for one in said["personnes"]] == ["Oubella"]
    assert [(one["pour"], one["atelier"]) for one in said["invitations"]] == [("Zineb Oubella", motif.name)]
    erase_mine(demand())
    held = everything()
    assert not [word for word in ("Zineb", PHONE, links.fingerprint(token)) if word in held]
    assert db.session.scalars(select(Journal.action)).all() == ["donnees_supprimees"]


def test_who_corrected_every_contact_is_told_of_the_file_and_it_forgets_the_old_one() -> None:
    """The places are another contact's: neither shown nor touched. The file forgets the contact that was proven, and
    nobody is recognised by it any more; an invitation that went nowhere else is closed."""
    rdv = make.rdv()
    person = make.usager(rdv.organisation_id, first_name="Zineb", last_name="Oubella", phone=PHONE, numero_dossier="D7")
    place = make.participation(rdv, person, telephone="+33639980042")
    row = make.invitation(rdv.motif, person)
    db.session.commit()
    said = as_text(demand())
    assert said["personnes"] == [{"prénom": "Zineb", "nom": "Oubella", "téléphone": PHONE}]
    assert said["rendez-vous"] == [] and len(said["invitations"]) == 1
    erase_mine(demand())
    after = known(person.id)
    assert (after.first_name, after.phone, after.numero_dossier) == ("Zineb", None, "D7") and PHONE not in everything()
    assert db.session.scalar(select(func.count()).select_from(UsagerCle)) == 0
    db.session.expire_all()
    assert (place.statut, place.telephone) == (Statut.INSCRIT, "+33639980042") and row.retiree_le is not None
