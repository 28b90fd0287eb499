"""Things to do once a transaction is committed: wake a worker, move a gauge. Each key once, in order, outside of it."""

from collections.abc import Callable, Hashable

from webapp.extensions import db

_KEY = "after_commit"


def after_commit(key: Hashable, hook: Callable[[], None]) -> None:
    """Run `hook` after the running transaction commits; the last hook given for a key wins, a rollback drops all."""
    db.session.info.setdefault(_KEY, {})[key] = hook


def take() -> list[Callable[[], None]]:
    """The hooks gathered so far, and forget them."""
    return list(db.session.info.pop(_KEY, {}).values())
