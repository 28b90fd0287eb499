"""What an agent says of an absence, their own or a colleague's."""

from collections.abc import Mapping, Sequence
from typing import Any

from wtforms import DateField, Field, HiddenField, RadioField, SelectField, StringField, TimeField, ValidationError
from wtforms.validators import InputRequired, Length, Optional

from webapp.domain.recurrence import Recurrence
from webapp.models import Absence, Agent
from webapp.services.absences import AbsenceData

from .base import BaseForm, again
from .motif import answers, strip
from .plage import PlageForm, Repetition, saved_recurrence

JOURNEE, HEURES = "journee", "heures"


class AbsenceForm(Repetition, BaseForm):
    """Note an absence or change it. `agents` are those whose absences may be noted; one alone is not a question."""

    version = HiddenField()
    agent_id = SelectField("Qui sera absent ?", coerce=int)
    title = StringField("Titre", [Length(max=120, message="120 caractères au plus.")], filters=[strip])
    first_day = DateField("Du", [InputRequired("Indiquez le premier jour.")], format=["%Y-%m-%d", "%d/%m/%Y"])
    last_day = DateField("Au", [Optional()], format=["%Y-%m-%d", "%d/%m/%Y"])
    duree = RadioField(
        "Toute la journée ?",
        choices=answers([(JOURNEE, "Oui, des journées entières"), (HEURES, "Non, certaines heures")]),
        default=JOURNEE,
    )
    start_time = TimeField("De", [Optional()], format=["%H:%M", "%H:%M:%S"])
    end_time = TimeField("À", [Optional()], format=["%H:%M", "%H:%M:%S"])
    frequence = again(PlageForm.frequence)
    intervalle = again(PlageForm.intervalle)
    jours = again(PlageForm.jours)
    rang = again(PlageForm.rang)
    jour = again(PlageForm.jour)
    jour_du_mois = again(PlageForm.jour_du_mois)
    fin = again(PlageForm.fin)
    jusqua = again(PlageForm.jusqua)
    fois = again(PlageForm.fois)

    def __init__(self, absence: Absence | None, agents: Sequence[Agent], me: Agent) -> None:
        super().__init__(obj=absence, data=_saved(absence) if absence else {"agent_id": me.id})
        self.absence, self.me = absence, me
        self.agent_id.choices = answers((one.id, "Moi" if one.id == me.id else one.nom_complet) for one in agents)
        if absence is not None or len(agents) < 2:
            del self.agent_id

    def validate_last_day(self, field: Field) -> None:
        """One day when it is left out."""
        if field.data and self.first_day.data and field.data < self.first_day.data:
            raise ValidationError("Le dernier jour doit être le premier ou après.")

    def validate_first_day(self, field: Field) -> None:
        """A slip of the finger."""
        if field.data and not 2000 <= field.data.year <= 2100:
            raise ValidationError("Vérifiez l’année.")

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        ok = super().validate(extra_validators)
        if self.stale:
            return False
        if self.duree.data == HEURES:
            ok = self._check_hours() and ok
        return self.check_recurrence() and ok

    def _check_hours(self) -> bool:
        for field, words in ((self.start_time, "de début"), (self.end_time, "de fin")):
            if field.data is None and not field.errors:
                field.errors = [f"Indiquez l’heure {words}."]
        start, end = self.start_time.data, self.end_time.data
        one_day = self.last_day.data in (None, self.first_day.data)
        if start and end and one_day and end <= start:
            self.end_time.errors = ["L’heure de fin doit être après l’heure de début."]
        return not self.start_time.errors and not self.end_time.errors

    @property
    def absence_data(self) -> AbsenceData:
        """What the form says; only after `validate()` has said yes."""
        some_hours = self.duree.data == HEURES
        owner = self.absence.agent_id if self.absence else self.agent_id.data if self.agent_id else self.me.id
        return AbsenceData(
            agent_id=owner,
            first_day=self.first_day.data,
            last_day=self.last_day.data or self.first_day.data,
            start_time=self.start_time.data if some_hours else None,
            end_time=self.end_time.data if some_hours else None,
            title=self.title.data or "",
            recurrence=self.recurrence(),
        )


def _saved(absence: Absence) -> dict[str, Any]:
    """A saved absence as the form shows it."""
    duree = HEURES if absence.start_time else JOURNEE
    return saved_recurrence(Recurrence.from_rrule(absence.rrule)) | {"duree": duree}
