"""What was judged, against what the policy asks: gains, slices, calibration, budgets."""

from __future__ import annotations

from ml.core.bootstrap import Gain
from ml.core.record import Calibrated, Decision, SliceGain
from ml.page import formats, words
from ml.page.charts import reliability
from ml.page.drawing import Picture
from ml.page.pictures.roles import label, models, names, unit
from ml.page.strips import Line, Row, Shade, strips

_ZERO = Line(0.0, "0", "zero")


def gains(decision: Decision) -> tuple[Picture, ...]:
    """The primary metric's gain, then every guard's, each in its own units."""
    if decision.gain is None:
        return ()
    pictures = [_primary(decision, decision.gain)]
    for name in words.in_order(decision.guards, decision.metric):
        gain = decision.guards[name]
        harm = decision.policy.guards.get(name, 0.0)
        pictures.append(_gain(decision, name, gain, "guard", Line(-harm, f"allowed {formats.number(-harm)}"), -harm))
    return tuple(pictures)


def _primary(decision: Decision, gain: Gain) -> Picture:
    """Against the least gain that the policy asks, or the margin where not being worse was enough."""
    least, margin = decision.policy.minimum_gain, decision.policy.margin
    enough = gain.value >= least and gain.low > 0.0
    passed = any(reason.rule == "gain" and reason.passed for reason in decision.reasons)
    if passed and not enough and margin is not None:
        line = Line(-margin, f"not worse {formats.number(-margin)}")
        return _gain(decision, decision.metric, gain, "must not be worse", line, -margin)
    return _gain(decision, decision.metric, gain, "must gain", Line(least, f"asked {formats.number(least)}"), 0.0)


def _gain(decision: Decision, name: str, gain: Gain, role: str, line: Line, unwanted_below: float) -> Picture:
    text, metric = formats.between(gain, sign=True), words.metric(name)
    in_unit = f" {words.unit(name, decision.output)}".rstrip()
    return strips(
        f"gain-{name}",
        [Row(f"{metric}, {role}", text, gain.value, gain.low, gain.high)],
        lines=(_ZERO, line),
        shades=(Shade(high=unwanted_below),),
        title=f"Gain in {metric}",
        description=f"The gain is {text}{in_unit}, each bound at {formats.percent(gain.confidence)}; {line.label}.",
        axis=f"gain in {metric}{f',{in_unit}' if in_unit else ''}",
    )


def slices(decision: Decision) -> Picture | None:
    """A forest of the tested slices' gains, with the allowed harm."""
    tested = [(each, each.gain) for each in decision.slices if each.gain is not None]
    if not tested:
        return None
    harm = decision.policy.slices.maximum_harm if decision.policy.slices else None
    bounds = () if harm is None else (Line(-harm, f"allowed {formats.number(-harm)}"),)
    least, its = min(tested, key=lambda pair: pair[1].value)
    harmed, metric = sum(each.harmed for each, _ in tested), words.metric(decision.metric)
    return strips(
        "forest",
        [_slice(each, gain, harm) for each, gain in tested],
        lines=(_ZERO, *bounds),
        shades=() if harm is None else (Shade(high=-harm),),
        title=f"Gain in {metric} on each slice",
        description=f"Harmed: {harmed} of {len(tested)} tested slices. The least gain is that of {least.feature} "
        f"{least.level}: {formats.between(its, sign=True)}.",
        axis=f"gain in {metric}",
    )


def _slice(found: SliceGain, gain: Gain, harm: float | None) -> Row:
    unsure = harm is not None and -gain.value > harm
    role = "harmed" if found.harmed else "unsure" if unsure else "challenger"
    note = {"harmed": "harmed ", "unsure": "not sure "}.get(role, "")
    shown = note + formats.interval(gain, sign=True)[0]
    return Row(f"{found.feature} {found.level}", shown, gain.value, gain.low, gain.high, role)


def calibration(decision: Decision) -> Picture | None:
    """The calibration error, or the coverage, of both models against what the policy allows."""
    found = [(role, label(role, model), model.calibration) for role, model in models(decision) if model.calibration]
    if not found:
        return None
    kind = found[-1][2].kind
    what = "Expected calibration error" if kind == "error" else "Coverage of the stated interval"
    rows = [Row(name, _calibrated(each), each.value, each.low, each.high, role) for role, name, each in found]
    lines, shades = _calibration_bounds(decision, found[-1][2])
    return strips(
        "calibration-strip",
        rows,
        lines=lines,
        shades=shades,
        title=what,
        description="; ".join(f"{row.label}: {row.shown}" for row in rows) + ".",
        axis=what.lower(),
        label=formats.compact if kind == "error" else formats.percent,
    )


def _calibrated(found: Calibrated) -> str:
    """An error as a number, a coverage as a percentage, with the interval."""
    if found.kind == "error":
        return formats.between(found)
    return f"{formats.percent(found.value)} ({formats.percent(found.low)} to {formats.percent(found.high)})"


def _calibration_bounds(decision: Decision, found: Calibrated) -> tuple[tuple[Line, ...], tuple[Shade, ...]]:
    policy = decision.policy.calibration
    if policy is not None and found.kind == "error" and policy.maximum_error is not None:
        most = policy.maximum_error
        return (_ZERO, Line(most, f"allowed {formats.number(most)}")), (Shade(low=most),)
    if policy is None or found.nominal is None or policy.tolerance is None:
        return (), ()
    low, high = found.nominal - policy.tolerance, found.nominal + policy.tolerance
    stated = Line(found.nominal, f"stated {formats.percent(found.nominal)}", "zero")
    edges = (Line(low, f"least {formats.percent(low)}"), Line(high, f"most {formats.percent(high)}"))
    return (stated, *edges), (Shade(high=low), Shade(low=high))


def reliable(decision: Decision) -> Picture | None:
    """Observed against predicted for both models."""
    mine = decision.challenger.calibration
    if mine is None or not mine.bins:
        return None
    theirs = decision.champion.calibration if decision.champion else None
    furthest = max(mine.bins, key=lambda each: abs(each.predicted - each.observed))
    binary = decision.task == "binary"
    across = "mean predicted probability" if binary else f"mean prediction{unit(decision)}"
    up = "observed share" if binary else f"observed mean{unit(decision)}"
    return reliability(
        "reliability",
        mine.bins,
        theirs.bins if theirs else (),
        names=names(decision),
        axes=(across, up),
        title="Observed against predicted",
        description=f"Of {len(mine.bins)} bins of the challenger's predictions, the one furthest from the diagonal "
        f"predicts {formats.number(furthest.predicted, 3)} where {formats.number(furthest.observed, 3)} was observed.",
    )


def budgets(decision: Decision) -> tuple[Picture, ...]:
    """Latency (median, with a whisker to the 99th percentile) and size of both bundles against their budgets."""
    costs = [(role, label(role, model), model.cost) for role, model in models(decision) if model.cost]
    if not costs:
        return ()
    latency = [
        Row(
            name,
            f"{formats.milliseconds(cost.latency_ms)}, p99 {formats.milliseconds(cost.latency_p99_ms)}",
            cost.latency_ms,
            cost.latency_ms,
            cost.latency_p99_ms,
            role,
        )
        for role, name, cost in costs
    ]
    size = [
        Row(name, formats.megabytes(cost.size_mb), cost.size_mb, cost.size_mb, cost.size_mb, role)
        for role, name, cost in costs
    ]
    budget = decision.policy.budget
    return (
        _budget("latency", latency, budget.latency_ms if budget else None, "CPU time of one row", "ms"),
        _budget("size", size, budget.size_mb if budget else None, "size of the bundle", "MB"),
    )


def _budget(key: str, rows: list[Row], most: float | None, what: str, unit_: str) -> Picture:
    bounds = () if most is None else (Line(most, f"budget {formats.number(most)} {unit_}"),)
    said = "; ".join(f"{row.label}: {row.shown}" for row in rows)
    return strips(
        f"budget-{key}",
        rows,
        lines=(_ZERO, *bounds),
        shades=() if most is None else (Shade(low=most),),
        title=what.capitalize(),
        description=f"{said}; {bounds[0].label if bounds else 'there is no budget'}.",
        axis=f"{what}, {unit_}",
    )
