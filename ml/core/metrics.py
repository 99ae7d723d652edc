"""The metrics that judge models: scikit-learn's values, and which way each of them points."""

from __future__ import annotations

from collections.abc import Callable

from sklearn import metrics as sk

from ml.core.binning import calibration_error
from service.predictor import Vector

Point = Callable[[Vector, Vector], float]

CALIBRATION_ERROR = "calibration_error"

_GREATER_IS_BETTER = {
    "roc_auc": True,
    "average_precision": True,
    "r2": True,
    "log_loss": False,
    "brier": False,
    "rmse": False,
    "mae": False,
    CALIBRATION_ERROR: False,
}
_POINTS: dict[str, Point] = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "log_loss": sk.log_loss,
    "brier": sk.brier_score_loss,
    "r2": sk.r2_score,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    CALIBRATION_ERROR: calibration_error,
}


def greater_is_better(name: str) -> bool:
    """Whether a larger value of the metric is a better model. Raises KeyError for an unknown metric."""
    return _GREATER_IS_BETTER[name]


def point_value(name: str, y: Vector, output: Vector) -> float:
    """A metric's value for a target and a probability (binary) or value (regression), each of shape (rows,).

    Raises ValueError where the target has one value only: ranks and R2 mean nothing there.
    """
    require_varied(y)
    return float(_POINTS[name](y, output))


def require_varied(y: Vector) -> None:
    """Raise ValueError unless the target takes at least two values."""
    if len(y) == 0 or y.min() == y.max():
        raise ValueError("the target has one value only; no metric can be judged on it")
