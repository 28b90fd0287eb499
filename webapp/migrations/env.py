"""Alembic's environment: the application's engine and the models' metadata, on SQLite and PostgreSQL alike."""

from alembic import context
from flask import current_app

import webapp.models  # noqa: F401  (registers every table)
from webapp.engine import WRITING, tables_made_again
from webapp.models.base import UTCDateTime, Word

extension = current_app.extensions["migrate"]


def no_empty_revision(context_, revision, directives):  # type: ignore[no-untyped-def]
    """`flask db migrate` writes nothing when models and migrations agree."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


def is_ours(name, type_, parent_names):  # type: ignore[no-untyped-def]
    """Only the tables of the models: a database may hold others (an extension's, say)."""
    return type_ != "table" or name in extension.db.metadata.tables


def render_item(type_, item, autogen_context):  # type: ignore[no-untyped-def]
    """Migrations name plain SQL types, so that they still run when a model's own type is gone."""
    if type_ == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    if type_ == "type" and isinstance(item, Word):
        return "sa.String(length=32)"
    return False


engine = extension.db.engine
with (
    engine.connect().execution_options(**WRITING[engine.dialect.name]) as connection,
    tables_made_again(connection),
):
    context.configure(
        connection=connection,
        target_metadata=extension.db.metadata,
        process_revision_directives=no_empty_revision,
        include_name=is_ours,
        render_item=render_item,
        **{**extension.configure_args, "render_as_batch": True},
    )
    with context.begin_transaction():
        context.run_migrations()
