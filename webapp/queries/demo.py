"""The demonstration's inbox (MODE=demo only; it holds no real person, hence no organisation first)."""

from sqlalchemy import Select, or_, select

from webapp.models.outbox import MessageDemo


def demo_messages(recipient: str = "") -> Select[MessageDemo]:
    """Messages "sent", newest first; `recipient` is part of a number (spaces ignored) or of an address."""
    question = select(MessageDemo).order_by(MessageDemo.id.desc())
    wanted = recipient.strip().lower()
    if wanted:
        digits = "".join(c for c in wanted if c.isdigit()).removeprefix("0")
        fits = [MessageDemo.a.ilike(f"%{wanted}%")]
        if digits and not any(c.isalpha() for c in wanted):
            fits.append(MessageDemo.a.contains(digits))
        question = question.where(or_(*fits))
    return question


def demo_message(message_id: int) -> Select[MessageDemo]:
    """One message."""
    return select(MessageDemo).where(MessageDemo.id == message_id)
