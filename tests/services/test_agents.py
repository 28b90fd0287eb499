"""Who works here and what they may do: invited, changed, deactivated; two hands at once; on both databases."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from tests import factories as make
from webapp import links
from webapp.clock import utcnow
from webapp.domain.droits import Droit, Octroi, preset_grants
from webapp.domain.errors import Interdit, Introuvable, Perime, Refus
from webapp.extensions import db
from webapp.models import Agent, DroitAgent, Journal, Notification, SessionAgent
from webapp.queries import equipe
from webapp.services import agents, comptes
from webapp.services.agents import Invitation, own_octrois, state_of

PHRASE = "une phrase assez longue"


@dataclass
class Team:
    """Ids: an organisation with two services, its people, and somebody of another organisation."""

    org: int
    insertion: int
    pmi: int
    admin: int
    chef: int
    """Manages the agents of Insertion only."""
    agent: int
    voisin: int
    etranger: int


@pytest.fixture
def team(app: Flask) -> Iterator[Team]:
    with app.app_context():
        org = make.organisation()
        one, two = make.service(org), make.service(org, name="PMI", short_name="PMI")
        chef = make.agent(one, "référent")
        chef.droits.append(DroitAgent(organisation_id=org.id, service_id=one.id, droit=Droit.GERER_AGENTS))
        away = make.agent(make.service(make.organisation()), "admin", email="loin@ailleurs.exemple.fr")
        people = [make.agent(one, "admin"), chef, make.agent(one), make.agent(two), away]
        db.session.commit()
        yield Team(org.id, one.id, two.id, *(one.id for one in people))


def get(agent_id: int) -> Agent:
    found = db.session.get(Agent, agent_id, populate_existing=True)
    assert found is not None
    return found


def save(team: Team, who: int, by: int, octrois: set[Octroi], services: set[int] | None = None) -> bool:
    target = get(who)
    kept = {service.id for service in target.services} if services is None else services
    return agents.save_agent(who, kept, octrois, state_of(target), get(by))


def invitation(team: Team, **fields: object) -> Invitation:
    values = {"prenom": "Awa", "nom": "Diallo", "courriel": "Awa.Diallo@mds.exemple.fr", "preset": "agent"}
    return Invitation(**{**values, "services": frozenset({team.insertion}), **fields})  # type: ignore[arg-type]


def token_of(agent_id: int) -> str:
    nonce = get(agent_id).reset_nonce
    assert nonce
    return links.token(links.MOT_DE_PASSE, nonce)


def sent() -> int:
    return db.session.scalar(select(func.count()).where(Notification.event == "invitation_agent")) or 0


def lines(action: str) -> list[Journal]:
    return list(db.session.scalars(select(Journal).where(Journal.action == action).order_by(Journal.id)))


# --- invited ---------------------------------------------------------------------------------------------------------


def test_an_invited_agent_chooses_a_password_once_and_logs_in(team: Team) -> None:
    made = agents.invite(invitation(team), get(team.admin))
    assert (made.email, made.password_hash, made.actif) == ("awa.diallo@mds.exemple.fr", None, True)
    assert own_octrois(get(made.id)) == preset_grants("agent", team.org, [team.insertion])
    assert comptes.authenticate(made.email, PHRASE) is None
    token = token_of(made.id)
    comptes.reset_password(token, PHRASE)
    assert comptes.authenticate(made.email, PHRASE).id == made.id  # type: ignore[union-attr]
    with pytest.raises(Introuvable):
        comptes.reset_password(token, "encore une autre phrase")
    (line,) = lines("agent_invite")
    assert line.agent_id == team.admin and line.details == {"profil": "agent", "services": ["Service insertion"]}


def test_the_link_lives_seven_days_and_dies_with_a_newer_one(team: Team) -> None:
    now = utcnow()
    with time_machine.travel(now, tick=False) as clock:
        made = agents.invite(invitation(team), get(team.admin))
        first = token_of(made.id)
        assert not agents.resend_invitation(made.id, get(team.admin))  # it has just left
        clock.move_to(now + timedelta(days=6, hours=23))
        assert comptes.agent_for_reset(first).id == made.id
        clock.move_to(now + timedelta(days=7, seconds=1))
        with pytest.raises(Introuvable):
            comptes.reset_password(first, PHRASE)
        assert agents.resend_invitation(made.id, get(team.admin))
        assert not agents.resend_invitation(made.id, get(team.admin))
        second = token_of(made.id)
        clock.shift(timedelta(days=1))
        assert agents.resend_invitation(made.id, get(team.chef))
        with pytest.raises(Introuvable):
            comptes.agent_for_reset(second)
        comptes.reset_password(token_of(made.id), PHRASE)
        with pytest.raises(Refus, match="déjà choisi"):
            agents.resend_invitation(made.id, get(team.admin))
    assert sent() == 3


def test_the_same_invitation_twice_is_sent_once(team: Team) -> None:
    first = agents.invite(invitation(team), get(team.admin))
    assert agents.invite(invitation(team, courriel=" awa.diallo@MDS.exemple.fr"), get(team.admin)).id == first.id
    assert sent() == 1 and len(lines("agent_invite")) == 1
    with pytest.raises(Refus, match="déjà celle de Awa Diallo"):
        agents.invite(invitation(team, preset="référent"), get(team.admin))


def test_an_address_that_is_taken_says_what_to_do_and_names_nobody_elsewhere(team: Team) -> None:
    for who, by, said in (
        (team.agent, team.admin, get(team.agent).nom_complet),
        (team.voisin, team.chef, "autre service"),
        (team.etranger, team.admin, "autre adresse professionnelle"),
    ):
        with pytest.raises(Refus, match=said) as refusal:
            agents.invite(invitation(team, courriel=get(who).email), get(by))
        assert who == team.agent or get(who).last_name not in refusal.value.message
    agents.deactivate(team.agent, get(team.admin))
    with pytest.raises(Refus, match="réactivez-le"):
        agents.invite(invitation(team, courriel=get(team.agent).email), get(team.admin))
    assert sent() == 0


@pytest.mark.parametrize(
    ("preset", "where", "allowed"),
    [
        ("agent", "insertion", True),
        ("référent", "insertion", True),
        ("accueil", "insertion", False),
        ("admin", "insertion", False),
        ("agent", "pmi", False),
    ],
)
def test_who_manages_one_service_invites_there_with_what_they_have(
    team: Team, preset: str, where: str, allowed: bool
) -> None:
    asked = invitation(team, preset=preset, services=frozenset({getattr(team, where)}))
    if allowed:
        agents.invite(asked, get(team.chef))
    else:
        with pytest.raises(Refus):
            agents.invite(asked, get(team.chef))
    assert sent() == allowed
    assert agents.presets_for(get(team.chef), [team.insertion]) == ["agent", "référent"]
    with pytest.raises(Interdit):
        agents.invite(invitation(team, courriel="b@c.fr"), get(team.agent))


# --- services and rights ---------------------------------------------------------------------------------------------


def test_rights_and_services_change_once_and_are_journaled(team: Team) -> None:
    before = own_octrois(get(team.agent))
    wanted = set(before) | {Octroi(team.org, team.pmi, Droit.EXPORTER)}
    assert save(team, team.agent, team.admin, wanted, {team.insertion, team.pmi})
    assert own_octrois(get(team.agent)) == wanted | {Octroi(team.org, team.pmi, Droit.VOIR)}
    assert {service.id for service in get(team.agent).services} == {team.insertion, team.pmi}
    assert not agents.save_agent(team.agent, {team.insertion, team.pmi}, wanted, "an old form", get(team.admin))
    (line,) = lines("agent_droits")
    assert line.details["changements"]["services"] == {"de": ["Service insertion"], "a": ["PMI", "Service insertion"]}
    assert line.details["changements"]["profil"] == {"de": "agent", "a": None}
    assert "exporter (PMI)" in line.details["changements"]["droits"]["a"]
    assert (line.sujet_id, line.agent_id) == (team.agent, team.admin)


def test_a_form_that_shows_old_rights_writes_nothing(team: Team) -> None:
    seen = state_of(get(team.agent))
    save(team, team.agent, team.admin, preset_grants("référent", team.org, [team.insertion]))
    with pytest.raises(Perime):
        agents.save_agent(team.agent, {team.insertion}, set(), seen, get(team.chef))


def test_who_manages_one_service_leaves_the_others_as_they_are(team: Team) -> None:
    own = {Octroi(team.org, team.pmi, Droit.EXPORTER), Octroi(team.org, team.pmi, Droit.VOIR)}
    save(team, team.agent, team.admin, own_octrois(get(team.agent)) | own, {team.insertion, team.pmi})
    assert save(team, team.agent, team.chef, set(), {team.insertion})
    assert own_octrois(get(team.agent)) == own
    assert {service.id for service in get(team.agent).services} == {team.insertion, team.pmi}


@pytest.mark.parametrize(
    ("by", "who", "service", "droit", "error"),
    [
        ("chef", "agent", None, Droit.GERER_RDV, Refus),
        ("chef", "agent", "pmi", Droit.GERER_RDV, Refus),
        ("chef", "agent", "insertion", Droit.CONFIGURER_LIEUX, Refus),
        ("chef", "chef", "insertion", Droit.CONFIGURER_LIEUX, Refus),
        ("chef", "voisin", "pmi", Droit.GERER_RDV, Introuvable),
        ("admin", "agent", "insertion", Droit.CONFIGURER_ORGANISATION, Refus),
        ("admin", "etranger", None, Droit.GERER_RDV, Introuvable),
        ("agent", "agent", "insertion", Droit.EXPORTER, Interdit),
    ],
)
def test_a_refused_change_changes_nothing(
    team: Team, by: str, who: str, service: str | None, droit: Droit, error: type[Exception]
) -> None:
    before = own_octrois(get(getattr(team, who)))
    given = Octroi(team.org, getattr(team, service) if service else None, droit)
    with pytest.raises(error):
        save(team, getattr(team, who), getattr(team, by), set(before) | {given})
    assert own_octrois(get(getattr(team, who))) == before and lines("agent_droits") == []


def test_the_last_who_manages_agents_stays(team: Team) -> None:
    mine = own_octrois(get(team.admin))
    less = mine - {Octroi(team.org, None, Droit.GERER_AGENTS)}
    with pytest.raises(Refus, match="Plus personne"):
        save(team, team.admin, team.admin, less)
    invited = agents.invite(invitation(team, preset="admin"), get(team.admin))
    with pytest.raises(Refus, match="déjà choisi son mot de passe"):  # who has not come yet may never come
        save(team, team.admin, team.admin, less)
    comptes.reset_password(token_of(invited.id), PHRASE)
    assert save(team, team.admin, team.admin, less)
    with pytest.raises(Interdit):
        save(team, team.agent, team.admin, set())
    with pytest.raises(Refus):
        agents.deactivate(invited.id, get(invited.id))


# --- deactivated -----------------------------------------------------------------------------------------------------


def test_a_deactivated_agent_is_logged_out_and_comes_back_as_they_were(team: Team) -> None:
    ident = comptes.open_session(get(team.agent), "Firefox")
    rights = own_octrois(get(team.agent))
    comptes.ask_reset(get(team.agent).email)
    token = token_of(team.agent)
    assert ident and agents.deactivate(team.agent, get(team.chef))
    assert not agents.deactivate(team.agent, get(team.chef))
    assert db.session.scalars(select(SessionAgent)).all() == []
    assert comptes.authenticate(get(team.agent).email, make.PASSWORD) is None
    with pytest.raises(Introuvable):
        comptes.agent_for_reset(token)
    assert agents.reactivate(team.agent, get(team.chef)) and not agents.reactivate(team.agent, get(team.chef))
    assert own_octrois(get(team.agent)) == rights and sent() == 0
    assert comptes.authenticate(get(team.agent).email, make.PASSWORD) is not None
    assert [len(lines("agent_desactive")), len(lines("agent_reactive"))] == [1, 1]


def test_who_manages_one_service_neither_closes_nor_opens_more_than_it(team: Team) -> None:
    with pytest.raises(Refus, match="tous ces services"):
        agents.deactivate(team.admin, get(team.chef))
    with pytest.raises(Introuvable):
        agents.deactivate(team.voisin, get(team.chef))
    other = make.agent(get(team.agent).services[0], "admin", actif=False)
    db.session.commit()
    with pytest.raises(Refus):
        agents.reactivate(other.id, get(team.chef))
    assert get(team.admin).actif and not get(other.id).actif


def test_who_was_deactivated_before_coming_is_invited_again(team: Team) -> None:
    made = agents.invite(invitation(team), get(team.admin))
    agents.deactivate(made.id, get(team.admin))
    with pytest.raises(Refus, match="réactivez"):
        agents.resend_invitation(made.id, get(team.admin))
    agents.reactivate(made.id, get(team.admin))
    assert sent() == 2 and token_of(made.id)


def test_sessions_that_count_on_one_agent_come_first(team: Team) -> None:
    motif = make.motif(get(team.agent).services[0])
    soon = utcnow() + timedelta(days=1)
    together, alone, past = (make.rdv(motif, starts_at=soon + timedelta(days=n)) for n in (0, 1, -3))
    gone = make.rdv(motif, cancelled_at=utcnow())
    with_closed = make.rdv(motif, starts_at=soon + timedelta(days=2))
    closed = make.agent(motif.service, actif=False)
    for rdv in (together, alone, past, gone, with_closed):
        rdv.agents.append(get(team.agent))
    together.agents.append(get(team.chef))
    with_closed.agents.append(closed)
    db.session.commit()
    found, total = equipe.coming_sessions(team.org, team.agent, utcnow(), 2)
    assert [(one.rdv.id, one.seul) for one in found] == [(alone.id, True), (with_closed.id, True)] and total == 3


# --- two hands at once -----------------------------------------------------------------------------------------------


def test_two_admins_take_each_other_s_right_at_once_and_one_is_refused(app: Flask, team: Team) -> None:
    other = make.agent(get(team.agent).services[0], "admin")
    chef = get(team.chef)
    chef.droits = [row for row in chef.droits if row.droit is not Droit.GERER_AGENTS]
    db.session.commit()
    pair = (team.admin, other.id)
    less = own_octrois(get(team.admin)) - {Octroi(team.org, None, Droit.GERER_AGENTS)}
    seen = {one: state_of(get(one)) for one in pair}
    places = {service.id for service in get(team.admin).services}
    db.session.remove()
    start, ended = threading.Barrier(2), []

    def take(by: int, who: int) -> None:
        with app.app_context():
            me = db.session.get_one(Agent, by)
            start.wait(10)
            try:
                ended.append(str(agents.save_agent(who, places, less, seen[who], me)))
            except (Refus, Interdit) as refusal:
                ended.append(type(refusal).__name__)

    threads = [threading.Thread(target=take, args=two) for two in (pair, pair[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(ended) == ["Interdit", "True"]
    left = [one for one in pair if Octroi(team.org, None, Droit.GERER_AGENTS) in own_octrois(get(one))]
    assert len(left) == 1


def test_the_last_two_leave_at_once_and_one_stays(app: Flask, team: Team) -> None:
    """Each takes their own right away: without the lock both would see the other still there."""
    other = make.agent(get(team.agent).services[0], "admin")
    db.session.commit()
    pair = (team.admin, other.id)
    less = own_octrois(get(team.admin)) - {Octroi(team.org, None, Droit.GERER_AGENTS)}
    seen = {one: state_of(get(one)) for one in pair}
    db.session.remove()
    start, ended = threading.Barrier(2), []

    def leave(me: int) -> None:
        with app.app_context():
            by = db.session.get_one(Agent, me)
            start.wait(10)
            try:
                ended.append(str(agents.save_agent(me, {team.insertion}, less, seen[me], by)))
            except Refus as refusal:
                ended.append(refusal.message[:12])

    threads = [threading.Thread(target=leave, args=(one,)) for one in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(ended) == ["Plus personn", "True"]


def test_two_invite_the_same_person_at_once(app: Flask, team: Team) -> None:
    start, ended = threading.Barrier(2), []
    db.session.remove()

    def ask(by: int) -> None:
        with app.app_context():
            me = db.session.get_one(Agent, by)
            start.wait(10)
            ended.append(agents.invite(invitation(team), me).id)

    threads = [threading.Thread(target=ask, args=(by,)) for by in (team.admin, team.chef)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(ended) == 2 and len(set(ended)) == 1 and sent() == 1
