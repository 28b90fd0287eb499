from gevent import monkey

monkey.patch_all()  # before any other import, or psycopg and redis block the whole process

import os
import resource
import signal

import gevent

ON_SQLITE = os.environ.get("DATABASE_URL", "sqlite:").startswith("sqlite")

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '5000')}"
worker_class = "gevent"
# SQLite has one writer: a second process would only wait for it in a way that blocks all its greenlets.
workers = 1 if ON_SQLITE else int(os.environ.get("WEB_CONCURRENCY") or os.cpu_count() or 1)
reuse_port = True
worker_connections = 6000  # one live stream is one connection
graceful_timeout = 10
timeout = 60
loglevel = "warning"
# No access log: addresses of pages hold people's personal links.
accesslog = None
# The control socket of one instance would be shared by all those of the same user.
control_socket_disable = True

_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))


def post_worker_init(worker):
    """End the live streams when the worker is asked to stop: they would hold it for the whole graceful_timeout."""
    leave = worker.handle_exit

    def end_streams_and_leave(number, frame):
        gevent.spawn(worker.wsgi.extensions["live"].shut)
        leave(number, frame)

    signal.signal(signal.SIGTERM, end_streams_and_leave)
