"""Text messages: alphabet, segments and cutting, by example and by property."""

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.sms import (
    BASIC,
    EXTENSION,
    MAX_SEGMENTS,
    Alphabet,
    Measure,
    TooLong,
    fit,
    fit_message,
    measure,
    shorten,
    split,
    transliterate,
)

GSM, UNICODE = Alphabet.GSM_7, Alphabet.UNICODE
LINK = "https://rdv.departement-demo.fr/p/" + "a1B2c3D4e5F6g7H8i9J0kL"

gsm_text = st.text(alphabet=sorted(BASIC | EXTENSION), max_size=600)
any_text = st.text(max_size=300) | st.text(alphabet="aé€œ’ ê\u00a0😀ش[«»\u0302", max_size=300) | gsm_text


def test_the_tables_have_the_sizes_of_the_standard() -> None:
    assert len(BASIC) == 127  # 128 positions less the escape
    assert len(EXTENSION) == 10
    assert not BASIC & EXTENSION


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("é è à ù É ì ò ñ ö ü Ä ß", "é è à ù É ì ò ñ ö ü Ä ß"),
        ("fête, garçon, maïs, Noël, août", "fete, garcon, mais, Noel, aout"),
        ("À Évry, Ça, ÊTRE", "A Évry, Ça, ETRE"),
        ("cœur, ŒUVRE, Lætitia, ÆDE", "coeur, OEUVRE, Lætitia, ÆDE"),
        ("aujourd’hui, l‘été", "aujourd'hui, l'été"),
        ("« Parents »", '"Parents"'),
        ("«\u00a0Parents\u202f»", '"Parents"'),
        ("“a” „b‟", '"a" "b"'),
        ("bientôt…", "bientot..."),
        ("14\u00a0h – 16\u202fh", "14 h - 16 h"),
        ("n° 3, 2², ½, 3×4", "no 3, 22, 1/2, 3x4"),
        ("12 €, [ok] {ok} ~ ^ | \\", "12 €, [ok] {ok} ~ ^ | \\"),
        ("e\u0301te\u0301", "été"),
        ("a\u200bb\u00adc\u202ed", "abcd"),
        ("un\r\ndeux\ttrois\u2028quatre", "un\ndeux trois\nquatre"),
        ("q\u0302", "q"),
        ("`´", "''"),
        ("Привет 😀 أمينة", "Привет 😀 أمينة"),
    ],
)
def test_transliterate(text: str, sent: str) -> None:
    assert transliterate(text) == sent


@given(any_text)
def test_transliterating_is_done_once_for_all(text: str) -> None:
    assert transliterate(transliterate(text)) == transliterate(text)


@given(gsm_text)
def test_what_is_in_the_alphabet_stays_there(text: str) -> None:
    assert measure(transliterate(text)).alphabet is GSM


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("", Measure(GSM, 0, 0, 0)),
        ("a", Measure(GSM, 1, 1, 1)),
        ("a" * 160, Measure(GSM, 160, 160, 1)),
        ("a" * 161, Measure(GSM, 161, 161, 2)),
        ("a" * 306, Measure(GSM, 306, 306, 2)),
        ("a" * 307, Measure(GSM, 307, 307, 3)),
        ("€" * 80, Measure(GSM, 80, 160, 1)),
        ("€" * 81, Measure(GSM, 81, 162, 2)),
        ("a" * 152 + "€" + "a" * 152, Measure(GSM, 305, 306, 3)),  # the pair moves on: 152 | 2 + 151 | 1
        ("a" * 151 + "€" + "a" * 153, Measure(GSM, 305, 306, 2)),
        ("ê", Measure(UNICODE, 1, 1, 1)),
        ("ç" * 70, Measure(UNICODE, 70, 70, 1)),
        ("ç" * 71, Measure(UNICODE, 71, 71, 2)),
        ("ç" * 134, Measure(UNICODE, 134, 134, 2)),
        ("ç" * 135, Measure(UNICODE, 135, 135, 3)),
        ("😀" * 35, Measure(UNICODE, 35, 70, 1)),
        ("😀" * 36, Measure(UNICODE, 36, 72, 2)),
        ("😀" * 67, Measure(UNICODE, 67, 134, 3)),  # 33 pairs a segment: the 67th unit stays empty
        ("€ê", Measure(UNICODE, 2, 2, 1)),
    ],
)
def test_measure(text: str, weight: Measure) -> None:
    assert measure(text) == weight


@given(any_text)
def test_segments_lose_nothing_and_tear_nothing(text: str) -> None:
    pieces, weight = split(text), measure(text)
    assert "".join(pieces) == text
    assert weight.segments == len(pieces)
    assert weight.units >= weight.characters
    if weight.alphabet is UNICODE:
        assert weight.units == len(text.encode("utf-16-le", "surrogatepass")) // 2
    if len(pieces) > 1:
        for piece in pieces:
            cost = sum(2 if (c in EXTENSION and weight.alphabet is GSM) or ord(c) > 0xFFFF else 1 for c in piece)
            assert cost <= weight.alphabet.chained
        assert all(pieces)


@pytest.mark.parametrize(
    ("text", "kept", "short"),
    [
        ("Atelier parents et enfants", 12, "Atelier pare..."),
        ("Atelier parents", 8, "Atelier..."),
        ("Atelier", 4, "Atelier"),
        ("Atelier", 3, "Ate..."),
        ("Atelier", 0, ""),
    ],
)
def test_shorten(text: str, kept: int, short: str) -> None:
    assert shorten(text, kept) == short


def reminder(name: str) -> str:
    return f"Rappel : {name}, mar. 3 mars à 14h, Maison des solidarités. Annuler : {LINK}"


def test_a_name_of_thirty_characters_fits_one_segment_uncut() -> None:
    name = "Réunion d’information sur le R"
    assert len(name) == 30
    text = fit(reminder, name)
    assert "Réunion d'information sur le R, mar. 3 mars" in text
    assert measure(text).segments == 1


def test_a_long_name_is_cut_before_date_and_link() -> None:
    text = fit(reminder, "Réunion d’information collective sur le revenu de solidarité active et vos droits")
    assert measure(text).segments == 1
    assert measure(text).units >= 159  # 160, less a space before the dots
    assert text.startswith("Rappel : Réunion d'information col")
    assert text.endswith("..., mar. 3 mars à 14h, Maison des solidarités. Annuler : " + LINK)


def test_a_second_segment_rather_than_a_name_nobody_recognises() -> None:
    name = "Réunion d’information collective"
    text = fit(lambda name: reminder(name) + " " + "x" * 60, name)
    assert measure(text).segments == 2
    assert transliterate(name) in text


def test_free_words_are_cut_after_the_name_and_before_the_link() -> None:
    text = fit_message(
        lambda name, words: f"{name} : {words} {LINK}", "Atelier budget du mercredi matin", "Nous déménageons. " * 40
    )
    assert measure(text).segments == MAX_SEGMENTS
    assert measure(text).units > 450
    assert text.startswith("Atelier budg... : Nous déménageons.")
    assert text.endswith("... " + LINK)


def test_short_free_words_stay_whole() -> None:
    text = fit_message(lambda name, words: f"{name} : {words} {LINK}", "Atelier budget", "La salle change.")
    assert text == f"Atelier budget : La salle change. {LINK}"


def test_a_name_in_another_script_is_cut_shorter() -> None:
    text = fit(reminder, "ورشة " * 30)
    assert measure(text).alphabet is UNICODE
    assert measure(text).segments <= MAX_SEGMENTS
    assert text.endswith(LINK)


def test_a_template_that_can_never_fit_is_refused() -> None:
    with pytest.raises(TooLong):
        fit(lambda name: name + "x" * 460, "Atelier")


@given(name=any_text, words=any_text, limit=st.integers(1, MAX_SEGMENTS), tail=st.integers(0, 100))
def test_never_over_three_segments_and_never_without_its_link(name: str, words: str, limit: int, tail: int) -> None:
    def template(name: str, words: str) -> str:
        return f"{name}, mar. 3 mars à 14h. {words}{'.' * tail} {LINK}"

    text = fit_message(template, name, words, limit_segments=limit)
    assert measure(text).segments <= MAX_SEGMENTS
    assert text.endswith(LINK)
    assert "mar. 3 mars à 14h" in text
    assert transliterate(text) == text
    whole = transliterate(template(name.strip(), words.strip()))
    if measure(whole).segments <= limit and transliterate(name) == name and transliterate(words) == words:
        assert text == whole


# --- the same measures as an independent implementation ------------------------------------------------------------


# An empty text is no message, and a lone escape (U+001B) no character: smsutil has other opinions of both.
some_text = any_text.filter(lambda text: bool(text) and "\x1b" not in text)


def theirs(text: str) -> Measure:
    """What smsutil says of the text; it knows nothing of ours."""
    found = smsutil.split(text)
    if smsutil.is_valid_gsm(text):
        return Measure(GSM, len(text), sum(part.bytes for part in found.parts), len(found.parts) if text else 0)
    return Measure(UNICODE, len(text), sum(part.bytes for part in found.parts) // 2, len(found.parts))


@given(some_text)
def test_the_alphabet_is_the_one_another_implementation_finds(text: str) -> None:
    assert measure(text).alphabet is theirs(text).alphabet


@given(some_text)
def test_the_segments_are_those_of_another_implementation(text: str) -> None:
    assert measure(text) == theirs(text)


@given(some_text, some_text)
def test_what_is_sent_weighs_what_another_implementation_says(name: str, words: str) -> None:
    text = fit(lambda part: f"C'est noté : {part}, mar. 3 mars à 14h. {LINK}", transliterate(name)[:60])
    assert theirs(text) == measure(text)
    if sent := transliterate(words):
        assert theirs(sent) == measure(sent)
