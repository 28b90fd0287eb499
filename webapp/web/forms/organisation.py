"""What an organisation says of itself and decides: one field per name of `services.organisation.EDITABLE`."""

import re
from typing import Any

from wtforms import (
    BooleanField,
    ColorField,
    EmailField,
    Field,
    IntegerField,
    SelectField,
    StringField,
    TelField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import InputRequired, NumberRange

from webapp.domain.contrast import MINIMUM, WHITE, accent_ok, ratio
from webapp.domain.theme import accents
from webapp.models import Organisation
from webapp.services.organisation import EDITABLE, FUSEAUX, LIMITES, RETENTION_MAX

from .base import BaseForm
from .lieux import at_most, phone_shown, phone_typed, tidy
from .motif import answers, strip
from .typed import email_typed


def limit(label: str, name: str) -> IntegerField:
    """A number between what the service accepts."""
    least, most = LIMITES[name]
    words = f"Écrivez un nombre entre {least} et {most}."
    return IntegerField(label, [InputRequired(words), NumberRange(min=least, max=most, message=words)])


MONTHS = f"Écrivez un nombre de mois entre 1 et {RETENTION_MAX}."


class OrganisationForm(BaseForm):
    """Its name, its hours, how to reach it, its colour, two decisions, and what its public forms bear."""

    name = StringField("Nom", [InputRequired("Donnez un nom à l’organisation."), at_most(120)], filters=[tidy])
    timezone = SelectField("Fuseau horaire")
    phone = TelField("Téléphone")
    phone_hours = StringField("Horaires du téléphone", [at_most(120)], filters=[tidy])
    email = EmailField("Courriel")
    colour = ColorField("Couleur")
    retention_mois = IntegerField(
        "Durée de conservation des données, en mois",
        [InputRequired(MONTHS), NumberRange(min=1, max=RETENTION_MAX, message=MONTHS)],
    )
    surbooking_autorise = BooleanField("Permettre d’inscrire au-delà de la capacité")
    second_facteur_obligatoire = BooleanField("Demander la connexion en deux étapes à tous les agents")
    mentions = TextAreaField("Mentions légales", [at_most(2000)], filters=[strip])
    seances_par_contact = limit("Séances à venir d’un même atelier, avec un même contact", "seances_par_contact")
    envois_par_contact = limit("Formulaires envoyés par heure, avec un même contact", "envois_par_contact")
    envois_par_adresse = limit("Formulaires envoyés par minute, depuis une même connexion", "envois_par_adresse")
    secondes_formulaire = limit("Secondes avant qu’un formulaire puisse être envoyé", "secondes_formulaire")

    def __init__(self, organisation: Organisation) -> None:
        self.known, self.number = organisation.timezone, ""
        shown = {name: getattr(organisation, name) for name in EDITABLE}
        super().__init__(data=shown | {"phone": phone_shown(organisation.phone, self.known)})
        zones = FUSEAUX if self.known in FUSEAUX else {self.known: self.known} | FUSEAUX
        self.timezone.choices = answers(zones.items())

    def values(self) -> dict[str, Any]:
        """What was said, once valid."""
        return {name: self[name].data for name in EDITABLE} | {"phone": self.number}

    def validate_name(self, field: Field) -> None:
        if not field.data:
            raise ValidationError("Donnez un nom à l’organisation.")

    def validate_phone(self, field: Field) -> None:
        zone = self.timezone.data
        self.number = phone_typed(field.data or "", zone if zone in FUSEAUX else self.known)

    def validate_email(self, field: Field) -> None:
        field.data = email_typed(field.data) if (field.data or "").strip() else ""

    def validate_colour(self, field: Field) -> None:
        """White text must be readable on it; if not, the nearest one where it is."""
        typed = (field.data or "").strip().lower()
        if not re.fullmatch(r"#[0-9a-f]{6}", typed):
            raise ValidationError("Choisissez une couleur, ou écrivez-la comme #0b5f63.")
        if not accent_ok(typed):
            darker = accents(typed)[0].accent
            contrast = f"{ratio(typed, WHITE):.1f}".replace(".", ",")
            least = str(MINIMUM).replace(".", ",")
            raise ValidationError(
                f"Cette couleur est trop claire : un texte blanc s’y lit mal (contraste de {contrast}, il en faut "
                f"{least}). La même, plus foncée : {darker}"
            )
        field.data = typed
