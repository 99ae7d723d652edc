"""Rows of the page's tables and its key numbers, from a decision alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from markupsafe import Markup, escape

from ml.core.bootstrap import Gain
from ml.core.record import ChangedRow, Decision, Driver, Explanation, SliceGain
from ml.page import formats, words
from ml.page.charts import level
from ml.page.swarm import MOST_FEATURES


@dataclass(frozen=True)
class Tile:
    """A key number: what it is, the number, and what it is held against."""

    label: str
    value: Markup
    note: str


@dataclass(frozen=True)
class Fact:
    """A line of a table of names and values; digests and the like are set as code."""

    name: str
    value: str
    code: bool = False
    note: str = ""


def tiles(decision: Decision) -> tuple[Tile, ...]:
    return (_merit(decision), _rows(decision), _changed(decision), _latency(decision))


def _merit(decision: Decision) -> Tile:
    gain, metric = decision.gain, words.metric(decision.metric)
    if gain is not None:
        value, low, high = formats.interval(gain, sign=True)
        asked = formats.number(decision.policy.minimum_gain)
        return Tile(
            f"Gain in {metric}", formats.data(gain.value, value), f"{low} to {high}; the policy asks for {asked}"
        )
    found = decision.challenger.metrics.get(decision.metric)
    if found is None:
        return Tile(metric, Markup("none"), "the rows give no metric")
    value, low, high = formats.interval(found)
    bound = decision.policy.floors[decision.metric]
    return Tile(metric, formats.data(found.value, value), f"{low} to {high}; the floor is {formats.number(bound)}")


def _rows(decision: Decision) -> Tile:
    rows = decision.rows
    taken = f", {rows.removed:,} taken out" if rows.removed else ", none taken out"
    return Tile("Rows that judge", escape(f"{rows.used:,}"), f"of {rows.holdout:,} held out{taken}")


def _changed(decision: Decision) -> Tile:
    replay = decision.attached.replay
    if replay.status != "replayed":
        return Tile("Decisions that change", Markup("not replayed"), "no captured requests were scored again")
    share = formats.data(replay.changed_share, formats.percent(replay.changed_share))
    return Tile("Decisions that change", share, f"{replay.changed:,} of {replay.rows:,} replayed requests")


def _latency(decision: Decision) -> Tile:
    cost, budget = decision.challenger.cost, decision.policy.budget
    if cost is None:
        return Tile("Latency", Markup("not measured"), "CPU time of one row")
    value = formats.data(cost.latency_ms, formats.milliseconds(cost.latency_ms))
    held = f"the budget is {formats.milliseconds(budget.latency_ms)}" if budget else "the policy has no budget"
    return Tile("Latency", value, f"CPU time of one row; {held}")


def outcome(found: SliceGain, harm: float | None) -> str:
    """What a slice's numbers say, in a word or two."""
    if found.gain is None:
        return "not tested"
    if found.harmed:
        return "harmed"
    return "not sure" if harm is not None and -found.gain.value > harm else "within"


def like(value: float | None, gain: Gain | None) -> Markup | str:
    """A model's metric on a slice, with the decimals of its gain."""
    if value is None:
        return ""
    places = formats.decimals(gain.low, gain.high) if gain else 4 if abs(value) < 10.0 else 0
    return formats.data(value, formats.minus(f"{value:z,.{places}f}"))


def output(value: float, decision: Decision) -> Markup:
    return formats.data(value, formats.minus(f"{value:z,.{_places(value, decision)}f}"))


def moved(row: ChangedRow, decision: Decision) -> str:
    """Challenger minus champion, with its unit."""
    places = _places(row.champion or row.challenger, decision)
    return formats.signed(row.challenger - row.champion, places) + _unit(decision)


def driver(found: Driver, decision: Decision) -> str:
    """A feature's part in a prediction by each model."""
    places = _places(found.challenger or found.champion or 0.0, decision)
    theirs = "" if found.champion is None else f" (champion {formats.signed(found.champion, places)})"
    named = f"{found.feature} (withheld)" if found.withheld else f"{found.feature} = {level(found.value)}"
    return f"{named}: {formats.signed(found.challenger, places)}{theirs}"


def _places(value: float, decision: Decision) -> int:
    """Three decimals of a probability; four significant digits of what has a unit."""
    if decision.task == "binary":
        return 3
    return max(0, 3 - floor(log10(abs(value)))) if value else 0


def _unit(decision: Decision) -> str:
    found = decision.output.get("unit")
    return f" {found}" if found else ""


def undrawn(explanation: Explanation) -> str:
    """How many features the picture of SHAP values leaves out, where it does."""
    rest = len(explanation.effects) - MOST_FEATURES
    return f"{rest} weaker features are not drawn. " if rest > 0 else ""


def features(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {level(value)}" for name, value in found.items())


def policy(decision: Decision) -> tuple[Fact, ...]:
    """The policy as it was, by the keys of the problem file."""
    return tuple(
        Fact(key, "not set" if value is None else _plain(value), note=words.meaning(key))
        for key, value in _flat(decision.policy.model_dump(mode="json"))
    )


def _flat(given: Mapping[str, Any], head: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{head}{name}.")
        elif value is None and head:
            continue
        else:
            yield f"{head}{name}", value or None if isinstance(value, Mapping) else value


def _plain(value: Any) -> str:
    return formats.minus(f"{value:,.12g}") if isinstance(value, int | float) else str(value)


def lineage(decision: Decision) -> tuple[Fact, ...]:
    """Where the challenger came from; what is not known says so."""
    found = decision.attached.lineage
    commit = found.git_commit + (" with uncommitted changes" if found.git_dirty and found.git_commit else "")
    facts = (
        Fact("Triggered by", found.triggered_by),
        Fact("Reason", found.reason),
        Fact("Trained", formats.moment(found.trained_at)),
        Fact("Git commit", commit, code=True),
        Fact("Data", found.data_source),
        Fact("Data version", found.data_version, code=True),
        Fact("Data digest", found.data_digest, code=True),
        Fact("Digest of the holdout", decision.rows.digest, code=True),
        Fact("Parameters digest", found.params_digest, code=True),
        Fact("Environment lock", found.environment_digest, code=True),
        Fact("MLflow run", found.run_id, code=True),
        Fact("Bundle", found.bundle_digest, code=True),
        Fact("Image", found.image, code=True),
    )
    return tuple(fact if fact.value else Fact(fact.name, "not known") for fact in facts)


def params(decision: Decision) -> tuple[Fact, ...]:
    return tuple(Fact(name, value, code=True) for name, value in decision.attached.lineage.params.items())


def quantile(name: str) -> str:
    """A quantile's name as a percentage, where it is a number."""
    try:
        return formats.percent(float(name))
    except ValueError:
        return name
