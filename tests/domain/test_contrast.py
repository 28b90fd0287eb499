"""Contrast of two colours, against values published by the WCAG and its checkers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.contrast import accent_ok, ratio

colours = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)


@pytest.mark.parametrize(
    ("colour", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#FFFFFF", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.00),
        ("#0000ff", "#ffffff", 8.59),
        ("#0000ff", "#ff0000", 2.15),
    ],
)
def test_ratio(colour: str, other: str, expected: float) -> None:
    assert ratio(colour, other) == pytest.approx(expected, abs=0.005)


@given(colours, colours)
def test_the_ratio_is_the_same_both_ways(colour: str, other: str) -> None:
    assert ratio(colour, other) == ratio(other, colour)
    assert 1 <= ratio(colour, other) <= 21.0000001


@pytest.mark.parametrize(("colour", "ok"), [("#767676", True), ("#777777", False), ("#ffff00", False)])
def test_accent_ok(colour: str, ok: bool) -> None:
    assert accent_ok(colour) is ok


@pytest.mark.parametrize("colour", ["", "#fff", "red", "#12345g", "#1234567", "#123456\n"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="not a #rrggbb"):
        ratio(colour, "#ffffff")
