"""Finding one's appointments again: the contact messages go to, then the code that was sent to it."""

from wtforms import StringField, ValidationError
from wtforms.fields import Field

from webapp.domain import phones
from webapp.domain.codes import typed
from webapp.domain.contacts import clean_name
from webapp.models import Canal

from .base import BaseForm
from .typed import email_typed

WANTED = "Écrivez un portable (06…) ou une adresse de courriel."
NOT_TEXTED = "Ce numéro ne reçoit pas nos SMS : écrivez un portable (06…) ou une adresse de courriel."


class ContactForm(BaseForm):
    """A telephone number or an e-mail address, as people type them; `canal` and `valeur` are what they mean, once
    valid."""

    contact = StringField("Numéro de portable ou adresse de courriel")

    def __init__(self, region: str) -> None:
        super().__init__()
        self.region = region
        self.contact.flags.required = True
        self.canal, self.valeur = Canal.COURRIEL, ""

    def validate_contact(self, field: Field) -> None:
        text = clean_name(field.data or "")
        if not text:
            raise ValidationError(WANTED)
        if "@" not in text and any(char.isalpha() for char in text):
            raise ValidationError(WANTED)
        if "@" in text:
            self.canal, self.valeur = Canal.COURRIEL, email_typed(text)
            return
        try:
            self.canal, self.valeur = Canal.SMS, phones.parse(text[:60], self.region)
        except phones.PhoneError as error:
            raise ValidationError(error.message_fr) from error
        if not phones.can_receive_sms(self.valeur):
            raise ValidationError(NOT_TEXTED)


class CodeForm(BaseForm):
    """The six digits."""

    code = StringField("Code à 6 chiffres")

    def __init__(self) -> None:
        super().__init__()
        self.code.flags.required = True

    def validate_code(self, field: Field) -> None:
        if not clean_name(field.data or ""):
            raise ValidationError("Écrivez le code reçu.")
        if not typed(field.data or ""):
            raise ValidationError("Le code a 6 chiffres.")

    def fail(self) -> None:
        """It is not the code that was sent."""
        self.code.errors = ["Ce code n’est pas le bon. Vérifiez-le dans le dernier message reçu."]


class OuvrirForm(BaseForm):
    """One button, and nothing to fill in."""
