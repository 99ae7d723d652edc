"""What Prometheus scrapes: a registry of its own for each app, so that two apps in one process do not mix."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from service.slot import Slot

LATENCIES = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The service's counters. `observe` is on the path of every request."""

    def __init__(self, slot: Slot) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "evergreen_requests",
            "Answers by route, method and status.",
            ("route", "method", "status"),
            registry=registry,
        )
        self._latency = Histogram(
            "evergreen_request_seconds", "Seconds to answer.", ("route",), buckets=LATENCIES, registry=registry
        )
        self.errors = Counter("evergreen_errors", "Answers that are errors, by kind.", ("kind",), registry=registry)
        self.refused = Counter(
            "evergreen_bundles_refused", "Bundles that were not swapped in: broken or out of reach.", registry=registry
        )
        self.registry_up = Gauge(
            "evergreen_registry_up", "1 when the registry answered the last look.", registry=registry
        )
        self._swaps = Counter("evergreen_model_swaps", "Models that were swapped in.", registry=registry)
        self._swap_time = Gauge(
            "evergreen_model_swap_timestamp_seconds", "When the model was loaded.", registry=registry
        )
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        registry.register(_ModelCollector(slot))
        ProcessCollector(registry=registry)

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answer. Both names come from a bounded set."""
        key = (route, method, status)
        if (children := self._children.get(key)) is None:
            children = (self._requests.labels(route, method, str(status)), self._latency.labels(route))
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)

    def swapped(self, when: float) -> None:
        self._swaps.inc()
        self._swap_time.set(when)

    def include(self, collector: Collector) -> None:
        """Scrape what another part counts by itself."""
        self._registry.register(collector)

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self._registry)


class _ModelCollector(Collector):
    """What belongs to the current model and goes with it."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot

    def collect(self) -> Iterable[Metric]:
        current = self._slot.current
        yield GaugeMetricFamily("evergreen_model_loaded", "1 when a model answers.", value=float(current is not None))
        if current is None:
            return
        labels = {name: value or "" for name, value in current.identity.items()}
        info = GaugeMetricFamily("evergreen_model_info", "The model that answers.", labels=list(labels))
        info.add_metric(list(labels.values()), 1.0)
        yield info
        outputs = HistogramMetricFamily("evergreen_prediction", "Outputs of the model.", labels=list(labels))
        outputs.add_metric(list(labels.values()), current.distribution.buckets(), current.distribution.total)
        yield outputs
