"""Joining a waitlist: who one is, for how many seats, and with whom when one wants to say it."""

from typing import Any

from flask import request
from wtforms import FieldList, FormField, SelectField, StringField, ValidationError
from wtforms.fields import Field

from webapp.clock import utcnow
from webapp.domain.contacts import clean_name
from webapp.models import Motif

from .base import SubForm
from .public import MOI_ET_PROCHES, InscriptionForm
from .typed import birth_date_typed, name_typed

PLACES_MAX = 6
"""Seats one person asks for: a family. A group calls."""


class AccompagnantForm(SubForm):
    """Somebody who comes with the person who asks: without a last name, theirs; without a first name, nobody."""

    prenom = StringField("Prénom")
    nom = StringField("Nom")
    date_naissance = StringField("Date de naissance")
    foyer: "AttenteForm"

    def validate_prenom(self, field: Field) -> None:
        if clean_name(self.nom.data or "") or clean_name(field.data or ""):
            name_typed(field.data, "Écrivez son prénom.")

    def validate_nom(self, field: Field) -> None:
        if clean_name(field.data or ""):
            name_typed(field.data, "Écrivez son nom de famille.")

    def validate_date_naissance(self, field: Field) -> None:
        if typed := clean_name(field.data or ""):
            self.born = birth_date_typed(typed, utcnow().date())

    @property
    def said(self) -> bool:
        """Is there a name?"""
        return bool(clean_name(self.prenom.data or ""))

    @property
    def named(self) -> dict[str, Any]:
        """Who it is, cleaned; only after `validate()` has said yes."""
        nom = clean_name(self.nom.data or "") or clean_name(self.foyer.nom.data or "")
        return {
            "prenom": clean_name(self.prenom.data or ""),
            "nom": nom,
            "date_naissance": getattr(self, "born", None),
        }


class AttenteForm(InscriptionForm):
    """One person waits, for themself or with others."""

    places = SelectField("Pour combien de personnes ?", coerce=int, default=1)
    accompagnants = FieldList(FormField(AccompagnantForm), min_entries=PLACES_MAX - 1, max_entries=PLACES_MAX - 1)

    def __init__(self, motif: Motif, timezone: str, connu: str, *, libres: int, capacite: int) -> None:
        """`libres` seats are free: fewer than one asks for, or one would book."""
        super().__init__(motif, timezone, connu)
        named = sum(one.form.said for one in self.accompagnants)  # typed in the form that books
        least, most = max(libres, named) + 1, max(min(PLACES_MAX, capacite), libres + 1)
        if not self.is_submitted() or "places" not in request.form:
            self.places.data = least
        elif self.places.data:
            least = min(least, self.places.data)  # a seat came free meanwhile: the rule says so, not the field
        self.places.choices = [(n, f"{n} personnes" if n > 1 else "1 personne") for n in range(least, most + 1)]
        self.places.flags.required = True

    def validate_places(self, field: Field) -> None:
        others = sum(one.form.said for one in self.accompagnants)
        if field.data is not None and others >= field.data:
            field.data = others + 1  # who was named counts
            if field.data not in dict(field.choices):
                raise ValidationError("C’est plus de personnes que cette séance n’en accueille.")

    @property
    def family(self) -> bool:
        """Who waits comes, with others or not: `places` says how many."""
        return False

    def typed(self) -> list[tuple[str, str]]:
        """What was typed, to be carried to the form that books."""
        rows = [field for one in self.accompagnants if one.form.said for field in one.form if field.data]
        others = [("pour", MOI_ET_PROCHES), *((field.name, field.data) for field in rows)] if rows else []
        return [*super().typed(), *others]

    @property
    def with_them(self) -> list[dict[str, Any]]:
        """Those who were named."""
        return [one.form.named for one in self.accompagnants if one.form.said]

    @property
    def seul(self) -> bool:
        """Was nobody else written down?"""
        return not any(field.data for one in self.accompagnants for field in one.form)
