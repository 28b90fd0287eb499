"""What an admin says of a motif: one field per setting of `services.motifs.EDITABLE`, under the same name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wtforms import (
    BooleanField,
    ColorField,
    Field,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.domain.capacity import ReservablePar, Visibilite
from webapp.domain.contrast import accent_ok
from webapp.domain.dates import NBSP
from webapp.models import Champ, Discretion, Motif, Service, TypeLieu
from webapp.services.motifs import EDITABLE

from .base import BaseForm

RESERVABLE_PAR = {
    ReservablePar.TOUS: "Tout le monde, en ligne",
    ReservablePar.INVITES: "Les personnes invitées par un agent",
    ReservablePar.AGENTS: "Les agents seulement",
    ReservablePar.ENTREE_LIBRE: "Entrée libre, sans inscription",
}
DELAIS_MIN = {30: "30 minutes avant", 60: "1 heure avant", 120: "2 heures avant", 240: "4 heures avant",
              1440: "la veille (24 heures avant)", 2880: "2 jours avant", 10080: "une semaine avant"}  # fmt: skip
DELAIS_MAX = {7: "une semaine avant", 14: "2 semaines avant", 31: "un mois avant", 62: "2 mois avant",
              92: "3 mois avant", 183: "6 mois avant", 366: "un an avant"}  # fmt: skip
RAPPELS = {168: "une semaine avant", 72: "3 jours avant", 48: "2 jours avant (48 heures)", 24: "la veille (24 heures)",
           4: "le jour même (4 heures)"}  # fmt: skip
TEXT = 2000
NAME = 120
COPIE = " (copie)"
ENUMS = {
    "location_type": TypeLieu,
    "reservable_par": ReservablePar,
    "visibilite": Visibilite,
    "discretion": Discretion,
}


def strip(value: str | None) -> str:
    """What was typed, without the spaces around it, lines ended as everywhere else."""
    return (value or "").replace("\r\n", "\n").strip()


def answers(pairs: Iterable[tuple[Any, str]]) -> list[SelectChoice]:
    """(value, label) pairs as WTForms wants them; nothing chosen is an empty value."""
    return [SelectChoice(value, label) for value, label in pairs]


def boxes(label: str, choices: Iterable[tuple[Any, str]], **options: Any) -> SelectMultipleField:
    """Several answers, as boxes to tick."""
    return SelectMultipleField(
        label, choices=answers(choices), widget=ListWidget(prefix_label=False), option_widget=CheckboxInput(), **options
    )


class MotifForm(BaseForm):
    """Create a motif or change it. What has frozen is not in the form (docs/domain.md rule 1): the page says why."""

    service_id = SelectField("Service", coerce=int)
    name = StringField(
        "Nom",
        [InputRequired("Donnez un nom au motif."), Length(max=NAME, message=f"Le nom a {NAME} caractères au plus.")],
        filters=[strip],
    )
    description = TextAreaField(
        "Description en une ou deux phrases",
        [Length(max=300, message="La description a 300 caractères au plus.")],
        filters=[strip],
    )
    location_type = RadioField(
        "Où se passe l’atelier ?",
        choices=answers([(TypeLieu.SUR_PLACE.value, "Sur place"), (TypeLieu.VISIO.value, "En visioconférence")]),
        default=TypeLieu.SUR_PLACE.value,
    )
    colour = ColorField("Couleur dans l’agenda", default="#0b5f63")
    capacite_max = IntegerField(
        "Nombre de places", [Optional(), NumberRange(min=1, max=2000, message="Il faut entre 1 et 2000 places.")]
    )
    capacite_min = IntegerField(
        "Nombre minimum de participants",
        [Optional(), NumberRange(min=1, max=2000, message="Le minimum est d’au moins une personne.")],
    )
    minimum_heures = IntegerField(
        "Vérifier ce minimum combien d’heures avant ?",
        [
            InputRequired("Indiquez un nombre d’heures, par exemple 48."),
            NumberRange(min=1, max=720, message="Indiquez entre 1 et 720 heures (30 jours)."),
        ],
        default=48,
    )
    reservable_par = RadioField(
        "Qui peut réserver ?",
        choices=answers((who.value, label) for who, label in RESERVABLE_PAR.items()),
        default=ReservablePar.TOUS.value,
    )
    delai_min_minutes = SelectField("Réservation possible jusqu’à", coerce=int, default=30)
    delai_max_jours = SelectField("Réservation ouverte à partir de", coerce=int, default=92)
    visibilite = RadioField(
        "Discrétion du rendez-vous",
        choices=answers(
            [
                (Visibilite.VISIBLE_NOTIFIE.value, "Visible, avec confirmation et rappels"),
                (Visibilite.VISIBLE_NON_NOTIFIE.value, "Visible, sans confirmation ni rappel"),
                (Visibilite.INVISIBLE.value, "Invisible pour le public"),
            ]
        ),
        default=Visibilite.VISIBLE_NOTIFIE.value,
    )
    liste_attente = BooleanField("Proposer une liste d’attente quand une séance est complète")
    instructions_avant = TextAreaField(
        "Avant de réserver", [Length(max=TEXT, message=f"C’est trop long : {TEXT} caractères au plus.")],
        filters=[strip],
    )  # fmt: skip
    instructions_apres = TextAreaField(
        "Une fois la place réservée", [Length(max=TEXT, message=f"C’est trop long : {TEXT} caractères au plus.")],
        filters=[strip],
    )  # fmt: skip
    avertissement_annulation = TextAreaField(
        "Avertissement à qui voudrait annuler",
        [Length(max=300, message="L’avertissement a 300 caractères au plus.")],
        filters=[strip],
    )
    nom_sms = StringField(
        "Nom dans les SMS",
        [Length(max=60, message="Le nom dans les SMS a 60 caractères au plus : le reste du texte doit tenir aussi.")],
        filters=[strip],
    )
    nom_courriel = StringField(
        "Nom dans les courriels",
        [Length(max=120, message="Le nom dans les courriels a 120 caractères au plus.")],
        filters=[strip],
    )
    discretion = RadioField(
        "Que nomment les messages ?",
        choices=answers(
            [
                (Discretion.COMPLET.value, "Le nom de l’atelier"),
                (Discretion.NEUTRE.value, "Une formule neutre"),
            ]
        ),
        default=Discretion.COMPLET.value,
    )
    rappels = boxes("Rappels", [], coerce=int, default=[48])
    champs = boxes(
        "Renseignements demandés",
        [
            (Champ.TELEPHONE.value, "Téléphone"),
            (Champ.COURRIEL.value, "Courriel"),
            (Champ.DATE_NAISSANCE.value, "Date de naissance"),
            (Champ.NUMERO_DOSSIER.value, "Numéro de dossier"),
        ],
        default=[Champ.TELEPHONE.value, Champ.COURRIEL.value],
    )

    def __init__(
        self,
        motif: Motif | None = None,
        services: Sequence[Service] = (),
        frozen: bool = False,
        copie: Motif | None = None,
    ) -> None:
        """`motif` is what is changed; `copie`, what a new one starts from."""
        super().__init__(obj=motif or copie)
        self.delai_min_minutes.choices = offered(DELAIS_MIN, self.delai_min_minutes, "{} minutes avant")
        self.delai_max_jours.choices = offered(DELAIS_MAX, self.delai_max_jours, "{} jours avant")
        usual = dict(RAPPELS) | {
            h: f"{h}{NBSP}heures avant" for h in (self.rappels.object_data or ()) if h not in RAPPELS
        }
        self.rappels.choices = answers(sorted(usual.items(), reverse=True))
        self.service_id.choices = answers((service.id, service.name) for service in services)
        if motif is not None:
            del self.service_id
        elif len(services) == 1 and self.service_id.data is None:
            self.service_id.data = services[0].id
        if frozen:
            del self.location_type
        if copie is not None and not self.is_submitted():
            self.name.data = f"{copie.name[: NAME - len(COPIE)].rstrip()}{COPIE}"

    def validate_colour(self, field: Field) -> None:
        """White text must be readable on it."""
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", field.data or ""):
            raise ValidationError("Choisissez une couleur, ou écrivez-la comme #0b5f63.")
        if not accent_ok(field.data):
            raise ValidationError("Cette couleur est trop claire : un texte blanc n’y serait pas lisible.")

    def validate_capacite_min(self, field: Field) -> None:
        """Within the capacity."""
        if field.data and self.capacite_max.data and field.data > self.capacite_max.data:
            raise ValidationError(f"Le minimum ({field.data}) dépasse le nombre de places ({self.capacite_max.data}).")
        if field.data and self._walk_in:
            raise ValidationError("En entrée libre personne ne s’inscrit : laissez ce minimum vide.")

    def validate_delai_max_jours(self, field: Field) -> None:
        """Bookings must open before they close."""
        if field.data and self.delai_min_minutes.data and field.data * 1440 <= self.delai_min_minutes.data:
            raise ValidationError("La réservation fermerait avant d’ouvrir : choisissez une ouverture plus précoce.")

    def validate_liste_attente(self, field: Field) -> None:
        """Waiting is of no use to who is never told (docs/domain.md rule 12)."""
        if field.data and self.visibilite.data != Visibilite.VISIBLE_NOTIFIE.value:
            raise ValidationError("La liste d’attente a besoin d’un motif « visible, avec confirmation et rappels ».")
        if field.data and self._walk_in:
            raise ValidationError("En entrée libre il n’y a pas de place à attendre : retirez la liste d’attente.")

    def validate_champs(self, field: Field) -> None:
        """Somebody nobody can reach can't be told anything (docs/domain.md rule 8)."""
        if not {Champ.TELEPHONE.value, Champ.COURRIEL.value} & set(field.data or ()):
            raise ValidationError("Demandez au moins le téléphone ou l’adresse de courriel.")

    def validate_rappels(self, field: Field) -> None:
        """A few reminders help, many are noise."""
        if len(field.data or ()) > 3:
            raise ValidationError("Trois rappels au plus : au-delà, on ne les lit plus.")
        online = self.reservable_par.data in {ReservablePar.TOUS.value, ReservablePar.INVITES.value}
        longest, opens = max(field.data or [0]), self.delai_max_jours.data
        if online and opens and longest > opens * 24:
            when = RAPPELS.get(longest, f"{longest}{NBSP}heures avant")
            raise ValidationError(
                f"Le rappel « {when} » ne partirait jamais : à ce moment-là, la réservation n’est pas encore ouverte. "
                "Retirez-le, ou ouvrez-la plus tôt."
            )

    @property
    def _walk_in(self) -> bool:
        return bool(self.reservable_par.data == ReservablePar.ENTREE_LIBRE.value)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        ok = super().validate(extra_validators)
        capacity = self.capacite_max
        missing = capacity.data is None and not capacity.errors
        if not self.stale and missing and not self._walk_in:
            capacity.errors = ["Indiquez le nombre de places. Il n’est facultatif qu’en entrée libre."]
            return False
        return ok

    def settings(self) -> dict[str, Any]:
        """What the form says of each setting it holds, for `services.motifs.save_motif`."""
        values = {name: self._fields[name].data for name in EDITABLE if name in self._fields}
        for name, enum in ENUMS.items():
            if name in values:
                values[name] = enum(values[name])
        values["rappels"] = sorted(values["rappels"], reverse=True)
        return values

    def typed(self) -> dict[str, Any]:
        """What is being typed, valid or not, for the previews: no more of it than the longest text may have."""
        names = ("name", "nom_sms", "nom_courriel", "instructions_apres", "avertissement_annulation")
        values: dict[str, Any] = {name: (self._fields[name].data or "")[:TEXT] for name in names}
        for name, enum in ENUMS.items():
            field = self._fields.get(name)
            values[name] = enum(field.data) if field is not None and field.data in set(enum) else None
        return values


def offered(usual: dict[int, str], field: SelectField, words: str) -> list[SelectChoice]:
    """The usual answers, and the present one when it is another (set by a program, or before this list)."""
    present = field.object_data
    choices = dict(usual)
    if isinstance(present, int) and present not in choices:
        choices[present] = words.format(present)
    return answers(sorted(choices.items()))
