"""What this process counts for Prometheus. Under gunicorn each process keeps its figures in a file of a folder the
master made, and whichever answers `/metrics` adds them up; elsewhere they are this process's own.

No label ever holds an address, a name or an id: endpoints, statuses, outcomes.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from webapp.broker import Unavailable, broker
from webapp.domain.errors import DomainError

P = ParamSpec("P")
R = TypeVar("R")

_own = CollectorRegistry()
REQUESTS = Counter("rdv_requests", "Answers.", ("endpoint", "method", "status"), registry=_own)
DURATIONS = Histogram(
    "rdv_request_seconds",
    "Time to an answer, or to the first byte of a stream.",
    ("endpoint",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10),
    registry=_own,
)
BOOKINGS = Counter("rdv_bookings", "Attempts to take a seat, by any door.", ("outcome",), registry=_own)
STREAMS = Gauge("rdv_streams_open", "Live pages.", registry=_own, multiprocess_mode="livesum")
DROPPED = Counter("rdv_streams_dropped", "Live pages ended because they did not read.", registry=_own)
REFUSED = Counter("rdv_streams_refused", "Live pages that poll: a limit, or Redis is away.", registry=_own)

DELIVERIES = "rdv:livraisons"


@functools.lru_cache(maxsize=2048)
def _request(endpoint: str, method: str, status: int) -> tuple[Any, Any]:
    return REQUESTS.labels(endpoint, method, str(status)), DURATIONS.labels(endpoint)


def answered(endpoint: str, method: str, status: int, seconds: float) -> None:
    """One more answer."""
    answers, durations = _request(endpoint, method, status)
    answers.inc()
    durations.observe(seconds)


def counts_bookings(book: Callable[P, R]) -> Callable[P, R]:
    """Count what becomes of each attempt to book: ok, deja, or the code of the rule that refused."""

    @functools.wraps(book)
    def counted(*args: P.args, **options: P.kwargs) -> R:
        outcome = "erreur"
        try:
            booking = book(*args, **options)
            outcome = "deja" if getattr(booking, "deja", False) else "ok"
            return booking
        except DomainError as refusal:
            outcome = refusal.code
            raise
        finally:
            BOOKINGS.labels(outcome).inc()

    return counted


def delivered(outcomes: Mapping[tuple[str, str], int]) -> None:
    """Messages handled by a worker, by channel and outcome. Workers serve no page: Redis adds up for them, and starts
    again at zero when it loses its memory, as any counter of Prometheus may."""

    def add(client: Any) -> None:
        pipe = client.pipeline(transaction=False)
        for (canal, outcome), count in outcomes.items():
            pipe.hincrby(DELIVERIES, f"{canal} {outcome}", count)
        pipe.execute()

    if outcomes:
        try:
            broker().call(add)
        except Unavailable:
            return  # `broker` said so in the log; the outbox itself knows what became of each message


def deliveries(counted: Mapping[bytes, bytes]) -> CounterMetricFamily:
    """What workers counted, from Redis."""
    family = CounterMetricFamily("rdv_deliveries", "Messages handled by workers.", labels=("canal", "outcome"))
    for name, count in counted.items():
        family.add_metric(name.decode().split(" "), int(count))
    return family


def gauge(name: str, text: str, values: Mapping[tuple[str, ...], float], labels: tuple[str, ...] = ()) -> Metric:
    """A figure worked out for this answer only."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


class _Now(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = families

    def collect(self) -> Iterable[Metric]:
        return self.families


def page(folder: str, families: list[Metric]) -> bytes:
    """Everything counted by the processes of `folder` (by this one when there is none), then these families."""
    registry = CollectorRegistry()
    if folder:
        MultiProcessCollector(registry, path=folder)
    else:
        families = [*_own.collect(), *families]
    registry.register(_Now(families))
    return generate_latest(registry)
