"""The forms usagers fill: only what the motif asks, read as people type it, given back as it was typed."""

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from email_validator import EmailNotValidError, validate_email
from wtforms import HiddenField, RadioField, StringField, ValidationError
from wtforms.fields import Field

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.contacts import clean_name, fold, fold_email
from webapp.domain.dates import local
from webapp.domain.errors import DomainError
from webapp.domain.identity import Identity
from webapp.models import Champ, Motif

from .base import BaseForm

NAME_MAX = 80
DOSSIER_MAX = 40
OLDEST = 120  # years
SHORT = "Écrivez un numéro de téléphone ou une adresse de courriel : nous devons pouvoir vous prévenir."
FOR_SOMEBODY = "Pour réserver une place à un proche, appelez-nous : un agent l’inscrira avec vous."
MAIL = "prenom.nom@exemple.fr"
MONTHS = "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre".split()  # noqa: SIM905
# Whatever a mail program would turn into a link: the site must not carry a stranger's in « Bonjour … ».
ADDRESS_LIKE = re.compile(r"://|@|\w\w\.\w\w")
IDENTITY = ("prenom", "nom", "telephone", "courriel", "date_naissance", "numero_dossier")


class InscriptionForm(BaseForm):
    """One person books a seat for themself. Data stay as typed; `identity` is what they mean, once valid."""

    prenom = StringField("Prénom")
    nom = StringField("Nom")
    date_naissance = StringField("Date de naissance")
    telephone = StringField("Téléphone")
    courriel = StringField("Courriel")
    numero_dossier = StringField("Numéro de dossier")
    pour = HiddenField(default="moi")
    connu = HiddenField()

    def __init__(self, motif: Motif, timezone: str, connu: str = "") -> None:
        """`connu`: where and when the session is held now; `moved` when the page showed something else."""
        super().__init__()
        self.moved = self.connu.data not in (None, "", connu)
        self.connu.data = connu
        self.timezone = timezone
        self.region = phones.region_of_timezone(timezone)
        asked = {champ for champ in Champ if motif.asks(champ)}
        if not asked & {Champ.TELEPHONE, Champ.COURRIEL}:  # online, one way to write is needed (docs/domain.md rule 8)
            asked |= {Champ.TELEPHONE, Champ.COURRIEL}
        for champ in Champ:
            if champ not in asked:
                del self[champ.value]
        self.needs = [name for name in ("telephone", "courriel") if name in self]
        for name in ("prenom", "nom", "date_naissance", *(self.needs if len(self.needs) == 1 else ())):
            if name in self:
                self[name].flags.required = True
        self.values: dict[str, str | date | None] = {}
        self.refusal_code = ""

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        valid = super().validate(extra_validators)
        if not self.stale and self.pour.data not in ("", "moi"):
            self.form_errors.append(FOR_SOMEBODY)
            return False
        return valid

    def refuse(self, error: DomainError) -> None:
        super().refuse(error)
        self.refusal_code = error.code

    def start_again(self) -> None:
        """Filled with what was typed elsewhere: a form of its own, that nobody has sent yet."""
        self.envoi.data = secrets.token_urlsafe(16)

    @property
    def two_ways(self) -> bool:
        """Are both contacts asked? Then one of them is enough."""
        return len(self.needs) == 2

    def typed(self) -> list[tuple[str, str]]:
        """What was typed, to be carried to another session's form (the fields this one does not ask included)."""
        return [(name, self[name].data or "") for name in IDENTITY if name in self and self[name].data]

    @property
    def identity(self) -> Identity:
        """Who books, cleaned; only after `validate()` has said yes."""
        return Identity(**self.values)  # type: ignore[arg-type]

    def validate_prenom(self, field: Field) -> None:
        self._name(field, "Écrivez votre prénom.")

    def validate_nom(self, field: Field) -> None:
        self._name(field, "Écrivez votre nom de famille.")

    def _name(self, field: Field, missing: str) -> None:
        name = clean_name(field.data or "")
        if not name:
            raise ValidationError(missing)
        if not fold(name):
            raise ValidationError(missing.replace(".", ", avec des lettres."))
        if len(name) > NAME_MAX:
            raise ValidationError(f"C’est trop long : {NAME_MAX} caractères au plus.")
        if ADDRESS_LIKE.search(name):
            raise ValidationError(missing.replace(".", " seulement, sans adresse ni lien."))
        self.values[field.name] = name

    def validate_telephone(self, field: Field) -> None:
        typed = clean_name(field.data or "")
        if not typed:
            if not self.two_ways:
                raise ValidationError("Écrivez votre numéro de téléphone.")
            if not clean_name(self.courriel.data or ""):
                raise ValidationError(SHORT)
            return
        try:
            self.values["telephone"] = phones.parse(typed[:60], self.region)
        except phones.PhoneError as error:
            raise ValidationError(error.message_fr) from error

    def validate_courriel(self, field: Field) -> None:
        typed = clean_name(field.data or "")
        if not typed:
            if not self.two_ways:
                raise ValidationError("Écrivez votre adresse de courriel.")
            return
        self.values["courriel"] = email_typed(typed)

    def validate_date_naissance(self, field: Field) -> None:
        typed = clean_name(field.data or "")
        if not typed:
            raise ValidationError("Écrivez votre date de naissance.")
        self.values["date_naissance"] = birth_date_typed(typed, local(utcnow(), self.timezone).date())

    def validate_numero_dossier(self, field: Field) -> None:
        number = clean_name(field.data or "")
        if len(number) > DOSSIER_MAX:
            raise ValidationError(f"C’est trop long : {DOSSIER_MAX} caractères au plus.")
        self.values["numero_dossier"] = number or None


class InvitationForm(BaseForm):
    """Who is invited books: there is nothing to fill in. `changer`: the seat chosen before is given back."""

    connu = HiddenField()
    changer = HiddenField()

    def __init__(self, connu: str = "") -> None:
        """`connu` as in `InscriptionForm`."""
        super().__init__()
        self.moved = self.connu.data not in (None, "", connu)
        self.connu.data = connu


RAISONS = (
    "Je suis malade",
    "Je travaille ou je suis en formation",
    "Je n’ai pas de moyen de transport",
    "Je dois garder un enfant ou un proche",
    "Je n’ai plus besoin de ce rendez-vous",
    "Une autre raison",
)


class DesistementForm(BaseForm):
    """« Je ne pourrai pas venir ». The reason is optional: nobody has to give one."""

    raison = RadioField("Pour quelle raison ?", choices=list(RAISONS), validate_choice=False)


def email_typed(text: str) -> str:
    """The address in lower case; raises `ValidationError` with what to mend. Nothing is asked to the network."""
    typed = text.replace(" ", "")
    if "@" not in typed:
        raise ValidationError(f"Il manque le signe @. Exemple : {MAIL}")
    if "." not in typed.rpartition("@")[2]:
        raise ValidationError("Il manque la fin de l’adresse, comme « .fr » ou « .com ».")
    if len(typed) > 254:
        raise ValidationError("Cette adresse de courriel est trop longue.")
    try:
        return fold_email(validate_email(typed, check_deliverability=False).normalized)
    except EmailNotValidError as error:
        raise ValidationError(f"Cette adresse de courriel n’est pas correcte. Exemple : {MAIL}") from error


def birth_date_typed(text: str, today: date) -> date:
    """03/03/1990, 3-3-1990, 03031990, 1990-03-03 or 3 mars 1990; raises `ValidationError` with what to mend."""
    typed = fold(text.replace("/", " ").replace(".", " ").replace("_", " "))
    if re.fullmatch(r"\d{8}", typed):
        typed = f"{typed[:2]} {typed[2:4]} {typed[4:]}"
    parts = typed.replace("1er ", "1 ").split()
    if len(parts) == 3 and not parts[1].isdigit() and len(parts[1]) >= 3:
        parts[1] = str(next((n for n, month in enumerate(MONTHS, 1) if month.startswith(parts[1])), parts[1]))
    if len(parts) == 3 and len(parts[0]) == 4:
        parts.reverse()
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValidationError("Écrivez le jour, le mois et l’année. Exemple : 03/03/1990")
    if len(parts[2]) != 4:
        raise ValidationError("Écrivez l’année avec quatre chiffres. Exemple : 03/03/1990")
    try:
        born = date(int(parts[2]), int(parts[1]), int(parts[0]))
    except ValueError as error:
        raise ValidationError("Cette date n’existe pas : vérifiez le jour et le mois.") from error
    if born > today:
        raise ValidationError("Cette date est dans le futur : vérifiez l’année.")
    if born.year < today.year - OLDEST:
        raise ValidationError("Vérifiez l’année de naissance.")
    return born
