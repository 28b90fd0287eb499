"""What an export asks for: which file, which sessions, for which program."""

from collections.abc import Collection
from datetime import date, time, timedelta
from typing import Any

from wtforms import DateField, IntegerField, RadioField, SelectField
from wtforms.validators import InputRequired, NumberRange, Optional, ValidationError

from webapp.domain.recurrence import to_utc
from webapp.models import FormatExport, GenreExport
from webapp.queries.exports import Choix
from webapp.web.intake import LARGEST

from .base import BaseForm
from .motif import answers

GENRES = [
    (GenreExport.ACCUEIL.value, "Une ligne par séance (accueil)"),
    (GenreExport.STATISTIQUES.value, "Une ligne par participation (statistiques)"),
]
FORMATS = [(FormatExport.XLSX.value, "Classeur (XLSX)"), (FormatExport.CSV.value, "Texte (CSV)")]


class ExportForm(BaseForm):
    genre = RadioField("Quel fichier ?", choices=answers(GENRES), default=GENRES[0][0], validators=[InputRequired()])
    format = RadioField(
        "Pour quel logiciel ?", choices=answers(FORMATS), default=FORMATS[0][0], validators=[InputRequired()]
    )
    du = DateField("Du", validators=[Optional()])
    au = DateField("Au", validators=[Optional()])
    service = SelectField("Service", coerce=int, default=0)
    motif = SelectField("Motif", coerce=int, default=0)
    lieu = SelectField("Lieu", coerce=int, default=0)
    rdv = IntegerField("Séance", validators=[Optional(), NumberRange(1, LARGEST)])

    def __init__(self, services: Any, motifs: Any, lieux: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.service.choices = answers([(0, "Tous les services"), *services])
        self.motif.choices = answers([(0, "Tous les motifs"), *motifs])
        self.lieu.choices = answers([(0, "Tous les lieux"), *lieux])

    def validate_du(self, field: DateField) -> None:
        _this_century(field.data)

    def validate_au(self, field: DateField) -> None:
        _this_century(field.data)
        if field.data and self.du.data and field.data < self.du.data:
            raise ValidationError("La fin est avant le début.")

    def choix(self, tz: str, allowed: Collection[int] | None) -> Choix:
        """The sessions asked for, among the services one may export; days are those of `tz`."""
        services = (self.service.data,) if self.service.data else None if allowed is None else tuple(sorted(allowed))
        return Choix(
            debut=to_utc(self.du.data, time(), tz) if self.du.data else None,
            fin=to_utc(self.au.data + timedelta(days=1), time(), tz) if self.au.data else None,
            services=services,
            motif_id=self.motif.data or None,
            lieu_id=self.lieu.data or None,
            rdv_id=self.rdv.data,
        )


def _this_century(day: date | None) -> None:
    if day is not None and not 2000 < day.year < 2200:
        raise ValidationError("Écrivez l’année en entier, par exemple 2026.")
