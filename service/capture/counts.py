"""What is known of captured rows, as Prometheus scrapes it. Every number has one thread that writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass
class Counts:
    """Rows, but for the last three: times that a process was killed, failed uploads, seconds since the epoch."""

    written: int = 0
    uploaded: int = 0
    buffer_full: int = 0
    disk_full: int = 0
    disk_error: int = 0
    unreadable: int = 0
    lost: int = 0
    unclean_starts: int = 0
    upload_errors: int = 0
    last_upload: float = 0.0


class CaptureCollector(Collector):
    """`taken` tells the rows so far, `pending` the bytes on disk that this process still holds."""

    def __init__(self, counts: Counts, *, taken: Callable[[], int], pending: Callable[[], int]) -> None:
        self._counts = counts
        self._taken = taken
        self._pending = pending

    def collect(self) -> Iterable[Metric]:
        now = self._counts
        yield _counter("rows", "Rows that were answered and taken.", self._taken())
        yield _counter("written_rows", "Rows that reached the disk.", now.written)
        yield _counter("uploaded_rows", "Rows that reached S3.", now.uploaded)
        yield _counter("lost", "Rows that an earlier process took and was killed with.", now.lost)
        yield _counter("unclean_starts", "Earlier processes that ended without a goodbye.", now.unclean_starts)
        yield _counter("upload_errors", "Uploads that failed and are tried again.", now.upload_errors)
        dropped = CounterMetricFamily("evergreen_capture_dropped", "Rows given up, by reason.", labels=("reason",))
        for reason in ("buffer_full", "disk_full", "disk_error", "unreadable"):
            dropped.add_metric((reason,), getattr(now, reason))
        yield dropped
        yield GaugeMetricFamily("evergreen_capture_pending_bytes", "Bytes that are on disk.", value=self._pending())
        yield GaugeMetricFamily(
            "evergreen_capture_last_upload_timestamp_seconds", "When a file last reached S3.", value=now.last_upload
        )


def _counter(name: str, documentation: str, value: int) -> Metric:
    return CounterMetricFamily(f"evergreen_capture_{name}", documentation, value=value)
