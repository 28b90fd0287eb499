"""The site with a place to die at: HALT names the step, and whoever comes to it while the file HALT_AT is there removes
the file and is killed, without any warning, as by a power cut."""

import os
import pathlib
import signal
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from webapp import aftercommit, create_app
from webapp.jobs import messages
from webapp.models import Rdv

app = create_app()
STEP, FLAG = os.environ["HALT"], pathlib.Path(os.environ["HALT_AT"])


def die() -> None:
    """This process, and the worker that forked it."""
    try:
        FLAG.unlink()
    except FileNotFoundError:
        return
    if STEP in {"claim", "send", "record"}:
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function: Callable[..., Any]) -> Callable[..., Any]:
    """Dies instead of running it."""

    def halted(*args: Any, **options: Any) -> Any:
        die()
        return function(*args, **options)

    return halted


if STEP == "claim":
    messages.take = dying(messages.take)
elif STEP == "send":
    messages._handle = dying(messages._handle)
elif STEP == "record":
    messages.record = dying(messages.record)
elif STEP == "before commit":
    event.listen(Rdv, "after_update", lambda *_: die())  # the seat is counted, all of it is written, nothing committed
elif STEP == "after commit":
    take = aftercommit.take

    def taken() -> list[Callable[[], None]]:
        hooks = take()
        if hooks:  # a booking just committed: what it would announce is lost
            die()
        return hooks

    aftercommit.take = taken
