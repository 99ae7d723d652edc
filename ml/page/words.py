"""What metrics, rules and words of the policy are called on the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

METRICS = {
    "roc_auc": "ROC AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "r2": "R\N{SUPERSCRIPT TWO}",
    "rmse": "RMSE",
    "mae": "MAE",
}
_IN_UNITS = {"rmse", "mae"}
_RULES = {
    "unseen_rows": "Unseen rows",
    "minimum_rows": "Enough rows",
    "target": "Target",
    "labels": "Labels",
    "leak": "Leaks",
    "parity": "Parity over HTTP",
    "same_bundle": "Same bundle",
    "same_inputs": "Same inputs",
    "rolled_back": "Rolled back",
    "synthetic": "Synthetic rows",
    "first_release": "First release",
    "gain": "Gain",
    "slices": "Slices",
    "calibration": "Calibration",
    "latency": "Latency",
    "size": "Size",
}
_PREFIXED = {"floor": "Floor:", "guard": "Guard:"}
POLICY = {
    "metric": "what must gain",
    "minimum_gain": "least gain, in the metric's units",
    "confidence": "of each bound",
    "minimum_rows": "least rows to judge on",
    "floors": "least value, or largest where smaller is better",
    "guards": "most that may be lost",
    "slices.minimum_rows": "least rows of a slice that is tested",
    "slices.maximum_harm": "most that a slice may lose",
    "calibration.maximum_error": "largest expected calibration error",
    "calibration.coverage": "share of rows that the stated interval promises to hold",
    "calibration.tolerance": "how far the share held may be from it",
    "budget.latency_ms": "median CPU milliseconds of one row",
    "budget.size_mb": "megabytes of the bundle",
    "freshness.days": "an older champion may be replaced by a model that is not worse",
    "margin": "loss within which a model is not worse",
    "leak": "a single feature that reaches this is taken for a copy of the target",
    "maximum_gap": "largest loss from rows set aside in training to the holdout",
    "no_champion": "what decides a first release",
    "same_inputs": "what a model of the champion's own data and parameters must show",
}


def metric(name: str) -> str:
    return METRICS.get(name, name)


def in_order(metrics: Iterable[str], primary: str) -> list[str]:
    """The primary metric, then the others as they are listed here, for a record sorts them by name."""
    known = [primary, *METRICS]
    return sorted(metrics, key=lambda name: known.index(name) if name in known else len(known))


def unit(name: str, output: Mapping[str, Any]) -> str:
    """The target's unit for metrics that are in it, else nothing."""
    return str(output.get("unit", "")) if name in _IN_UNITS else ""


def rule(name: str) -> str:
    """A rule's name in words."""
    head, _, of = name.partition(":")
    if of:
        return f"{_PREFIXED.get(head, head)} {metric(of)}"
    return _RULES.get(name, name.replace("_", " ").capitalize())


def meaning(key: str) -> str:
    """What a key of the policy says, by its dotted name; floors and guards are named by metric."""
    return POLICY.get(key) or POLICY.get(key.split(".", maxsplit=1)[0], "")
