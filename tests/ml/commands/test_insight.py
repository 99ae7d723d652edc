"""What a person types to see what drives a version, and to have an answer computed again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from ml.commands.insight import explain, reproduce
from ml.errors import UserError
from ml.io.registry import Registry
from ml.io.runs import log_run
from ml.io.tables import HOLDOUT, write_table
from ml.io.workspace import Workspace
from service.settings import Settings
from tests.service.running import running
from tests.support.captured import rewrite
from tests.support.models import Fitted, fitted
from tests.support.runs import training_run
from tests.support.sealed import sealed
from tests.support.workspaces import make_workspace

pytestmark = pytest.mark.xdist_group("mlflow-embedded")

MADE = fitted("gradient_boosting", "ordinal", "regression", target=lambda rows: rows["age"] + 50.0 * rows["insured"])
ROW = MADE.problem.schema_.example


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """`toy` version 1 is the champion: a regression that age and insured drive."""
    folder = tmp_path_factory.mktemp("checkout")
    workspace = make_workspace(folder / "root", MADE.problem)
    log_run(workspace.tracking, training_run(folder, name="toy", bundle=sealed(MADE, folder / "sealed")))
    Registry(workspace.tracking, "toy").promote(1, expected=None, by="a test")
    return workspace


@pytest.fixture(autouse=True)
def workspace(checkout: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The one that the commands find."""
    monkeypatch.chdir(checkout.root)
    for name in ("MLFLOW_TRACKING_URI", "EVERGREEN_CAPTURE", "EVERGREEN_CAPTURE_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    return checkout


@pytest.fixture
def holdout(workspace: Workspace) -> Any:
    path = workspace.work("toy") / HOLDOUT
    write_table(path, MADE.rows.head(200))
    yield path
    path.unlink()


def answered(workspace: Workspace) -> str:
    """The id of a request that the real service answered and captured."""
    settings = Settings(
        model="toy",
        tracking_uri=workspace.tracking.uri,
        cache=workspace.bundles,
        capture=workspace.captured,
        capture_seconds=3600.0,
        poll_seconds=3600.0,
    )
    with running(settings) as client:
        return str(client.post("/predict", json=ROW).json()["request_id"])


def code_of(what: str, **options: Any) -> int:
    try:
        reproduce(what, **options)
    except typer.Exit as done:
        return done.exit_code
    return 0


def test_a_version_is_explained_on_held_out_rows(holdout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    explain("toy/1", json=True)
    document = json.loads(capsys.readouterr().out)
    assert (document["problem"], document["version"], document["rows"]) == ("toy", 1, "held-out rows")
    effects = document["explanation"]["effects"]
    assert {effect["feature"] for effect in effects[:2]} == {"age", "insured"}
    assert effects[0]["share"] + effects[1]["share"] > 0.95
    assert document["explanation"]["rows"] == 20


def test_a_person_reads_a_table_with_bars_and_where_the_output_goes(
    holdout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    explain("toy/1")
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert "toy version 1, outcome, on 20 held-out rows" in lines[0]
    [first] = [line for line in lines if line.count("\N{FULL BLOCK}") == 24]
    assert "age" in first or "insured" in first
    [curve] = [line for line in lines if line.startswith("insured: from ")]
    assert curve.split()[-3:] == [curve.split()[-3], "at", "True"]
    assert "mean output of the 50 background rows" in said


def test_without_held_out_rows_the_bundle_s_golden_rows_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    explain("toy/1", json=True)
    assert json.loads(capsys.readouterr().out)["rows"] == "golden rows of the bundle"


def test_held_out_rows_of_another_schema_give_way_to_the_golden_rows(
    holdout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(holdout, MADE.rows.head(200).drop(columns="age"))
    explain("toy/1", json=True)
    assert json.loads(capsys.readouterr().out)["rows"] == "golden rows of the bundle"


def test_one_row_s_parts_and_the_base_add_up_to_what_is_served(
    holdout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    explain("toy/1", row=json.dumps({**ROW, "age": 90.0, "insured": True}), json=True)
    document = json.loads(capsys.readouterr().out)
    parts = {part["feature"]: part["part"] for part in document["parts"]}
    assert document["base"] + sum(parts.values()) == pytest.approx(document["output"], abs=1e-9)
    predictor = Fitted(MADE.problem, MADE.rows, MADE.pipeline, MADE.exported).predictor
    assert document["output"] == pytest.approx(predictor.one({**ROW, "age": 90, "insured": True}), abs=1e-9)
    assert [part["feature"] for part in document["parts"]][:2] in (["age", "insured"], ["insured", "age"])
    assert {part["feature"]: part["value"] for part in document["parts"]}["age"] == 90
    explain("toy/1", row=json.dumps(ROW))
    said = capsys.readouterr().out
    assert "(missing)" in said
    assert "add up to" in said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (json.dumps({**ROW, "age": 300}), r"age: .* less than or equal to 120, given 300"),
        (json.dumps({"age": 30}), r"income: Field required"),
        ("{", r"the rows: Invalid JSON"),
    ],
)
def test_a_row_that_the_version_does_not_take_is_refused_in_one_sentence(row: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        explain("toy/1", row=row)


@pytest.mark.parametrize(
    ("which", "said"),
    [("toy", "names no version"), ("toy/9", "toy has no version 9"), ("shoes/1", "no problem named 'shoes'")],
)
def test_what_is_not_there_is_named(which: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        explain(which)


def test_an_answer_is_computed_again_and_the_way_to_it_is_shown(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    request_id = answered(workspace)
    assert code_of(request_id) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "same: the same output, bit for bit (one row)"
    assert said[1].startswith("  answered 20")
    assert said[1].endswith(f"by version 1 of toy ({Registry(workspace.tracking, 'toy').version(1).digest[:12]})")
    assert said[2] == "  code 0123456789ab, not known to git here, with changes that were not committed"
    data = Registry(workspace.tracking, "toy").version(1).tags["evergreen.data_digest"][:12]
    assert said[3] == f"  data {data}, of which DVC was told nothing"
    before, mark, after = said[4].removeprefix("  row 0: ").split()
    assert (before, mark) == (after, "=")
    assert code_of(request_id, json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["outputs"][0]["same"], document["version"]) == ("same", True, 1)


def test_an_answer_that_differs_and_one_that_is_missing_have_codes_of_their_own(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    request_id = answered(workspace)
    rewrite(workspace.captured, lambda lines: [line | {"prediction": 1.0} for line in lines])
    assert code_of(request_id) == 3
    assert code_of("nobody") == 2
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("differs: 1 of 1 outputs differ, by up to ")
    assert any("\N{NOT EQUAL TO}" in line for line in rest)
    assert rest[-1].startswith("missing: no request nobody is in the capture folder since ")


def test_a_search_is_bounded_by_a_day(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    request_id = answered(workspace)
    assert code_of(request_id, since="2999-01-01") == 2
    assert code_of(request_id, since="2026-01-01") == 0
    with pytest.raises(UserError, match="--since 'monday' is no day; write it as YYYY-MM-DD"):
        reproduce(request_id, since="monday")
    assert "since 2999-01-01 00:00 UTC" in capsys.readouterr().out


def test_what_is_neither_an_id_nor_a_version_is_refused() -> None:
    with pytest.raises(UserError, match="is neither a request's id nor a PROBLEM/VERSION"):
        reproduce("what is this?")
    with pytest.raises(UserError, match="names no version; write PROBLEM/VERSION"):
        reproduce("toy/latest")
