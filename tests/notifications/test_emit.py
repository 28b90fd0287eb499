"""Who is told what: the matrix of docs/notifications.md, row by row, as rows of the outbox."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select

from tests import factories as make
from webapp.clock import utcnow
from webapp.domain.capacity import Visibilite
from webapp.domain.events import Annulation, Desistement, Event, Inscription, MotDePasse, Rappel, Retrait
from webapp.extensions import db
from webapp.models import Agent, ConfirmationSms, NiveauNotification, Notification, Participation, Rdv
from webapp.notifications.base import emit
from webapp.notifications.people import prevenus
from webapp.queries import notifications as queries
from webapp.services.transaction import transaction


@pytest.fixture(autouse=True)
def _context(app: Flask):
    with app.app_context():
        yield


@pytest.fixture
def seat() -> Participation:
    """A booking by somebody with a mobile and an e-mail."""
    rdv = make.rdv()
    found = make.participation(rdv, make.usager(rdv.organisation_id, email="yasmina@exemple.fr"))
    db.session.commit()
    return found


def told(what: Event) -> list[tuple[str, str, int]]:
    """Emit in a transaction: (channel, kind of reader, reader) of what is now in the outbox for that event."""
    with transaction():
        emit(what)
    rows = db.session.scalars(select(Notification).order_by(Notification.id))
    return [(row.canal.value, row.destinataire_type, row.destinataire_id) for row in rows]


def channels(what: Event) -> set[str]:
    return {canal for canal, _, _ in told(what)}


def booked(seat: Participation, **more: object) -> Inscription:
    return Inscription(participation_id=seat.id, version=seat.version, **more)


def cancelled(rdv: Rdv, *seats: Participation) -> Annulation:
    return Annulation(rdv_id=rdv.id, version=rdv.version, participation_ids=tuple(s.id for s in seats))


def change(row: object, **values: object) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    db.session.commit()


def test_a_booking_is_told_by_every_channel_the_person_has(seat: Participation) -> None:
    assert told(booked(seat)) == [("sms", "usager", seat.usager_id), ("courriel", "usager", seat.usager_id)]
    row = db.session.scalars(select(Notification)).first()
    assert (row.event, row.sujet_type, row.sujet_id, row.changement) == ("inscription", "participation", seat.id, "v1")
    assert (row.rdv_id, row.participation_ids, row.file, row.adresse) == (seat.rdv_id, [seat.id], "default", "")


def test_the_same_event_promises_once_another_version_again(seat: Participation) -> None:
    assert len(told(booked(seat))) == len(told(booked(seat))) == 2
    assert len(told(Inscription(participation_id=seat.id, version=2))) == 4


def test_nothing_is_promised_when_the_change_is_undone(seat: Participation) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        emit(booked(seat))
        raise ZeroDivisionError
    assert db.session.scalars(select(Notification)).all() == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"notify_by_sms": False}, {"courriel"}),
        ({"notify_by_email": False}, {"sms"}),
        ({"notify_by_sms": False, "notify_by_email": False}, set()),
        ({"phone": None}, {"courriel"}),
        ({"email": None}, {"sms"}),
        ({"phone": "+33475990101"}, {"courriel"}),  # a landline is never texted
        ({"phone": "+262692123456"}, {"sms", "courriel"}),
        ({"phone": None, "email": None}, set()),
    ],
)
def test_only_by_channels_they_have_and_accept(seat: Participation, fields: dict, expected: set[str]) -> None:
    change(seat.usager, **fields)
    assert channels(booked(seat)) == expected


def test_the_contact_given_with_the_booking_goes_first(seat: Participation) -> None:
    change(seat.usager, phone=None, email=None)
    change(seat, telephone="+33639980055")
    assert channels(booked(seat)) == {"sms"}


@pytest.mark.parametrize(
    ("rule", "days", "email", "expected"),
    [
        (ConfirmationSms.TOUJOURS, 10, "a@exemple.fr", {"sms", "courriel"}),
        (ConfirmationSms.SANS_COURRIEL, 10, "a@exemple.fr", {"courriel"}),
        (ConfirmationSms.SANS_COURRIEL, 10, None, {"sms"}),
        (ConfirmationSms.SOUS_48H, 10, "a@exemple.fr", {"courriel"}),
        (ConfirmationSms.SOUS_48H, 1, "a@exemple.fr", {"sms", "courriel"}),
        (ConfirmationSms.SOUS_48H, 10, None, {"sms"}),
    ],
)
def test_the_organisation_decides_about_the_text_that_confirms(
    seat: Participation, rule: ConfirmationSms, days: int, email: str | None, expected: set[str]
) -> None:
    starts = utcnow() + timedelta(days=days)
    change(seat.rdv, starts_at=starts, ends_at=starts + timedelta(hours=2))
    change(seat.rdv.organisation, confirmation_sms=rule)
    change(seat.usager, email=email)
    assert channels(booked(seat)) == expected


def test_who_gives_up_is_texted_only_without_email(seat: Participation) -> None:
    assert channels(Desistement(participation_id=seat.id, version=2)) == {"courriel"}
    change(seat.usager, email=None)
    assert channels(Desistement(participation_id=seat.id, version=3)) == {"courriel", "sms"}


@pytest.mark.parametrize("visibility", [Visibilite.VISIBLE_NON_NOTIFIE, Visibilite.INVISIBLE])
def test_motifs_that_notify_nobody_still_announce_what_is_lost(seat: Participation, visibility: Visibilite) -> None:
    change(seat.rdv.motif, visibilite=visibility)
    assert channels(booked(seat)) == set()
    assert channels(Desistement(participation_id=seat.id, version=1)) == set()
    due = Rappel(
        rdv_id=seat.rdv_id, delai=48, starts_at_utc=seat.rdv.starts_at.isoformat(), participation_ids=(seat.id,)
    )
    assert channels(due) == set()
    assert channels(Retrait(participation_id=seat.id, version=1)) == {"sms", "courriel"}
    assert len(told(cancelled(seat.rdv, seat))) == 4


def test_about_a_session_already_started_nothing_goes_out(seat: Participation) -> None:
    starts = utcnow() - timedelta(minutes=1)
    change(seat.rdv, starts_at=starts, ends_at=starts + timedelta(hours=2))
    for what in (booked(seat), Retrait(participation_id=seat.id, version=1), cancelled(seat.rdv, seat)):
        assert told(what) == []


def test_who_is_not_to_be_told_is_not(seat: Participation) -> None:
    change(seat, prevenir=False)
    assert told(booked(seat)) == []
    assert told(cancelled(seat.rdv, seat)) == []


def test_reminders_go_to_those_who_want_them(seat: Participation) -> None:
    due = Rappel(
        rdv_id=seat.rdv_id, delai=48, starts_at_utc=seat.rdv.starts_at.isoformat(), participation_ids=(seat.id,)
    )
    change(seat, rappeler=False)
    assert told(due) == []
    change(seat, rappeler=True)
    assert {canal for canal, _, _ in told(due)} == {"sms", "courriel"}


def agents_of(rdv: Rdv, **fields: object) -> Agent:
    service = rdv.motif.service
    found = make.agent(service, **fields)
    rdv.agents.append(found)
    db.session.commit()
    return found


def test_agents_are_told_by_their_own_level_and_never_of_what_they_did(seat: Participation) -> None:
    rdv = seat.rdv
    everything = agents_of(rdv)
    author = agents_of(rdv)
    agents_of(rdv, niveau_notification=NiveauNotification.AUCUNE)
    near = agents_of(rdv, niveau_notification=NiveauNotification.PROCHES)
    agents_of(rdv, actif=False)
    assert [t for t in told(booked(seat, auteur_agent_id=author.id)) if t[1] == "agent"] == [
        ("courriel", "agent", everything.id)
    ]
    starts = utcnow() + timedelta(hours=5)
    change(rdv, starts_at=starts, ends_at=starts + timedelta(hours=2))
    with transaction():
        emit(Retrait(auteur_agent_id=author.id, participation_id=seat.id, version=9))
    told_now = db.session.scalars(
        select(Notification.destinataire_id).where(
            Notification.event == "retrait", Notification.destinataire_type == "agent"
        )
    )
    assert set(told_now) == {everything.id, near.id}


def test_asking_again_tells_the_person_only_and_once_a_day(seat: Participation) -> None:
    agents_of(seat.rdv)
    again = booked(seat, deja_le="2026-03-03")
    assert [kind for _, kind, _ in told(again)] == ["usager", "usager"]
    assert len(told(again)) == 2


def household(rdv: Rdv) -> tuple[Participation, ...]:
    parent = make.usager(rdv.organisation_id, first_name="Nadège", email="nadege@exemple.fr")
    children = [
        make.usager(rdv.organisation_id, first_name=name, phone=None, responsable=parent)
        for name in ("Léa", "Tom", "Zoé")
    ]
    seats = tuple(make.participation(rdv, who) for who in (parent, *children))
    db.session.commit()
    return seats


def test_a_household_gets_one_message_by_channel(seat: Participation) -> None:
    family = household(seat.rdv)
    parent = family[0].usager_id
    assert told(cancelled(seat.rdv, seat, *family)) == [
        ("sms", "usager", seat.usager_id),
        ("courriel", "usager", seat.usager_id),
        ("sms", "usager", parent),
        ("courriel", "usager", parent),
    ]
    rows = db.session.scalars(select(Notification).where(Notification.destinataire_id == parent)).all()
    assert {tuple(row.participation_ids) for row in rows} == {tuple(p.id for p in family)}


def test_a_child_s_place_is_told_to_who_answers_for_them(seat: Participation) -> None:
    family = household(seat.rdv)
    assert told(booked(family[1])) == [
        ("sms", "usager", family[0].usager_id),
        ("courriel", "usager", family[0].usager_id),
    ]


def test_a_forgotten_password_goes_to_the_agent_by_the_urgent_queue(seat: Participation) -> None:
    agent = agents_of(seat.rdv)
    assert told(MotDePasse(agent_id=agent.id, version=1)) == [("courriel", "agent", agent.id)]
    assert db.session.scalar(select(Notification.file)) == "urgent"


def counted(what: Event) -> int:
    """SQL statements of one emit, in a session that has nothing loaded."""
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    db.session.remove()
    engine = db.engine
    with transaction():
        event.listen(engine, "before_cursor_execute", note)
        try:
            emit(what)
        finally:
            event.remove(engine, "before_cursor_execute", note)
    return len([s for s in statements if not s.startswith("BEGIN")])


def test_five_hundred_people_cost_as_many_statements_as_five() -> None:
    few, many = make.rdv(), make.rdv()
    for rdv, number in ((few, 5), (many, 500)):
        for _ in range(number):
            make.participation(rdv, make.usager(rdv.organisation_id, email="x@exemple.fr"))
    db.session.commit()
    events = [cancelled(rdv, *queries.active_participations(rdv.id)) for rdv in (few, many)]
    assert counted(events[0]) == counted(events[1]) <= 8
    rows = db.session.scalars(select(Notification).where(Notification.rdv_id == events[1].rdv_id)).all()
    assert len(rows) == 1000
    assert {row.file for row in rows} == {"mass"}
    assert len({row.cle_envoi for row in rows}) == 1000


def test_a_booking_just_made_costs_one_read_and_one_insert(seat: Participation) -> None:
    statements: list[str] = []
    engine = db.engine
    with transaction():
        row = db.session.get(Participation, seat.id)
        _known = (row.rdv.motif, row.rdv.organisation, row.usager)

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            statements.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            emit(booked(seat))
        finally:
            event.remove(engine, "before_cursor_execute", note)
    assert [s.split()[0] for s in statements] == ["SELECT", "INSERT"]  # the session's agents, the rows


def test_the_page_says_before_the_click_who_will_get_what(seat: Participation) -> None:
    rdv = seat.rdv
    household(rdv)
    unreachable = make.usager(rdv.organisation_id, phone="+33475990102")
    make.participation(rdv, unreachable)
    db.session.commit()
    found = prevenus(queries.active_participations(rdv.id))
    assert (found.personnes, found.sms, found.courriels, found.a_appeler) == (3, 2, 2, [unreachable])
    assert found.phrase == "2 SMS, 2 courriels, 1 à appeler"
