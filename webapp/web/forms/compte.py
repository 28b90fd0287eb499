"""What an agent fills in about their own account: another password, the codes of the second step."""

from wtforms import HiddenField, PasswordField, StringField, ValidationError
from wtforms.fields import Field
from wtforms.validators import InputRequired

from webapp.domain.codes import typed
from webapp.domain.otp import recovery_print

from .agent import NouveauMotDePasseForm
from .base import BaseForm, again

PRESENT = PasswordField("Mot de passe actuel", [InputRequired("Écrivez votre mot de passe actuel.")])
WRONG = "Ce code n’est pas le bon, ou il a déjà servi. Attendez le code suivant, puis écrivez-le."
WRONG_RECOVERY = "Ce code de secours n’est pas le bon, ou il a déjà servi."


class ChangerMotDePasseForm(BaseForm):
    """Choose another password, knowing the present one."""

    actuel = again(PRESENT)
    mot_de_passe = again(NouveauMotDePasseForm.mot_de_passe)
    confirmation = again(NouveauMotDePasseForm.confirmation)

    def validate_mot_de_passe(self, field: Field) -> None:
        if field.data and field.data == self.actuel.data:
            raise ValidationError("C’est le même : choisissez-en un autre.")

    def fail(self) -> None:
        self.actuel.errors = ["Ce n’est pas votre mot de passe actuel."]


class EtapeForm(BaseForm):
    """The code an app shows."""

    code = StringField("Code à 6 chiffres", [InputRequired("Écrivez le code que montre votre application.")])

    def validate_code(self, field: Field) -> None:
        if not typed(field.data or ""):
            raise ValidationError("Le code a 6 chiffres.")

    def fail(self) -> None:
        """The same sentence for a wrong code and for one used already."""
        self.code.errors = [WRONG]


class SecoursForm(BaseForm):
    """A recovery code."""

    code = StringField("Code de secours", [InputRequired("Écrivez un de vos codes de secours.")])

    def fail(self) -> None:
        self.code.errors = [WRONG_RECOVERY]


class ActivationForm(EtapeForm):
    """Set up the second step: who one is, and that the app gives the right codes."""

    cle = HiddenField()
    actuel = again(PRESENT)

    def fail_password(self) -> None:
        self.actuel.errors = ["Ce n’est pas votre mot de passe."]

    def fail(self) -> None:
        self.code.errors = ["Ce code n’est pas celui que donne ce QR code maintenant. Attendez le suivant."]


class PreuveForm(BaseForm):
    """Either kind of code."""

    code = StringField("Code à 6 chiffres, ou code de secours", [InputRequired("Écrivez un code.")])

    def validate_code(self, field: Field) -> None:
        if not typed(field.data or "") and not recovery_print(field.data or ""):
            raise ValidationError("Un code a 6 chiffres, un code de secours 16 lettres et chiffres.")

    def fail(self) -> None:
        self.code.errors = [WRONG]
