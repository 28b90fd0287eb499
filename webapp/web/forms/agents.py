"""Who works here and what they may do: an invitation, and the grid of rights × services (docs/domain.md rule 14)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from wtforms import EmailField, Field, HiddenField, RadioField, SelectField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from webapp.domain.contacts import clean_name, fold
from webapp.domain.droits import (
    ORGANISATION_ENTIERE,
    PRESETS_TOUS_SERVICES,
    Droit,
    Octroi,
    obstacle,
    preset_grants,
)
from webapp.models import Agent, Service
from webapp.services.agents import Invitation, own_octrois, presets_for, state_of

from .base import BaseForm
from .motif import answers, boxes
from .typed import NAME_MAX, email_typed

PROFILS = {
    "agent": ("Agent", "Suit les séances de ses services, inscrit, écrit aux participants, tient ses plages."),
    "référent": ("Référent", "Comme un agent, et règle les motifs et toutes les plages de ses services, exporte."),
    "accueil": ("Accueil", "Voit les séances de tous les services, inscrit et note les présences."),
    "admin": ("Admin", "Tous les droits, sur tous les services."),
}
"""Preset → its name, then what it lets do."""
GROUPES = {
    "Séances": (Droit.VOIR, Droit.GERER_RDV, Droit.GERER_USAGERS, Droit.ENVOYER_MESSAGES, Droit.SURBOOKER),
    "Plages et absences": (Droit.GERER_SES_PLAGES, Droit.GERER_PLAGES, Droit.GERER_ABSENCES),
    "Suivi": (Droit.EXPORTER, Droit.VOIR_STATISTIQUES, Droit.VOIR_JOURNAL),
    "Configuration": (
        Droit.CONFIGURER_MOTIFS,
        Droit.CONFIGURER_LIEUX,
        Droit.GERER_AGENTS,
        Droit.CONFIGURER_ORGANISATION,
        Droit.GERER_INTEGRATIONS,
    ),
}
"""The rows of the grid, each right in one of them."""
TOUS = "tous"


def value_of(service_id: int | None, droit: Droit) -> str:
    """A box of the grid as the form sends it."""
    return f"{TOUS if service_id is None else service_id}:{droit}"


@dataclass(frozen=True, slots=True)
class Case:
    """One box: `ouverte` when the agent who looks may change it; `sans_objet` when the right means nothing there."""

    valeur: str
    cochee: bool
    ouverte: bool
    sans_objet: bool


class InvitationForm(BaseForm):
    """Invite somebody."""

    prenom = StringField("Prénom", [InputRequired("Écrivez le prénom.")])
    nom = StringField("Nom", [InputRequired("Écrivez le nom de famille.")])
    courriel = EmailField("Courriel professionnel", [InputRequired("Écrivez l’adresse de courriel."), Length(max=254)])
    services = boxes("Services", [], coerce=int)
    profil = RadioField("Que pourra faire cette personne ?")

    def __init__(self, services: Sequence[Service], presets: Sequence[str]) -> None:
        super().__init__()
        self.services.choices = answers((service.id, service.name) for service in services)
        self.services.flags.required = True
        self.profil.choices = answers((name, PROFILS[name][0]) for name in presets)
        if not self.is_submitted():
            self.profil.data = "agent" if "agent" in presets else None
            if len(services) == 1:
                self.services.data = [services[0].id]

    @property
    def invitation(self) -> Invitation:
        """Once valid."""
        return Invitation(
            prenom=self.prenom.data or "",
            nom=self.nom.data or "",
            courriel=self.courriel.data or "",
            preset=self.profil.data,
            services=frozenset(self.services.data or ()),
        )

    def validate_prenom(self, field: Field) -> None:
        self._name(field, "Écrivez le prénom.")

    def validate_nom(self, field: Field) -> None:
        self._name(field, "Écrivez le nom de famille.")

    def _name(self, field: Field, missing: str) -> None:
        field.data = clean_name(field.data or "")
        if not fold(field.data):
            raise ValidationError(missing)
        if len(field.data) > NAME_MAX:
            raise ValidationError(f"C’est trop long : {NAME_MAX} caractères au plus.")

    def validate_courriel(self, field: Field) -> None:
        field.data = email_typed(field.data or "")

    def validate_services(self, field: Field) -> None:
        if not field.data and self.profil.data not in PRESETS_TOUS_SERVICES:
            raise ValidationError("Choisissez au moins un service.")


class AgentForm(BaseForm):
    """Services and rights of one agent, as far as `by` manages them (`scope`: None is everywhere)."""

    services = boxes("Services", [], coerce=int)
    profil = SelectField("Cocher les droits d’un profil", validate_choice=False)
    droits = boxes("Droits", [])
    vus = HiddenField()

    def __init__(self, agent: Agent, by: Agent, services: Sequence[Service], scope: Collection[int] | None) -> None:
        super().__init__()
        self.agent, self.by, self.scope = agent, by, scope
        self.held = own_octrois(agent)
        self.columns: list[Service] = list(services)
        self.services.choices = answers((service.id, service.name) for service in services)
        scopes: list[int | None] = [None, *(service.id for service in services)]
        self.droits.choices = answers((value_of(one, droit), droit.label) for one in scopes for droit in Droit)
        given = presets_for(by, [service.id for service in services])
        self.profil.choices = answers((name, PROFILS[name][0]) for name in given)
        if not self.is_submitted():
            self.services.data = [service.id for service in agent.services]
            self.droits.data = [value_of(o.service_id, o.droit) for o in self.held]
            self.vus.data = state_of(agent)

    def look_again(self, agent: Agent) -> None:
        """After a refusal the boxes start from what is now: what is sent next was seen."""
        self.held, self.vus.data = own_octrois(agent), state_of(agent)

    def tick_profil(self) -> bool:
        """Tick what the chosen preset gives in the services ticked, where `by` may: nothing is saved."""
        if self.profil.data not in [choice.value for choice in self.profil.choices or ()]:
            return False
        chosen = [s.id for s in self.columns if s.id in (self.services.data or ())]
        grants = preset_grants(self.profil.data, self.agent.organisation_id, chosen)
        self.droits.data = [value_of(o.service_id, o.droit) for o in grants]
        return True

    @property
    def octrois(self) -> list[Octroi]:
        """The grants whose boxes are ticked, once valid."""
        found = []
        for text in self.droits.data or ():
            scope, _, droit = text.partition(":")
            found.append(Octroi(self.agent.organisation_id, None if scope == TOUS else int(scope), Droit(droit)))
        return found

    def ligne(self, droit: Droit) -> list[Case]:
        """The boxes of that right: all services, then each."""
        return [self._case(droit, None), *(self._case(droit, service.id) for service in self.columns)]

    def _case(self, droit: Droit, service_id: int | None) -> Case:
        octroi = Octroi(self.agent.organisation_id, service_id, droit)
        held = octroi in self.held
        mine, value = self.by.octrois(), value_of(service_id, droit)
        before, after = ({octroi}, set()) if held else (set(), {octroi})
        ouverte = obstacle(mine, before, after, [octroi]) is None
        ticked = value in (self.droits.data or ()) if ouverte else held
        sans_objet = service_id is not None and droit in ORGANISATION_ENTIERE and not held
        return Case(value, ticked, ouverte, sans_objet)
