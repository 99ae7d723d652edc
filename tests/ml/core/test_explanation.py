"""What is explained is what is served: parts add up to its outputs, and nothing else moves."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.core.explanation import Model, drivers, explain
from ml.core.frame import TARGET, rows_of
from ml.core.record import Explanation
from ml.problem import Problem
from service.schema import CaptureRules, Feature, Schema
from tests.support.models import EVERY_KIND, Fitted, fitted
from tests.support.problems import make_problem

SEED = 4


def model_of(made: Fitted) -> Model:
    return Model(made.problem.schema_, made.predictor.many)


def weighted(problem: Problem, **weights: float) -> Model:
    """A sum of features, so that a feature's part is its weight times its distance from the mean."""
    return Model(
        problem.schema_,
        lambda columns: np.sum([w * np.asarray(columns[n], dtype=np.float64) for n, w in weights.items()], axis=0),
    )


def numbers(*names: str) -> tuple[Feature, ...]:
    return tuple(Feature(name=name, kind="number", minimum=-10, maximum=10, example=0.0) for name in names)


def table(*names: str, rows: int = 200, seed: int = 0) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(rows, len(names))), columns=list(names))


def explained(model: Model, rows: pd.DataFrame, champion: Model | None = None, seed: int = SEED) -> Explanation:
    found = explain(model, champion, rows, explained=40, seed=seed)
    assert found is not None
    return found


def test_effects_are_ordered_by_their_size_and_shares_add_up_to_one() -> None:
    problem = make_problem("regression", features=numbers("small", "idle", "large"))
    rows = table("small", "idle", "large")
    found = explained(weighted(problem, small=1.0, large=5.0), rows)
    assert [effect.feature for effect in found.effects] == ["large", "small", "idle"]
    assert sum(effect.share for effect in found.effects) == pytest.approx(1.0)
    assert found.effects[0].mean_absolute == pytest.approx(
        np.mean([abs(part) for _, part in found.effects[0].points]), rel=1e-4
    )
    assert (found.rows, found.background) == (40, 50)
    assert all(len(effect.points) == 40 for effect in found.effects)


def test_points_show_values_as_a_caller_gives_them() -> None:
    made = fitted("gradient_boosting", "ordinal")
    found = explained(model_of(made), made.rows)
    kinds = {effect.feature: {type(value) for value, _ in effect.points} for effect in found.effects}
    assert kinds["region"] == {str, type(None)}
    assert kinds["code"] == {int}
    assert kinds["age"] == {int}
    assert kinds["flag"] == {bool, type(None)}
    given = rows_of(made.problem, made.rows)
    for effect in found.effects:
        assert {value for value, _ in effect.points} <= {row[effect.feature] for row in given}


def test_points_are_in_the_order_of_their_size_so_that_no_row_is_on_record() -> None:
    made = fitted("gradient_boosting", "ordinal")
    found = explained(model_of(made), made.rows)
    for effect in found.effects:
        sizes = [part for _, part in effect.points]
        assert sizes == sorted(sizes)
    given = {tuple(row.values()) for row in rows_of(made.problem, made.rows)}
    columns = {effect.feature: [value for value, _ in effect.points] for effect in found.effects}
    together = list(zip(*(columns[feature.name] for feature in EVERY_KIND), strict=True))
    assert sum(row in given for row in together) < len(together) / 4


def test_integers_that_are_levels_are_said_to_be_levels() -> None:
    made = fitted("gradient_boosting", "ordinal", target=lambda rows: rows["code"].eq(rows["code"].mode()[0]))
    found = explained(model_of(made), made.rows)
    assert {effect.feature: effect.levels for effect in found.effects} == {
        feature.name: feature.kind == "category" for feature in EVERY_KIND
    }
    assert found.dependence[0].feature == "code"
    assert all(each.levels == (each.feature in ("code", "region")) for each in found.dependence)


def test_values_that_the_capture_rules_keep_back_are_on_no_record() -> None:
    problem = make_problem("regression", features=numbers("a", "secret", "hashed"))
    rules = CaptureRules(drop=("secret",), hash=("hashed",))
    schema = problem.schema_.model_copy(update={"capture": rules})
    open_ = weighted(problem, a=1.0, secret=2.0, hashed=3.0)
    kept = Model(schema, open_.predict)
    rows = table("a", "secret", "hashed")
    effects = {effect.feature: effect for effect in explained(kept, rows).effects}
    for name in ("secret", "hashed"):
        assert effects[name].withheld
        assert {value for value, _ in effects[name].points} == {None}
        assert effects[name].mean_absolute > 0.0
    assert not effects["a"].withheld
    for challenger, champion in ((kept, open_), (open_, kept), (kept, None)):
        against = champion and Model(champion.schema, lambda columns: open_.predict(columns) * 2.0)
        [found] = drivers(challenger, against, [{"a": 1.0, "secret": 2.0, "hashed": 3.0}], rows, seed=SEED)
        assert {each.feature: each.value for each in found} == {"a": 1.0, "secret": None, "hashed": None}
        assert [each.feature for each in found if each.withheld] == ["hashed", "secret"]


def test_partial_dependence_of_a_sum_is_a_straight_line_of_the_weight_s_slope() -> None:
    problem = make_problem("regression", features=numbers("a", "b"))
    rows = table("a", "b")
    found = explained(weighted(problem, a=3.0, b=-1.0), rows, champion=weighted(problem, a=1.0, b=1.0))
    curves = {each.feature: each for each in found.dependence}
    for name, slope in (("a", 3.0), ("b", -1.0)):
        curve = curves[name]
        assert len(curve.values) == 20
        assert set(curve.values) <= set(rows[name])
        assert np.polyfit(np.array(curve.values, dtype=float), curve.outputs, 1)[0] == pytest.approx(slope, rel=1e-3)
        assert curve.champion is not None
        assert np.polyfit(np.array(curve.values, dtype=float), curve.champion, 1)[0] == pytest.approx(1.0, rel=1e-3)


def test_partial_dependence_of_levels_and_booleans_is_at_those_that_occur() -> None:
    made = fitted("gradient_boosting", "ordinal", target=lambda rows: rows["region"].eq("south") | rows["insured"])
    found = explained(model_of(made), made.rows)
    curves = {each.feature: each for each in found.dependence}
    assert curves["region"].values == ("north", "south", "west")
    assert curves["insured"].values == (False, True)
    assert curves["insured"].outputs[1] > curves["insured"].outputs[0] + 0.3
    assert max(curves["region"].outputs) == curves["region"].outputs[1]


def test_a_feature_without_an_effect_has_no_curve() -> None:
    problem = make_problem("regression", features=numbers("a", "idle"))
    found = explained(weighted(problem, a=1.0), table("a", "idle"))
    assert [each.feature for each in found.dependence] == ["a"]


def test_a_champion_that_does_not_know_a_feature_or_a_level_has_no_curve_for_it() -> None:
    ours = make_problem("regression", features=numbers("a", "new"))
    theirs = make_problem("regression", features=numbers("a"))
    found = explained(weighted(ours, a=1.0, new=1.0), table("a", "new"), champion=weighted(theirs, a=2.0))
    champions = {each.feature: each.champion for each in found.dependence}
    assert champions["a"] is not None
    assert champions["new"] is None
    missing = make_problem("regression", features=numbers("a", "gone"))
    found = explained(weighted(ours, a=1.0, new=1.0), table("a", "new"), champion=weighted(missing, a=2.0, gone=1.0))
    assert all(each.champion is None for each in found.dependence)


def altered(schema: Schema, name: str, changes: dict[str, Any]) -> Schema:
    features = tuple(f.model_copy(update=changes) if f.name == name else f for f in schema.features)
    return schema.model_copy(update={"features": features})


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("region", {"levels": ("north", "south")}),
        ("income", {"nullable": False}),
        ("age", {"name": "years"}),
        ("region", {"kind": "number", "levels": (), "minimum": 0.0, "maximum": 1.0}),
    ],
)
def test_rows_that_a_model_does_not_take_are_not_explained(name: str, changes: dict[str, Any]) -> None:
    made = fitted("linear", "one_hot")
    model = Model(altered(made.problem.schema_, name, changes), made.predictor.many)
    assert model_of(made).takes(made.rows)
    assert not model.takes(made.rows)
    assert explain(model, None, made.rows, explained=10, seed=SEED) is None
    assert explain(model, None, made.rows.head(0), explained=10, seed=SEED) is None
    assert drivers(model, None, rows_of(made.problem, made.rows.head(2)), made.rows, seed=SEED) == [(), ()]


def test_the_same_seed_gives_the_same_document_and_numpy_s_own_state_stays() -> None:
    made = fitted("gradient_boosting", "ordinal")
    np.random.seed(5)
    before = np.random.get_state()[1].tolist()  # type: ignore[index]
    first = explained(model_of(made), made.rows)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]
    np.random.seed(6)
    assert explained(model_of(made), made.rows) == first
    assert explained(model_of(made), made.rows, seed=SEED + 1) != first
    assert "Lundberg" in first.method
    assert json.loads(first.model_dump_json())


def test_it_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    problem = make_problem("regression", features=numbers("a", "b"))
    explained(weighted(problem, a=1.0, b=2.0), table("a", "b"))
    assert capfd.readouterr() == ("", "")


def test_what_drives_a_change_is_the_feature_that_the_models_weigh_differently() -> None:
    problem = make_problem("regression", features=numbers("a", "b", "c"))
    background = table("a", "b", "c")
    rows = [{"a": 2.0, "b": 2.0, "c": 1.0}, {"a": 0.0, "b": -3.0, "c": 2.0}]
    ours, theirs = weighted(problem, a=1.0, b=5.0, c=1.0), weighted(problem, a=1.0, b=1.0, c=1.5)
    found = drivers(ours, theirs, rows, background, seed=SEED)
    assert [[each.feature for each in each_row] for each_row in found] == [["b", "c"], ["b", "c"]]
    first = found[0][0]
    assert first.value == 2.0
    assert first.champion is not None
    mean = (first.challenger - 10.0) / -5.0
    assert first.challenger - first.champion == pytest.approx(4.0 * (2.0 - mean), rel=1e-4)


def test_a_feature_that_one_model_does_not_have_drives_with_the_other_s_part_alone() -> None:
    ours = make_problem("regression", features=numbers("a", "new"))
    theirs = make_problem("regression", features=numbers("a", "old"))
    rows = [{"a": 1.0, "new": 3.0, "old": 5.0}]
    background = table("a", "new", "old")
    [found] = drivers(weighted(ours, a=1.0, new=1.0), weighted(theirs, a=1.0, old=1.0), rows, background, seed=SEED)
    assert [(each.feature, each.value) for each in found] == [("old", 5.0), ("new", 3.0)]
    assert found[0].challenger == 0.0
    assert found[1].champion == 0.0


def test_without_a_champion_the_largest_parts_drive_and_five_are_enough() -> None:
    names = [f"f{n}" for n in range(8)]
    problem = make_problem("regression", features=numbers(*names))
    model = weighted(problem, **{name: float(n + 1) for n, name in enumerate(names)})
    [found] = drivers(model, None, [dict.fromkeys(names, 9.0)], table(*names), seed=SEED)
    assert [each.feature for each in found] == ["f7", "f6", "f5", "f4", "f3"]
    assert all(each.champion is None for each in found)
    cannot = weighted(make_problem("regression", features=numbers("gone")), gone=1.0)
    assert drivers(model, cannot, [dict.fromkeys(names, 9.0)], table(*names), seed=SEED) == [found]


def test_no_rows_have_no_drivers() -> None:
    made = fitted("linear", "one_hot")
    assert drivers(model_of(made), model_of(made), [], made.rows.drop(columns=TARGET), seed=SEED) == []
