"""What proving takes from the registry: a champion that is left out by its name, and a person's last no."""

from __future__ import annotations

import pytest

from ml.approval import RefusedError, approve, reject
from ml.core.record import Decision
from ml.errors import UserError
from ml.io import tags
from ml.io.registry import Registry
from ml.io.runs import log_run
from ml.io.tables import HOLDOUT, write_table
from ml.io.workspace import Workspace
from ml.prove import prove
from tests.support.models import fitted
from tests.support.runs import rows, training_run
from tests.support.sealed import sealed
from tests.support.workspaces import make_workspace

pytestmark = pytest.mark.xdist_group("mlflow-embedded")
MADE = fitted("linear", "one_hot")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Version 1 is the champion, and version 2 better than nothing."""
    folder = tmp_path_factory.mktemp("checkout")
    made = make_workspace(folder / "root", MADE.problem)
    log_run(made.tracking, training_run(folder, name="toy", offset=0.1))
    log_run(made.tracking, training_run(folder, name="toy", offset=0.2, bundle=sealed(MADE, folder / "sealed")))
    Registry(made.tracking, "toy").promote(1, expected=None, by="ada")
    write_table(made.work("toy") / HOLDOUT, MADE.rows.head(200))
    return made


def failed(decision: Decision) -> list[str]:
    return [each.text for each in decision.reasons if each.rule == "rolled_back" and not each.passed]


def test_a_no_stands_until_a_person_asks_again_and_a_champion_left_out_is_named(workspace: Workspace) -> None:
    registry = Registry(workspace.tracking, "toy")
    reject(registry, 2, by="grace", why="wait for June")
    alone = prove(workspace, MADE.problem, 2, alone=True).decision
    [said] = failed(alone)
    assert "by grace: wait for June" in said
    assert (alone.champion, alone.left_out) == (None, "1")
    with pytest.raises(RefusedError, match="was judged and refused"):
        approve(registry, 2, by="ada", why="a test")
    again = prove(workspace, MADE.problem, 2, alone=True, again=True).decision
    assert failed(again) == []
    assert again.left_out == "1"


def test_a_champion_that_can_score_the_rows_is_not_left_out(workspace: Workspace) -> None:
    path = workspace.work("toy") / HOLDOUT
    write_table(path, rows())
    try:
        with pytest.raises(UserError, match="version 1, can score the rows; prove version 2 against it, without --alo"):
            prove(workspace, MADE.problem, 2, alone=True)
    finally:
        write_table(path, MADE.rows.head(200))


def test_made_up_rows_are_no_way_past_a_real_champion_that_cannot_score(workspace: Workspace) -> None:
    registry = Registry(workspace.tracking, "toy")
    registry.tag(1, {tags.SYNTHETIC: "false"})
    try:
        with pytest.raises(UserError, match="version 2 learnt from made-up rows"):
            prove(workspace, MADE.problem, 2, alone=True)
    finally:
        registry.tag(1, {tags.SYNTHETIC: "true"})
