"""What an agent decides of the sessions of a series, once they have read what would become of each."""

from collections.abc import Mapping, Sequence

from flask import request
from wtforms import Field, RadioField, StringField
from wtforms.validators import Length

from webapp.domain.serie import Choix, Decision
from webapp.services.plages import Accord

from .agent import said_yes
from .base import BaseForm
from .motif import answers

DEPLACER, GARDER, ANNULER = (decision.value for decision in Decision)
WORDS = {
    Decision.DEPLACER: "Déplacer",
    Decision.GARDER: "Garder comme elle est",
    Decision.ANNULER: "Annuler",
}
"""A decision about one session."""


class AccordForm(BaseForm):
    """One decision for all the sessions a question is about, exceptions (`seance-<id>`), who is told, and why."""

    ou_quand = RadioField(
        "Les séances où des personnes sont inscrites",
        choices=answers([(DEPLACER, "Les déplacer"), (GARDER, "Les garder comme elles sont")]),
        default=DEPLACER,
    )
    sans_date = RadioField(
        "Les séances réservées dont la date disparaît",
        choices=answers([(GARDER, "Les garder, à part de la plage"), (ANNULER, "Les annuler")]),
        default=GARDER,
    )
    raison = StringField(
        "Raison",
        [Length(max=300, message="300 caractères au plus.")],
        description="Pour les séances annulées : les personnes prévenues la liront.",
    )

    @property
    def exceptions(self) -> Mapping[int, Decision]:
        """Session → what was decided of it alone."""
        found = {}
        for name, value in request.form.items():
            number = name.removeprefix("seance-")
            if name != number and number.isascii() and number.isdigit() and len(number) < 10 and value in set(Decision):
                found[int(number)] = Decision(value)
        return found

    @property
    def montre(self) -> Sequence[str]:
        """The keys of what the page showed."""
        return request.form.getlist("vu")

    @property
    def accord(self) -> Accord:
        """All of it, for the services."""
        return Accord(
            choix=Choix(_decision(self.ou_quand), _decision(self.sans_date), self.exceptions),
            prevenir=said_yes("prevenir", default=True),
            raison=(self.raison.data or "").strip().rstrip("."),
            attendu=frozenset(self.montre),
        )


class ArretForm(AccordForm):
    """The same for what goes away: cancelled, unless it is said otherwise."""

    ou_quand = None
    sans_date = RadioField(
        "Les séances où des personnes sont inscrites",
        choices=answers([(ANNULER, "Les annuler"), (GARDER, "Les garder, à part de la plage")]),
        default=ANNULER,
    )


def _decision(field: Field | None) -> Decision:
    value = field.data if field is not None else ""
    return Decision(value) if value in set(Decision) else Decision.GARDER
