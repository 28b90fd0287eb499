"""What an admin says of a place and of its rooms: one field per name of `services.lieux.LIEU` and `SALLE`."""

import re
from typing import Any

from markupsafe import Markup
from wtforms import Field, HiddenField, IntegerField, StringField, TelField, ValidationError
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from webapp.domain import phones
from webapp.domain.contacts import clean_name
from webapp.models import Lieu, Salle
from webapp.services.lieux import LIEU, SALLE, cle

from .base import BaseForm

CAPACITY = "Écrivez un nombre de places entre 1 et 2000, ou rien si vous ne le connaissez pas."


def tidy(value: str | None) -> str:
    """What was typed on one line, without what no eye sees."""
    return clean_name(value or "")


def at_most(length: int) -> Length:
    return Length(max=length, message=f"C’est trop long : {length} caractères au plus.")


def phone_shown(number: str, timezone: str) -> str:
    """A number as people of that time zone write it."""
    return phones.national(number, phones.region_of_timezone(timezone)) if number.startswith("+") else number


def phone_typed(text: str, timezone: str) -> str:
    """As it is kept; nothing for nothing. Raises `ValidationError` with what to mend."""
    if not text.strip():
        return ""
    try:
        return phones.parse(text[:60], phones.region_of_timezone(timezone))
    except phones.PhoneError as error:
        raise ValidationError(error.message_fr) from error


class KnownForm(BaseForm):
    """A form that knows what it showed (`connu`), and carries what was typed to the page that asks for a last word."""

    connu = HiddenField()
    names: tuple[str, ...] = ()

    def carried(self) -> Markup:
        """All that was typed, out of sight."""
        one = Markup('<input type="hidden" name="{}" value="{}">')
        fields = ("connu", *self.names)
        return Markup("").join(one.format(name, self._typed(self[name])) for name in fields)

    @staticmethod
    def _typed(field: Field) -> str:
        raw = field.raw_data[0] if field.raw_data else field.data
        return "" if raw is None else str(raw)

    def values(self) -> dict[str, Any]:
        """What was said, once valid."""
        return {name: self[name].data for name in self.names}


class LieuForm(KnownForm):
    """Create a place or correct it."""

    names = LIEU
    name = StringField("Nom", [InputRequired("Donnez un nom au lieu."), at_most(120)], filters=[tidy])
    address = StringField("Adresse", [at_most(200)], filters=[tidy])
    postal_code = StringField("Code postal", [InputRequired("Indiquez le code postal.")])
    city = StringField("Ville", [InputRequired("Indiquez la ville."), at_most(100)], filters=[tidy])
    phone = TelField("Téléphone")
    pmr = StringField("Accessibilité", [at_most(200)], filters=[tidy])

    def __init__(self, lieu: Lieu | None, timezone: str) -> None:
        self.timezone, self.number = timezone, ""
        shown = {name: getattr(lieu, name) for name in LIEU} | {"connu": cle(lieu)} if lieu else {}
        if lieu:
            shown["phone"] = phone_shown(lieu.phone, timezone)
        super().__init__(data=shown)

    def validate_name(self, field: Field) -> None:
        if not field.data:
            raise ValidationError("Donnez un nom au lieu.")

    def validate_city(self, field: Field) -> None:
        if not field.data:
            raise ValidationError("Indiquez la ville.")

    def validate_postal_code(self, field: Field) -> None:
        """Of mainland France, Corsica, overseas or Monaco."""
        typed = re.sub(r"\s", "", field.data or "")
        if re.fullmatch(r"2[ABab]\d{0,3}", typed):
            raise ValidationError("En Corse aussi, le code postal n’a que des chiffres. Exemple : 20000 pour Ajaccio.")
        if not re.fullmatch(r"[0-9]{5}", typed):
            raise ValidationError("Un code postal a cinq chiffres. Exemples : 26990, 97200.")
        if typed[:2] in ("00", "96", "99"):
            raise ValidationError("Aucun code postal ne commence ainsi : vérifiez-le.")
        field.data = typed

    def validate_phone(self, field: Field) -> None:
        self.number = phone_typed(field.data or "", self.timezone)

    def values(self) -> dict[str, Any]:
        return super().values() | {"phone": self.number}


class SalleForm(KnownForm):
    """Add a room or change it."""

    names = SALLE
    name = StringField("Nom", [InputRequired("Donnez un nom à la salle."), at_most(80)], filters=[tidy])
    capacite = IntegerField("Nombre de places", [Optional(), NumberRange(min=1, max=2000, message=CAPACITY)])

    def __init__(self, salle: Salle | None) -> None:
        shown = {name: getattr(salle, name) for name in SALLE} | {"connu": cle(salle)} if salle else {}
        super().__init__(data=shown)

    def validate_name(self, field: Field) -> None:
        if not field.data:
            raise ValidationError("Donnez un nom à la salle.")
