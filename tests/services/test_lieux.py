"""Places and rooms: what may be saved, what people booked there are told, once, and what the journal keeps."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from tests import factories as make
from tests.databases import statements
from webapp.clock import utcnow
from webapp.domain.errors import Interdit, Introuvable, Perime, Refus
from webapp.domain.participation import Statut
from webapp.extensions import db
from webapp.models import Agent, Canal, Journal, Lieu, Notification, Rdv, Salle
from webapp.notifications.people import prevenus
from webapp.queries import lieux as queries
from webapp.services import lieux
from webapp.services.checks import broken
from webapp.services.plages import materialise

WANTED = {"name": "Espace Rosa-Parks", "address": "1 place Haute", "postal_code": "26990", "city": "Valmont"}


@pytest.fixture(autouse=True)
def application_context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


@dataclass
class Place:
    """An organisation with one place, one room, an admin and sessions there."""

    admin: Agent = field(init=False)
    lieu: Lieu = field(init=False)
    salle: Salle = field(init=False)
    rdvs: list[Rdv] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service = make.service()
        self.org = self.service.organisation
        self.admin = make.agent(self.service, "admin")
        self.motif = make.motif(self.service)
        self.lieu = make.lieu(self.org)
        self.salle = make.salle(self.lieu)
        db.session.commit()

    def session(self, *contacts: dict[str, str | None], **fields: object) -> Rdv:
        rdv = make.rdv(self.motif, **{"lieu_id": self.lieu.id, "salle_id": self.salle.id, **fields})  # type: ignore[arg-type]
        for contact in contacts:
            make.participation(rdv, make.usager(self.org, **contact))
        db.session.commit()
        self.rdvs.append(rdv)
        return rdv


def again(row: Rdv) -> Rdv:
    return db.session.get_one(Rdv, row.id, populate_existing=True)


def promised() -> list[Notification]:
    return list(
        db.session.scalars(
            select(Notification)
            .where(Notification.event == "modification", Notification.destinataire_type == "usager")
            .order_by(Notification.id)
        )
    )


def lines(action: str) -> list[Journal]:
    return list(db.session.scalars(select(Journal).where(Journal.action == action).order_by(Journal.id)))


def test_a_place_is_created_once_and_written_in_the_journal() -> None:
    place = Place()
    made, changed = lieux.save_lieu(None, dict(WANTED), place.admin)
    assert changed and made.organisation_id == place.org.id and made.enabled and not made.ponctuel
    same, changed = lieux.save_lieu(None, dict(WANTED), place.admin)
    assert same.id == made.id and not changed
    (line,) = lines("lieu_cree")
    assert line.details["changements"]["name"] == {"de": None, "a": "Espace Rosa-Parks"}
    assert (line.sujet_type, line.sujet_id, line.agent_id) == ("lieu", made.id, place.admin.id)


def test_two_places_are_not_read_as_one() -> None:
    place = Place()
    other, _ = lieux.save_lieu(None, dict(WANTED), place.admin)
    for action in (
        lambda: lieux.save_lieu(None, {**WANTED, "name": "espace ROSA PARKS", "city": "Ailleurs"}, place.admin),
        lambda: lieux.save_lieu(place.lieu.id, {"name": "Espace Rosa-Parks"}, place.admin),
    ):
        with pytest.raises(Refus, match="s’appelle déjà « Espace Rosa-Parks »"):
            action()
    lieux.set_enabled(other.id, False, place.admin)
    with pytest.raises(Refus, match="désactivé : vous pouvez le proposer à nouveau"):
        lieux.save_lieu(place.lieu.id, {"name": "Espace Rosa-Parks"}, place.admin)
    elsewhere = make.agent(make.service(), "admin")
    db.session.commit()
    assert lieux.save_lieu(None, dict(WANTED), elsewhere)[1]  # another organisation's names are its own


def test_a_correction_is_shown_everywhere_and_told_to_nobody_unless_asked() -> None:
    place = Place()
    booked, empty = place.session({}), place.session()
    assert lieux.save_lieu(place.lieu.id, {"address": "5 rue des Lilas"}, place.admin)[1]
    assert promised() == [] and (again(booked).version, again(empty).version) == (2, 2)
    (line,) = lines("lieu_modifie")
    assert line.details["changements"] == {"address": {"de": "3 rue des Lilas", "a": "5 rue des Lilas"}}
    assert (line.details["seances"], line.details["prevenir"]) == (2, False)
    (sheet,) = lines("modification")
    assert sheet.rdv_id == booked.id and sheet.details["prevenir"] is False
    assert sheet.details["de"]["adresse"] == "3 rue des Lilas, 26990 Valmont"


def test_people_booked_there_are_told_once_what_was_and_what_is() -> None:
    place = Place()
    both = {"phone": "+33639981234", "email": "awa@exemple.fr"}
    first = place.session(both, {"phone": None, "email": "luc@exemple.fr"})
    second = place.session({})
    nobody = place.session()
    gone = place.session(cancelled_at=utcnow())
    past = place.session({}, starts_at=utcnow() - timedelta(days=1))
    elsewhere = make.rdv(place.motif, lieu_id=make.lieu(place.org, name="Autre").id)
    make.participation(elsewhere)
    excused = make.participation(first, statut=Statut.EXCUSE)
    db.session.commit()
    data, known = {"name": "Maison Nelson-Mandela"}, lieux.cle(place.lieu)
    assert lieux.save_lieu(place.lieu.id, data, place.admin, connu=known, prevenir=True)[1]
    assert not lieux.save_lieu(place.lieu.id, data, place.admin, connu=known, prevenir=True)[1]
    rows = promised()
    assert sorted((row.rdv_id, row.canal) for row in rows) == sorted(
        [(first.id, Canal.SMS), (first.id, Canal.COURRIEL), (first.id, Canal.COURRIEL), (second.id, Canal.SMS)]
    )
    assert all(row.avant is not None and row.avant["lieu"] == "Maison des solidarités" for row in rows)
    assert excused.id not in {place for row in rows for place in row.participation_ids}
    assert [again(rdv).version for rdv in (first, second, nobody, gone, past, elsewhere)] == [2, 2, 2, 1, 1, 1]
    assert len(lines("lieu_modifie")) == 1 and list(broken()) == []


def test_what_nobody_was_told_is_no_news() -> None:
    place = Place()
    rdv = place.session({})
    assert lieux.save_lieu(place.lieu.id, {"pmr": "rampe", "phone": "+33475990101"}, place.admin, prevenir=True)[1]
    assert promised() == [] and again(rdv).version == 1
    assert "prevenir" not in lines("lieu_modifie")[0].details


def test_a_colleague_who_was_faster_is_not_overwritten() -> None:
    place = Place()
    known = lieux.cle(place.lieu)
    lieux.save_lieu(place.lieu.id, {"city": "Montval"}, place.admin, connu=known)
    with pytest.raises(Perime, match="vient de changer : regardez"):
        lieux.save_lieu(place.lieu.id, {"address": "7 rue Basse"}, place.admin, connu=known)


def test_who_would_be_told_counts_a_message_for_each_session() -> None:
    place = Place()
    one, other = place.session(), place.session()
    awa = make.usager(place.org, phone="+33639981234", email="awa@exemple.fr")
    nobody_reaches = make.usager(place.org, phone="+33475990155")
    for rdv in (one, other):
        make.participation(rdv, awa)
        make.participation(rdv, nobody_reaches)
    db.session.commit()
    told = prevenus(queries.booked(place.org.id, place.lieu, utcnow()))
    assert (told.personnes, told.phrase) == (2, "2 SMS, 2 courriels, 1 à appeler")
    assert [person.id for person in told.a_appeler] == [nobody_reaches.id]
    short = prevenus(queries.booked(place.org.id, place.lieu, utcnow()), textes=1)  # the day's budget, whatever is told
    assert (short.sms, short.manquent) == (1, 1)


def test_a_correction_told_to_nobody_costs_the_same_however_many_sessions() -> None:
    place = Place()

    def cost(address: str) -> int:
        db.session.expire_all()
        with statements() as seen:
            assert lieux.save_lieu(place.lieu.id, {"address": address}, place.admin)[1]
        return len(seen)

    place.session({})
    few = cost("5 rue des Lilas")
    for number in range(20):
        place.session({}, starts_at=utcnow() + timedelta(days=number + 1))
    assert cost("7 rue des Lilas") == few


def test_who_said_to_tell_nothing_is_not_counted() -> None:
    place = Place()
    rdv = place.session({})
    make.participation(rdv, prevenir=False)
    db.session.commit()
    told = prevenus(queries.booked(place.org.id, place.lieu, utcnow()))
    assert (told.personnes, told.phrase) == (1, "1 SMS")


def test_a_place_no_longer_proposed_keeps_its_sessions_and_its_plages() -> None:
    place = Place()
    rdv = place.session({})
    plage = make.plage(place.motif, [place.admin], lieu_id=place.lieu.id)
    db.session.commit()
    assert materialise(plage.id) == 1
    for _ in range(2):
        assert not lieux.set_enabled(place.lieu.id, False, place.admin).enabled
    assert again(rdv).lieu_id == place.lieu.id and again(rdv).version == 1 and promised() == []
    assert len(lines("lieu_desactive")) == 1
    assert lieux.set_enabled(place.lieu.id, True, place.admin).enabled and len(lines("lieu_retabli")) == 1


def test_rooms_are_added_renamed_told_and_removed_when_nothing_refers_to_them() -> None:
    place = Place()
    made, changed = lieux.save_salle(place.lieu.id, None, {"name": "Salle B", "capacite": 8}, place.admin)
    assert changed and not lieux.save_salle(place.lieu.id, None, {"name": "Salle B", "capacite": 8}, place.admin)[1]
    with pytest.raises(Refus, match="s’appelle déjà « Salle B »"):
        lieux.save_salle(place.lieu.id, None, {"name": "salle b", "capacite": 9}, place.admin)
    with pytest.raises(Refus, match="au moins une place"):
        lieux.save_salle(place.lieu.id, made.id, {"capacite": 0}, place.admin)
    rdv = place.session({})
    assert lieux.save_salle(place.lieu.id, place.salle.id, {"capacite": 4}, place.admin, prevenir=True)[1]
    assert promised() == [] and (again(rdv).version, again(rdv).capacite_max) == (1, 12)
    for _ in range(2):
        lieux.save_salle(place.lieu.id, place.salle.id, {"name": "Salle Lovelace"}, place.admin, prevenir=True)
    (row,) = promised()
    assert row.avant is not None and row.avant["salle"] == "Salle Simone-Veil" and again(rdv).version == 2
    assert lines("salle_modifiee")[-1].details["changements"]["name"]["a"] == "Salle Lovelace"
    with pytest.raises(Refus, match="elle sert à 1 séance, passées comprises"):
        lieux.remove_salle(place.lieu.id, place.salle.id, place.admin)
    lieux.remove_salle(place.lieu.id, made.id, place.admin)
    assert db.session.get(Salle, made.id) is None and lines("salle_retiree")[0].details["nom"] == "Salle B"
    with pytest.raises(Introuvable):
        lieux.remove_salle(place.lieu.id, made.id, place.admin)


def test_a_room_of_another_place_is_not_this_places() -> None:
    place = Place()
    other = make.salle(make.lieu(place.org, name="Autre"))
    db.session.commit()
    with pytest.raises(Introuvable):
        lieux.save_salle(place.lieu.id, other.id, {"name": "Volée"}, place.admin)


def test_only_who_may_set_places_up_does() -> None:
    place = Place()
    agent, stranger = make.agent(place.service, "référent"), make.agent(make.service(), "admin")
    db.session.commit()
    for who, refusal in ((agent, Interdit), (stranger, Introuvable)):
        for action in (
            lambda who=who: lieux.save_lieu(place.lieu.id, {"name": "X"}, who),
            lambda who=who: lieux.set_enabled(place.lieu.id, False, who),
            lambda who=who: lieux.save_salle(place.lieu.id, place.salle.id, {"name": "X"}, who),
            lambda who=who: lieux.save_salle(place.lieu.id, None, {"name": "X"}, who),
            lambda who=who: lieux.remove_salle(place.lieu.id, place.salle.id, who),
        ):
            with pytest.raises(refusal):
                action()
    with pytest.raises(ValueError, match="not fields"):
        lieux.save_lieu(place.lieu.id, {"ponctuel": True}, place.admin)
    kept = db.session.get_one(Lieu, place.lieu.id, populate_existing=True)
    assert kept.enabled and kept.name == "Maison des solidarités"
