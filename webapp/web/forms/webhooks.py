"""A webhook: where to tell, what, of which service."""

from typing import Any

from wtforms import IntegerField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import CheckboxInput, HiddenInput, ListWidget

from webapp.domain.webhooks import CHOISIS, Evenement
from webapp.models import Webhook
from webapp.services.webhooks import WebhookData

from .base import BaseForm
from .motif import answers

EVENEMENTS = {
    Evenement.RDV_CREE: "Une séance est créée",
    Evenement.RDV_MODIFIE: "Une séance change (date, lieu, places, agents, réglages)",
    Evenement.RDV_ANNULE: "Une séance est annulée ou supprimée",
    Evenement.PARTICIPATION_CREEE: "Une personne est inscrite",
    Evenement.PARTICIPATION_STATUT: "Un statut change (présence, absence, excuse, réinscription)",
    Evenement.PARTICIPATION_RETIREE: "Une personne est retirée, ou sa séance annulée",
}


class WebhookForm(BaseForm):
    url = StringField("Adresse qui reçoit", validators=[InputRequired(), Length(max=500)])
    description = StringField("À quoi il sert", validators=[Optional(), Length(max=120)])
    evenements = SelectMultipleField(
        "Quand prévenir ?",
        choices=answers([(event.value, words) for event, words in EVENEMENTS.items()]),
        default=[event.value for event in CHOISIS],
        validators=[InputRequired("Choisissez au moins un événement.")],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    service = SelectField("Séances de", coerce=int, default=0)
    version = IntegerField(validators=[Optional()], widget=HiddenInput())

    def __init__(self, services: Any, webhook: Webhook | None = None) -> None:
        shown = {}
        if webhook is not None:
            shown = {
                "url": webhook.url,
                "description": webhook.description,
                "evenements": webhook.evenements,
                "service": webhook.service_id or 0,
                "version": webhook.version,
            }
        super().__init__(data=shown)
        self.service.choices = answers([(0, "Tous les services"), *((one.id, one.name) for one in services)])

    def values(self) -> WebhookData:
        """What it says of the webhook."""
        chosen = [Evenement(one) for one in self.evenements.data or []]
        return WebhookData(self.url.data or "", self.description.data or "", chosen, self.service.data or None)


class GesteForm(BaseForm):
    """A button: nothing to say but the version of what the page showed."""

    version = IntegerField(validators=[Optional()], widget=HiddenInput())
