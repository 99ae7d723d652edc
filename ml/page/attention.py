"""What a reviewer should look at before saying yes, found in the record's numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ml.core.metrics import greater_is_better
from ml.core.record import Calibrated, Decision, SliceGain
from ml.gate import Calibration
from ml.page import formats, words

Weight = Literal["stop", "look", "know"]
_ORDER: tuple[Weight, ...] = ("stop", "look", "know")
_PARTS = {
    "budgets": "the budgets",
    "calibration": "the calibration",
    "explanation": "what drives the predictions",
    "gain": "the gain",
    "lineage": "where it came from",
    "metrics": "the metrics",
    "replay": "the replay",
    "rules": "the rules",
    "slices": "the slices",
}
_NEARLY = 0.8
"""A bound or budget of which more than this share is used up is close."""
_LARGE_CHANGE = 0.05
_LARGE_REMOVAL = 0.2
_SLOWER = 1.25
_MOST_NAMED = 5


@dataclass(frozen=True)
class Point:
    """`where` is the id of the part of the page that has the details."""

    weight: Weight
    text: str
    where: str

    @property
    def seen(self) -> str:
        return _PARTS[self.where]


def points(decision: Decision) -> tuple[Point, ...]:
    """What stops a release first, then what deserves a look, then what is good to know."""
    found = [point for look in _LOOKS for point in look(decision)]
    return tuple(point for weight in _ORDER for point in found if point.weight == weight)


def harmed_by_estimate(decision: Decision) -> tuple[SliceGain, ...]:
    """Slices whose estimate is beyond the allowed harm, though not beyond chance."""
    if decision.policy.slices is None:
        return ()
    allowed = decision.policy.slices.maximum_harm
    return tuple(each for each in decision.slices if each.gain and not each.harmed and -each.gain.value > allowed)


def synthetic(decision: Decision) -> bool:
    """Whether the challenger learnt from made-up rows: the loop labels them so."""
    return decision.attached.lineage.data_source.startswith("synthetic sample")


def named(slices: Iterable[SliceGain]) -> str:
    every = [f"{each.feature} {each.level}" for each in slices]
    more = f" and {len(every) - _MOST_NAMED} more" if len(every) > _MOST_NAMED else ""
    return ", ".join(every[:_MOST_NAMED]) + more


def _failed(decision: Decision) -> Iterator[Point]:
    for reason in decision.reasons:
        if not reason.passed:
            yield Point("stop", f"{words.rule(reason.rule)} failed. {reason.text}", _shown_at(reason.rule))


def _shown_at(rule: str) -> str:
    """Where the page has more about a rule than its sentence."""
    head = rule.partition(":")[0]
    return {"floor": "metrics", "guard": "gain", "latency": "budgets", "size": "budgets"}.get(
        head, head if head in _PARTS else "rules"
    )


def _gain(decision: Decision) -> Iterator[Point]:
    gain, policy = decision.gain, decision.policy
    if gain is None and decision.left_out:
        text = f"The champion, version {decision.left_out}, was left out: the floors decide, not a gain over it."
        yield Point("look", text, "rules")
        return
    if gain is None:
        yield Point("know", "There is no champion to compare with: the floors decide, not a gain.", "rules")
        return
    if gain.low <= 0.0 and decision.promoted:
        yield Point("look", f"The gain is not beyond chance: {formats.between(gain, sign=True)}.", "gain")
    if gain.detectable > policy.minimum_gain:
        text = f"On these rows a gain below about {formats.number(gain.detectable, 2)} is easily missed"
        yield Point("know", f"{text}; the policy asks for {formats.number(policy.minimum_gain)}.", "gain")


def _guards(decision: Decision) -> Iterator[Point]:
    for name, gain in decision.guards.items():
        allowed = decision.policy.guards.get(name, 0.0)
        if -gain.value <= allowed < -gain.low:
            worst, most = formats.number(-gain.low, 3), formats.number(allowed)
            text = f"{words.metric(name)} may lose up to {worst} within its interval; {most} is allowed by estimate."
            yield Point("look", text, "gain")


def _floors(decision: Decision) -> Iterator[Point]:
    for name, bound in decision.policy.floors.items():
        found = decision.challenger.metrics.get(name)
        if found is None:
            continue
        upward = greater_is_better(name)
        if (found.low < bound <= found.value) if upward else (found.value <= bound < found.high):
            side = "floor" if upward else "ceiling"
            text = f"{words.metric(name)}'s interval reaches beyond its {side} of {formats.number(bound)}"
            yield Point("look", f"{text}: {formats.between(found)}.", "metrics")


def _slices(decision: Decision) -> Iterator[Point]:
    policy = decision.policy.slices
    if decision.champion is None:
        return
    if policy is None:
        yield Point("know", "The policy asks nothing of slices.", "slices")
        return
    allowed = formats.number(policy.maximum_harm)
    if unsure := harmed_by_estimate(decision):
        text = f"Beyond the allowed harm of {allowed} by estimate, though not beyond chance: {named(unsure)}."
        yield Point("look", text, "slices")
    untested = [each for each in decision.slices if each.gain is None]
    if untested:
        text = f"Not tested: {len(untested)} of {len(decision.slices)} slices ({named(untested)})."
        yield Point("know", text, "slices")


def _calibration(decision: Decision) -> Iterator[Point]:
    found, policy = decision.challenger.calibration, decision.policy.calibration
    if found is None or policy is None:
        yield Point("know", "The policy or the record says nothing of calibration.", "calibration")
    elif found.kind == "error" and policy.maximum_error is not None:
        yield from _near_error(found, policy.maximum_error)
    elif found.nominal is not None and policy.tolerance is not None:
        yield from _near_coverage(found, found.nominal, policy)


def _near_error(found: Calibrated, most: float) -> Iterator[Point]:
    if found.value <= most and (found.value > _NEARLY * most or found.high > most):
        text = (
            f"Calibration is close to its bound: an error of {formats.between(found)}, {formats.number(most)} allowed."
        )
        yield Point("look", text, "calibration")


def _near_coverage(found: Calibrated, nominal: float, policy: Calibration) -> Iterator[Point]:
    assert policy.tolerance is not None
    furthest = max(abs(found.low - nominal), abs(found.high - nominal))
    off = abs(found.value - nominal)
    if off <= policy.tolerance and (off > _NEARLY * policy.tolerance or furthest > policy.tolerance):
        covered, points_ = formats.percent(found.value), formats.fixed(100.0 * policy.tolerance, 1)
        text = f"Coverage is close to its bound: {covered} of the rows lie within the stated interval of"
        yield Point("look", f"{text} {formats.percent(nominal)}; {points_} points off are allowed.", "calibration")


def _replay(decision: Decision) -> Iterator[Point]:
    replay = decision.attached.replay
    if replay.status != "replayed":
        yield Point("know", replay.said, "replay")
    elif replay.changed_share >= _LARGE_CHANGE:
        share = formats.percent(replay.changed_share)
        yield Point("look", f"{share} of {replay.rows:,} replayed requests would be decided otherwise.", "replay")


def _costs(decision: Decision) -> Iterator[Point]:
    cost, budget = decision.challenger.cost, decision.policy.budget
    if cost is None:
        yield Point("know", "What the challenger costs was not measured.", "budgets")
        return
    if budget is not None:
        used = {"latency": cost.latency_ms / budget.latency_ms, "size": cost.size_mb / budget.size_mb}
        for name, share in used.items():
            if _NEARLY < share <= 1.0:
                yield Point("look", f"{formats.percent(share, 0)} of the {name} budget is used.", "budgets")
    before = decision.champion.cost if decision.champion else None
    if before is not None and cost.latency_ms > _SLOWER * before.latency_ms:
        now, then = formats.milliseconds(cost.latency_ms), formats.milliseconds(before.latency_ms)
        yield Point("look", f"Slower than the champion: {now} against {then} for a row.", "budgets")


def _leak(decision: Decision) -> Iterator[Point]:
    leak = decision.leak
    if leak is not None and 0.9 * decision.policy.leak < leak.score < decision.policy.leak:
        score, limit = formats.number(leak.score), formats.number(decision.policy.leak)
        yield Point("look", f"{leak.feature} alone reaches {score}; {limit} is taken for a leak.", "rules")


def _origin(decision: Decision) -> Iterator[Point]:
    lineage = decision.attached.lineage
    if synthetic(decision):
        yield Point("look", f"The challenger learnt from made-up rows: {lineage.data_source}.", "lineage")
    if lineage.git_dirty:
        text = "The checkout had uncommitted changes, so the commit alone does not give this model again."
        yield Point("look", text, "lineage")
    missing = {"the commit": lineage.git_commit, "the image": lineage.image, "who triggered it": lineage.triggered_by}
    if unknown := [name for name, value in missing.items() if not value]:
        yield Point("know", f"Not known: {', '.join(unknown)}.", "lineage")
    if decision.challenger.validation is None:
        text = "No rows were set aside within training, so nothing tells whether the holdout's labels are right."
        yield Point("look", text, "rules")
    if decision.again:
        yield Point("look", "A person asked again for a version that was rolled back.", "rules")


def _rows(decision: Decision) -> Iterator[Point]:
    rows = decision.rows
    if rows.removed:
        share = rows.removed / rows.holdout
        text = f"{rows.removed:,} of {rows.holdout:,} holdout rows ({formats.percent(share)}) were taken out"
        weight: Weight = "look" if share > _LARGE_REMOVAL else "know"
        yield Point(weight, f"{text} because a model was trained on them.", "rules")


def _shown(decision: Decision) -> Iterator[Point]:
    if decision.attached.explanation is None:
        yield Point("know", "The challenger was not explained; there are no SHAP values.", "explanation")
    if decision.parity is None:
        yield Point("look", "Parity over HTTP was not proved.", "rules")
    fresh, days = decision.policy.freshness, decision.champion_days
    if fresh is not None and days is not None and days > fresh.days:
        text = (
            f"The champion was trained {formats.number(days, 3)} days ago; the policy calls it old after {fresh.days}."
        )
        yield Point("know", text, "rules")


_LOOKS: tuple[Callable[[Decision], Iterator[Point]], ...] = (
    _failed,
    _origin,
    _gain,
    _guards,
    _floors,
    _slices,
    _calibration,
    _replay,
    _costs,
    _leak,
    _rows,
    _shown,
)
