"""Deliveries here have the time they need: how long a run may last is tried where it is what is tested."""

from collections.abc import Iterator

import pytest

from webapp.jobs import messages, webhooks


@pytest.fixture(autouse=True)
def _time_enough() -> Iterator[None]:
    """A run ends once nothing is left to send; on a busy machine its ordinary 2 s may not see the first message out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "WORK_SECONDS", 20.0)
        patch.setattr(webhooks, "WORK_SECONDS", 20.0)
        yield
