"""The only clock: everything that needs the time asks here, so that tests can set it."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
