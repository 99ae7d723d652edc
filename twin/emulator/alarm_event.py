"""The event by which CloudWatch tells EventBridge that an alarm has another state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

KIND = "CloudWatch Alarm State Change"


def state(value: str, reason: str, at: datetime) -> dict[str, str]:
    return {"value": value, "reason": reason, "timestamp": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000+0000"}


def detail(alarm: Mapping[str, Any], now: Mapping[str, str], before: Mapping[str, str]) -> dict[str, Any]:
    """`alarm` is as DescribeAlarms gives it; `now` and `before` are states."""
    return {
        "alarmName": alarm["AlarmName"],
        "configuration": {"description": alarm.get("AlarmDescription") or "", "metrics": _metrics(alarm)},
        "previousState": dict(before),
        "state": dict(now),
    }


def _metrics(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    if queries := alarm.get("Metrics"):
        return [_query(query) for query in queries]
    metric = {name: alarm.get(name) for name in ("Namespace", "MetricName", "Dimensions")}
    stat = {"Metric": metric, "Period": alarm["Period"], "Stat": alarm.get("ExtendedStatistic") or alarm["Statistic"]}
    return [_query({"Id": "m1", "MetricStat": stat})]


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    said = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if expression := query.get("Expression"):
        return {**said, "expression": expression, "label": query.get("Label") or query["Id"]}
    stat = query["MetricStat"]
    metric = stat["Metric"]
    named = {
        "namespace": metric["Namespace"],
        "name": metric["MetricName"],
        "dimensions": {one["Name"]: one["Value"] for one in metric.get("Dimensions") or ()},
    }
    return {**said, "metricStat": {"metric": named, "period": stat["Period"], "stat": stat["Stat"]}}
