"""What people, agents and organisations choose about their messages."""

import re
from typing import Any

from flask import request
from wtforms import BooleanField, Field, IntegerField, RadioField, StringField, ValidationError
from wtforms.validators import InputRequired, Length, NumberRange

from webapp.domain.contacts import clean_name
from webapp.domain.dates import NBSP
from webapp.models import Agent, ConfirmationSms, NiveauNotification, Organisation
from webapp.services.preferences import REGLAGES

from .base import BaseForm
from .motif import answers

NIVEAUX = {
    NiveauNotification.TOUTES: ("Toutes mes séances", "Un courriel à chaque inscription, désistement ou changement."),
    NiveauNotification.PROCHES: (
        "Celles d’aujourd’hui et de demain",
        "Le reste se lit sur la feuille de chaque séance.",
    ),
    NiveauNotification.AUCUNE: ("Aucune", "Plus aucun courriel sur les séances."),
}
CONFIRMATIONS = {
    ConfirmationSms.TOUJOURS: ("À chaque inscription", "Par SMS et par courriel, selon ce que la personne a donné."),
    ConfirmationSms.SANS_COURRIEL: (
        "Seulement sans courriel",
        "Qui a donné une adresse reçoit un courriel ; les autres, un SMS.",
    ),
    ConfirmationSms.SOUS_48H: (
        f"Sans courriel, ou si la séance est dans moins de 48{NBSP}heures",
        "Un courriel suffit quand il reste du temps pour le lire.",
    ),
}
"""Answer → its label, then what it means."""
BUDGET_MAX = 1_000_000


def ticked(name: str) -> bool:
    """Whether a box of the form sent is ticked."""
    return any(value not in ("", "0", "non", "false") for value in request.form.getlist(name))


class PreferencesForm(BaseForm):
    """What an agent is told by e-mail."""

    niveau_notification = RadioField(
        "De quelles séances voulez-vous être prévenu·e ?",
        choices=answers((level.value, label) for level, (label, _) in NIVEAUX.items()),
    )
    recapitulatif = BooleanField(f"Recevoir chaque matin ouvré à 7{NBSP}h le récapitulatif de mes séances")

    def __init__(self, agent: Agent) -> None:
        super().__init__(obj=agent)

    @property
    def niveau(self) -> NiveauNotification:
        """Once valid."""
        return NiveauNotification(self.niveau_notification.data)


class ReglagesForm(BaseForm):
    """What an organisation decides about its messages: one field per name of `services.preferences.REGLAGES`."""

    confirmation_sms = RadioField(
        "Quand confirmer une inscription par SMS ?",
        choices=answers((when.value, label) for when, (label, _) in CONFIRMATIONS.items()),
    )
    budget_sms_jour = IntegerField(
        "Combien de SMS par jour, au plus ?",
        [
            InputRequired("Écrivez un nombre entier, par exemple 500. 0 : aucun SMS ne part."),
            NumberRange(min=0, max=BUDGET_MAX, message="Écrivez un nombre entre 0 et 1 000 000."),
        ],
    )
    sms_sender = StringField("Nom de l’expéditeur des SMS")
    nom_neutre = StringField("Nom neutre d’un rendez-vous", [Length(max=80, message="80 caractères au plus.")])

    def __init__(self, organisation: Organisation) -> None:
        super().__init__(obj=organisation)
        self.nom_neutre.flags.required = True

    def reglages(self) -> dict[str, Any]:
        """What was chosen, once valid."""
        chosen = {name: self[name].data for name in REGLAGES}
        return chosen | {"confirmation_sms": ConfirmationSms(chosen["confirmation_sms"])}

    def validate_sms_sender(self, field: Field) -> None:
        field.data = (field.data or "").strip()
        if not field.data:
            return
        if not re.fullmatch(r"[A-Za-z0-9]+", field.data):
            raise ValidationError(
                "Des lettres sans accent et des chiffres seulement, sans espace : les opérateurs refusent le reste. "
                "Exemple : MDSValmont"
            )
        if len(field.data) > 11:
            raise ValidationError(f"11 caractères au plus ; celui-ci en a {len(field.data)}.")
        if not re.search(r"[A-Za-z]", field.data):
            raise ValidationError("Il faut au moins une lettre : un nom fait de chiffres passerait pour un numéro.")

    def validate_nom_neutre(self, field: Field) -> None:
        field.data = clean_name(field.data or "")
        if not field.data:
            raise ValidationError("Écrivez ce que les personnes liront, par exemple : rendez-vous au centre social")
