"""What agents fill in: their account, one person for a session, a cancellation."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from wtforms import EmailField, HiddenField, PasswordField, StringField
from wtforms.fields import Field
from wtforms.validators import EqualTo, InputRequired, Length

from webapp.domain.identity import Identity
from webapp.models import Champ, Motif
from webapp.services.comptes import PASSWORD_MIN

from .base import BaseForm
from .personne import QuelquUn


def said_yes(name: str, *, default: bool) -> bool:
    """A box of the form sent. Its hidden twin (value 0) tells a box left empty from a form that does not ask."""
    values = request.form.getlist(name)
    return "1" in values if values else default


ADDRESS = [InputRequired("Écrivez votre adresse de courriel."), Length(max=254)]


class ConnexionForm(BaseForm):
    """Log in."""

    courriel = EmailField("Courriel", [InputRequired("Écrivez votre adresse de courriel."), Length(max=254)])
    mot_de_passe = PasswordField("Mot de passe", [InputRequired("Écrivez votre mot de passe.")])

    def fail(self) -> None:
        """The same sentence whether the address is known or not."""
        self.form_errors.append("Cette adresse et ce mot de passe ne vont pas ensemble. Vérifiez l’une et l’autre.")


class MotDePasseOublieForm(BaseForm):
    """Ask for a link to choose another password."""

    courriel = EmailField("Courriel", [InputRequired("Écrivez votre adresse de courriel."), Length(max=254)])


class NouveauMotDePasseForm(BaseForm):
    """Choose another password."""

    mot_de_passe = PasswordField(
        "Nouveau mot de passe",
        [
            InputRequired("Choisissez un mot de passe."),
            Length(
                min=PASSWORD_MIN, message=f"Il faut au moins {PASSWORD_MIN} caractères. Une phrase entière convient."
            ),
            Length(max=200, message="C’est trop long : 200 caractères au plus."),
        ],
    )
    confirmation = PasswordField(
        "Le même, une seconde fois",
        [InputRequired("Écrivez-le une seconde fois."), EqualTo("mot_de_passe", "Les deux ne sont pas identiques.")],
    )


def picked(field: Field) -> int | None:
    """The person whose button was pressed."""
    text = field.data or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


class InviterForm(BaseForm):
    """Invite somebody the organisation knows."""

    usager_id = HiddenField()

    @property
    def known(self) -> int | None:
        return picked(self.usager_id)


class AjoutForm(QuelquUn):
    """Add one person to a session: somebody known (`usager_id`), or an identity typed by the agent."""

    usager_id = HiddenField()
    verifier = HiddenField(default="1")  # the page can ask whether it is somebody known of that name

    def __init__(self, motif: Motif, **options: Any) -> None:
        super().__init__(motif.organisation.timezone, **options)
        for champ in (Champ.DATE_NAISSANCE, Champ.NUMERO_DOSSIER):
            if not motif.asks(champ):
                del self[champ.value]

    @property
    def known(self) -> int | None:
        """The person picked among those the organisation knows."""
        return picked(self.usager_id)

    @property
    def identity(self) -> Identity | None:
        """Who is typed, cleaned; only after `validate()` has said yes. None when somebody known was picked."""
        return None if self.known else super().identity

    @property
    def typed(self) -> list[tuple[str, str]]:
        """Everything sent about the person, to ask again with one answer more."""
        names = ("usager_id", "prenom", "nom", "date_naissance", "telephone", "courriel", "numero_dossier")
        return [(name, self[name].data) for name in names if name in self and self[name].data]

    @property
    def creating(self) -> bool:
        """Is the part that creates somebody in use? Not in the blank form that follows somebody just added."""
        return self.status != 200 and not self.known

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        if self.known:
            return not self.stale
        return super().validate(extra_validators)


def typed_in_search(text: str) -> dict[str, str]:
    """What somebody looked for, where the form that creates a person has it: an address, a number, or a name."""
    if "@" in text:
        return {"courriel": text}
    if text and not any(letter.isalpha() for letter in text):
        return {"telephone": text}
    first, _, rest = text.partition(" ")
    if rest and first.isupper() and not rest.isupper():  # written as the sheet writes it: AMRANI Yasmina
        first, rest = rest, first
    return {"prenom": first, "nom": rest} if rest else {"nom": first}


def newcomer(text: str) -> tuple[str, str] | None:
    """(first name, name) of somebody nobody knows, as it was looked for, in one line; None when it is not both."""
    typed = typed_in_search(text)
    if "prenom" not in typed or any(letter.isdigit() for letter in text):
        return None
    first, last = (
        name.title() if name.islower() or name.isupper() else name for name in (typed["prenom"], typed["nom"])
    )
    return first, last


class AnnulationForm(BaseForm):
    """Cancel a session."""

    raison = StringField(
        "Raison",
        [Length(max=300)],
        description="Les personnes prévenues la liront. Exemple : la salle n’est pas disponible.",
    )
