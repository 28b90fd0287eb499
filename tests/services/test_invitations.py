"""Invitations: sent once, renewed, withdrawn; one seat at most, whoever uses them at once (docs/domain.md rule 8)."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update

from tests import factories as make
from webapp import links
from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.errors import AutreSeance, Complet, DomainError, Ferme, Interdit, Introuvable, Refus
from webapp.domain.invitations import LIFE, EtatInvitation
from webapp.domain.participation import Acteur, Statut
from webapp.extensions import db
from webapp.models import Agent, Invitation, Journal, Motif, Notification, Participation, Rdv, Usager
from webapp.queries import invitations as queries
from webapp.queries import public
from webapp.services import booking, invitations
from webapp.services.checks import broken
from webapp.services.retention import purge


@pytest.fixture(autouse=True)
def in_context(app: Flask):  # type: ignore[no-untyped-def]
    with app.app_context():
        yield


@pytest.fixture
def motif() -> Motif:
    found = make.motif(reservable_par=ReservablePar.INVITES)
    db.session.commit()
    return found


@pytest.fixture
def agent(motif: Motif) -> Agent:
    found = make.agent(motif.service)
    db.session.commit()
    return found


@pytest.fixture
def person(motif: Motif) -> Usager:
    found = make.usager(motif.organisation_id, email="yasmina@exemple.fr")
    db.session.commit()
    return found


def session(motif: Motif, days: int = 10, **fields: object) -> Rdv:
    found = make.rdv(motif, starts_at=utcnow() + timedelta(days=days), **fields)
    db.session.commit()
    return found


def take(row: Invitation, rdv: Rdv, envoi: str = "f1", *, changer: bool = False) -> booking.Booking:
    """Book as the invited person's browser does."""
    return booking.book_seat(
        rdv.id,
        None,
        by=Acteur.USAGER,
        envoi=envoi,
        usager_id=row.usager_id,
        invitation_id=row.id,
        changer=changer,
    )


def rows() -> list[Notification]:
    db.session.rollback()
    question = select(Notification).where(Notification.event == "invitation").order_by(Notification.id)
    return list(db.session.scalars(question))


def etat(row: Invitation) -> EtatInvitation:
    db.session.rollback()
    return queries.of_people(row.motif_id, [row.usager_id], utcnow())[row.usager_id]


def places() -> list[tuple[int, Statut]]:
    db.session.rollback()
    question = select(Participation).order_by(Participation.rdv_id)
    return [(place.rdv_id, place.statut) for place in db.session.scalars(question)]


# --- inviting ------------------------------------------------------------------------------------------------------


def test_somebody_is_invited_for_twelve_weeks_and_told_by_each_channel(
    motif: Motif, agent: Agent, person: Usager
) -> None:
    row = invitations.invite(person.id, motif, agent, envoi="f1")
    assert row.expire_le - row.envoyee_le == LIFE == timedelta(weeks=12)
    assert links.fingerprint(links.token(links.INVITATION, row.lien_nonce)) == row.lien_hash
    assert [(n.canal, n.sujet_id, n.changement, n.destinataire_id) for n in rows()] == [
        ("sms", row.id, "v1", person.id),
        ("courriel", row.id, "v1", person.id),
    ]
    assert not any(n.par_formulaire for n in rows())
    assert etat(row) is EtatInvitation.ENVOYEE
    (line,) = db.session.scalars(select(Journal).where(Journal.sujet_type == "invitation"))
    assert (line.action, line.sujet_id, line.agent_id, line.details) == ("invitation_envoyee", row.id, agent.id, {})


def test_the_same_form_twice_invites_once(motif: Motif, agent: Agent, person: Usager) -> None:
    first = invitations.invite(person.id, motif, agent, envoi="f1")
    again = invitations.invite(person.id, motif, agent, envoi="f1")
    assert (first.id, again.version, len(rows())) == (again.id, 1, 2)


def test_a_live_one_is_renewed_with_its_link(motif: Motif, agent: Agent, person: Usager) -> None:
    row = invitations.invite(person.id, motif, agent, envoi="f1")
    nonce, until = row.lien_nonce, row.expire_le
    invitations.note_opened(row.id)
    with time_machine.travel(utcnow() + timedelta(weeks=2), tick=False):
        again = invitations.invite(person.id, motif, agent, envoi="f2")
        assert (again.id, again.lien_nonce, again.version) == (row.id, nonce, 2)
        assert again.expire_le - until >= timedelta(weeks=2) and again.ouverte_le is None
        assert [n.changement for n in rows()] == ["v1", "v1", "v2", "v2"]
        silent = invitations.invite(person.id, motif, agent, envoi="f3", prevenir=False)
        assert (silent.version, len(rows())) == (3, 4)
    actions = [line.action for line in db.session.scalars(select(Journal).order_by(Journal.id))]
    assert actions == ["invitation_envoyee", "invitation_renouvelee", "invitation_renouvelee"]
    assert db.session.scalar(select(func.count()).select_from(Invitation)) == 1


@pytest.mark.parametrize("over", ["retirée", "expirée"])
def test_one_that_is_over_gets_another_link(motif: Motif, agent: Agent, person: Usager, over: str) -> None:
    row = invitations.invite(person.id, motif, agent, envoi="f1")
    old = row.lien_hash
    if over == "retirée":
        invitations.withdraw(row.id, agent)
    later = utcnow() + (LIFE if over == "expirée" else timedelta())
    with time_machine.travel(later, tick=False):
        assert etat(row) in (EtatInvitation.RETIREE, EtatInvitation.EXPIREE)
        assert invitations.find(old) is None
        with pytest.raises(Refus, match="n’arriverait à personne"):
            invitations.invite(person.id, motif, agent, envoi="f2", prevenir=False)
        again = invitations.invite(person.id, motif, agent, envoi="f2")
        assert again.lien_hash != old and invitations.find(old) is None
        found = invitations.find(again.lien_hash)
        assert found is not None and found.id == row.id


def test_who_can_not_be_invited_and_why(motif: Motif, agent: Agent, person: Usager) -> None:
    unreachable = make.usager(motif.organisation_id, phone="+33475990104")
    refuses = make.usager(motif.organisation_id, notify_by_sms=False)
    stranger = make.usager(make.organisation())
    voisin = make.agent(make.service(motif.organisation), "agent")
    looks = make.agent(motif.service)
    looks.droits = [right for right in looks.droits if right.droit == "voir"]
    db.session.commit()
    for who in (unreachable, refuses):
        with pytest.raises(Refus, match="l’invitation n’arriverait pas"):
            invitations.invite(who.id, motif, agent, envoi="f1")
    for who, by, error in ((stranger, agent, Introuvable), (person, voisin, Introuvable), (person, looks, Interdit)):
        with pytest.raises(error):
            invitations.invite(who.id, motif, by, envoi="f1")
    rdv = session(motif)
    make.participation(rdv, person)
    db.session.commit()
    with pytest.raises(Refus, match="a déjà une place à une séance de ce motif"):
        invitations.invite(person.id, motif, agent, envoi="f1")
    assert db.session.scalar(select(func.count()).select_from(Invitation)) == 0 and rows() == []


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"archived_at": "now"}, "archivé"),
        ({"visibilite": Visibilite.INVISIBLE}, "invisible"),
        ({"reservable_par": ReservablePar.AGENTS}, "ni au public, ni aux personnes invitées"),
        ({"reservable_par": ReservablePar.ENTREE_LIBRE}, "ni au public, ni aux personnes invitées"),
    ],
)
def test_a_motif_where_nothing_could_be_chosen_invites_nobody(
    motif: Motif, agent: Agent, person: Usager, fields: dict[str, object], why: str
) -> None:
    for name, value in fields.items():
        setattr(motif, name, utcnow() if value == "now" else value)
    db.session.commit()
    with pytest.raises(Refus, match=why):
        invitations.invite(person.id, motif, agent, envoi="f1")


def test_a_session_may_open_what_its_motif_keeps_closed(motif: Motif, agent: Agent, person: Usager) -> None:
    motif.reservable_par = ReservablePar.AGENTS
    rdv = session(motif, reservable_par=ReservablePar.INVITES)
    row = invitations.invite(person.id, motif, agent, envoi="f1")
    assert public.session_by_id(rdv.id) is None
    assert public.session_by_id(rdv.id, motif.id) is rdv
    assert take(row, rdv).deja is False


# --- rule 8 --------------------------------------------------------------------------------------------------------


def test_what_is_for_the_invited_exists_for_nobody_else(motif: Motif, agent: Agent) -> None:
    rdv = session(motif)
    other = session(make.motif(motif.service, reservable_par=ReservablePar.INVITES))
    agents = session(motif, 11, reservable_par=ReservablePar.AGENTS)
    now = utcnow()
    assert public.session_by_id(rdv.id) is None and public.session_by_id(rdv.id, other.motif_id) is None
    assert public.session_by_id(rdv.id, motif.id) is rdv
    assert public.session_by_id(agents.id, motif.id) is None
    assert public.sessions_by_id([rdv.id]) == []
    assert [list(public.coming(motif, now, limit=9, invited=yes)) for yes in (False, True)] == [[], [rdv]]
    assert [public.count_coming(motif, now, invited=yes) for yes in (False, True)] == [0, 1]
    assert [list(public.bookable(motif, now, 9, invited=yes)) for yes in (False, True)] == [[], [rdv]]
    assert public.bookable_motifs(None, now) == []
    motif.visibilite = Visibilite.INVISIBLE
    db.session.commit()
    assert public.session_by_id(rdv.id, motif.id) is None


def test_a_booking_by_invitation_is_the_invited_persons(motif: Motif, person: Usager) -> None:
    rdv, row = session(motif), make.invitation(motif, person)
    db.session.commit()
    done = take(row, rdv)
    place = db.session.get_one(Participation, done.participation_id)
    assert (place.usager_id, place.origine, place.invitation_id) == (person.id, Acteur.USAGER, row.id)
    assert (place.telephone, place.courriel, place.refus_sms, place.refus_courriel) == (None, None, False, False)
    assert take(row, rdv).participation_id == done.participation_id  # the same form
    assert take(row, rdv, "f2").deja is True  # another one says it again
    assert etat(row) is EtatInvitation.RESERVEE and list(broken()) == []


def test_without_a_valid_invitation_the_same_post_is_refused(motif: Motif, agent: Agent, person: Usager) -> None:
    rdv, row = session(motif), make.invitation(motif, person)
    elsewhere = make.invitation(make.motif(motif.service, reservable_par=ReservablePar.INVITES), person)
    somebody = make.invitation(motif)
    db.session.commit()

    def refused(**options: object) -> None:
        with pytest.raises(Introuvable):
            booking.book_seat(rdv.id, None, by=Acteur.USAGER, envoi="f1", usager_id=person.id, **options)  # type: ignore[arg-type]

    refused()
    refused(invitation_id=elsewhere.id)
    refused(invitation_id=somebody.id)
    refused(invitation_id=9999)
    with time_machine.travel(utcnow() + LIFE - timedelta(days=1), tick=False):
        late = session(motif)
        with time_machine.travel(row.expire_le, tick=False), pytest.raises(Introuvable):
            take(row, late)
    invitations.withdraw(row.id, agent)
    refused(invitation_id=row.id)
    assert places() == []


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"places_prises": 12}, Complet),
        ({"cancelled_at": "now"}, Ferme),
        ({"reservable_par": ReservablePar.AGENTS}, Introuvable),
        ({"starts_at": timedelta(minutes=10)}, Ferme),
        ({"starts_at": timedelta(days=200)}, Ferme),
    ],
)
def test_an_invitation_opens_no_more_than_rule_8_says(
    motif: Motif, person: Usager, values: dict[str, object], error: type[DomainError]
) -> None:
    rdv, row = session(motif), make.invitation(motif, person)
    for name, value in values.items():
        setattr(rdv, name, utcnow() if value == "now" else utcnow() + value if isinstance(value, timedelta) else value)
    rdv.ends_at = rdv.starts_at + timedelta(hours=2)
    db.session.commit()
    with pytest.raises(error):
        take(row, rdv)


# --- one live seat -------------------------------------------------------------------------------------------------


def test_a_second_choice_says_so_then_changes(motif: Motif, person: Usager) -> None:
    first, second, row = session(motif, 5), session(motif, 9), make.invitation(motif, person)
    db.session.commit()
    take(row, first)
    with pytest.raises(AutreSeance):
        take(row, second, "f2")
    assert places() == [(first.id, Statut.INSCRIT)]
    take(row, second, "f2", changer=True)
    assert places() == [(first.id, Statut.EXCUSE), (second.id, Statut.INSCRIT)]
    assert (first.places_prises, second.places_prises) == (0, 1)
    told = db.session.scalars(select(Notification.event).order_by(Notification.id)).all()
    assert set(told) == {"inscription", "desistement"} and list(broken()) == []


def test_a_change_that_is_not_possible_keeps_the_seat_there_was(motif: Motif, person: Usager) -> None:
    first, full, row = session(motif, 5), session(motif, 9), make.invitation(motif, person)
    make.full(full)
    db.session.commit()
    take(row, first)
    with pytest.raises(Complet):
        take(row, full, "f2", changer=True)
    assert (first.id, Statut.INSCRIT) in places() and first.places_prises == 1 and list(broken()) == []


def test_a_seat_an_agent_gave_counts_too(motif: Motif, agent: Agent, person: Usager) -> None:
    first, second, row = session(motif, 5), session(motif, 9), make.invitation(motif, person)
    db.session.commit()
    booking.book_seat(first.id, None, by=Acteur.AGENT, envoi="f1", agent=agent, usager_id=person.id)
    assert etat(row) is EtatInvitation.RESERVEE
    with pytest.raises(AutreSeance):
        take(row, second)


def test_nobody_comes_back_to_a_seat_of_an_agent_beside_the_one_they_chose(
    motif: Motif, agent: Agent, person: Usager
) -> None:
    row, first, second = make.invitation(motif, person), session(motif), session(motif, 12)
    given = booking.book_seat(first.id, None, by=Acteur.AGENT, envoi="a1", agent=agent, usager_id=person.id)
    place = given.participation_id
    taken = take(row, second, changer=True)
    with pytest.raises(Refus, match="une seule place"):
        booking.change_statut(place, Statut.INSCRIT, by=Acteur.USAGER)
    first.reservable_par = ReservablePar.TOUS  # anybody could book it
    db.session.commit()
    assert booking.change_statut(place, Statut.INSCRIT, by=Acteur.USAGER).statut is Statut.INSCRIT
    booking.change_statut(place, Statut.EXCUSE, by=Acteur.USAGER)
    first.reservable_par = None
    booking.change_statut(taken.participation_id, Statut.EXCUSE, by=Acteur.USAGER)
    assert booking.change_statut(place, Statut.INSCRIT, by=Acteur.USAGER).statut is Statut.INSCRIT


def test_after_giving_the_seat_back_it_may_be_used_again(motif: Motif, person: Usager) -> None:
    first, second, row = session(motif, 5), session(motif, 9), make.invitation(motif, person)
    db.session.commit()
    place = take(row, first).participation_id
    booking.change_statut(place, Statut.EXCUSE, by=Acteur.USAGER)
    assert etat(row) is EtatInvitation.ENVOYEE
    take(row, second, "f2")
    with pytest.raises(Refus, match="une autre séance depuis"):
        booking.change_statut(place, Statut.INSCRIT, by=Acteur.USAGER)
    assert places() == [(first.id, Statut.EXCUSE), (second.id, Statut.INSCRIT)] and list(broken()) == []


def test_once_the_session_began_the_invitation_has_served_until_it_is_sent_again(
    motif: Motif, agent: Agent, person: Usager
) -> None:
    first, row = session(motif, 5), make.invitation(motif, person)
    db.session.commit()
    take(row, first)
    with time_machine.travel(first.ends_at, tick=False):
        later = session(motif, 5)
        with pytest.raises(Refus, match="a déjà servi"):
            take(row, later, "f2", changer=True)
        again = invitations.invite(person.id, motif, agent, envoi="f1")
        assert etat(again) is EtatInvitation.ENVOYEE
        take(again, later, "f3")
        assert list(broken()) == []


# --- withdrawn, forgotten, broken ----------------------------------------------------------------------------------


def test_withdrawing_keeps_the_seat_and_is_said_once(motif: Motif, agent: Agent, person: Usager) -> None:
    rdv, row = session(motif), make.invitation(motif, person)
    voisin = make.agent(make.service(motif.organisation))
    db.session.commit()
    take(row, rdv)
    with pytest.raises(Introuvable):
        invitations.withdraw(row.id, voisin)
    invitations.withdraw(row.id, agent)
    invitations.withdraw(row.id, agent)
    assert invitations.find(row.lien_hash) is None and places() == [(rdv.id, Statut.INSCRIT)]
    question = select(func.count()).where(Journal.action == "invitation_retiree")
    assert db.session.scalar(question) == 1 and etat(row) is EtatInvitation.RESERVEE


def test_who_was_invited_lately_is_not_forgotten_yet(motif: Motif, person: Usager) -> None:
    motif.organisation.retention_mois = 3
    person.cree_le = utcnow()
    row = make.invitation(motif, person)
    db.session.commit()
    person_id, until = person.id, row.expire_le
    purge(until + timedelta(days=80))
    assert db.session.get_one(Usager, person_id).anonymise_le is None
    purge(until + timedelta(days=95))
    db.session.expire_all()
    assert db.session.get_one(Usager, person_id).anonymise_le is not None


def test_the_recount_sees_an_invitation_used_twice_or_by_somebody_else(motif: Motif, person: Usager) -> None:
    row = make.invitation(motif, person)
    for days in (4, 5):
        make.participation(session(motif, days), person, invitation_id=row.id)
    make.participation(session(motif, 6), invitation_id=row.id)
    db.session.commit()
    said = list(broken())
    assert f"invitation {row.id}: 2 live seats" in " ".join(said)
    assert any("taken by an invitation to somebody else" in line for line in said)
    db.session.execute(update(Participation).values(invitation_id=None))
    db.session.commit()
    assert list(broken()) == []
