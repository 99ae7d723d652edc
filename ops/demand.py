"""What a million predictions cost on top of an idle month. Pure: templates in, lines out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ops.pricing import Line
from ops.values import flat

MILLION = 1_000_000
KB_PER_GB = 1_000_000


def million(templates: Iterable[Mapping[str, Any]], prices: Mapping[str, Any]) -> list[Line]:
    """By the assumptions under `predictions` in the price table; one instance is enough for their rate."""
    told = prices["predictions"]
    hours = MILLION / told["a_second"] / 3600
    objects = MILLION / told["rows_an_object"] / 1000
    lines = [
        Line("answers to the internet", "", MILLION * told["answer_kb"] / KB_PER_GB * told["out_gb"]),
        Line("captured rows", "", MILLION * told["captured_kb"] / KB_PER_GB * prices["monthly"]["objects"]),
        Line("captured objects", "", objects * told["put_thousand"]),
    ]
    resources = [each for template in templates for each in template["Resources"].values()]
    services = [each["Properties"] for each in resources if each["Type"] == "AWS::AppRunner::Service"]
    if services:
        cpu = _vcpu(services[0]["InstanceConfiguration"]["Cpu"])
        return [*lines, Line("App Runner's CPU", "", hours * cpu * prices["hourly"]["apprunner_cpu"])]
    return [*lines, Line("load balancer units", "", hours * prices["hourly"]["balancer_unit"])]


def _vcpu(value: Any) -> float:
    """From `256` or `0.25 vCPU`, the two ways in which App Runner takes it."""
    text = flat(value)
    return float(text.split()[0]) if "vCPU" in text else float(text) / 1024
