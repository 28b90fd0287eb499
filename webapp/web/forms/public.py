"""The forms usagers fill to book: only what the motif asks, read as people type it, given back as it was typed."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, ClassVar

from flask import request
from wtforms import FieldList, FormField, HiddenField, RadioField, StringField, ValidationError
from wtforms.fields import Field

from webapp.clock import utcnow
from webapp.domain import phones
from webapp.domain.contacts import DOSSIER_MAX, clean_name, fold
from webapp.domain.dates import local
from webapp.domain.errors import DomainError
from webapp.domain.identity import FOYER_MAX, Foyer, Identity, Prescripteur
from webapp.models import Champ, Motif

from .base import BaseForm, SubForm
from .motif import answers
from .robots import SansRobots, sealed
from .typed import birth_date_typed, email_typed, name_typed

MOI, PROCHE, MOI_ET_PROCHES = "moi", "proche", "moi_et_proches"
POUR = [(PROCHE, "Seulement mon proche ou mes proches"), (MOI_ET_PROCHES, "Mes proches et moi")]
IDENTITY = ("prenom", "nom", "telephone", "courriel", "date_naissance", "numero_dossier")


class ProcheForm(SubForm):
    """Somebody of the household. A row left empty is nobody; one without a last name has the responsable's."""

    prenom = StringField("Son prénom")
    nom = StringField("Son nom")
    date_naissance = StringField("Sa date de naissance")
    foyer: "InscriptionForm"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dit: dict[str, str] = {}
        self.ne_le: date | None = None

    @property
    def empty(self) -> bool:
        return not any(clean_name(field.data or "") for field in self)

    @property
    def counts(self) -> bool:
        """Is it somebody to book for?"""
        return self.foyer.pour.data != MOI and not self.empty

    def validate_prenom(self, field: Field) -> None:
        if self.foyer.nobody and self.foyer.accompagnants[0].form is self:
            raise ValidationError("Écrivez le prénom de votre proche.")
        if not self.counts:
            return
        self.dit["prenom"] = name_typed(field.data, "Écrivez son prénom.")
        if self.foyer.named_before(self):
            raise ValidationError("Cette personne est déjà dans la liste.")

    def validate_nom(self, field: Field) -> None:
        if self.counts and clean_name(field.data or ""):
            self.dit["nom"] = name_typed(field.data, "Écrivez son nom de famille.")

    def validate_date_naissance(self, field: Field) -> None:
        if self.counts:
            self.ne_le = self.foyer.born(field, "Écrivez sa date de naissance.")

    def names(self) -> tuple[str, str, str]:
        """What they are recognised by, as far as this form knows."""
        nom = self.nom.data if clean_name(self.nom.data or "") else self.foyer.nom.data
        born = self.date_naissance.data or "" if "date_naissance" in self else ""
        return _same(self.prenom.data), _same(nom), fold(born)


def _same(name: str | None) -> str:
    return fold(name or "").replace(" ", "")


class InscriptionForm(SansRobots, BaseForm):
    """Somebody books: for themself, for relatives (`pour`), or for both. Data stay as typed; `identity` (who reads the
    messages) and `foyer` are what they mean, once valid."""

    WORDS: ClassVar[Mapping[str, str]] = {
        "prenom": "Écrivez votre prénom.",
        "nom": "Écrivez votre nom de famille.",
        "telephone": "Écrivez votre numéro de téléphone.",
        "courriel": "Écrivez votre adresse de courriel.",
        "contact": "Écrivez un numéro de téléphone ou une adresse de courriel : nous devons pouvoir vous prévenir.",
        "date_naissance": "Écrivez votre date de naissance.",
    }

    pour = RadioField("Qui vient ?", choices=answers(POUR), default=MOI, validate_choice=False)
    accompagnants = FieldList(FormField(ProcheForm), max_entries=FOYER_MAX)
    prenom = StringField("Prénom")
    nom = StringField("Nom")
    date_naissance = StringField("Date de naissance")
    telephone = StringField("Téléphone")
    courriel = StringField("Courriel")
    numero_dossier = StringField("Numéro de dossier")
    connu = HiddenField()

    def __init__(self, motif: Motif, timezone: str, connu: str = "") -> None:
        """`connu`: where and when the session is held now; `moved` when the page showed something else."""
        super().__init__()
        self.buttons = request.form
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
        if not self.pour.data or (self.is_submitted() and "pour" not in request.form):
            self.pour.data = "" if "verifier" in request.form else MOI  # not said yet who comes, or nothing to say
        if self.family and not self.accompagnants.entries:
            self.accompagnants.append_entry()
        self._bind()

    def _bind(self) -> None:
        for entry in self.accompagnants.entries:
            entry.form.foyer = self
            if "date_naissance" not in self and "date_naissance" in entry.form:
                del entry.form["date_naissance"]

    @property
    def most(self) -> int:
        """How many people one form may book."""
        return FOYER_MAX

    @property
    def family(self) -> bool:
        """Is it for others too?"""
        return self.pour.data != MOI

    @property
    def moves(self) -> bool:
        """A button that only changes the form was pressed: nothing is sent yet."""
        return any(name in self.buttons for name in ("famille", "seul", "ajouter", "retirer", "modifier"))

    def change(self) -> None:
        """What such a button does: people are added or taken out, what was typed stays."""
        if "seul" in self.buttons:
            self.pour.data = MOI
        elif "famille" in self.buttons and not self.family:
            self.pour.data = ""  # who comes is to be said
        rows = self.accompagnants.entries
        wanted = self.buttons.get("retirer")
        if wanted is not None:
            rows[:] = [row for row in rows if row.name.rpartition("-")[2] != wanted]
        if self.family and (not rows or ("ajouter" in self.buttons and len(rows) < FOYER_MAX)):
            self.accompagnants.append_entry()
        self._bind()

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        valid = super().validate(extra_validators)
        if self.stale or not self.family:
            return valid
        if self.pour.data not in (PROCHE, MOI_ET_PROCHES):
            self.pour.errors = ["Dites si vous venez aussi."]
            valid = False
        if self.places > FOYER_MAX:
            self.form_errors.append(f"Un formulaire inscrit {FOYER_MAX} personnes au plus : appelez-nous au-delà.")
            valid = False
        return valid

    def refuse(self, error: DomainError) -> None:
        super().refuse(error)
        self.refusal_code = error.code

    def start_again(self) -> None:
        """Filled with what was typed elsewhere: a form of its own, that nobody has sent yet."""
        self.envoi.data = sealed()

    @property
    def two_ways(self) -> bool:
        """Are both contacts asked? Then one of them is enough."""
        return len(self.needs) == 2

    @property
    def nobody(self) -> bool:
        """Is it for others, and none is named?"""
        return self.family and not any(row.form.counts for row in self.accompagnants)

    @property
    def places(self) -> int:
        """How many people it is for."""
        if not self.family:
            return 1
        return sum(row.form.counts for row in self.accompagnants) + (self.pour.data == MOI_ET_PROCHES)

    def typed(self) -> list[tuple[str, str]]:
        """What was typed, to be carried by a post: to another session's form, to the page that asks to check it."""
        found = [(name, self[name].data) for name in IDENTITY if name in self]
        if self.family:
            found.append(("pour", self.pour.data))
            rows = [row.form for row in self.accompagnants if not row.form.empty]
            found += [(field.name, field.data) for row in rows for field in row]
        return [(name, value) for name, value in found if value]

    @property
    def identity(self) -> Identity:
        """Who books, cleaned; only after `validate()` has said yes."""
        return Identity(**self.values)  # type: ignore[arg-type]

    @property
    def foyer(self) -> Foyer:
        """Who comes, once valid."""
        who = self.identity
        rows = [row.form for row in self.accompagnants if row.form.counts]
        proches = tuple(who.relative(row.dit["prenom"], row.dit.get("nom", who.nom), row.ne_le) for row in rows)
        return Foyer(who, proches, vient=self.pour.data == MOI_ET_PROCHES)

    def named_before(self, row: ProcheForm) -> bool:
        """Was that person named already?"""
        known = []
        if self.pour.data == MOI_ET_PROCHES:
            born = self.date_naissance.data or "" if "date_naissance" in self else ""
            known.append((_same(self.prenom.data), _same(self.nom.data), fold(born)))
        for entry in self.accompagnants:
            if entry.form is row:
                break
            if entry.form.counts:
                known.append(entry.form.names())
        return row.names() in known

    def born(self, field: Field, missing: str) -> date:
        typed = clean_name(field.data or "")
        if not typed:
            raise ValidationError(missing)
        return birth_date_typed(typed, local(utcnow(), self.timezone).date())

    def validate_prenom(self, field: Field) -> None:
        self.values["prenom"] = name_typed(field.data, self.WORDS["prenom"])

    def validate_nom(self, field: Field) -> None:
        self.values["nom"] = name_typed(field.data, self.WORDS["nom"])

    def validate_telephone(self, field: Field) -> None:
        typed = clean_name(field.data or "")
        if not typed:
            if not self.two_ways:
                raise ValidationError(self.WORDS["telephone"])
            if not clean_name(self.courriel.data or ""):
                raise ValidationError(self.WORDS["contact"])
            return
        try:
            self.values["telephone"] = phones.parse(typed[:60], self.region)
        except phones.PhoneError as error:
            raise ValidationError(error.message_fr) from error

    def validate_courriel(self, field: Field) -> None:
        typed = clean_name(field.data or "")
        if not typed:
            if not self.two_ways:
                raise ValidationError(self.WORDS["courriel"])
            return
        self.values["courriel"] = email_typed(typed)

    def validate_date_naissance(self, field: Field) -> None:
        if self.pour.data == PROCHE and not clean_name(field.data or ""):
            return  # who does not come is not asked when they were born
        self.values["date_naissance"] = self.born(field, self.WORDS["date_naissance"])

    def validate_numero_dossier(self, field: Field) -> None:
        number = clean_name(field.data or "")
        if len(number) > DOSSIER_MAX:
            raise ValidationError(f"C’est trop long : {DOSSIER_MAX} caractères au plus.")
        self.values["numero_dossier"] = number or None


class PrescriptionForm(InscriptionForm):
    """A professional of another structure books for somebody (docs/domain.md rule 17)."""

    WORDS: ClassVar[Mapping[str, str]] = {
        "prenom": "Écrivez le prénom de la personne.",
        "nom": "Écrivez son nom de famille.",
        "telephone": "Écrivez son numéro de téléphone.",
        "courriel": "Écrivez son adresse de courriel.",
        "contact": "Écrivez son numéro de téléphone ou son adresse de courriel : nous devons pouvoir la prévenir.",
        "date_naissance": "Écrivez sa date de naissance.",
    }

    prescripteur_nom = StringField("Votre nom")
    prescripteur_structure = StringField("Votre structure")
    prescripteur_courriel = StringField("Votre courriel professionnel")

    def __init__(self, motif: Motif, timezone: str, connu: str = "") -> None:
        super().__init__(motif, timezone, connu)
        self.pour.data = MOI  # one person at a time
        self.who: dict[str, str] = {}
        for name in PRESCRIPTEUR:
            self[name].flags.required = True

    def typed(self) -> list[tuple[str, str]]:
        return [*super().typed(), *((name, self[name].data) for name in PRESCRIPTEUR if self[name].data)]

    @property
    def prescripteur(self) -> Prescripteur:
        """Who books, once valid."""
        return Prescripteur(**self.who)

    def validate_prescripteur_nom(self, field: Field) -> None:
        self.who["nom"] = name_typed(field.data, "Écrivez votre nom.", 120)

    def validate_prescripteur_structure(self, field: Field) -> None:
        self.who["structure"] = name_typed(field.data, "Écrivez le nom de votre structure.", 120)

    def validate_prescripteur_courriel(self, field: Field) -> None:
        typed = clean_name(field.data or "")
        if not typed:
            raise ValidationError("Écrivez votre adresse de courriel professionnelle.")
        self.who["courriel"] = email_typed(typed)


class InvitationForm(BaseForm):
    """Who is invited books: there is nothing to fill in. `changer`: the seat chosen before is given back."""

    connu = HiddenField()
    changer = HiddenField()

    def __init__(self, connu: str = "") -> None:
        """`connu` as in `InscriptionForm`."""
        super().__init__()
        self.moved = self.connu.data not in (None, "", connu)
        self.connu.data = connu


PRESCRIPTEUR = ("prescripteur_nom", "prescripteur_structure", "prescripteur_courriel")
