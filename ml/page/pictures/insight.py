"""What is shown and not judged: replayed differences, SHAP values, partial dependence."""

from __future__ import annotations

from ml.core.record import Decision
from ml.page import formats
from ml.page.charts import dependence, histogram
from ml.page.drawing import Picture
from ml.page.pictures.roles import names, unit
from ml.page.swarm import MOST_FEATURES, swarm


def differences(decision: Decision) -> Picture | None:
    """How far replayed outputs move."""
    replay = decision.attached.replay
    if replay.differences is None or not replay.differences.counts:
        return None
    said = (
        f"{replay.rows:,} replayed rows; the mean difference is {formats.number(replay.mean, 3)}, and "
        f"{formats.percent(replay.changed_share)} of the decisions change."
    )
    return histogram(
        "differences",
        replay.differences,
        axis=f"challenger minus champion{unit(decision)}",
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
    what = unit(decision) or (" (probability)" if decision.task == "binary" else "")
    return swarm(
        "swarm", shown, axis=f"part in the prediction{what}", description=f"The strongest features are {strongest}."
    )


def dependences(decision: Decision) -> tuple[Picture, ...]:
    """One picture for each feature whose partial dependence is on record."""
    found = decision.attached.explanation
    pictures = []
    for place, each in enumerate(found.dependence if found else ()):
        low, high = formats.number(min(each.outputs), 3), formats.number(max(each.outputs), 3)
        said = f"The challenger's mean output lies between {low} and {high} over the values of {each.feature}."
        pictures.append(dependence(f"dependence-{place}", each, names=names(decision), description=said))
    return tuple(pictures)
