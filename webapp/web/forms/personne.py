"""Somebody as an agent types them: the answers the public form accepts, none of them asked for but the names."""

from datetime import date
from typing import Any

from wtforms import StringField, ValidationError
from wtforms.fields import Field

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.contacts import DOSSIER_MAX, clean_name
from webapp.domain.dates import local
from webapp.domain.identity import Identity

from .base import BaseForm
from .typed import birth_date_typed, email_typed, name_typed


class QuelquUn(BaseForm):
    """`said` holds what was read of each field, once valid. Who has no contact at all is called."""

    prenom = StringField("Prénom")
    nom = StringField("Nom")
    date_naissance = StringField("Date de naissance")
    telephone = StringField("Téléphone")
    courriel = StringField("Courriel")
    numero_dossier = StringField("Numéro de dossier")

    def __init__(self, timezone: str, **options: Any) -> None:
        super().__init__(**options)
        self.timezone, self.region = timezone, phones.region_of_timezone(timezone)
        self.prenom.flags.required = self.nom.flags.required = True
        self.said: dict[str, str | date | None] = {}

    @property
    def identity(self) -> Identity | None:
        """Who is typed, once valid."""
        return Identity(**self.said)  # type: ignore[arg-type]

    def validate_prenom(self, field: Field) -> None:
        self.said["prenom"] = name_typed(field.data, "Écrivez le prénom.")

    def validate_nom(self, field: Field) -> None:
        self.said["nom"] = name_typed(field.data, "Écrivez le nom de famille.")

    def validate_telephone(self, field: Field) -> None:
        typed = clean_name(field.data or "")
        try:
            self.said["telephone"] = phones.parse(typed[:60], self.region) if typed else None
        except phones.PhoneError as error:
            raise ValidationError(error.message_fr) from error

    def validate_courriel(self, field: Field) -> None:
        typed = clean_name(field.data or "")
        self.said["courriel"] = email_typed(typed) if typed else None

    def validate_date_naissance(self, field: Field) -> None:
        typed = clean_name(field.data or "")
        today = local(utcnow(), self.timezone).date()
        self.said["date_naissance"] = birth_date_typed(typed, today) if typed else None

    def validate_numero_dossier(self, field: Field) -> None:
        number = clean_name(field.data or "")
        if len(number) > DOSSIER_MAX:
            raise ValidationError(f"C’est trop long : {DOSSIER_MAX} caractères au plus.")
        self.said["numero_dossier"] = number or None
