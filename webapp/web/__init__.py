"""Everything that knows about requests: pages for the public, for agents, for admins; errors, security, htmx."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Register security, errors, template helpers and every blueprint."""
    from . import auth, errors, htmx, intake, security, static, templating, trace
    from .agent import bp as agent
    from .configuration import bp as configuration
    from .demo import bp as demo
    from .operations import bp as operations
    from .public import bp as public

    trace.init_app(app)  # first, so that its own part in an answer comes last
    intake.init_app(app)
    static.init_app(app)
    templating.init_app(app)
    htmx.init_app(app)
    security.init_app(app)
    auth.init_app(app)
    errors.init_app(app)
    for blueprint in (public, agent, configuration, operations, demo):
        app.register_blueprint(blueprint)
