"""What people type about themselves, read as they type it: names, e-mails, dates of birth."""

import re
from datetime import date

from wtforms import ValidationError

from webapp.domain.contacts import NAME_MAX, ContactError, clean_name, fold, read_email

OLDEST = 120  # years
MONTHS = "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre".split()  # noqa: SIM905
# Whatever a mail program would turn into a link: the site must not carry a stranger's in « Bonjour … ».
ADDRESS_LIKE = re.compile(r"://|@|\w\w\.\w\w")


def name_typed(text: str | None, missing: str, longest: int = NAME_MAX) -> str:
    """The name, cleaned; raises `ValidationError`: `missing`, or what to mend."""
    name = clean_name(text or "")
    if not name:
        raise ValidationError(missing)
    if not fold(name):
        raise ValidationError(missing.replace(".", ", avec des lettres."))
    if len(name) > longest:
        raise ValidationError(f"C’est trop long : {longest} caractères au plus.")
    if ADDRESS_LIKE.search(name):
        raise ValidationError(missing.replace(".", " seulement, sans adresse ni lien."))
    return name


def email_typed(text: str) -> str:
    """The address in lower case; raises `ValidationError` with what to mend."""
    try:
        return read_email(text)
    except ContactError as error:
        raise ValidationError(error.message_fr) from error


def birth_date_typed(text: str, today: date) -> date:
    """03/03/1990, 3-3-1990, 03031990, 1990-03-03 or 3 mars 1990; raises `ValidationError` with what to mend."""
    typed = fold(text.replace("/", " ").replace(".", " ").replace("_", " "))
    if re.fullmatch(r"\d{8}", typed):
        typed = f"{typed[:2]} {typed[2:4]} {typed[4:]}"
    parts = typed.replace("1er ", "1 ").split()
    if len(parts) == 3 and not parts[1].isdigit() and len(parts[1]) >= 3:
        parts[1] = str(next((n for n, month in enumerate(MONTHS, 1) if month.startswith(parts[1])), parts[1]))
    if len(parts) == 3 and len(parts[0]) == 4:
        parts.reverse()
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValidationError("Écrivez le jour, le mois et l’année. Exemple : 03/03/1990")
    if len(parts[2]) != 4:
        raise ValidationError("Écrivez l’année avec quatre chiffres. Exemple : 03/03/1990")
    try:
        born = date(int(parts[2]), int(parts[1]), int(parts[0]))
    except ValueError as error:
        raise ValidationError("Cette date n’existe pas : vérifiez le jour et le mois.") from error
    if born > today:
        raise ValidationError("Cette date est dans le futur : vérifiez l’année.")
    if born.year < today.year - OLDEST:
        raise ValidationError("Vérifiez l’année de naissance.")
    return born
