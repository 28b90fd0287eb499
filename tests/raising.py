"""The site with addresses that fail as a bug would, quoting what people typed, and one that takes its time."""

import time

from flask import request
from sqlalchemy import text

from webapp import create_app
from webapp.extensions import db

app = create_app()


@app.get("/p/<token>/panne")
def quoting(token: str) -> str:
    """Python's own words hold what it could not read."""
    raise ValueError(f"{token} {dict(request.args)}")


@app.get("/doublon")
def twice() -> str:
    """PostgreSQL quotes the key it refuses, whatever SQLAlchemy hides."""
    for _ in range(2):
        db.session.execute(
            text("INSERT INTO organisations (name, slug) VALUES (:nom, :nom)"), {"nom": request.args["nom"]}
        )
    return ""


@app.get("/lent")
def slow() -> str:
    """A request in flight for that long."""
    time.sleep(float(request.args["secondes"]))
    return "fini"
