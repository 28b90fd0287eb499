"""The forms of « mon rendez-vous »: what a personal link lets one say."""

from collections.abc import Sequence
from typing import Any

from flask import request
from wtforms import RadioField, StringField, ValidationError
from wtforms.fields import Field

from webapp.domain import phones
from webapp.domain.contacts import clean_name, fold
from webapp.models import Canal, Participation

from .base import BaseForm
from .motif import answers, boxes
from .typed import email_typed

RAISONS = {
    "empêché": "Je suis empêché·e",
    "transport": "Je n’ai pas de moyen de transport",
    "santé": "Pour ma santé ou celle d’un proche",
    "garde d’enfant": "Je dois garder un enfant",
    "autre": "Une autre raison",
}
"""What is kept → what is read."""
TOUS = "tous"


class QuiForm(BaseForm):
    """For whom of a household. `qui` holds numbers of places, or « tous »; who does not say means their own place, but
    for the page that let them choose (`foyer`)."""

    qui = boxes("Pour qui ?", ())

    def __init__(self, places: Sequence[Participation], own: int, chosen: Sequence[str] = ()) -> None:
        """`places` are those it may be for; `chosen` are ticked at first."""
        super().__init__()
        self.qui.choices = answers((str(one.id), one.usager.first_name) for one in places)
        if not self.is_submitted():
            self.qui.data = list(chosen)
        if TOUS in (self.qui.data or ()):
            self.qui.data = [str(one.id) for one in places]
        self.own = own

    def validate_qui(self, field: Field) -> None:
        if not field.data and "foyer" in request.form:
            raise ValidationError("Cochez au moins une personne.")

    @property
    def chosen(self) -> list[int]:
        """The places it is for, once valid."""
        return [int(one) for one in self.qui.data or ()] or [self.own]


class DesistementForm(QuiForm):
    """« Je ne pourrai pas venir ». The reason is optional: nobody has to give one."""

    raison = RadioField("Pour quelle raison ?", choices=answers(RAISONS.items()), validate_choice=False)

    @property
    def why(self) -> str:
        """The reason, as one of the list; nothing for any other."""
        asked = fold(self.raison.data or "")
        return next((raison for raison in RAISONS if fold(raison) == asked), "")


class CorrectionForm(BaseForm):
    """Another number, another address: what is left empty stays as it is."""

    telephone = StringField("Nouveau téléphone")
    courriel = StringField("Nouveau courriel")

    def __init__(self, region: str) -> None:
        super().__init__()
        self.region = region
        self.values: dict[str, str] = {}

    def validate_telephone(self, field: Field) -> None:
        typed = clean_name(field.data or "")
        if not typed and not clean_name(self.courriel.data or ""):
            raise ValidationError("Écrivez un nouveau numéro ou une nouvelle adresse.")
        if typed:
            try:
                self.values["telephone"] = phones.parse(typed[:60], self.region)
            except phones.PhoneError as error:
                raise ValidationError(error.message_fr) from error

    def validate_courriel(self, field: Field) -> None:
        if typed := clean_name(field.data or ""):
            self.values["courriel"] = email_typed(typed)

    def contact(self) -> dict[str, Any]:
        """What was given, once valid."""
        return {"telephone": None, "courriel": None, **self.values}


class DemandeForm(BaseForm):
    """By what to send the code that changes the file: `possible` are the channels there are."""

    par = RadioField("Où envoyer le code ?")

    def __init__(self, possible: Sequence[tuple[Canal, str]]) -> None:
        super().__init__()
        self.par.choices = answers((canal.value, contact) for canal, contact in possible)
        if self.par.data is None and len(possible) == 1:
            self.par.data = possible[0][0].value
