"""What an agent says of a plage d'ouverture, recurrence as a person thinks of it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from dateutil.relativedelta import relativedelta
from wtforms import (
    DateField,
    Field,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    TimeField,
    URLField,
    ValidationError,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from webapp.clock import utcnow
from webapp.domain.capacity import ReservablePar
from webapp.domain.recurrence import MAX_YEARS, Frequency, Recurrence, RecurrenceError
from webapp.models import Agent, Lieu, Motif, PlageOuverture, Salle, TypeLieu
from webapp.services.plages import PlageData

from .base import BaseForm
from .motif import RESERVABLE_PAR, TEXT, answers, boxes, strip

JOURS = list(enumerate(("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")))
RANGS = [(1, "1er"), (2, "2e"), (3, "3e"), (4, "4e"), (-1, "dernier")]
UNE, SEMAINES, MOIS_JOUR, MOIS_DATE = "une", "semaines", "mois_jour", "mois_date"
SANS, DATE, FOIS = "sans", "date", "fois"
# Where the recurrence's reasons belong in this form.
FIELDS = {
    "frequency": "frequence",
    "interval": "intervalle",
    "weekdays": "jours",
    "nth": "rang",
    "month_day": "jour_du_mois",
    "until": "jusqua",
    "count": "fois",
    "end_time": "end_time",
}


def empty_to_none(value: Any) -> int | None:
    """A choice that may be left out."""
    return int(value) if value not in (None, "") else None


class Repetition:
    """How something comes back, as a person thinks of it: what a form that has `PlageForm`'s fields for it says."""

    first_day: DateField
    frequence: RadioField
    intervalle: IntegerField
    jours: Any
    rang: SelectField
    jour: SelectField
    jour_du_mois: IntegerField
    fin: RadioField
    jusqua: DateField
    fois: IntegerField
    _fields: dict[str, Field]

    def recurrence(self) -> Recurrence:
        """How it comes back; what the agent leaves out is the first day's. Raises `RecurrenceError`."""
        first = self.first_day.data
        if self.frequence.data == UNE or first is None:
            return Recurrence()
        until, count = self._end()
        every = 1 if self.intervalle.data is None else self.intervalle.data
        if self.frequence.data == SEMAINES:
            days = tuple(self.jours.data or (first.weekday(),))
            return Recurrence(Frequency.WEEKLY, every, weekdays=days, until=until, count=count)
        if self.frequence.data == MOIS_DATE:
            day = first.day if self.jour_du_mois.data is None else self.jour_du_mois.data
            return Recurrence(Frequency.MONTHLY, every, month_day=day, until=until, count=count)
        weekday = first.weekday() if self.jour.data is None else self.jour.data
        nth = self.rang.data or (-1 if first.day > 28 else (first.day - 1) // 7 + 1)
        return Recurrence(Frequency.MONTHLY, every, weekdays=(weekday,), nth=nth, until=until, count=count)

    def _end(self) -> tuple[date | None, int | None]:
        if self.fin.data == DATE:
            if self.jusqua.data is None:
                raise RecurrenceError("Indiquez le dernier jour possible, ou choisissez « Sans fin prévue ».", "until")
            return self.jusqua.data, None
        if self.fin.data == FOIS:
            if self.fois.data is None:
                raise RecurrenceError("Indiquez combien de fois, ou choisissez « Sans fin prévue ».", "count")
            return None, self.fois.data
        return None, None

    def check_recurrence(self) -> bool:
        """Does it hold together? What does not is said beside its field."""
        if self.first_day.data is None:
            return True
        try:
            self.recurrence().check(self.first_day.data)
        except RecurrenceError as error:
            field = self._fields[FIELDS.get(error.field, "frequence")]
            field.errors = [*field.errors, error.message_fr]
            return False
        return True


def saved_recurrence(rule: Recurrence) -> dict[str, Any]:
    """A rule as those fields show it."""
    monthly = MOIS_JOUR if rule.nth else MOIS_DATE
    return {
        "frequence": {Frequency.NONE: UNE, Frequency.WEEKLY: SEMAINES}.get(rule.frequency, monthly),
        "intervalle": rule.interval,
        "jours": list(rule.weekdays) if rule.frequency is Frequency.WEEKLY else [],
        "rang": rule.nth,
        "jour": rule.weekdays[0] if rule.nth else None,
        "jour_du_mois": rule.month_day,
        "fin": DATE if rule.until else FOIS if rule.count else SANS,
        "jusqua": rule.until,
        "fois": rule.count,
    }


class PlageForm(Repetition, BaseForm):
    """Create a plage or change it. `motif` is the one chosen so far: the agents and the place depend on it. `holder` is
    ticked on a new one; `copy` fills one in."""

    version = HiddenField()
    motif_id = SelectField("Motif collectif", coerce=empty_to_none)
    title = StringField(
        "Nom de la plage, pour les agents",
        [Length(max=120, message="120 caractères au plus.")],
        filters=[strip],
    )
    agent_ids = boxes("Quels agents l’animent ?", [], coerce=int)
    endroit = SelectField("Lieu et salle")
    lien_visio = URLField(
        "Lien de la visioconférence", [Length(max=300, message="C’est trop long : 300 caractères au plus.")],
        filters=[strip],
    )  # fmt: skip
    first_day = DateField("Premier jour", [InputRequired("Indiquez le premier jour.")], format=["%Y-%m-%d", "%d/%m/%Y"])
    start_time = TimeField("De", [InputRequired("Indiquez l’heure de début.")], format=["%H:%M", "%H:%M:%S"])
    end_time = TimeField("À", [InputRequired("Indiquez l’heure de fin.")], format=["%H:%M", "%H:%M:%S"])
    frequence = RadioField(
        "Cela revient…",
        choices=answers(
            [
                (UNE, "Une seule fois"),
                (SEMAINES, "Certains jours de la semaine"),
                (MOIS_JOUR, "Un jour du mois, comme « le 2e mardi »"),
                (MOIS_DATE, "Une date du mois, comme « le 15 »"),
            ]
        ),
        default=UNE,
    )
    intervalle = IntegerField("Toutes les combien de semaines, ou tous les combien de mois ?", [Optional()], default=1)
    jours = boxes("Quels jours ?", JOURS, coerce=int)
    rang = SelectField(
        "Lequel dans le mois ?", choices=answers([("", "celui du premier jour"), *RANGS]), coerce=empty_to_none
    )
    jour = SelectField("Quel jour ?", choices=answers([("", "celui du premier jour"), *JOURS]), coerce=empty_to_none)
    jour_du_mois = IntegerField("Quelle date du mois ?", [Optional()])
    fin = RadioField(
        "Jusqu’à quand ?",
        choices=answers([(SANS, "Sans fin prévue"), (DATE, "Jusqu’à une date"), (FOIS, "Un nombre de fois")]),
        default=SANS,
    )
    jusqua = DateField("Dernier jour possible", [Optional()], format=["%Y-%m-%d", "%d/%m/%Y"])
    fois = IntegerField("Combien de fois ?", [Optional()])
    sauts = TextAreaField("Dates à sauter", filters=[strip])

    capacite_max = IntegerField(
        "Nombre de places", [Optional(), NumberRange(min=1, max=2000, message="Il faut entre 1 et 2000 places.")]
    )
    instructions_avant = TextAreaField(
        "Avant de réserver", [Length(max=TEXT, message=f"C’est trop long : {TEXT} caractères au plus.")],
        filters=[strip],
    )  # fmt: skip
    instructions_apres = TextAreaField(
        "Une fois la place réservée", [Length(max=TEXT, message=f"C’est trop long : {TEXT} caractères au plus.")],
        filters=[strip],
    )  # fmt: skip
    reservable_par = SelectField(
        "Qui peut réserver ?",
        choices=answers([("", "Comme le motif"), *((who.value, label) for who, label in RESERVABLE_PAR.items())]),
    )
    nom_sms = StringField(
        "Nom dans les SMS",
        [Length(max=60, message="Le nom dans les SMS a 60 caractères au plus : le reste du texte doit tenir aussi.")],
        filters=[strip],
    )

    def __init__(
        self,
        plage: PlageOuverture | None = None,
        *,
        motif: Motif | None,
        motifs: Sequence[Motif] = (),
        agents: Sequence[Agent] = (),
        lieux: Sequence[Lieu] = (),
        holder: Agent | None = None,
        copy: PlageOuverture | None = None,
        formdata: Any = None,
    ) -> None:
        shown = plage or copy
        saved = (
            _saved(shown)
            if shown
            else {
                "agent_ids": [holder.id] if holder else [],
                "motif_id": motif and motif.id,
            }
        )
        if formdata is None:
            super().__init__(obj=shown, data=saved)
        else:
            super().__init__(formdata, obj=shown, data=saved)
        self.motif, self.team, self.holder = motif, agents, holder
        self.rooms = {f"s{room.id}": room for lieu in lieux for room in lieu.salles}
        self.agent_ids.choices = answers((agent.id, agent.nom_complet) for agent in agents)
        self.endroit.choices = answers([("", "Choisissez un lieu"), *places(lieux)])
        self.motif_id.choices = answers(
            [("", "Choisissez un motif"), *((m.id, f"{m.name} ({m.service.name})") for m in motifs)]
        )
        if plage is not None:
            del self.motif_id
        if motif is not None:
            del self[("endroit" if self.visio else "lien_visio")]

    def propose_holder(self) -> None:
        """The motif was just chosen, and its agents with it: who usually holds it is ticked, unless others are."""
        if self.holder in self.team and not self.agents:
            self.agent_ids.data = [self.holder.id]

    @property
    def visio(self) -> bool:
        return self.motif is not None and self.motif.location_type is TypeLieu.VISIO

    @property
    def salle(self) -> Salle | None:
        """The room chosen so far."""
        return self.rooms.get(self.endroit.data or "") if self.endroit else None

    @property
    def agents(self) -> list[Agent]:
        """Those chosen so far."""
        return chosen(self.team, self.agent_ids.data)

    def validate_motif_id(self, field: Field) -> None:
        """Without a motif there is nothing to open; a collective plage has one."""
        if field.data is None:
            raise ValidationError("Choisissez un motif.")
        if len(field.raw_data or ()) > 1:
            raise ValidationError("Une plage collective a un seul motif : choisissez-en un.")

    def validate_agent_ids(self, field: Field) -> None:
        """A session has somebody to hold it."""
        check_agents(field, self.motif, self.team)

    def validate_endroit(self, field: Field) -> None:
        """Where to come."""
        if self.motif is not None and not field.data:
            raise ValidationError("Choisissez un lieu.")

    def validate_lien_visio(self, field: Field) -> None:
        """An address people's browsers can open."""
        if self.visio and not re.match(r"https?://[^\s/]+\.\S+", field.data or ""):
            raise ValidationError("Écrivez l’adresse entière, par exemple https://visio.exemple.fr/atelier")

    def validate_first_day(self, field: Field) -> None:
        """A plage that was never held starts some day to come, not ten years away by a slip of the finger."""
        if field.data and not 2000 <= field.data.year <= 2100:
            raise ValidationError("Vérifiez l’année du premier jour.")
        if field.data and field.data > utcnow().date() + relativedelta(years=MAX_YEARS):
            raise ValidationError(f"Le premier jour est à plus de {MAX_YEARS} ans : vérifiez l’année.")

    def validate_end_time(self, field: Field) -> None:
        """A plage does not cross midnight."""
        if field.data and self.start_time.data and field.data <= self.start_time.data:
            raise ValidationError("L’heure de fin doit être après l’heure de début.")

    def validate_sauts(self, field: Field) -> None:
        """Dates as people write them."""
        try:
            self.excluded()
        except ValueError as error:
            raise ValidationError(f"« {error} » n’est pas une date. Exemple : 25/12/2026") from None

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        ok = super().validate(extra_validators)
        if self.stale:
            return False
        if self._lacks_capacity():
            self.capacite_max.errors = ["Indiquez une capacité : le motif n’en donne pas."]
            ok = False
        return self.check_recurrence() and ok

    def _lacks_capacity(self) -> bool:
        """Neither the plage nor its motif says how many, and people book."""
        if self.motif is None or self.capacite_max.data or self.capacite_max.errors or self.motif.capacite_max:
            return False
        return (self.reservable_par.data or self.motif.reservable_par) != ReservablePar.ENTREE_LIBRE.value

    def skip(self, days: Iterable[date]) -> None:
        """These dates too, one on each line under what was typed."""
        self.sauts.data = "\n".join(filter(None, [self.sauts.data, *(f"{day:%d/%m/%Y}" for day in sorted(days))]))
        self.sauts.raw_data = None

    def excluded(self) -> tuple[date, ...]:
        """The dates to skip; ValueError with the words that are not one."""
        days = []
        for word in re.split(r"[\s,;]+", self.sauts.data or ""):
            if word:
                days.append(_day(word))
        return tuple(days)

    def plage_data(self) -> PlageData:
        """What the form says, for `services.plages.save_plage`; an empty override inherits."""
        assert self.motif is not None
        place = self.endroit.data if self.endroit else ""
        room = self.salle
        return PlageData(
            motif_id=self.motif.id,
            agent_ids=tuple(self.agent_ids.data or ()),
            first_day=self.first_day.data,
            start_time=self.start_time.data,
            end_time=self.end_time.data,
            title=self.title.data or "",
            lieu_id=room.lieu_id if room else int(place[1:]) if place else None,
            salle_id=room.id if room else None,
            lien_visio=(self.lien_visio.data or "") if self.lien_visio else "",
            recurrence=self.recurrence(),
            excluded=self.excluded(),
            capacite_max=self.capacite_max.data,
            instructions_avant=self.instructions_avant.data or None,
            instructions_apres=self.instructions_apres.data or None,
            reservable_par=ReservablePar(self.reservable_par.data) if self.reservable_par.data else None,
            nom_sms=self.nom_sms.data or None,
        )


def chosen(team: Sequence[Agent], agent_ids: Iterable[int] | None) -> list[Agent]:
    """Those of the team that are ticked."""
    ticked = set(agent_ids or ())
    return [agent for agent in team if agent.id in ticked]


def check_agents(field: Field, motif: Motif | None, team: Sequence[Agent]) -> None:
    """Somebody holds it, at work in the motif's service."""
    if motif is None:
        return
    if not field.data:
        raise ValidationError("Choisissez au moins un agent.")
    if set(field.data) - {agent.id for agent in team}:
        raise ValidationError(f"Choisissez des agents en activité du service « {motif.service.name} ».")


def _day(word: str) -> date:
    for pattern in ("%d/%m/%Y", "%d/%m/%y", "%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(word, pattern).date()
        except ValueError:
            continue
    raise ValueError(word)


def places(lieux: Sequence[Lieu]) -> list[tuple[str, str]]:
    """Each place, then its rooms with their seats."""
    found = []
    for lieu in lieux:
        found.append((f"l{lieu.id}", f"{lieu.name}, {lieu.city}" if lieu.city else lieu.name))
        for salle in lieu.salles:
            seats = f" ({salle.capacite} places)" if salle.capacite else ""
            found.append((f"s{salle.id}", f"{lieu.name} : {salle.name}{seats}"))
    return found


def _saved(plage: PlageOuverture) -> dict[str, Any]:
    """A saved plage as the form shows it."""
    rule = Recurrence.from_rrule(plage.rrule)
    endroit = f"s{plage.salle_id}" if plage.salle_id else f"l{plage.lieu_id}" if plage.lieu_id else ""
    return saved_recurrence(rule) | {
        "agent_ids": [agent.id for agent in plage.agents],
        "endroit": endroit,
        "sauts": "\n".join(f"{date.fromisoformat(day):%d/%m/%Y}" for day in plage.excluded),
    }
