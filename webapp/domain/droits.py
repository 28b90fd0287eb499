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
