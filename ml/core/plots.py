"""Pictures of an evaluation. Each function returns a figure that the caller saves; equal data draws equal pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ml.core.evaluation import Evaluation
from ml.problem import Problem

_INK, _MUTED, _GRID = "#1b2a24", "#7a877f", "#e3e8e5"
_MAIN, _ACCENT = "#1f7a4d", "#c8553d"
_MOST_BARS = 20


def figures(problem: Problem, evaluation: Evaluation) -> dict[str, Figure]:
    """The pictures of a problem's task, by file stem."""
    if problem.task == "binary":
        return {"roc": roc(problem, evaluation), "calibration": calibration(problem, evaluation)}
    return {
        "residuals": residuals(problem, evaluation),
        "predicted_vs_actual": predicted_vs_actual(problem, evaluation),
    }


def roc(problem: Problem, evaluation: Evaluation) -> Figure:
    """True against false positive rate, with the area and its interval."""
    figure, axes = _canvas("ROC curve", _subtitle(problem, evaluation))
    area = evaluation.metrics["roc_auc"]
    label = f"AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f} at {evaluation.confidence:.0%})"
    across = [point.false_positive_rate for point in evaluation.roc]
    up = [point.true_positive_rate for point in evaluation.roc]
    axes.fill_between(across, up, color=_MAIN, alpha=0.08, linewidth=0)
    axes.plot(across, up, color=_MAIN, linewidth=2, label=label)
    _diagonal(axes, "chance")
    _unit_square(axes)
    axes.set_xlabel("False positive rate (share of negatives)")
    axes.set_ylabel("True positive rate (share of positives)")
    axes.legend(loc="lower right", frameon=False, labelcolor=_INK)
    return figure


def calibration(problem: Problem, evaluation: Evaluation) -> Figure:
    """The observed share of positives against the predicted probability, by tenths of the rows."""
    figure, axes = _canvas("Calibration", _subtitle(problem, evaluation))
    predicted = [bin_.predicted for bin_ in evaluation.calibration]
    observed = [bin_.observed for bin_ in evaluation.calibration]
    axes.plot(predicted, observed, color=_MAIN, linewidth=2, marker="o", markersize=6, label="tenths of the rows")
    _diagonal(axes, "perfect calibration")
    largest = min(1.0, 1.08 * max(predicted + observed))
    axes.set(xlim=(0, largest), ylim=(0, largest), aspect="equal")
    axes.set_xlabel("Mean predicted probability")
    axes.set_ylabel("Observed share of positives")
    axes.legend(loc="upper left", frameon=False, labelcolor=_INK)
    return figure


def residuals(problem: Problem, evaluation: Evaluation) -> Figure:
    """How often the model is off by how much."""
    figure, axes = _canvas("Residuals", _subtitle(problem, evaluation))
    lows = [bin_.low for bin_ in evaluation.residuals]
    widths = [bin_.high - bin_.low for bin_ in evaluation.residuals]
    rows = [bin_.rows for bin_ in evaluation.residuals]
    axes.bar(lows, rows, width=widths, align="edge", color=_MAIN, edgecolor="white", linewidth=0.5)
    axes.axvline(0.0, color=_ACCENT, linewidth=1.5, linestyle="--", label="no error")
    axes.set_xlabel(_with_unit("Actual minus predicted", problem))
    axes.set_ylabel("Holdout rows")
    axes.legend(frameon=False, labelcolor=_INK)
    _thousands(axes, "x", "y")
    return figure


def predicted_vs_actual(problem: Problem, evaluation: Evaluation) -> Figure:
    """A sample of rows around the line on which predictions are right."""
    figure, axes = _canvas("Predicted against actual", _subtitle(problem, evaluation))
    actual = np.array([pair.actual for pair in evaluation.pairs])
    predicted = np.array([pair.predicted for pair in evaluation.pairs])
    low, high = float(min(actual.min(), predicted.min())), float(max(actual.max(), predicted.max()))
    margin = 0.04 * (high - low)
    axes.scatter(actual, predicted, s=14, color=_MAIN, alpha=0.4, linewidths=0, label=f"{len(actual):,} sampled rows")
    axes.plot([low, high], [low, high], color=_ACCENT, linewidth=1.5, linestyle="--", label="perfect prediction")
    axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
    axes.set_xlabel(_with_unit("Actual", problem))
    axes.set_ylabel(_with_unit("Predicted", problem))
    axes.legend(loc="upper left", frameon=False, labelcolor=_INK)
    axes.tick_params(axis="x", rotation=30)
    _thousands(axes, "x", "y")
    return figure


def importance(names: Sequence[str], values: Sequence[float], *, metric: str) -> Figure:
    """Permutation importance: how much the metric worsens when one feature is shuffled (Breiman 2001).

    `values` are in the metric's units, positive where shuffling harms. The largest twenty are drawn.
    """
    order = sorted(range(len(names)), key=lambda index: (-values[index], names[index]))[:_MOST_BARS][::-1]
    figure, axes = _canvas("Permutation importance", f"the {len(order)} strongest features of {len(names)}")
    figure.set_size_inches(7, max(2.4, 1.5 + 0.32 * len(order)))
    bars = axes.barh([names[i] for i in order], [values[i] for i in order], color=_MAIN, height=0.65)
    axes.bar_label(bars, fmt="{:.4g}", padding=4, color=_MUTED, fontsize=8)
    axes.margins(x=0.14)
    axes.axvline(0.0, color=_MUTED, linewidth=1)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"Loss in {metric} when the feature is shuffled")
    axes.set_ylabel("Feature")
    return figure


def _canvas(title: str, subtitle: str) -> tuple[Figure, Axes]:
    """A figure of its own, outside pyplot's list of open ones, so that threads and repeats share nothing."""
    figure = Figure(
        figsize=(6.4, 5.4), dpi=120, layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.12), facecolor="white"
    )
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    figure.suptitle(title, x=0.02, ha="left", fontsize=14, fontweight="bold", color=_INK)
    axes.set_title(subtitle, loc="left", fontsize=9, color=_MUTED)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_MUTED)
    axes.tick_params(colors=_INK, labelsize=9)
    return figure, axes


def _diagonal(axes: Axes, label: str) -> None:
    axes.plot([0, 1], [0, 1], color=_MUTED, linewidth=1.2, linestyle="--", label=label)


def _unit_square(axes: Axes) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")


def _thousands(axes: Axes, *names: str) -> None:
    for name in names:
        (axes.xaxis if name == "x" else axes.yaxis).set_major_formatter("{x:,.10g}")


def _subtitle(problem: Problem, evaluation: Evaluation) -> str:
    return f"{problem.title}, {evaluation.rows:,} holdout rows"


def _with_unit(label: str, problem: Problem) -> str:
    name = problem.output.name.replace("_", " ")
    return f"{label} {name} ({problem.output.unit})" if problem.output.unit else f"{label} {name}"
