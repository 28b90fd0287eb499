"""The environment is read here and nowhere else. A wrong value stops the start with one clear line."""

import importlib.util
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from webapp import engine
from webapp.domain import sms_provider

T = TypeVar("T")
ROOT = pathlib.Path(__file__).resolve().parent.parent
# Simultaneous write transactions of one process on PostgreSQL: more of them would only queue for the row of a session
# everybody wants, and each would wait longer than `lock_timeout` allows.
WRITERS = 4
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
APPRISE = "apprise+"
"""How SMS_URL begins when apprise is to serve it."""


class ConfigError(Exception):
    """The environment can't be run with; the message is one line a person can act on."""


def _choice(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = env.get(name) or allowed[0]
    if value not in allowed:
        raise ConfigError(f"{name}={value!r} : valeurs possibles : {', '.join(allowed)}.")
    return value


def _integer(env: Mapping[str, str], name: str, default: int) -> int:
    value = env.get(name) or str(default)
    if not value.isdigit():
        raise ConfigError(f"{name}={value!r} n’est pas un nombre entier.")
    return int(value)


def _rate(env: Mapping[str, str], name: str) -> float:
    value = env.get(name) or "0"
    try:
        rate = float(value)
    except ValueError:
        rate = -1
    if not 0 <= rate < 10_000:
        raise ConfigError(f"{name}={value!r} n’est pas un nombre de messages par seconde.")
    return rate


def _read(env: Mapping[str, str], name: str, reader: Callable[[str], T], default: str = "") -> T:
    """What `reader` understands of a setting. Its value is not shown: it may hold a secret."""
    try:
        return reader(env.get(name) or default)
    except ValueError as error:
        raise ConfigError(f"{name} {error}.") from None


def _flag(env: Mapping[str, str], name: str) -> bool:
    return (env.get(name) or "").lower() in {"1", "true", "yes", "on"}


def database_url(env: Mapping[str, str]) -> str:
    """DATABASE_URL as SQLAlchemy wants it: postgres:// and postgresql:// mean psycopg 3; SQLite paths are relative to
    the project, not to the current folder."""
    raw = env.get("DATABASE_URL") or f"sqlite:///{ROOT / 'instance' / 'rdv.sqlite3'}"
    if raw.startswith("postgres://"):
        raw = "postgresql://" + raw.removeprefix("postgres://")
    if raw.startswith("postgresql://"):
        raw = "postgresql+psycopg://" + raw.removeprefix("postgresql://")
    try:
        url = make_url(raw)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "DATABASE_URL est illisible. Exemples : sqlite:///instance/rdv.sqlite3, postgresql://utilisateur@hote/base."
        ) from None
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ConfigError(
            f"DATABASE_URL : « {url.get_backend_name()} » n’est pas géré ; choisissez sqlite ou postgresql."
        )
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise ConfigError("DATABASE_URL : SQLite a besoin d’un fichier (les processus le partagent).")
        url = url.set(database=str((ROOT / url.database).resolve()))
    return url.render_as_string(hide_password=False)


def _http_url(env: Mapping[str, str], name: str, default: str = "") -> str:
    value = (env.get(name) or default).rstrip("/")
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise ConfigError(f"{name}={value!r} n’est pas une adresse http(s).")
    return value


def _redis_url(env: Mapping[str, str]) -> str:
    value = env.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
    if urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
        raise ConfigError(f"REDIS_URL={value!r} doit commencer par redis://, rediss:// ou unix://.")
    return value


def _sms_url(env: Mapping[str, str]) -> str:
    """The address of our own HTTP channel as it was typed, or apprise's behind `apprise+`."""
    value = env.get("SMS_URL") or ""
    if not value.startswith(APPRISE):
        _http_url(env, "SMS_URL")
        return value
    if importlib.util.find_spec("apprise") is None:
        raise ConfigError("SMS_URL demande apprise, qui n’est pas installé : pip install 'rdv-collectifs[apprise]'.")
    _read(env, "SMS_URL", sms_provider.check_address)
    import apprise  # half a second, for those who use it

    sample = sms_provider.Text("+33639980000", "MDS", "", "")
    if apprise.Apprise.instantiate(sms_provider.address(value.removeprefix(APPRISE), sample)) is None:
        raise ConfigError("SMS_URL : apprise ne comprend pas cette adresse.")
    return value


def _sms_provider(env: Mapping[str, str]) -> sms_provider.SmsProvider:
    """How the HTTP channel speaks with its provider (docs/sms.md)."""
    method = _choice(env, "SMS_METHOD", sms_provider.METHODS)
    format = _choice(env, "SMS_FORMAT", sms_provider.FORMATS)
    headers = _read(env, "SMS_HEADERS", sms_provider.headers)
    if authorization := env.get("SMS_AUTHORIZATION"):
        headers = {"Authorization": authorization, **headers}
    result_path, results = env.get("SMS_RESULT_PATH") or "", _read(env, "SMS_RESULTS", sms_provider.results)
    if bool(result_path) is not bool(results):
        raise ConfigError("SMS_RESULT_PATH et SMS_RESULTS vont ensemble : l’un dit où lire, l’autre quoi comprendre.")
    return sms_provider.SmsProvider(
        method=method,
        headers=headers,
        template=_read(env, "SMS_BODY", lambda text: sms_provider.body(text, format), sms_provider.BODY),
        format=format,
        key_header=_read(env, "SMS_KEY_HEADER", sms_provider.header_name, "Idempotency-Key"),
        id_path=env.get("SMS_ID_PATH") or "id",
        statuses=_read(env, "SMS_STATUSES", sms_provider.statuses),
        result_path=result_path,
        results=results,
    )


def load(overrides: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Flask's configuration from the environment; `overrides` are environment names with other values.

    Raises `ConfigError`.
    """
    env = {**os.environ, **{name: str(value) for name, value in (overrides or {}).items()}}
    mode = _choice(env, "MODE", ("production", "demo"))
    demo = mode == "demo"
    host, port = env.get("HOST") or "127.0.0.1", _integer(env, "PORT", 5000)
    public_url = _http_url(env, "PUBLIC_URL", f"http://{'localhost' if host in LOOPBACK else host}:{port}")
    if demo and host not in LOOPBACK and not _flag(env, "DEMO_PUBLIC"):
        raise ConfigError(f"HOST={host} montrerait la démonstration au réseau : ajoutez DEMO_PUBLIC=1 si c’est voulu.")
    secrets = {name: env.get(name) or "" for name in ("SECRET_KEY", "LINK_KEY")}
    for name, value in secrets.items():
        if not value:
            raise ConfigError(
                f"{name} manque : donnez une longue valeur au hasard, par exemple "
                "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
        if len(value) < 16:
            raise ConfigError(f"{name} est trop court : 16 caractères au moins.")
    rate_limits = _choice(env, "RATE_LIMITS", ("on", "off"))
    if rate_limits == "off" and urlsplit(public_url).hostname not in LOOPBACK:
        raise ConfigError("RATE_LIMITS=off n’est permis que si PUBLIC_URL est une adresse locale (essais de charge).")
    url = database_url(env)
    sqlite = url.startswith("sqlite")
    pool = _integer(env, "DATABASE_POOL", 8)
    redis_url = _redis_url(env)
    return {
        "MODE": mode,
        "DEMO": demo,
        "SECRET_KEY": secrets["SECRET_KEY"],
        "LINK_KEY": secrets["LINK_KEY"],
        "PUBLIC_URL": public_url,
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine.options(sqlite, pool),
        "WRITE_SLOTS": 1 if sqlite else min(WRITERS, pool),
        "REDIS_URL": redis_url,
        "HTMX_SOURCE": _choice(env, "HTMX_SOURCE", ("cdn", "local")),
        "TRUSTED_PROXIES": _integer(env, "TRUSTED_PROXIES", 0),
        "LOG_FORMAT": _choice(env, "LOG_FORMAT", ("text", "json")),
        "RATELIMIT_ENABLED": rate_limits == "on",
        "RATELIMIT_STORAGE_URI": redis_url,
        "RATELIMIT_STORAGE_OPTIONS": {"socket_timeout": 0.3, "socket_connect_timeout": 0.3},
        "RATELIMIT_IN_MEMORY_FALLBACK_ENABLED": True,
        "RATELIMIT_SWALLOW_ERRORS": True,  # Redis lost between the check and the count: the person gets their answer
        "RATELIMIT_KEY_PREFIX": "rdv-limites",
        "SMS_URL": _sms_url(env),
        "SMS_PROVIDER": _sms_provider(env),
        "SMS_RATE": _rate(env, "SMS_RATE"),
        "MAIL_RATE": _rate(env, "MAIL_RATE"),
        "MAIL_SERVER": env.get("MAIL_SERVER") or "",
        "MAIL_PORT": _integer(env, "MAIL_PORT", 25),
        "MAIL_USE_TLS": _flag(env, "MAIL_USE_TLS"),
        "MAIL_USE_SSL": _flag(env, "MAIL_USE_SSL"),
        "MAIL_USERNAME": env.get("MAIL_USERNAME") or None,
        "MAIL_PASSWORD": env.get("MAIL_PASSWORD") or None,
        "MAIL_DEFAULT_SENDER": env.get("MAIL_DEFAULT_SENDER")
        or f"rendez-vous@{urlsplit(public_url).hostname or 'localhost'}",
        "SENTRY_DSN": env.get("SENTRY_DSN") or "",
        "METRICS_TOKEN": env.get("METRICS_TOKEN") or "",
        "METRICS_FOLDER": env.get("PROMETHEUS_MULTIPROC_DIR") or "",
        "STREAMS_MAX": _integer(env, "STREAMS_MAX", 6000),
        "STREAMS_PER_ADDRESS": _integer(env, "STREAMS_PER_ADDRESS", 200),
        "SESSION_COOKIE_NAME": "rdv_session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": public_url.startswith("https://"),
        "WTF_CSRF_CHECK_DEFAULT": False,
        "WTF_CSRF_TIME_LIMIT": 12 * 3600,
        "MAX_CONTENT_LENGTH": 256 * 1024,
        "MAX_FORM_PARTS": 400,
    }
