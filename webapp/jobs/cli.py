"""`flask worker`, `flask clock`, `flask outbox`."""

import logging
import signal
import threading

import click
from flask import current_app
from flask.cli import with_appcontext

from webapp.clock import utcnow
from webapp.queries import notifications as queries
from webapp.services import messages_envoyes

from .schedule import Clock

log = logging.getLogger(__name__)


@click.command()
@with_appcontext
def worker() -> None:
    """Send messages and run what the clock asks for."""
    from .worker import run

    run(current_app._get_current_object())  # type: ignore[attr-defined]


@click.command()
@with_appcontext
def clock() -> None:
    """Say what time it is to those who wait: reminders, horizons, forgotten messages."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("clock ready")
    Clock().run(stop)


@click.command()
@click.option("--retry", is_flag=True, help="Remettre à envoyer les messages en échec.")
@with_appcontext
def outbox(retry: bool) -> None:
    """What waits, what failed (without names or addresses)."""
    if retry:
        click.echo(f"{messages_envoyes.retry_everywhere()} message(s) remis à envoyer.")
        return
    now = utcnow()
    lines = queries.outbox_summary(now)
    for line in lines:
        since = int((now - line.oldest).total_seconds() // 60)
        what = f"{line.etat:<10} {line.file:<8} {line.event:<14} {line.canal:<9}"
        click.echo(f"{what} {line.count:>6}  depuis {since} min")
    for lost in queries.failures():
        click.echo(f"échec n° {lost.id} ({lost.event}, {lost.canal}, {lost.attempts} essais) : {lost.erreur}")
    if not lines:
        click.echo("Rien n’attend, rien n’est en échec.")


COMMANDS = (worker, clock, outbox)
