"""Joining a waitlist: who one is, for how many seats, and with whom when one wants to say it."""

from typing import Any

from flask import request
from wtforms import FieldList, FormField, RadioField, SelectField, StringField, ValidationError
from wtforms.fields import Field

from webapp.clock import utcnow
from webapp.domain.contacts import clean_name
from webapp.domain.identity import Identity
from webapp.models import Motif

from .base import SubForm
from .motif import answers
from .public import MOI, MOI_ET_PROCHES, PROCHE, InscriptionForm
from .typed import birth_date_typed, name_typed

POUR = [(MOI, "Moi, seul·e ou avec d’autres"), (PROCHE, "Un proche ou plusieurs, sans moi")]
PLACES_MAX = 6
"""Seats one person asks for: a family. A group calls."""


class AccompagnantForm(SubForm):
    """Somebody who comes with the person who asks: without a last name, theirs; without a first name, nobody."""

    prenom = StringField("Prénom")
    nom = StringField("Nom")
    date_naissance = StringField("Date de naissance")
    foyer: "AttenteForm"

    def validate_prenom(self, field: Field) -> None:
        if self.foyer.sans_moi and not self.foyer.nommes and self.foyer.accompagnants[0].form is self:
            raise ValidationError("Écrivez le prénom de votre proche.")
        if clean_name(self.nom.data or "") or clean_name(field.data or ""):
            name_typed(field.data, "Écrivez son prénom.")

    def validate_nom(self, field: Field) -> None:
        if clean_name(field.data or ""):
            name_typed(field.data, "Écrivez son nom de famille.")

    def validate_date_naissance(self, field: Field) -> None:
        if typed := clean_name(field.data or ""):
            self.born = birth_date_typed(typed, utcnow().date())
        elif self.foyer.sans_moi and self.foyer.premier is self:
            raise ValidationError("Écrivez sa date de naissance.")

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
    """One person waits, for themself or with others; or for relatives alone, whose messages they read."""

    pour = RadioField("Qui attend une place ?", choices=answers(POUR), default=MOI, validate_choice=False)
    places = SelectField("Pour combien de personnes ?", coerce=int, default=1)
    accompagnants = FieldList(FormField(AccompagnantForm), min_entries=PLACES_MAX - 1, max_entries=PLACES_MAX - 1)

    def __init__(self, motif: Motif, timezone: str, connu: str, *, libres: int, capacite: int) -> None:
        """`libres` seats are free: fewer than one asks for, or one would book."""
        super().__init__(motif, timezone, connu)
        if self.pour.data != PROCHE:
            self.pour.data = MOI
        least = max(libres + 1, self.nommes + (not self.sans_moi))  # some were named in the form that books
        most = max(min(PLACES_MAX, capacite), libres + 1)
        if not self.is_submitted() or "places" not in request.form:
            self.places.data = least
        elif self.places.data:
            least = min(least, self.places.data)  # a seat came free meanwhile: the rule says so, not the field
        self.places.choices = [(n, f"{n} personnes" if n > 1 else "1 personne") for n in range(least, most + 1)]
        self.places.flags.required = True

    def validate_places(self, field: Field) -> None:
        people = self.nommes + (not self.sans_moi)
        if field.data is not None and people > field.data:
            field.data = people  # who was named counts
            if field.data not in dict(field.choices):
                raise ValidationError("C’est plus de personnes que cette séance n’en accueille.")

    @property
    def sans_moi(self) -> bool:
        """Does who asks not come?"""
        return self.pour.data == PROCHE

    @property
    def nommes(self) -> int:
        """How many others were named."""
        return sum(one.form.said for one in self.accompagnants)

    @property
    def premier(self) -> AccompagnantForm | None:
        """The first who was named."""
        return next((one.form for one in self.accompagnants if one.form.said), None)

    @property
    def family(self) -> bool:
        """Who waits comes, with others or not: `places` says how many."""
        return False

    def typed(self) -> list[tuple[str, str]]:
        """What was typed, to be carried to the form that books."""
        rows = [field for one in self.accompagnants if one.form.said for field in one.form if field.data]
        if not rows:
            return super().typed()
        who = PROCHE if self.sans_moi else MOI_ET_PROCHES
        return [*super().typed(), ("pour", who), *((field.name, field.data) for field in rows)]

    @property
    def with_them(self) -> list[dict[str, Any]]:
        """Those who were named; but who waits, when it is one of them."""
        named = [one.form.named for one in self.accompagnants if one.form.said]
        return named[1:] if self.sans_moi else named

    @property
    def proche(self) -> Identity | None:
        """Who waits, when it is not who asks."""
        one = self.premier if self.sans_moi else None
        return self.identity.relative(**one.named) if one else None

    @property
    def seul(self) -> bool:
        """Was nobody else written down?"""
        return not self.sans_moi and not any(field.data for one in self.accompagnants for field in one.form)
