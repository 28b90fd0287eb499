"""Ways to use a page: with a pointer or a thumb, with the keyboard alone; on a small phone, a phone, a desk."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from tests.browser.stage import has_focus


class Mouse:
    """Somebody who clicks, or taps."""

    def __init__(self, page: Page, js: bool = True) -> None:
        self.page, self.js = page, js

    def press(self, target: Locator) -> None:
        target.click()

    def type(self, target: Locator, text: str) -> None:
        target.fill(text)


class Keyboard(Mouse):
    """Somebody who has no pointer: Tab until it is there, then Enter."""

    def reach(self, target: Locator) -> None:
        """Tab to it, around the page once if need be; the focus can be seen."""
        target.wait_for()
        for _ in range(150):
            if has_focus(target):
                break
            self.page.keyboard.press("Tab")
        else:
            raise AssertionError(f"the keyboard never reaches {target}")
        seen = target.evaluate(
            "e => { const s = getComputedStyle(e); return [s.outlineStyle, parseFloat(s.outlineWidth)] }"
        )
        assert seen[0] != "none" and seen[1] >= 2, f"nothing shows that {target} has the focus: {seen}"

    def press(self, target: Locator) -> None:
        self.reach(target)
        self.page.keyboard.press("Enter")

    def type(self, target: Locator, text: str) -> None:
        self.reach(target)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)


HANDS = {"htmx": (Mouse, True), "no-javascript": (Mouse, False), "keyboard": (Keyboard, True)}
WIDTHS = (320, 360, 1280)


def shapes(phones: str, **always: int) -> list[Any]:
    """The three shapes of a journey at each width: (hand, js, width, phone). `always` says at which width each shape is
    tried every day (no_javascript=320); the others are for `make test-volume`. `phones` lacks its last digit."""
    cases = [(shape, width) for shape in HANDS for width in WIDTHS]
    return [
        pytest.param(
            *HANDS[shape],
            width,
            f"{phones}{n}",
            id=f"{shape}-{width}",
            marks=() if always[shape.replace("-", "_")] == width else (pytest.mark.volume,),
        )
        for n, (shape, width) in enumerate(cases)
    ]
