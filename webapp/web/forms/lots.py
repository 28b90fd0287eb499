"""What agents fill in about several people at once: who goes to another session, who is copied, who is invited."""

from collections.abc import Collection, Sequence
from typing import Any

from flask import request
from wtforms import HiddenField

from webapp.models import Participation
from webapp.web.intake import number

from .agent import said_yes
from .base import BaseForm


class LotForm(BaseForm):
    """Some of the people of a list: a box for each (`qui`). `vu` says how many the page announced."""

    vu = HiddenField()

    def __init__(self, offered: Collection[int], ticked: Collection[int], **options: Any) -> None:
        super().__init__(**options)
        sent = set(request.values.getlist("qui", type=number))
        self.chosen = [one for one in offered if one in (sent if "montre" in request.values else ticked)]

    @property
    def prevenir(self) -> bool:
        """Are they told?"""
        return said_yes("prevenir", default=True)


class DeplacerForm(LotForm):
    """One person goes to another session, with those of their household who are ticked. `version-<id>` is what the page
    showed of each."""

    def __init__(self, place: Participation, along: Sequence[Participation]) -> None:
        super().__init__([one.id for one in along], [])
        self.chosen = [place.id, *self.chosen]
        self.shown = {one.id: one.version for one in (place, *along)}
        self.versions = {
            one: found for one in self.shown if (found := request.form.get(f"version-{one}", type=int)) is not None
        }

    def catch_up(self, place: Participation, along: Sequence[Participation]) -> None:
        """Somebody changed meanwhile: the page shows what they are now."""
        self.shown = {one.id: one.version for one in (place, *along)}
