"""What CloudWatch is told of the traffic: AWS/ApplicationELB, by load balancer and by target group."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "AWS/ApplicationELB"
MOST_VALUES = 150
"""What one datum of PutMetricData may hold."""
BALANCER = "LoadBalancer"
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
        """The data for PutMetricData since the last time."""
        found, self._traffic = self._traffic, defaultdict(Traffic)
        return [datum for (balancer, group), each in found.items() for datum in _data(balancer, group, each)]


def _data(balancer: str, group: str | None, traffic: Traffic) -> list[dict[str, Any]]:
    dimensions = [{"Name": BALANCER, "Value": balancer}]
    counts: dict[str, float] = dict(traffic.statuses)
    if traffic.requests:
        counts["RequestCount"] = traffic.requests
    if group is not None:
        dimensions.insert(0, {"Name": GROUP, "Value": group})
        counts["RequestCountPerTarget"] = traffic.requests / traffic.healthy
    data: list[dict[str, Any]] = [
        {"MetricName": name, "Dimensions": dimensions, "Value": float(number), "Unit": "Count"}
        for name, number in counts.items()
    ]
    times = sorted(traffic.times.items())
    for start in range(0, len(times), MOST_VALUES):
        part = times[start : start + MOST_VALUES]
        values, numbers = [value for value, _ in part], [float(number) for _, number in part]
        datum = {"MetricName": "TargetResponseTime", "Dimensions": dimensions, "Unit": "Seconds"}
        data.append({**datum, "Values": values, "Counts": numbers})
    return data


def _rounded(seconds: float) -> float:
    """To two digits."""
    return float(f"{seconds:.1e}")


def _full_name(arn: str) -> str:
    """TargetGroupFullName of its ARN."""
    return arn.rpartition(":")[2]


def batches(data: list[dict[str, Any]], size: int = 500) -> list[Mapping[str, Any]]:
    """Arguments for PutMetricData."""
    return [{"Namespace": NAMESPACE, "MetricData": data[at : at + size]} for at in range(0, len(data), size)]
