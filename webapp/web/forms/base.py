"""What every form shares: plain French sentences, its own status, nothing lost when the page was open too long."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import g
from flask_wtf import FlaskForm
from flask_wtf.csrf import _FlaskFormCSRF
from wtforms import Form, HiddenField
from wtforms.fields import Field, FieldList, FormField
from wtforms.fields.core import UnboundField
from wtforms.i18n import get_translations
from wtforms.meta import DefaultMeta
from wtforms.widgets import ListWidget

from webapp.domain.errors import DomainError
from webapp.web.csrf import masked_token

SENTENCES = {
    "This field is required.": "Remplissez ce champ.",
    "Invalid input.": "Cette réponse n’est pas comprise.",
    "Invalid email address.": "Cette adresse de courriel n’est pas complète. Exemple : prenom.nom@exemple.fr",
    "Invalid URL.": "Cette adresse n’est pas complète. Exemple : https://exemple.fr",
    "Not a valid choice.": "Choisissez une des réponses proposées.",
    "Invalid Choice: could not coerce.": "Choisissez une des réponses proposées.",
    "'%(value)s' is not a valid choice for this field.": "Choisissez parmi les réponses proposées.",
    "'%(value)s' are not valid choices for this field.": "Choisissez parmi les réponses proposées.",
    "Invalid choice(s): one or more data inputs could not be coerced.": "Choisissez parmi les réponses proposées.",
    "Not a valid date value.": "Écrivez une date, par exemple 03/03/1990.",
    "Not a valid time value.": "Écrivez une heure, par exemple 14:00.",
    "Not a valid datetime value.": "Écrivez une date et une heure, par exemple 03/03/2026 14:00.",
    "Not a valid integer value.": "Écrivez un nombre entier.",
    "Not a valid decimal value.": "Écrivez un nombre.",
    "Number must be at least %(min)s.": "Le plus petit nombre possible est %(min)s.",
    "Number must be at most %(max)s.": "Le plus grand nombre possible est %(max)s.",
    "Number must be between %(min)s and %(max)s.": "Écrivez un nombre entre %(min)s et %(max)s.",
    "Field must be at least %(min)d character long.": "Écrivez au moins %(min)d caractère.",
    "Field must be at least %(min)d characters long.": "Écrivez au moins %(min)d caractères.",
    "Field cannot be longer than %(max)d character.": "Écrivez %(max)d caractère au plus.",
    "Field cannot be longer than %(max)d characters.": "C’est trop long : %(max)d caractères au plus.",
    "Field must be between %(min)d and %(max)d characters long.": "Écrivez entre %(min)d et %(max)d caractères.",
}


class PlainFrench:
    """WTForms' own messages in words people use; those we have not rewritten come from its French catalogue."""

    catalogue = get_translations(["fr"])

    def gettext(self, text: str) -> str:
        return SENTENCES.get(text) or str(self.catalogue.gettext(text))

    def ngettext(self, one: str, many: str, count: int) -> str:
        text = one if count < 2 else many
        return SENTENCES.get(text) or str(self.catalogue.ngettext(one, many, count))


class SubForm(Form):
    """Fields repeated inside a form (`FieldList(FormField(…))`): same sentences, no token of their own."""

    class Meta(DefaultMeta):
        def get_translations(self, form: object) -> PlainFrench:
            return PlainFrench()


class _MaskedCSRF(_FlaskFormCSRF):
    def generate_csrf_token(self, csrf_token_field: Field) -> str:
        return masked_token()


class BaseForm(FlaskForm):
    """A form of the site. `stale`: the page was open too long (419, filled). `refuse()`: a rule said no (409)."""

    class Meta(FlaskForm.Meta):
        csrf_class = _MaskedCSRF

        def get_translations(self, form: object) -> PlainFrench:
            return PlainFrench()

    # The same id gets its first answer again: double click, reload, lost network (docs/domain.md rule 19).
    envoi = HiddenField(default=lambda: secrets.token_urlsafe(16))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refusal = ""
        self.refusal_status = 409

    @property
    def stale(self) -> bool:
        """The token was too old or wrong: nothing may be written, everything typed is shown again."""
        return bool(self.is_submitted() and g.get("stale_form", False))

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        return not self.stale and bool(super().validate(extra_validators))

    def refuse(self, error: DomainError) -> None:
        """A rule said no once the fields were right: the form comes back with the sentence on top."""
        self.refusal, self.refusal_status = error.message, error.status

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows this form."""
        if self.stale:
            return 419
        if self.refusal:
            return self.refusal_status
        return 422 if self.errors else 200

    @property
    def problems(self) -> list[tuple[str, str]]:
        """(id of the input, sentence) for the summary on top, in the order of the form; no id = the form as a whole."""
        found = [("", str(message)) for message in self.form_errors]
        return found + list(_problems(self))


def again(field: Any) -> Any:
    """The same question in another form, at its place there."""
    return UnboundField(field.field_class, *field.args, **field.kwargs)


def _problems(fields: Any) -> Iterator[tuple[str, str]]:
    for field in fields:
        if isinstance(field, FormField | FieldList):
            yield from _problems(field)
        first = next((option.id for option in field), field.id) if isinstance(field.widget, ListWidget) else field.id
        for error in field.errors:
            if isinstance(error, str) and not isinstance(field.errors, dict):
                yield first, error
