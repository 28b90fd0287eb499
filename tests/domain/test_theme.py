"""An organisation's colour stays readable, whichever it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.contrast import MINIMUM, ratio
from webapp.domain.theme import accents


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_any_colour_becomes_readable(colour: str) -> None:
    light, dark = accents(colour)
    for accent, page, card in ((light, "#f6f4ef", "#ffffff"), (dark, "#121718", "#1b2223")):
        assert ratio(accent.accent, page) >= MINIMUM
        assert ratio(accent.accent, card) >= MINIMUM
        assert ratio(accent.accent, accent.on_accent) >= MINIMUM


def test_a_readable_colour_is_kept() -> None:
    assert accents("#0b5f63")[0].accent == "#0b5f63"


@pytest.mark.parametrize("colour", ["", "rouge", "#12", "#12345g"])
def test_what_is_no_colour_gives_the_default_one(colour: str) -> None:
    assert accents(colour) == accents("#0b5f63")
