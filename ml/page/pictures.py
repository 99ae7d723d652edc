"""The pictures of a decision, each with its finding in words."""

from __future__ import annotations

from ml.core.bootstrap import Gain
from ml.core.record import Calibrated, Decision, Judged, SliceGain
from ml.page import formats, words
from ml.page.charts import Names, dependence, histogram, reliability
from ml.page.drawing import Picture
from ml.page.strips import Line, Row, Shade, strips
from ml.page.swarm import MOST_FEATURES, swarm

Models = list[tuple[str, Judged]]


def names(decision: Decision) -> Names:
    champion = decision.champion
    return Names(
        f"challenger, version {decision.challenger.version}",
        f"champion, version {champion.version}" if champion else None,
    )


def models(decision: Decision) -> Models:
    """By role, the champion first as what is there today."""
    champion: Models = [("champion", decision.champion)] if decision.champion else []
    return [*champion, ("challenger", decision.challenger)]


def gains(decision: Decision) -> dict[str, Picture]:
    """The primary metric's gain and every guard's, each in its own units."""
    if decision.gain is None:
        return {}
    least = decision.policy.minimum_gain
    lines = (Line(least, f"asked: {formats.number(least)}"),)
    pictures = {
        decision.metric: _gain(
            decision.metric, decision.gain, lines, Shade(high=0.0), f"the policy asks for {formats.number(least)}"
        )
    }
    for name, gain in decision.guards.items():
        harm = decision.policy.guards.get(name, 0.0)
        allowed = f"a loss of {formats.number(harm)} is allowed"
        pictures[name] = _gain(
            name, gain, (Line(-harm, f"allowed: {formats.number(-harm)}"),), Shade(high=-harm), allowed
        )
    return pictures


def _gain(name: str, gain: Gain, lines: tuple[Line, ...], shade: Shade, asked: str) -> Picture:
    text = formats.between(gain, sign=True)
    return strips(
        f"gain-{name}",
        [Row(f"Gain in {words.metric(name)}", text, gain.value, gain.low, gain.high)],
        lines=(Line(0.0, kind="zero"), *lines),
        shades=(shade,),
        title=f"Gain in {words.metric(name)}",
        description=f"The gain is {text}, each bound at {formats.percent(gain.confidence)}; {asked}.",
    )


def slices(decision: Decision) -> Picture | None:
    """A forest of the tested slices' gains, with the allowed harm."""
    tested = [each for each in decision.slices if each.gain is not None]
    policy = decision.policy.slices
    if not tested:
        return None
    harm = policy.maximum_harm if policy else None
    bounds = () if harm is None else (Line(-harm, f"allowed harm: {formats.number(-harm)}"),)
    least = min(tested, key=lambda each: each.gain.value if each.gain else 0.0)
    harmed = sum(each.harmed for each in tested)
    return strips(
        "forest",
        [_slice(each, each.gain, harm) for each in tested if each.gain],
        lines=(Line(0.0, kind="zero"), *bounds),
        shades=() if harm is None else (Shade(high=-harm),),
        title=f"Gain in {words.metric(decision.metric)} on each slice",
        description=f"{len(tested)} slices were tested, {harmed} are harmed. The least gain is that of {_said(least)}.",
        axis=f"gain in {words.metric(decision.metric)}",
    )


def _slice(found: SliceGain, gain: Gain, harm: float | None) -> Row:
    unsure = harm is not None and -gain.value > harm
    role = "harmed" if found.harmed else "unsure" if unsure else "challenger"
    note = {"harmed": "harmed ", "unsure": "not sure "}.get(role, "")
    shown = note + formats.interval(gain, sign=True)[0]
    return Row(f"{found.feature} {found.level}", shown, gain.value, gain.low, gain.high, role)


def _said(found: SliceGain) -> str:
    return f"{found.feature} {found.level}, {formats.between(found.gain, sign=True)}" if found.gain else ""


def calibration(decision: Decision) -> Picture | None:
    """The calibration error, or the coverage, of both models against what the policy allows."""
    found = [(role, model.version, model.calibration) for role, model in models(decision) if model.calibration]
    if not found:
        return None
    error = found[-1][2].kind == "error"
    what = "Expected calibration error" if error else "Coverage of the stated interval"
    lines, shades = _calibration_bounds(decision, found[-1][2])
    rows = [
        Row(f"{role}, version {version}", calibrated(each), each.value, each.low, each.high, role)
        for role, version, each in found
    ]
    said = "; ".join(f"{row.label}: {row.shown}" for row in rows)
    label = formats.compact if error else formats.percent
    return strips(
        "calibration-strip",
        rows,
        lines=lines,
        shades=shades,
        title=what,
        description=f"{said}.",
        axis=what.lower(),
        label=label,
    )


def calibrated(found: Calibrated) -> str:
    """An error as a number, a coverage as a percentage, with the interval."""
    if found.kind == "error":
        return formats.between(found)
    return f"{formats.percent(found.value)} ({formats.percent(found.low)} to {formats.percent(found.high)})"


def _calibration_bounds(decision: Decision, found: Calibrated) -> tuple[tuple[Line, ...], tuple[Shade, ...]]:
    policy = decision.policy.calibration
    if policy is None:
        return (), ()
    if found.kind == "error" and policy.maximum_error is not None:
        most = policy.maximum_error
        return (Line(0.0, kind="zero"), Line(most, f"allowed: {formats.number(most)}")), (Shade(low=most),)
    nominal, tolerance = found.nominal, policy.tolerance
    if nominal is None or tolerance is None:
        return (), ()
    low, high = nominal - tolerance, nominal + tolerance
    lines = (
        Line(low, f"least {formats.percent(low)}"),
        Line(nominal, f"stated {formats.percent(nominal)}", "zero"),
        Line(high, f"most {formats.percent(high)}"),
    )
    return lines, (Shade(high=low), Shade(low=high))


def reliable(decision: Decision) -> Picture | None:
    """Observed against predicted for both models."""
    mine = decision.challenger.calibration
    if mine is None or not mine.bins:
        return None
    theirs = decision.champion.calibration if decision.champion else None
    furthest = max(mine.bins, key=lambda each: abs(each.predicted - each.observed))
    unit = f" ({decision.output['unit']})" if decision.output.get("unit") else ""
    said = (
        f"Of {len(mine.bins)} bins of the challenger's predictions, the one furthest from the diagonal predicts "
        f"{formats.number(furthest.predicted, 3)} where {formats.number(furthest.observed, 3)} was observed."
    )
    share = "share" if decision.task == "binary" else "mean"
    return reliability(
        "reliability",
        mine.bins,
        theirs.bins if theirs else (),
        names=names(decision),
        unit=f" {share}{unit}",
        title="Observed against predicted",
        description=said,
    )


def budgets(decision: Decision) -> dict[str, Picture]:
    """Latency (median, with a whisker to the 99th percentile) and size of both bundles against their budgets."""
    costs = [(role, model.version, model.cost) for role, model in models(decision) if model.cost]
    budget = decision.policy.budget
    if not costs:
        return {}
    latency = [
        Row(
            f"{role}, version {version}",
            f"{formats.milliseconds(cost.latency_ms)}, p99 {formats.milliseconds(cost.latency_p99_ms)}",
            cost.latency_ms,
            cost.latency_ms,
            cost.latency_p99_ms,
            role,
        )
        for role, version, cost in costs
    ]
    size = [
        Row(
            f"{role}, version {version}",
            formats.megabytes(cost.size_mb),
            cost.size_mb,
            cost.size_mb,
            cost.size_mb,
            role,
        )
        for role, version, cost in costs
    ]
    return {
        "latency": _budget(
            "latency", latency, budget.latency_ms if budget else None, "CPU milliseconds of one row", "ms"
        ),
        "size": _budget("size", size, budget.size_mb if budget else None, "megabytes of the bundle", "MB"),
    }


def _budget(key: str, rows: list[Row], most: float | None, axis: str, unit: str) -> Picture:
    bounds = () if most is None else (Line(most, f"budget: {formats.number(most)} {unit}"),)
    shades = () if most is None else (Shade(low=most),)
    said = "; ".join(f"{row.label}: {row.shown}" for row in rows)
    asked = "no budget" if most is None else f"the budget is {formats.number(most)} {unit}"
    return strips(
        f"budget-{key}",
        rows,
        lines=(Line(0.0, kind="zero"), *bounds),
        shades=shades,
        title=key.capitalize(),
        description=f"{said}; {asked}.",
        axis=axis,
    )


def differences(decision: Decision) -> Picture | None:
    """How far replayed outputs move."""
    replay = decision.attached.replay
    if replay.differences is None:
        return None
    unit = f" ({decision.output['unit']})" if decision.output.get("unit") else ""
    said = (
        f"{replay.rows:,} replayed rows; the mean difference is {formats.number(replay.mean, 3)}, and "
        f"{formats.percent(replay.changed_share)} of the decisions change."
    )
    return histogram(
        "differences",
        replay.differences,
        axis=f"challenger minus champion{unit}",
        title="Differences between the models' outputs",
        description=said,
    )


def explanation(decision: Decision) -> Picture | None:
    """SHAP values of the strongest features."""
    found = decision.attached.explanation
    if found is None or not found.effects:
        return None
    shown = found.effects[:MOST_FEATURES]
    strongest = ", ".join(f"{each.feature} ({formats.percent(each.share, 0)})" for each in shown[:3])
    unit = str(decision.output.get("unit") or "") or ("probability" if decision.task == "binary" else "output")
    return swarm(
        "swarm", shown, axis=f"part in the prediction ({unit})", description=f"The strongest features are {strongest}."
    )


def dependences(decision: Decision) -> tuple[Picture, ...]:
    """One picture for each feature whose partial dependence is on record."""
    found = decision.attached.explanation
    if found is None:
        return ()
    pictures = []
    for place, each in enumerate(found.dependence):
        low, high = formats.number(min(each.outputs), 3), formats.number(max(each.outputs), 3)
        said = f"The challenger's mean output goes from {low} to {high} over the values of {each.feature}."
        pictures.append(dependence(f"dependence-{place}", each, names=names(decision), description=said))
    return tuple(pictures)
