"""What agents say of a person: the same answers as the public form accepts, none of them asked for but a name."""

from datetime import date
from typing import Any

from wtforms import BooleanField, HiddenField, RadioField, StringField, ValidationError
from wtforms.fields import Field
from wtforms.validators import InputRequired

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.contacts import DOSSIER_MAX, clean_name
from webapp.domain.dates import local
from webapp.domain.identity import Identity
from webapp.models import Usager
from webapp.services.fiches import cle
from webapp.services.fin_de_fiche import Proches, Raison

from .base import BaseForm
from .lieux import phone_shown
from .motif import answers
from .typed import birth_date_typed, email_typed, name_typed

COLUMNS = {
    "prenom": "first_name",
    "nom": "last_name",
    "date_naissance": "birth_date",
    "telephone": "phone",
    "courriel": "email",
    "numero_dossier": "numero_dossier",
}
"""Field → column of the file."""


class PersonneForm(BaseForm):
    """Somebody new. `quand_meme`: those who look like them have been seen."""

    prenom = StringField("Prénom")
    nom = StringField("Nom")
    date_naissance = StringField("Date de naissance")
    telephone = StringField("Téléphone")
    courriel = StringField("Courriel")
    numero_dossier = StringField("Numéro de dossier")
    quand_meme = HiddenField()

    def __init__(self, timezone: str, **options: Any) -> None:
        super().__init__(**options)
        self.timezone, self.region = timezone, phones.region_of_timezone(timezone)
        self.prenom.flags.required = self.nom.flags.required = True
        self.said: dict[str, str | date | None] = {}

    @property
    def identity(self) -> Identity:
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


class ProcheForm(PersonneForm):
    """Somebody whose messages another person reads: no contact of their own."""

    telephone = courriel = None


class FicheForm(PersonneForm):
    """Correct a file. Who has a responsable has no contact to change; a number kept before its country was known stays
    as it is while it is not touched."""

    connu = HiddenField()
    sms = BooleanField("Accepte les SMS")
    courriels = BooleanField("Accepte les courriels")

    def __init__(self, usager: Usager, timezone: str) -> None:
        born = usager.birth_date
        super().__init__(
            timezone,
            data={
                **{name: getattr(usager, column) for name, column in COLUMNS.items()},
                "date_naissance": born.strftime("%d/%m/%Y") if born else "",
                "telephone": phone_shown(usager.phone, timezone) if usager.phone else "",
                "sms": usager.notify_by_sms,
                "courriels": usager.notify_by_email,
                "connu": cle(usager),
            },
        )
        if usager.responsable_id is not None:
            for name in ("telephone", "courriel", "sms", "courriels"):
                del self[name]

    def values(self) -> dict[str, Any]:
        """Column → value, once valid."""
        found: dict[str, Any] = {column: self.said[name] for name, column in COLUMNS.items() if name in self}
        if "sms" in self:
            found |= {"notify_by_sms": self.sms.data, "notify_by_email": self.courriels.data}
        return found


class SuppressionForm(BaseForm):
    """Erase a file: why, and what becomes of those whose messages the person reads."""

    raison = RadioField(
        "Pourquoi ?",
        [InputRequired("Dites pourquoi cette fiche est supprimée.")],
        choices=answers((one.value, one.label) for one in Raison),
    )
    proches = RadioField(
        "Que deviennent ses proches ?",
        [InputRequired("Dites ce que deviennent ses proches.")],
        choices=[
            (
                Proches.DETACHER.value,
                "Garder leurs fiches : plus personne ne lira leurs messages, ils seront à appeler",
            ),
            (Proches.SUPPRIMER.value, "Supprimer aussi leurs fiches"),
        ],
    )

    def __init__(self, *, proches: bool) -> None:
        super().__init__()
        if not proches:
            del self.proches

    @property
    def why(self) -> Raison:
        return Raison(self.raison.data)

    @property
    def relatives(self) -> Proches | None:
        return Proches(self.proches.data) if "proches" in self else None
