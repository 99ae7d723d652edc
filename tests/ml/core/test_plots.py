"""Pictures carry their data, labelled axes with units, and are the same for the same data."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from ml.core.evaluation import Evaluation, evaluate
from ml.core.plots import figures, importance
from ml.problem import Problem
from service.schema import Task
from tests.ml.core.test_evaluation import make_rows
from tests.support.problems import make_problem


def evaluated(task: Task) -> tuple[Problem, Evaluation]:
    frame, output = make_rows(600)
    problem = make_problem(task, unit="USD")
    return problem, evaluate(problem, frame, output, resamples=50, seed=0)


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("task", "names"), [("binary", {"roc", "calibration"}), ("regression", {"residuals", "predicted_vs_actual"})]
)
def test_each_task_has_its_pictures_with_labelled_axes_drawn_the_same_every_time(task: Task, names: set[str]) -> None:
    problem, evaluation = evaluated(task)
    drawn, again = figures(problem, evaluation), figures(problem, evaluation)
    assert set(drawn) == names
    for name, figure in drawn.items():
        (axes,) = figure.axes
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert "600 holdout rows" in axes.get_title(loc="left")
        picture = png(figure)
        assert picture.startswith(b"\x89PNG")
        assert picture == png(again[name])
    assert plt.get_fignums() == []


def test_the_curves_drawn_are_those_of_the_evaluation() -> None:
    problem, evaluation = evaluated("binary")
    drawn = figures(problem, evaluation)
    roc = np.asarray(drawn["roc"].axes[0].lines[0].get_xydata())
    np.testing.assert_array_equal(roc, [(p.false_positive_rate, p.true_positive_rate) for p in evaluation.roc])
    bins = np.asarray(drawn["calibration"].axes[0].lines[0].get_xydata())
    np.testing.assert_array_equal(bins, [(b.predicted, b.observed) for b in evaluation.calibration])


def test_regression_pictures_name_the_unit_and_show_every_sampled_row() -> None:
    problem, evaluation = evaluated("regression")
    drawn = figures(problem, evaluation)
    scatter = drawn["predicted_vs_actual"].axes[0]
    assert scatter.get_xlabel() == "Actual outcome (USD)"
    points = next(artist for artist in scatter.collections if isinstance(artist, PathCollection))
    assert len(np.asarray(points.get_offsets())) == len(evaluation.pairs)
    bars = drawn["residuals"].axes[0]
    assert "(USD)" in bars.get_xlabel()
    heights = [patch.get_height() for patch in bars.patches]  # type: ignore[attr-defined]
    assert sum(heights) == 600


def test_importance_draws_the_strongest_features_with_the_strongest_on_top() -> None:
    names = [f"f{index:02d}" for index in range(30)]
    figure = importance(names, [float(index) for index in range(30)], metric="roc_auc")
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == names[10:]
    assert "roc_auc" in axes.get_xlabel()
    assert "20 strongest features of 30" in axes.get_title(loc="left")
    assert png(figure) == png(importance(names, [float(index) for index in range(30)], metric="roc_auc"))
