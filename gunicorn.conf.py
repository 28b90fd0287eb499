from gevent import monkey

monkey.patch_all()  # before any other import, or psycopg and redis block the whole process

import os
import resource
import shutil
import signal
import tempfile

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

# Each process keeps its figures in a file of this folder, and /metrics adds them up. It is this master's: a new master
# that takes over makes its own, a reload keeps it. In memory where it can be: a full disk must not stop a process.
if not os.environ.get("PROMETHEUS_MULTIPROC_DIR", "").endswith(f"-{os.getpid()}"):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(
        prefix="rdv-metrics-", suffix=f"-{os.getpid()}", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    )

_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (_hard, _hard))


def post_worker_init(worker):
    """End the live streams when the worker is asked to stop: they would hold it for the whole graceful_timeout."""
    leave = worker.handle_exit

    def end_streams_and_leave(number, frame):
        gevent.spawn(worker.wsgi.extensions["live"].shut)
        leave(number, frame)

    signal.signal(signal.SIGTERM, end_streams_and_leave)


def on_starting(server):
    """The master writes as its workers do."""
    from webapp import log

    log.to_stderr(os.environ.get("LOG_FORMAT") or "text")


def child_exit(server, worker):
    """A process that ended has no open stream any more; what it counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(server):
    """The figures end with the master."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
