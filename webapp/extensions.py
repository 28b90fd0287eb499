"""Flask extensions, created without an application; `create_app` binds them."""

import ipaddress

from flask import request
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_mail import Mail
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    """Constraint names are part of the schema: migrations name them, on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def visitor() -> str:
    """Who asks, as every limit counts: one IPv4 address, or the /64 one subscriber gets in IPv6."""
    text = request.remote_addr or "inconnue"
    try:
        ip = ipaddress.ip_address(text)
    except ValueError:
        return text
    if ip.version == 4:
        return str(ip)
    # A socket that listens in both families writes IPv4 inside IPv6, all of it in one /64.
    return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
migrate = Migrate()
csrf = CSRFProtect()
login = LoginManager()
mail = Mail()
limiter = Limiter(key_func=visitor)
