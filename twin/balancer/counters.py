"""What CloudWatch is told of the traffic: by load balancer and target group, or by App Runner's services."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "AWS/ApplicationELB"
APP_RUNNER = "AWS/AppRunner"
MOST_VALUES, MOST_DATA = 150, 500
"""What one datum and one call of PutMetricData may hold."""
BALANCER = "LoadBalancer"
SERVICE = "apprunner/"
"""How the name of what is no load balancer begins: apprunner/NAME/ID."""
GROUP = "TargetGroup"


@dataclass
class Traffic:
    """Since the last report. Times in seconds, as counts of rounded values, because percentiles need values."""

    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    times: Counter[float] = field(default_factory=Counter)
    healthy: int = 1


class Counters:
    def __init__(self) -> None:
        self._traffic: dict[tuple[str, str | None], Traffic] = defaultdict(Traffic)

    def answered(self, balancer: str, group: str, status: int, seconds: float, *, healthy: int) -> None:
        """A target answered, after so long."""
        for key in ((balancer, None), (balancer, _full_name(group))):
            traffic = self._traffic[key]
            traffic.requests += 1
            traffic.healthy = max(healthy, 1)
            traffic.statuses[f"HTTPCode_Target_{status // 100}XX_Count"] += 1
            traffic.times[_rounded(seconds)] += 1

    def refused(self, balancer: str, status: int, group: str | None) -> None:
        """The balancer answered by itself; of these it counts as requests only what had a target to go to."""
        traffic = self._traffic[balancer, None]
        traffic.statuses[f"HTTPCode_ELB_{status // 100}XX_Count"] += 1
        if group is not None:
            traffic.requests += 1

    def drain(self) -> list[dict[str, Any]]:
        """Arguments for PutMetricData: what was counted since the last time."""
        found, self._traffic = self._traffic, defaultdict(Traffic)
        data: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for (balancer, group), each in found.items():
            if not balancer.startswith(SERVICE):
                data[NAMESPACE] += _data(balancer, group, each)
            elif group is None:
                data[APP_RUNNER] += _service_data(balancer, each)
        return [
            {"Namespace": namespace, "MetricData": told[at : at + MOST_DATA]}
            for namespace, told in data.items()
            for at in range(0, len(told), MOST_DATA)
        ]


def _data(balancer: str, group: str | None, traffic: Traffic) -> list[dict[str, Any]]:
    dimensions = [{"Name": BALANCER, "Value": balancer}]
    counts: dict[str, float] = dict(traffic.statuses)
    if traffic.requests:
        counts["RequestCount"] = traffic.requests
    if group is not None:
        dimensions.insert(0, {"Name": GROUP, "Value": group})
        counts["RequestCountPerTarget"] = traffic.requests / traffic.healthy
    return _counts(counts, dimensions) + _times("TargetResponseTime", "Seconds", traffic.times, dimensions)


def _service_data(name: str, traffic: Traffic) -> list[dict[str, Any]]:
    """App Runner counts by class of status, whoever answered, and in milliseconds."""
    service, _, identity = name.removeprefix(SERVICE).partition("/")
    dimensions = [{"Name": "ServiceName", "Value": service}, {"Name": "ServiceID", "Value": identity}]
    classes: Counter[str] = Counter()
    for counted, number in traffic.statuses.items():
        classes[f"{counted.split('_')[2].lower()[:1]}xxStatusResponses"] += number
    counts = {**classes, "Requests": sum(traffic.statuses.values())}
    milliseconds = Counter({1000 * seconds: number for seconds, number in traffic.times.items()})
    return _counts(counts, dimensions) + _times("RequestLatency", "Milliseconds", milliseconds, dimensions)


def _counts(counts: Mapping[str, float], dimensions: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [
        {"MetricName": name, "Dimensions": dimensions, "Value": float(number), "Unit": "Count"}
        for name, number in counts.items()
    ]


def _times(name: str, unit: str, times: Counter[float], dimensions: list[dict[str, str]]) -> list[dict[str, Any]]:
    ordered = sorted(times.items())
    datum = {"MetricName": name, "Dimensions": dimensions, "Unit": unit}
    parts = (ordered[at : at + MOST_VALUES] for at in range(0, len(ordered), MOST_VALUES))
    return [
        {**datum, "Values": [value for value, _ in part], "Counts": [float(number) for _, number in part]}
        for part in parts
    ]


def _rounded(seconds: float) -> float:
    """To two digits."""
    return float(f"{seconds:.1e}")


def _full_name(arn: str) -> str:
    """TargetGroupFullName of its ARN."""
    return arn.rpartition(":")[2]
