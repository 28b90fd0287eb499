"""What programs of other systems may do here: the tokens they hold."""

from collections.abc import Sequence
from datetime import timedelta

from wtforms import Field, SelectField, StringField, ValidationError

from webapp.domain.contacts import clean_name
from webapp.domain.droits import PAR_JETON, Decision, Droit, Octroi, decide
from webapp.models import Agent, Service

from .agents import TOUS, Case, value_of
from .base import BaseForm
from .motif import answers, boxes

NOM_MAX = 80
DUREES = {"30": "30 jours", "90": "3 mois", "183": "6 mois", "365": "un an"}
"""Days a token lives → in words."""


class JetonForm(BaseForm):
    """Make a token: its name, how long it lives, rights × services, none that `by` does not have."""

    nom = StringField("Nom", description="À quoi il sert et où il est gardé. Exemple : logiciel d’accueil du Vallon")
    duree = SelectField("Durée", choices=answers(DUREES.items()), default="365")
    droits = boxes("Droits", [])

    def __init__(self, by: Agent, services: Sequence[Service]) -> None:
        super().__init__()
        self.by, self.columns = by, list(services)
        self.nom.flags.required = True
        scopes: list[int | None] = [None, *(service.id for service in services)]
        self.droits.choices = answers((value_of(one, droit), droit.label) for one in scopes for droit in PAR_JETON)
        if not self.is_submitted():
            self.droits.data = [value_of(None, Droit.VOIR)] if self._mine(None, Droit.VOIR) else []

    def validate_nom(self, field: Field) -> None:
        field.data = clean_name(field.data or "")
        if not field.data:
            raise ValidationError("Donnez un nom à ce jeton.")
        if len(field.data) > NOM_MAX:
            raise ValidationError(f"C’est trop long : {NOM_MAX} caractères au plus.")

    def validate_droits(self, field: Field) -> None:
        if not field.data:
            raise ValidationError("Choisissez au moins un droit.")
        if not all(self._mine(one.service_id, one.droit) for one in self.octrois):
            raise ValidationError("Un jeton ne peut pas avoir plus de droits que vous.")

    @property
    def vie(self) -> timedelta:
        """How long it lives, once valid."""
        return timedelta(days=int(self.duree.data))

    @property
    def octrois(self) -> list[Octroi]:
        """The grants whose boxes are ticked."""
        found = []
        for text in self.droits.data or ():
            scope, _, droit = text.partition(":")
            found.append(Octroi(self.by.organisation_id, None if scope == TOUS else int(scope), Droit(droit)))
        return found

    def ligne(self, droit: Droit) -> list[Case]:
        """The boxes of that right: all services, then each."""
        scopes: list[int | None] = [None, *(service.id for service in self.columns)]
        ticked = self.droits.data or ()
        return [
            Case(value_of(one, droit), value_of(one, droit) in ticked, self._mine(one, droit), False) for one in scopes
        ]

    def _mine(self, service_id: int | None, droit: Droit) -> bool:
        return decide(self.by.octrois(), droit, self.by.organisation_id, service_id) is Decision.PERMIS
