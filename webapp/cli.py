"""`flask --app wsgi …`: what operators type."""

import json
import sys
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from flask import Flask, current_app
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from webapp.domain import phones
from webapp.domain.droits import PRESETS, PRESETS_TOUS_SERVICES
from webapp.domain.errors import DomainError
from webapp.extensions import db
from webapp.models import Organisation, Service
from webapp.services import checks, comptes, demonstration, deux_etapes, retention
from webapp.services.transaction import transaction


def init_app(app: Flask) -> None:
    """Register every command."""
    from webapp.jobs import cli as jobs

    for command in (check, demo, purge, organisation, agent, *jobs.COMMANDS):
        app.cli.add_command(command)


def needs_tables() -> None:
    """Stop with one plain line when the database was not migrated."""
    try:
        db.session.scalar(select(func.count()).select_from(Organisation))
    except (OperationalError, ProgrammingError) as error:
        db.session.rollback()
        text = str(error.orig)
        if "no such table" in text or "does not exist" in text:
            sys.exit("La base n’est pas à jour. Lancez : flask --app wsgi db upgrade")
        sys.exit(f"La base de données ne répond pas : {text.splitlines()[0]}")


@click.command()
def check() -> None:
    """Recount every invariant; exit 1 and one line each when one is broken."""
    needs_tables()
    lines = list(checks.broken())
    for line in lines:
        click.echo(line)
    if lines:
        sys.exit(1)
    click.echo("Tout est juste.")


@click.command()
@click.option("--sessions", type=click.IntRange(0, 5000), default=0, help="Séances supplémentaires, ouvertes en ligne.")
@click.option("--participants", type=click.IntRange(0, 2000), default=0, help="Inscrits de chacune.")
@click.option("--seed", default=1, help="Graine du hasard.")
@click.option("--if-empty", is_flag=True, help="Ne rien ajouter à une base qui contient déjà la démonstration.")
@click.option(
    "--json", "as_json", is_flag=True, help="Un objet JSON : identifiants, séances ouvertes, séance complète."
)
def demo(sessions: int, participants: int, seed: int, if_empty: bool, as_json: bool) -> None:
    """Load the demonstration: a fictional department, its workshops and its people."""
    if not current_app.config["DEMO"]:
        sys.exit("flask demo ne s’emploie qu’avec MODE=demo.")
    needs_tables()
    try:
        if not (if_empty and db.session.scalar(select(func.count()).select_from(Organisation))):
            demonstration.load(sessions=sessions, participants=participants, seed=seed)
        found = demonstration.summary()
    except demonstration.DemoRefused as refusal:
        sys.exit(f"Refusé : {refusal}")
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    click.echo(f"Démonstration prête : {len(found['rdvs'])} séances ouvertes en ligne.")
    for login in found["agents"]:
        click.echo(f"  {login['courriel']}  {login['mot_de_passe']}  ({', '.join(login['presets'])})")


@click.command()
def purge() -> None:
    """Anonymise who was not seen for the retention, empty old messages: what the clock does each day."""
    needs_tables()
    for what, count in retention.purge().items():
        click.echo(f"{what} : {count}")


@click.group()
def organisation() -> None:
    """Organisations."""


@organisation.command("create")
@click.argument("slug")
@click.argument("name")
@click.option("--timezone", default="Europe/Paris", show_default=True)
@click.option("--phone", default="")
@click.option("--email", default="")
@click.option("--sms-sender", default="", help="11 caractères au plus, lettres et chiffres.")
@click.option("--service", "services", multiple=True, help="Nom d’un service ; peut être répété.")
def organisation_create(
    slug: str, name: str, timezone: str, phone: str, email: str, sms_sender: str, services: tuple[str, ...]
) -> None:
    """Create an organisation and its services."""
    needs_tables()
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        sys.exit(f"Fuseau horaire inconnu : {timezone}. Exemples : Europe/Paris, America/Martinique, Indian/Reunion.")
    if len(sms_sender) > 11 or not (sms_sender or "x").isalnum():
        sys.exit("--sms-sender : 11 lettres ou chiffres au plus, sans espace.")
    try:
        phone = phones.parse(phone, phones.region_of_timezone(timezone)) if phone else ""
    except phones.PhoneError as error:
        sys.exit(f"--phone : {error.message_fr}")
    if current_app.config["DEMO"]:
        sys.exit("En MODE=demo la base ne contient que la démonstration.")
    with transaction():
        if db.session.scalar(select(Organisation.id).where(Organisation.slug == slug)):
            sys.exit(f"L’organisation « {slug} » existe déjà.")
        row = Organisation(slug=slug, name=name, timezone=timezone, phone=phone, email=email, sms_sender=sms_sender)
        db.session.add(row)
        db.session.flush()
        for service in services:
            db.session.add(Service(organisation_id=row.id, name=service, short_name=service[:40]))
    click.echo(f"Organisation {row.id} « {name} » créée.")


@click.group()
def agent() -> None:
    """Agents."""


@agent.command("create")
@click.argument("slug")
@click.argument("courriel")
@click.argument("prenom")
@click.argument("nom")
@click.option("--preset", type=click.Choice(list(PRESETS)), default="agent", show_default=True)
@click.option("--service", "services", multiple=True, help="Nom d’un service ; peut être répété. Sans : tous.")
@click.password_option("--mot-de-passe", prompt="Mot de passe")
def agent_create(
    slug: str, courriel: str, prenom: str, nom: str, preset: str, services: tuple[str, ...], mot_de_passe: str
) -> None:
    """Create an agent with a preset's rights."""
    needs_tables()
    if services and preset in PRESETS_TOUS_SERVICES:
        sys.exit(f"Le profil « {preset} » vaut pour tous les services : retirez --service, ou changez --preset.")
    try:
        with transaction():
            row = db.session.scalars(select(Organisation).where(Organisation.slug == slug)).first()
            if row is None:
                sys.exit(f"L’organisation « {slug} » n’existe pas.")
            chosen = [service for service in row.services if not services or service.name in services]
            if len(chosen) < len(services):
                sys.exit(f"Services de « {slug} » : {', '.join(service.name for service in row.services)}.")
            created = comptes.create_agent(
                row,
                courriel=courriel,
                prenom=prenom,
                nom=nom,
                mot_de_passe=mot_de_passe,
                preset=preset,
                services=chosen,
            )
    except DomainError as refusal:
        sys.exit(refusal.message)
    click.echo(f"Agent {created.id} « {created.nom_complet} » créé.")


@agent.command("second-factor")
@click.option("--reset", "courriel", required=True, help="L’adresse de l’agent dont la deuxième étape est retirée.")
def agent_second_factor(courriel: str) -> None:
    """Take the second step of an agent's login off: they lost the telephone and the recovery codes."""
    needs_tables()
    try:
        done = deux_etapes.reset_by_operator(courriel)
    except DomainError as refusal:
        sys.exit(refusal.message)
    state = "réinitialisée ; ses sessions sont fermées" if done else "n’est pas activée"
    click.echo(f"{courriel} : connexion en deux étapes {state}.")
