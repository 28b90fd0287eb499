"""What is wrong in a request, in French, each with where it is."""

from typing import Any

from pydantic import ValidationError

SENTENCES = {
    "missing": "Cette valeur est obligatoire.",
    "extra_forbidden": "Ce nom n’existe pas ici.",
    "string_type": "Écrivez un texte.",
    "string_too_short": "C’est trop court : {min_length} caractères au moins.",
    "string_too_long": "C’est trop long : {max_length} caractères au plus.",
    "string_pattern_mismatch": "Ce texte contient des caractères qui ne peuvent pas être enregistrés.",
    "bool_type": "Écrivez true ou false.",
    "bool_parsing": "Écrivez true ou false.",
    "int_type": "Écrivez un nombre entier.",
    "int_parsing": "Écrivez un nombre entier.",
    "int_from_float": "Écrivez un nombre entier.",
    "greater_than_equal": "Le plus petit nombre possible est {ge}.",
    "less_than_equal": "Le plus grand nombre possible est {le}.",
    "date_type": "Écrivez une date comme 2026-12-31.",
    "date_parsing": "Écrivez une date comme 2026-12-31.",
    "date_from_datetime_parsing": "Écrivez une date comme 2026-12-31.",
    "enum": "Choisissez parmi : {expected}.",
    "literal_error": "Choisissez parmi : {expected}.",
    "model_type": "Envoyez un objet JSON.",
}


def problems(error: ValidationError, where: str) -> list[dict[str, str]]:
    """For each thing to mend, its JSON pointer or the name of its parameter, and a sentence."""
    found = []
    for one in error.errors(include_url=False, include_input=False):
        names = [str(part) for part in one["loc"]]
        place = "#" + "".join(f"/{escaped(name)}" for name in names) if where == "pointer" else ".".join(names)
        found.append({where: place[:200], "detail": _sentence(one)})
    return found


def escaped(name: str) -> str:
    """One step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _sentence(one: Any) -> str:
    if one["type"] == "value_error":
        return str(one["ctx"]["error"])
    return SENTENCES.get(one["type"], "Cette valeur n’est pas acceptée.").format(**one.get("ctx", {}))
