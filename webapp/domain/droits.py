"""Rights per agent, organisation and service: one function decides (docs/domain.md rule 14)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Droit(StrEnum):
    VOIR = "voir"
    CONFIGURER_MOTIFS = "configurer_motifs"
    CONFIGURER_LIEUX = "configurer_lieux"
    GERER_SES_PLAGES = "gerer_ses_plages"
    GERER_PLAGES = "gerer_plages"
    GERER_ABSENCES = "gerer_absences"
    GERER_RDV = "gerer_rdv"
    GERER_USAGERS = "gerer_usagers"
    ENVOYER_MESSAGES = "envoyer_messages"
    SURBOOKER = "surbooker"
    EXPORTER = "exporter"
    VOIR_STATISTIQUES = "voir_statistiques"
    GERER_AGENTS = "gerer_agents"
    CONFIGURER_ORGANISATION = "configurer_organisation"
    GERER_INTEGRATIONS = "gerer_integrations"
    VOIR_JOURNAL = "voir_journal"

    @property
    def label(self) -> str:
        return LABELS[self]


LABELS = {
    Droit.VOIR: "voir les séances",
    Droit.CONFIGURER_MOTIFS: "configurer les motifs",
    Droit.CONFIGURER_LIEUX: "configurer les lieux et les salles",
    Droit.GERER_SES_PLAGES: "gérer ses propres plages d’ouverture",
    Droit.GERER_PLAGES: "gérer toutes les plages d’ouverture",
    Droit.GERER_ABSENCES: "gérer les absences",
    Droit.GERER_RDV: "gérer les séances et leurs participants",
    Droit.GERER_USAGERS: "gérer les usagers",
    Droit.ENVOYER_MESSAGES: "envoyer des messages",
    Droit.SURBOOKER: "inscrire au-delà de la capacité",
    Droit.EXPORTER: "exporter",
    Droit.VOIR_STATISTIQUES: "voir les statistiques",
    Droit.GERER_AGENTS: "gérer les agents et leurs droits",
    Droit.CONFIGURER_ORGANISATION: "configurer l’organisation",
    Droit.GERER_INTEGRATIONS: "gérer les intégrations",
    Droit.VOIR_JOURNAL: "voir le journal",
}

_AGENT = {Droit.VOIR, Droit.GERER_RDV, Droit.GERER_USAGERS, Droit.GERER_SES_PLAGES, Droit.ENVOYER_MESSAGES}
PRESETS: dict[str, frozenset[Droit]] = {
    "agent": frozenset(_AGENT),
    "référent": frozenset(
        _AGENT
        | {
            Droit.GERER_PLAGES,
            Droit.GERER_ABSENCES,
            Droit.CONFIGURER_MOTIFS,
            Droit.SURBOOKER,
            Droit.EXPORTER,
            Droit.VOIR_STATISTIQUES,
            Droit.VOIR_JOURNAL,
        }
    ),
    "accueil": frozenset({Droit.VOIR, Droit.GERER_RDV, Droit.GERER_USAGERS}),
    "admin": frozenset(Droit),
}
# Presets that are given for every service of the organisation rather than the agent's own.
PRESETS_TOUS_SERVICES = frozenset({"accueil", "admin"})


@dataclass(frozen=True, slots=True)
class Octroi:
    """One right given in one organisation, for one service or (None) for all of them."""

    organisation_id: int
    service_id: int | None
    droit: Droit


class Decision(StrEnum):
    PERMIS = "permis"
    INTERDIT = "interdit"  # inside my services, without the right: 403
    CACHE = "cache"  # outside my services: 404, as if it did not exist


def decide(octrois: Iterable[Octroi], droit: Droit, organisation_id: int, service_id: int | None) -> Decision:
    """May these grants do `droit` to something of that service? `service_id` None is the organisation itself.

    Any right in a service implies `voir` there. Something of the organisation as a whole needs the right for all
    services; who has any right in the organisation sees that it exists.
    """
    here = [o for o in octrois if o.organisation_id == organisation_id]
    covering = [o for o in here if o.service_id is None or (service_id is not None and o.service_id == service_id)]
    if any(o.droit is droit for o in covering) or (droit is Droit.VOIR and covering):
        return Decision.PERMIS
    inside = covering if service_id is not None else here
    return Decision.INTERDIT if inside else Decision.CACHE


def services_with(octrois: Iterable[Octroi], droit: Droit, organisation_id: int) -> set[int] | None:
    """Services where `droit` is held; None means all of the organisation's."""
    held = [o for o in octrois if o.organisation_id == organisation_id and (o.droit is droit or droit is Droit.VOIR)]
    if any(o.service_id is None for o in held):
        return None
    return {o.service_id for o in held if o.service_id is not None}


ORGANISATION_ENTIERE = frozenset({Droit.CONFIGURER_ORGANISATION, Droit.GERER_INTEGRATIONS})
"""Rights about the organisation as a whole: given for one service they would open nothing."""


def preset_grants(preset: str, organisation_id: int, services: Iterable[int]) -> frozenset[Octroi]:
    """What a preset gives to an agent of these services."""
    scopes: list[int | None] = [None] if preset in PRESETS_TOUS_SERVICES else list(services)
    return frozenset(Octroi(organisation_id, scope, droit) for droit in PRESETS[preset] for scope in scopes)


def preset_of(octrois: Iterable[Octroi], organisation_id: int, services: Iterable[int]) -> str | None:
    """The preset these grants amount to for an agent of these services; None when they were chosen one by one."""
    held, own = frozenset(octrois), list(services)
    return next((name for name in PRESETS if held and held == preset_grants(name, organisation_id, own)), None)


def complete(octrois: Iterable[Octroi]) -> frozenset[Octroi]:
    """The same grants with the `voir` that any right implies."""
    found = set(octrois)
    return frozenset(found | {Octroi(o.organisation_id, o.service_id, Droit.VOIR) for o in found})


PAR_JETON = (Droit.VOIR, Droit.GERER_RDV, Droit.SURBOOKER)
"""Rights a program may have: those that open something of the API."""


def communs(octrois: Iterable[Octroi], autres: Iterable[Octroi]) -> frozenset[Octroi]:
    """What both give: a right for all services meets the same right in one of them there."""
    found = set()
    others = complete(autres)
    for mine in complete(octrois):
        for theirs in others:
            if (mine.organisation_id, mine.droit) != (theirs.organisation_id, theirs.droit):
                continue
            if mine.service_id is None or mine.service_id == theirs.service_id:
                found.add(theirs)
            elif theirs.service_id is None:
                found.add(mine)
    return frozenset(found)


class Obstacle(StrEnum):
    """Why an agent's rights may not be changed so."""

    PORTEE = "portee"  # the editor does not manage agents there
    PAS_A_SOI = "pas_a_soi"  # nobody grants what they don't have
    SANS_EFFET = "sans_effet"  # a right of the whole organisation, for one service
    DERNIER = "dernier"  # nobody would manage agents any more


def obstacle(
    mine: Iterable[Octroi], before: Iterable[Octroi], after: Iterable[Octroi], others: Iterable[Octroi]
) -> tuple[Obstacle, frozenset[Octroi]] | None:
    """What stands against changing somebody's grants from `before` to `after`, and the grants it is about.

    `mine` are those of who changes them; `others` those of all the other agents who can log in (`mine` among them, but
    when they change their own). Rule 14: nobody grants what they don't have, nor removes the last who manages agents.
    """
    mine, before, after = tuple(mine), frozenset(before), frozenset(after)
    given, taken = after - before, before - after
    outside = {o for o in given | taken if not _holds(mine, Droit.GERER_AGENTS, o)}
    if outside:
        return Obstacle.PORTEE, frozenset(outside)
    not_mine = {o for o in given if not _holds(mine, o.droit, o)}
    if not_mine:
        return Obstacle.PAS_A_SOI, frozenset(not_mine)
    useless = {o for o in given if o.service_id is not None and o.droit in ORGANISATION_ENTIERE}
    if useless:
        return Obstacle.SANS_EFFET, frozenset(useless)
    rest = tuple(others)
    managing = {o for o in taken if o.droit is Droit.GERER_AGENTS}
    orphans = {o for o in managing if not _holds((*rest, *after), Droit.GERER_AGENTS, o)}
    return (Obstacle.DERNIER, frozenset(orphans)) if orphans else None


def _holds(octrois: Iterable[Octroi], droit: Droit, where: Octroi) -> bool:
    return decide(octrois, droit, where.organisation_id, where.service_id) is Decision.PERMIS
