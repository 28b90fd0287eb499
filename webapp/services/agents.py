"""Who works here and what they may do: invite, change services and rights, deactivate, reactivate (rule 14)."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from webapp.clock import utcnow
from webapp.domain.contacts import fold_email
from webapp.domain.droits import (
    PRESETS,
    PRESETS_TOUS_SERVICES,
    Droit,
    Obstacle,
    Octroi,
    complete,
    obstacle,
    preset_grants,
    preset_of,
    services_with,
)
from webapp.domain.errors import Introuvable, Perime, Refus
from webapp.extensions import db
from webapp.models import Agent, DroitAgent, Service

from . import journal
from .abonnements import close_feed
from .comptes import INVITATION_LIFE, end_access, send_invitation
from .droits import grantors, require_somewhere
from .transaction import transaction

AGAIN_AFTER = timedelta(minutes=1)
"""How long an invitation just sent answers for the next click."""
ELSEWHERE = "Cette adresse ne peut pas servir ici. Demandez à la personne une autre adresse professionnelle."


@dataclass(frozen=True, slots=True)
class Invitation:
    """Whom to invite, with which preset, in which services."""

    prenom: str
    nom: str
    courriel: str
    preset: str
    services: frozenset[int]


def own_octrois(agent: Agent) -> frozenset[Octroi]:
    """The agent's grants in their own organisation."""
    return frozenset(o for o in agent.octrois() if o.organisation_id == agent.organisation_id)


def state_of(agent: Agent) -> str:
    """An agent's services and rights in a few letters: is it still what the form showed?"""
    held = sorted(f"{o.service_id}:{o.droit}" for o in own_octrois(agent))
    places = sorted(service.id for service in agent.services)
    return hashlib.sha256(repr((agent.id, places, held)).encode()).hexdigest()[:16]


def presets_for(by: Agent, services: Collection[int]) -> list[str]:
    """The presets that agent may give in at least one of these services."""
    mine = by.octrois()
    return [
        name
        for name in PRESETS
        if any(obstacle(mine, (), preset_grants(name, by.organisation_id, [one]), ()) is None for one in services)
    ]


def invite(invitation: Invitation, by: Agent) -> Agent:
    """Open an account and send its owner a link to choose a password. The same invitation twice is sent once.

    Raises `Refus` with what to do when the address is taken, or when `by` may not give that.
    """
    email = fold_email(invitation.courriel)
    with transaction():
        held, by = _locked(by)
        scope = _scope(by)
        services = _services(by, invitation.services, scope)
        if not services and invitation.preset not in PRESETS_TOUS_SERVICES:
            raise Refus("Choisissez au moins un service.")
        grants = preset_grants(invitation.preset, by.organisation_id, [service.id for service in services])
        _check(by, (), grants, held.values(), services)
        known = db.session.scalars(select(Agent).where(Agent.email == email)).first()
        if known is not None:
            if _same(known, by, invitation, services, grants):
                return known
            raise Refus(_taken(known, by, scope))
        agent = Agent(
            organisation_id=by.organisation_id,
            email=email,
            first_name=invitation.prenom,
            last_name=invitation.nom,
            services=services,
            droits=[_row(octroi) for octroi in sorted(grants, key=_order)],
        )
        db.session.add(agent)
        try:
            db.session.flush()
        except IntegrityError as error:  # another organisation took the address at this very moment
            raise Refus(ELSEWHERE) from error
        send_invitation(agent)
        journal.note(
            agent.organisation_id,
            "agent_invite",
            agent,
            agent=by,
            profil=invitation.preset,
            services=[service.name for service in services],
        )
        return agent


def resend_invitation(agent_id: int, by: Agent) -> bool:
    """Send another link, that kills the one before. Answers whether one left: a second click sends nothing."""
    with transaction():
        held, by = _locked(by, agent_id)
        agent = _target(held, agent_id, by)
        if not agent.actif:
            raise Refus("Ce compte est désactivé : réactivez-le d’abord.")
        if agent.password_hash is not None:
            raise Refus(f"{agent.nom_complet} a déjà choisi son mot de passe.")
        expires = agent.reset_expire_le
        if expires is not None and expires > utcnow() + INVITATION_LIFE - AGAIN_AFTER:
            return False
        send_invitation(agent)
        journal.note(agent.organisation_id, "invitation_renvoyee", agent, agent=by)
        return True


def save_agent(agent_id: int, services: Collection[int], octrois: Iterable[Octroi], seen: str, by: Agent) -> bool:
    """Change an agent's services and rights; those `by` does not manage stay. Answers whether something changed.

    `seen` is the `state_of` the form was made from: raises `Perime` when it is another now, `Refus`, `Introuvable`.
    """
    with transaction():
        held, by = _locked(by, agent_id)
        agent, scope = _target(held, agent_id, by), _scope(by)
        before = own_octrois(agent)
        kept = {o for o in before if scope is not None and o.service_id not in scope}
        after = complete(octrois) | kept
        chosen = _services(by, services, scope)
        chosen += [one for one in agent.services if scope is not None and one.id not in scope]
        if before == after and {s.id for s in chosen} == {s.id for s in agent.services}:
            return False
        if seen != state_of(agent):
            raise Perime("Quelqu’un vient de changer les droits de cet agent : vérifiez, puis enregistrez à nouveau.")
        others = [one for one in held.values() if one.id != agent.id]
        _check(by, before, after, others, _all_services(by.organisation_id))
        if not chosen and not any(o.service_id is None for o in after):
            raise Refus("Choisissez au moins un service, ou un droit sur tous les services.")
        _note_changes(agent, by, before, after, chosen)
        agent.services = sorted(chosen, key=lambda service: service.name)
        agent.droits = [row for row in agent.droits if _octroi(row) not in before - after]
        agent.droits += [_row(octroi) for octroi in sorted(after - before, key=_order)]
        return True


def locked_target(agent_id: int, by: Agent) -> tuple[Agent, Agent]:
    """That agent of one of the services where `by` manages them, and `by`, both locked, in the running transaction.
    Raises `Introuvable`, `Interdit`."""
    held, by = _locked(by, agent_id)
    return _target(held, agent_id, by), by


def check_power(by: Agent, agent: Agent) -> None:
    """Raise `Refus` unless `by` could take all of that agent's rights away."""
    _check(by, own_octrois(agent), (), [by], _all_services(by.organisation_id))


def deactivate(agent_id: int, by: Agent) -> bool:
    """End an agent's access and mail, keep their rights for the day they come back. Answers whether it was open."""
    with transaction():
        held, by = _locked(by, agent_id)
        agent = _target(held, agent_id, by)
        if agent.id == by.id:
            raise Refus("On ne désactive pas son propre compte : demandez à un collègue qui gère les agents.")
        if not agent.actif:
            return False
        others = [one for one in held.values() if one.id != agent.id]
        _check(by, own_octrois(agent), (), others, _all_services(by.organisation_id))
        agent.actif = False
        end_access(agent)
        close_feed(agent)
        journal.note(agent.organisation_id, "agent_desactive", agent, agent=by)
        return True


def reactivate(agent_id: int, by: Agent) -> bool:
    """Open the account again with the rights it had, which `by` must be able to give; who never chose a password is
    invited again. Answers whether it was closed."""
    with transaction():
        held, by = _locked(by, agent_id)
        agent = _target(held, agent_id, by)
        if agent.actif:
            return False
        _check(by, (), own_octrois(agent), held.values(), _all_services(by.organisation_id))
        agent.actif = True
        if agent.password_hash is None:
            send_invitation(agent)
        journal.note(agent.organisation_id, "agent_reactive", agent, agent=by)
        return True


def _locked(by: Agent, *ids: int) -> tuple[dict[int, Agent], Agent]:
    """`by`, these agents and all who manage agents there, locked in ascending id, with their rights as they are now;
    and `by` among them. Raises `Refus` when that account was closed meanwhile."""
    managers = select(DroitAgent.agent_id).where(
        DroitAgent.organisation_id == by.organisation_id, DroitAgent.droit == Droit.GERER_AGENTS
    )
    locked = db.session.scalars(
        select(Agent.id)
        .where(Agent.organisation_id == by.organisation_id, or_(Agent.id.in_((by.id, *ids)), Agent.id.in_(managers)))
        .order_by(Agent.id)
        .with_for_update(key_share=True)
    ).all()
    # A second statement: it sees what was committed while the first one waited for its rows.
    rows = db.session.scalars(
        select(Agent)
        .where(Agent.id.in_(locked))
        .options(selectinload(Agent.droits), selectinload(Agent.services))
        .execution_options(populate_existing=True)
    ).all()
    held = {agent.id: agent for agent in rows}
    if not held[by.id].actif:
        raise Refus("Votre compte vient d’être désactivé.")
    return held, held[by.id]


def _scope(by: Agent) -> set[int] | None:
    """Services whose agents `by` manages now (None: all); raises `Interdit` when there are none."""
    require_somewhere(by, Droit.GERER_AGENTS)
    return services_with(by.octrois(), Droit.GERER_AGENTS, by.organisation_id)


def _target(held: dict[int, Agent], agent_id: int, by: Agent) -> Agent:
    """That agent, if `by` manages agents of one of their services; raises `Introuvable`, `Interdit`."""
    scope, agent = _scope(by), held.get(agent_id)
    if agent is None or not managed(agent, scope):
        raise Introuvable("Cet agent n’existe pas.")
    return agent


def managed(agent: Agent, scope: Collection[int] | None) -> bool:
    """Is it an agent of these services (None: all)?"""
    return scope is None or any(service.id in scope for service in agent.services)


def _all_services(organisation_id: int) -> list[Service]:
    return list(db.session.scalars(select(Service).where(Service.organisation_id == organisation_id)))


def _services(by: Agent, wanted: Collection[int], scope: set[int] | None) -> list[Service]:
    """These services, all of them among those whose agents `by` manages."""
    mine = [one for one in _all_services(by.organisation_id) if scope is None or one.id in scope]
    found = [one for one in mine if one.id in wanted]
    if len(found) != len(set(wanted)):
        raise Refus("Vous ne gérez pas les agents d’un des services choisis.")
    return sorted(found, key=lambda service: service.name)


def _check(
    by: Agent, before: Iterable[Octroi], after: Iterable[Octroi], others: Iterable[Agent], services: Iterable[Service]
) -> None:
    """Raise `Refus` in words when the rule stands against that change. `others`: all who manage agents, locked, but for
    whose rights change; only those who can log in count."""
    rest = [octroi for one in others if one.actif and one.password_hash is not None for octroi in one.octrois()]
    found = obstacle(by.octrois(), before, after, rest)
    if found is None:
        return
    why, about = found
    names = {service.id: service.name for service in services}
    said = ", ".join(_words(about, names)[:3])
    raise Refus(
        {
            Obstacle.PORTEE: f"Vous ne gérez pas les droits de tous ces services : {said}.",
            Obstacle.PAS_A_SOI: f"On ne donne pas un droit que l’on n’a pas soi-même : {said}.",
            Obstacle.SANS_EFFET: f"Ce droit se donne pour tous les services ensemble : {said}.",
            Obstacle.DERNIER: "Plus personne ne pourrait gérer les agents : donnez d’abord ce droit à un collègue "
            "qui a déjà choisi son mot de passe.",
        }[why]
    )


def _taken(known: Agent, by: Agent, scope: set[int] | None) -> str:
    """What to do about an address that has an account; nothing about people of another organisation."""
    if known.organisation_id != by.organisation_id:
        return ELSEWHERE
    if managed(known, scope):
        then = "" if known.actif else ", dont le compte est désactivé : réactivez-le depuis la liste"
        return f"Cette adresse est déjà celle de {known.nom_complet}{then}."
    who = ", ".join(grantors(by.organisation_id))
    return f"Cette adresse est déjà celle d’un agent d’un autre service. Peuvent l’ajouter au vôtre : {who}."


def _same(known: Agent, by: Agent, invitation: Invitation, services: list[Service], grants: frozenset[Octroi]) -> bool:
    """Is it what the same invitation made already: a double click (docs/domain.md rule 19)?"""
    return (
        known.actif
        and known.password_hash is None
        and known.organisation_id == by.organisation_id
        and (known.first_name, known.last_name) == (invitation.prenom, invitation.nom)
        and {service.id for service in known.services} == {service.id for service in services}
        and own_octrois(known) == grants
    )


def _note_changes(
    agent: Agent, by: Agent, before: frozenset[Octroi], after: frozenset[Octroi], chosen: list[Service]
) -> None:
    names = {service.id: service.name for service in _all_services(agent.organisation_id)}
    then, now = [s.id for s in agent.services], [s.id for s in chosen]
    changes = {
        "services": (sorted(names[one] for one in then), sorted(names[one] for one in now)),
        "profil": (preset_of(before, agent.organisation_id, then), preset_of(after, agent.organisation_id, now)),
        "droits": (_words(before, names), _words(after, names)),
    }
    journal.note(
        agent.organisation_id,
        "agent_droits",
        agent,
        agent=by,
        changements={name: {"de": old, "a": new} for name, (old, new) in changes.items() if old != new},
    )


def _words(octrois: Iterable[Octroi], names: dict[int, str]) -> list[str]:
    """ "gérer les usagers (Insertion)", in the order of the grid."""
    return [
        f"{o.droit.label} ({'tous les services' if o.service_id is None else names.get(o.service_id, 'autre service')})"
        for o in sorted(octrois, key=_order)
    ]


def _order(octroi: Octroi) -> tuple[int, int]:
    return list(Droit).index(octroi.droit), octroi.service_id or 0


def _octroi(row: DroitAgent) -> Octroi:
    return Octroi(row.organisation_id, row.service_id, row.droit)


def _row(octroi: Octroi) -> DroitAgent:
    return DroitAgent(organisation_id=octroi.organisation_id, service_id=octroi.service_id, droit=octroi.droit)
