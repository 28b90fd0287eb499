"""What agents fill in: their account, one person for a session, a cancellation."""

from wtforms import EmailField, PasswordField
from wtforms.validators import EqualTo, InputRequired, Length

from webapp.services.comptes import PASSWORD_MIN

from .base import BaseForm


class ConnexionForm(BaseForm):
    """Log in."""

    courriel = EmailField(
        "Adresse électronique", [InputRequired("Écrivez votre adresse électronique."), Length(max=254)]
    )
    mot_de_passe = PasswordField("Mot de passe", [InputRequired("Écrivez votre mot de passe.")])

    def fail(self) -> None:
        """The same sentence whether the address is known or not."""
        self.form_errors.append("Cette adresse et ce mot de passe ne vont pas ensemble. Vérifiez l’une et l’autre.")


class MotDePasseOublieForm(BaseForm):
    """Ask for a link to choose another password."""

    courriel = EmailField(
        "Adresse électronique", [InputRequired("Écrivez votre adresse électronique."), Length(max=254)]
    )


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
