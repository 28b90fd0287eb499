"""French telephone numbers as people type them, kept as E.164.

Metropolitan France and the overseas departments dial ten digits of one plan (ARCEP), yet each has its own country
code: 0692 12 34 56 is +262 692 12 34 56, wherever it is typed. The library knows the ranges and everything foreign; the
plan's prefixes and the words of the refusals are ours. Only mobile ranges are texted (`docs/notifications.md`, SMS).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType

_TEN_DIGIT_PLAN = (
    (re.compile(r"0(?:262|263|269|639(?!98)|692|693)"), 262),
    (re.compile(r"0(?:590|690|691)"), 590),
    (re.compile(r"0(?:594|694)"), 594),
    (re.compile(r"0(?:596|696|697)"), 596),
    (re.compile(r"0708"), 508),
)
"""National prefix → country code; any other is +33. 06 39 98 is ARCEP's range for fiction: it stays metropolitan."""
_PLAN_CODES = (33, 262, 590, 594, 596)
_SHORT_CODES = (508, 681, 687, 689)
_TEXTED_CODES = (*_PLAN_CODES, 508, 687, 689)

_SHORT_PLANS = {  # territories that dial fewer digits at home
    "NC": (6, "en Nouvelle-Calédonie"),
    "PF": (8, "en Polynésie française"),
    "PM": (6, "à Saint-Pierre-et-Miquelon"),
    "WF": (6, "à Wallis-et-Futuna"),
}
_REGION_OF_ZONE = {
    "America/Cayenne": "GF",
    "America/Guadeloupe": "GP",
    "America/Marigot": "MF",
    "America/Martinique": "MQ",
    "America/Miquelon": "PM",
    "America/St_Barthelemy": "BL",
    "Indian/Mayotte": "YT",
    "Indian/Reunion": "RE",
    "Pacific/Gambier": "PF",
    "Pacific/Marquesas": "PF",
    "Pacific/Noumea": "NC",
    "Pacific/Tahiti": "PF",
    "Pacific/Wallis": "WF",
}
_NUMBERS = [  # more digits than that are two numbers
    "zéro",
    "un",
    "deux",
    "trois",
    "quatre",
    "cinq",
    "six",
    "sept",
    "huit",
    "neuf",
    "dix",
    "onze",
    "douze",
    "treize",
    "quatorze",
    "quinze",
    "seize",
    "dix-sept",
]

UNKNOWN = "Ce numéro n’existe pas : vérifiez-le."


class PhoneError(ValueError):
    """This is no telephone number; `message_fr` tells the person what to mend."""

    def __init__(self, message_fr: str) -> None:
        super().__init__(message_fr)
        self.message_fr = message_fr


def region_of_timezone(tz: str) -> str:
    """The region where an organisation of this time zone most likely dials: FR unless the zone is overseas."""
    return _REGION_OF_ZONE.get(tz, "FR")


def parse(text: str, default_region: str = "FR") -> str:
    """The E.164 form of a number typed in `default_region`; raises PhoneError with what is wrong, in French."""
    typed = _tidy(text)
    if typed.startswith("+"):
        return _international(typed)
    if typed.startswith("00") and len(typed) > 10:
        return _international("+" + typed[2:])
    short = _SHORT_PLANS.get(default_region)
    if short and len(typed) == short[0]:
        return _checked(_library(typed, default_region))
    if re.fullmatch(r"0[1-9]\d{8}", typed):
        return _ten_digits(typed)
    if re.fullmatch(r"[1-9]\d{8}", typed) and not short:
        return _ten_digits("0" + typed)  # a spreadsheet ate the leading zero
    if re.fullmatch(r"33[1-9]\d{8}|(?:262|59[046])[2679]\d{8}", typed):
        return _international("+" + typed)
    raise PhoneError(_miscounted(typed, default_region))


def _tidy(text: str) -> str:
    """Digits, with a + in front when there was one; anything that is no punctuation of a number is refused."""
    typed = unicodedata.normalize("NFKC", text).strip().removeprefix("tel:")
    typed = "".join(c for c in typed if unicodedata.category(c) not in ("Cf", "Cc"))
    if not typed:
        raise PhoneError("Indiquez un numéro de téléphone.")
    if any(c.isalpha() for c in typed):
        raise PhoneError("Un numéro de téléphone s’écrit avec des chiffres, sans lettres.")
    digits = "".join(str(unicodedata.digit(c)) for c in typed if c.isdigit())
    if len(digits) >= 18:
        raise PhoneError("Indiquez un seul numéro de téléphone.")
    if re.search(r"[^\d\s+().,\-‐‑–—/_•·]", typed) or "+" in typed.lstrip("( ")[1:]:
        raise PhoneError("Un numéro de téléphone s’écrit avec des chiffres, par exemple 06 12 34 56 78.")
    return ("+" if "+" in typed else "") + digits


def _international(typed: str) -> str:
    """A number with its country code: +33 (0)6…, and +33 692… which people overseas type for +262 692…"""
    plan = re.fullmatch(r"\+(33|262|590|594|596)0?(\d*)", typed)
    if plan and len(plan[2]) != 9:
        raise PhoneError(
            f"Après +{plan[1]}, un numéro a neuf chiffres (sans le 0) ; celui-ci en a {_NUMBERS[len(plan[2])]}."
        )
    if plan and not plan[2].startswith("0"):
        e164 = _ten_digits("0" + plan[2])
        if plan[1] == "33" or e164.startswith("+" + plan[1]):
            return e164
    return _checked(_library(typed, None))


def _ten_digits(national: str) -> str:
    """A number of the ten-digit plan. Ranges open faster than libraries learn: the plan decides, not the library."""
    code = next((code for prefix, code in _TEN_DIGIT_PLAN if prefix.match(national)), 33)
    return f"+{code}{national[1:]}"


def _library(typed: str, region: str | None) -> PhoneNumber:
    try:
        return phonenumbers.parse(typed, region)
    except NumberParseException as error:
        raise PhoneError(UNKNOWN) from error


def _checked(number: PhoneNumber) -> str:
    if not phonenumbers.is_valid_number(number):
        raise PhoneError(UNKNOWN)
    return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))


def _miscounted(typed: str, region: str) -> str:
    digits, where = _SHORT_PLANS.get(region, (10, ""))
    if digits == len(typed) or (not where and len(typed) == 10):
        return "Un numéro commence par 0, ou par + et l’indicatif du pays." if not where else UNKNOWN
    have = "n’en a aucun" if not typed else f"en a {_NUMBERS[len(typed)]}"
    place = f" {where}" if where else ""
    return f"Un numéro{place} a {_NUMBERS[digits]} chiffres ; celui-ci {have}."


@lru_cache(256)
def national(e164: str, region: str = "FR") -> str:
    """The number as it is read and dialled in `region`: 06 12 34 56 78, 0692 12 34 56; elsewhere, with its code."""
    number = phonenumbers.parse(e164, None)
    digits = str(number.national_number)
    if number.country_code == 33 and len(digits) == 9:
        return _pairs("0" + digits)
    if number.country_code in _PLAN_CODES:
        return str(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    if number.country_code == 508 and len(digits) == 9:
        return f"0{digits[:3]} {_pairs(digits[3:])}"
    if number.country_code in _SHORT_CODES:
        at_home = phonenumbers.country_code_for_region(region) == number.country_code
        return _pairs(digits) if at_home else f"+{number.country_code} {_pairs(digits)}"
    return str(phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)).replace("-", " ")


def _pairs(digits: str) -> str:
    return " ".join(digits[i : i + 2] for i in range(0, len(digits), 2))


def masked(e164: str, region: str = "FR") -> str:
    """Enough to recognise one's own number, no more: 06 •• •• •• 78."""
    shown = national(e164, region)
    head, _, tail = shown.partition(" ")
    return f"{head} {re.sub(r'[0-9]', '•', tail[:-2])}{tail[-2:]}"


@lru_cache(8192)
def can_receive_sms(e164: str) -> bool:
    """Mobile ranges of metropolitan and overseas France; never a landline, a premium or a foreign number."""
    number = phonenumbers.parse(e164, None)
    if number.country_code not in _TEXTED_CODES:
        return False
    if phonenumbers.number_type(number) in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE):
        return True
    # Ranges newer than the library: all of 06 and 07 is mobile, but 0700 (machines, fourteen digits).
    return number.country_code in _PLAN_CODES and re.match(r"6|7(?!00)", str(number.national_number)) is not None
