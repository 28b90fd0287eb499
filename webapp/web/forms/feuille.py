"""The signed sheet typed in: one line per person, and a few for those who came without having booked."""

import re
from collections.abc import Iterable, Iterator

from flask import request
from wtforms import FieldList, FormField, StringField, ValidationError
from wtforms.fields import Field

from webapp.domain.contacts import clean_name, fold
from webapp.domain.errors import DomainError
from webapp.domain.identity import Identity
from webapp.domain.participation import Statut
from webapp.services.feuille import Pointage

from .base import BaseForm, SubForm
from .typed import NAME_MAX

WALK_INS = 3
VERSION = re.compile("[0-9]{1,9}")
MARKS = (Statut.INSCRIT, Statut.PRESENT, Statut.ABSENT, Statut.EXCUSE)


class VenueForm(SubForm):
    """Somebody who came without having booked; a line left blank is nobody."""

    prenom = StringField("Prénom")
    nom = StringField("Nom")

    def validate_prenom(self, field: Field) -> None:
        self._name(field, "Écrivez le prénom.")

    def validate_nom(self, field: Field) -> None:
        self._name(field, "Écrivez le nom de famille.")

    def _name(self, field: Field, missing: str) -> None:
        if self.blank:
            return
        if not fold(field.data or ""):
            raise ValidationError(missing)
        if len(clean_name(field.data)) > NAME_MAX:
            raise ValidationError(f"C’est trop long : {NAME_MAX} caractères au plus.")

    @property
    def blank(self) -> bool:
        return not fold(f"{self.prenom.data or ''} {self.nom.data or ''}")


class PointageForm(BaseForm):
    """`statut-<id>` is what is marked on somebody's line, `connu-<id>` what it said when the page was shown:
    "3 inscrit" (version, status)."""

    venues = FieldList(FormField(VenueForm), min_entries=WALK_INS, max_entries=WALK_INS)

    def asked(self, ids: Iterable[int]) -> dict[int, Pointage]:
        """The lines that were changed on the page, of those people."""
        found = {}
        for one in ids:
            version, _, known = request.form.get(f"connu-{one}", "").partition(" ")
            marked = request.form.get(f"statut-{one}", known)
            if marked != known and marked in MARKS and VERSION.fullmatch(version):
                found[one] = Pointage(Statut(marked), int(version))
        return found

    @property
    def people(self) -> Iterator[tuple[int, Identity]]:
        """(line, who) of those who came without having booked."""
        for place, line in enumerate(self.venues):
            if not line.form.blank:
                yield place, Identity(clean_name(line.form.prenom.data), clean_name(line.form.nom.data))

    def forget(self, place: int) -> None:
        """That person is added: their line is blank again."""
        self.venues[place].form.prenom.data = self.venues[place].form.nom.data = ""

    def refuse_line(self, place: int, refusal: DomainError) -> None:
        """That person could not be added, and why."""
        field = self.venues[place].form.nom
        field.errors = [*field.errors, refusal.message[:1].upper() + refusal.message[1:]]
