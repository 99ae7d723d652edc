"""Alarms as CloudWatch judges them, by a clock that is faster.

MiniStack's look at a metric whatever its dimensions, never at missing data or metric math, and tell EventBridge
nothing. A fake here: the last period ends now instead of at the full minute, and lasts as long as the twin's minutes
say, so that an alarm is early; it proves nothing of how long CloudWatch takes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ministack.services import cloudwatch, cloudwatch_logs, sns
from ministack.services.cloudformation import provisioners

from twin.emulator import alarm_event, deliveries, embedded_metrics
from twin.emulator.alarm_query import Query, period_of, queries, value_of, within
from twin.emulator.alarm_state import Rule, judge, reason
from twin.emulator.pace import seconds
from twin.folder import ACCOUNT, Twin

SERVICE = "cloudwatch.amazonaws.com"
SHORTEST = 2.0
"""Seconds of a period: what is measured is measured about as often."""
log = logging.getLogger("twin.alarms")
_told: dict[str, dict[str, str]] = {}


def install(_: Twin) -> None:
    """From here on `evaluate_all` judges, and nothing else does."""
    theirs, act = provisioners._cw_metric_alarm_record, cloudwatch._dispatch_alarm_actions

    def record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        return _with_queries(theirs, name, properties) if properties.get("Metrics") else theirs(name, properties)

    def tell(alarm: dict[str, Any], old: str, new: str, why: str) -> None:
        _send_event(alarm, old, new, why)
        act(_admitted(alarm), old, new, why)

    provisioners._cw_metric_alarm_record = record
    cloudwatch._dispatch_alarm_actions = tell
    cloudwatch._evaluate_alarm = lambda _: None
    _read_embedded_metrics()


def evaluate_all() -> None:
    now = time.time()
    for alarm in list(cloudwatch._alarms.values()):
        _evaluate(alarm, now)


def _evaluate(alarm: dict[str, Any], now: float) -> None:
    rule = _rule(alarm)
    values = _values(alarm, now, rule.periods)
    old = alarm["StateValue"]
    new = judge(rule, values, old)
    if new == old:
        return
    why = reason(rule, values, new)
    alarm.update(StateValue=new, StateReason=why, StateUpdatedTimestamp=int(now), StateTransitionedTimestamp=int(now))
    log.info("%s: %s, %s", alarm["AlarmName"], new, why)
    cloudwatch._record_history(alarm["AlarmName"], old, new, why)
    cloudwatch._dispatch_alarm_actions(alarm, old, new, why)
    cloudwatch._evaluate_parent_alarms(alarm)


def _rule(alarm: Mapping[str, Any]) -> Rule:
    periods = int(alarm["EvaluationPeriods"])
    return Rule(
        comparison=alarm["ComparisonOperator"],
        threshold=float(alarm["Threshold"]),
        periods=periods,
        needed=int(alarm.get("DatapointsToAlarm") or periods),
        missing=alarm.get("TreatMissingData") or "missing",
    )


def _values(alarm: Mapping[str, Any], now: float, periods: int) -> list[float | None]:
    """The newest first."""
    asked = queries(alarm)
    length = max(SHORTEST, seconds(period_of(asked) / 60))
    ends = [now - number * length for number in range(periods)]
    return [value_of(asked, partial(_statistic, start=end - length, end=end)) for end in ends]


def _statistic(query: Query, *, start: float, end: float) -> float | None:
    key = (query.namespace, query.name, cloudwatch._dims_key(dict(query.dimensions)))
    points = within(cloudwatch._metrics.get(key) or (), start, end)
    statistics = cloudwatch._calc_stats(points)
    return cloudwatch._stat_value(statistics, query.statistic, points) if statistics else None


def _with_queries(theirs: Any, name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """MiniStack's record of an alarm on one metric, with the template's queries in the metric's place."""
    plain = {key: value for key, value in properties.items() if key != "Metrics"}
    alarm: dict[str, Any] = theirs(name, {**plain, "MetricName": name, "Namespace": name})
    for single in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Unit", "Dimensions"):
        del alarm[single]
    alarm["Metrics"] = [_typed(query) for query in properties["Metrics"]]
    queries(alarm)
    return alarm


def _typed(query: Mapping[str, Any]) -> dict[str, Any]:
    """Templates may give numbers and truth as texts."""
    typed = {**query, "ReturnData": str(query.get("ReturnData", True)).lower() == "true"}
    if stat := query.get("MetricStat"):
        typed["MetricStat"] = {**stat, "Period": int(stat["Period"])}
    return typed


def _send_event(alarm: Mapping[str, Any], old: str, new: str, why: str) -> None:
    arn = alarm["AlarmArn"]
    now = alarm_event.state(new, why, datetime.now(UTC))
    before = _told.get(arn, {"value": old})
    _told[arn] = now
    if "AlarmRule" not in alarm:
        deliveries.send("aws.cloudwatch", alarm_event.KIND, [arn], alarm_event.detail(alarm, now, before))


def _admitted(alarm: Mapping[str, Any]) -> dict[str, Any]:
    """The alarm with the actions on topics that let CloudWatch publish; MiniStack publishes to any."""
    return {
        **alarm,
        **{kind: _topics(alarm, kind) for kind in ("AlarmActions", "OKActions", "InsufficientDataActions")},
    }


def _topics(alarm: Mapping[str, Any], kind: str) -> list[str]:
    arns = alarm.get(kind) or []
    admitted = [arn for arn in arns if sns.topic_policy_allows(arn, SERVICE, alarm["AlarmArn"], ACCOUNT)]
    for arn in set(arns) - set(admitted):
        log.warning("%s is not told: %s is no topic whose policy admits %s", arn, arn, SERVICE)
    return admitted


def _read_embedded_metrics() -> None:
    theirs = cloudwatch_logs._append_log_events

    def append(stream: Any, events: Any) -> None:
        theirs(stream, events)
        for event in events:
            for one in embedded_metrics.read(event["message"]):
                at = time.time() if one.at is None else one.at
                cloudwatch._store_datum(
                    one.namespace, one.name, dict(one.dimensions), at, one.unit, None, list(one.values), None, None
                )

    cloudwatch_logs._append_log_events = append
