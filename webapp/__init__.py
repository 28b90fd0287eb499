"""RDV Collectifs: collective appointments of French public social services."""

import logging
from typing import Any

from flask import Flask

__version__ = "0.1.0"


def create_app(overrides: dict[str, Any] | None = None) -> Flask:
    """The application, from the environment; `overrides` are environment names with other values.

    The only place that knows every layer, from inside: gunicorn's master takes `webapp.log` and nothing else. Raises
    `config.ConfigError`.
    """
    from werkzeug.middleware.proxy_fix import ProxyFix

    from webapp import api, broker, cli, config, live, log, web
    from webapp.extensions import csrf, db, limiter, login, mail, migrate
    from webapp.services import transaction

    app = Flask("webapp", instance_path=str(config.ROOT / "instance"), static_folder="static")
    app.config.update(config.load(overrides))
    log.init_app(app)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(config.ROOT / "webapp" / "migrations"), render_as_batch=True)
    csrf.init_app(app)
    login.init_app(app)
    mail.init_app(app)
    limiter.init_app(app)
    broker.init_app(app)
    transaction.init_app(app)
    live.init_app(app)
    web.init_app(app)
    api.init_app(app)
    cli.init_app(app)
    if proxies := app.config["TRUSTED_PROXIES"]:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]
    logging.getLogger(__name__).debug("ready, mode %s", app.config["MODE"])
    return app
