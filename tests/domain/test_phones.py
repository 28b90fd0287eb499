"""Telephone numbers, by example: as people type them, as they are shown, and who can be texted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.phones import (
    UNKNOWN,
    PhoneError,
    can_receive_sms,
    masked,
    national,
    parse,
    region_of_timezone,
)


@pytest.mark.parametrize(
    ("typed", "region", "e164"),
    [
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("06-12-34-56-78", "FR", "+33612345678"),
        ("06/12/34/56/78", "FR", "+33612345678"),
        ("0612345678", "FR", "+33612345678"),
        ("  06\u00a012\u202f34 56 78 ", "FR", "+33612345678"),
        ("\u200e06 12 34 56 78\u202c", "FR", "+33612345678"),
        ("０６ １２ ３４ ５６ ７８", "FR", "+33612345678"),
        ("+33 6 12 34 56 78", "FR", "+33612345678"),
        ("+33 (0)6 12 34 56 78", "FR", "+33612345678"),
        ("+33 06 12 34 56 78", "FR", "+33612345678"),
        ("(+33) 6 12 34 56 78", "FR", "+33612345678"),
        ("0033612345678", "FR", "+33612345678"),
        ("00 33 (0)6 12 34 56 78", "FR", "+33612345678"),
        ("(0)6 12 34 56 78", "FR", "+33612345678"),
        ("33612345678", "FR", "+33612345678"),
        ("612345678", "FR", "+33612345678"),
        ("tel:+33612345678", "FR", "+33612345678"),
        ("01 40 20 50 50", "FR", "+33140205050"),
        ("09 76 12 12 12", "FR", "+33976121212"),
        # overseas, typed nationally, from there or from Paris
        ("0692 12 34 56", "FR", "+262692123456"),
        ("0692 12 34 56", "RE", "+262692123456"),
        ("06 93 12 34 56", "FR", "+262693123456"),
        ("0639 12 34 56", "YT", "+262639123456"),
        ("0262 12 34 56", "FR", "+262262123456"),
        ("0690 12 34 56", "FR", "+590690123456"),
        ("0590 12 34 56", "GP", "+590590123456"),
        ("0694 20 12 34", "FR", "+594694201234"),
        ("0696 20 12 34", "MQ", "+596696201234"),
        ("0697 20 12 34", "FR", "+596697201234"),
        # … and with a prefix, their own or the mother country's
        ("+262 692 12 34 56", "FR", "+262692123456"),
        ("+262 0692 12 34 56", "FR", "+262692123456"),
        ("00262692123456", "FR", "+262692123456"),
        ("262692123456", "FR", "+262692123456"),
        ("+33 692 12 34 56", "FR", "+262692123456"),
        ("+590690123456", "FR", "+590690123456"),
        # a metropolitan number typed overseas
        ("06 12 34 56 78", "RE", "+33612345678"),
        ("06 12 34 56 78", "NC", "+33612345678"),
        # territories that dial fewer digits
        ("75 12 34", "NC", "+687751234"),
        ("75.12.34", "NC", "+687751234"),
        ("+687 75 12 34", "FR", "+687751234"),
        ("87 12 34 56", "PF", "+68987123456"),
        ("+689 87 12 34 56", "FR", "+68987123456"),
        ("55 12 34", "PM", "+508551234"),
        ("0708 55 12 34", "PM", "+508708551234"),
        # a neighbour, and ARCEP's range for fiction
        ("+32 470 12 34 56", "FR", "+32470123456"),
        ("06 39 98 12 34", "FR", "+33639981234"),
    ],
)
def test_parse(typed: str, region: str, e164: str) -> None:
    assert parse(typed, region) == e164
    assert parse(e164) == e164
    assert parse(national(e164, region), region) == e164


@pytest.mark.parametrize(
    ("typed", "region", "message"),
    [
        ("", "FR", "Indiquez un numéro de téléphone."),
        (" \u200b ", "FR", "Indiquez un numéro de téléphone."),
        ("06 12 34 56", "FR", "Un numéro a dix chiffres ; celui-ci en a huit."),
        ("06 12 34 56 7", "FR", "Un numéro a dix chiffres ; celui-ci en a neuf."),
        ("06 12 34 56 78 9", "FR", "Un numéro a dix chiffres ; celui-ci en a onze."),
        ("39 39", "FR", "Un numéro a dix chiffres ; celui-ci en a quatre."),
        ("---", "FR", "Un numéro a dix chiffres ; celui-ci n’en a aucun."),
        ("75 12 3", "NC", "Un numéro en Nouvelle-Calédonie a six chiffres ; celui-ci en a cinq."),
        ("87 12 34", "PF", "Un numéro en Polynésie française a huit chiffres ; celui-ci en a six."),
        ("+33 6 12 34 56", "FR", "Après +33, un numéro a neuf chiffres (sans le 0) ; celui-ci en a sept."),
        ("+262 692 12", "FR", "Après +262, un numéro a neuf chiffres (sans le 0) ; celui-ci en a cinq."),
        ("12 34 56 78 90", "FR", "Un numéro commence par 0, ou par + et l’indicatif du pays."),
        ("0612345678 / 0712345678", "FR", "Indiquez un seul numéro de téléphone."),
        ("marie", "FR", "Un numéro de téléphone s’écrit avec des chiffres, sans lettres."),
        ("06 12 34 56 78 poste 4", "FR", "Un numéro de téléphone s’écrit avec des chiffres, sans lettres."),
        ("06 12 34 56 78 ?", "FR", "Un numéro de téléphone s’écrit avec des chiffres, par exemple 06 12 34 56 78."),
        ("06 12 34+56 78", "FR", "Un numéro de téléphone s’écrit avec des chiffres, par exemple 06 12 34 56 78."),
        ("+999 12 34 56", "FR", UNKNOWN),
        ("+32 1", "FR", UNKNOWN),
        ("+33 000 000 000", "FR", "Après +33, un numéro a neuf chiffres (sans le 0) ; celui-ci en a huit."),
        ("+262 612 34 56 78", "FR", UNKNOWN),
        ("10 00 00", "NC", UNKNOWN),
        ("+", "FR", UNKNOWN),
    ],
)
def test_what_is_wrong_is_said(typed: str, region: str, message: str) -> None:
    with pytest.raises(PhoneError) as refusal:
        parse(typed, region)
    assert refusal.value.message_fr == message


@given(st.text(max_size=30) | st.text(alphabet="0123456789 +.-()", max_size=30))
def test_any_text_is_a_number_or_a_refusal(text: str) -> None:
    try:
        e164 = parse(text)
    except PhoneError as refusal:
        assert refusal.message_fr.endswith(".")
    else:
        assert e164[0] == "+" and e164[1:].isascii() and e164[1:].isdigit() and len(e164) <= 16
        assert masked(e164).count("•") >= 2
        assert can_receive_sms(e164) in (True, False)


@given(st.from_regex(r"0[1-9][0-9]{8}", fullmatch=True))
def test_any_ten_digit_number_is_kept_and_read_back(typed: str) -> None:
    assert national(parse(typed)).replace(" ", "") == typed


@pytest.mark.parametrize(
    ("e164", "shown", "hidden"),
    [
        ("+33612345678", "06 12 34 56 78", "06 •• •• •• 78"),
        ("+33140205050", "01 40 20 50 50", "01 •• •• •• 50"),
        ("+33800123456", "08 00 12 34 56", "08 •• •• •• 56"),
        ("+262692123456", "0692 12 34 56", "0692 •• •• 56"),
        ("+590690123456", "0690 12 34 56", "0690 •• •• 56"),
        ("+687751234", "+687 75 12 34", "+687 •• •• 34"),
        ("+508551234", "+508 55 12 34", "+508 •• •• 34"),
        ("+508708551234", "0708 55 12 34", "0708 •• •• 34"),
        ("+32470123456", "+32 470 12 34 56", "+32 ••• •• •• 56"),
    ],
)
def test_shown_and_masked(e164: str, shown: str, hidden: str) -> None:
    assert national(e164) == shown
    assert masked(e164) == hidden


@pytest.mark.parametrize(
    ("e164", "region", "shown", "hidden"),
    [
        ("+687751234", "NC", "75 12 34", "75 •• 34"),
        ("+68987123456", "PF", "87 12 34 56", "87 •• •• 56"),
        ("+508551234", "PM", "55 12 34", "55 •• 34"),
        ("+33612345678", "NC", "06 12 34 56 78", "06 •• •• •• 78"),
    ],
)
def test_short_plans_are_read_without_their_code_at_home_only(e164: str, region: str, shown: str, hidden: str) -> None:
    assert national(e164, region) == shown
    assert masked(e164, region) == hidden


@pytest.mark.parametrize(
    ("e164", "texted"),
    [
        ("+33612345678", True),
        ("+33756123456", True),
        ("+33639981234", True),
        ("+262692123456", True),
        ("+262639012345", True),
        ("+590690123456", True),
        ("+594694201234", True),
        ("+596696201234", True),
        ("+687751234", True),
        ("+68987123456", True),
        ("+508551234", True),
        ("+33140205050", False),
        ("+33976121212", False),
        ("+33800123456", False),
        ("+33899123456", False),
        ("+33700012345", False),
        ("+262262123456", False),
        ("+590590123456", False),
        ("+687261234", False),
        ("+32470123456", False),
    ],
)
def test_can_receive_sms(e164: str, texted: bool) -> None:
    assert can_receive_sms(e164) is texted


@pytest.mark.parametrize(
    ("tz", "region"),
    [("Europe/Paris", "FR"), ("Indian/Reunion", "RE"), ("Pacific/Noumea", "NC"), ("America/Martinique", "MQ")],
)
def test_region_of_timezone(tz: str, region: str) -> None:
    assert region_of_timezone(tz) == region
