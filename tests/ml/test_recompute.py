"""The whole way back: a service of a registered version answers, and its answers come out again, bit for bit."""

from __future__ import annotations

import json
import math
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from ml.core.frame import rows_of
from ml.io.registry import Registry
from ml.io.runs import log_run
from ml.io.workspace import Workspace
from ml.recompute import Recomputed, recompute
from service.bundle import Bundle, read_bundle
from service.predictor import load_predictor
from service.schema import CaptureRules
from service.settings import Settings
from tests.service.running import running
from tests.support.bundles import FEATURES, ROWS, write_bundle
from tests.support.captured import rewrite
from tests.support.models import fitted
from tests.support.problems import make_problem
from tests.support.runs import training_run
from tests.support.sealed import sealed
from tests.support.workspaces import commit_of, make_workspace

pytestmark = pytest.mark.xdist_group("mlflow-embedded")

SINCE = datetime.now(UTC) - timedelta(hours=1)
TREES = fitted("gradient_boosting", "ordinal").problem.model_copy(update={"name": "trees"})


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """`toy` version 1, a linear model, and `trees` version 1, both released."""
    folder = tmp_path_factory.mktemp("checkout")
    made = make_workspace(folder / "root", make_problem(features=FEATURES), TREES)
    commit = commit_of(made)
    made_of = fitted("gradient_boosting", "ordinal")
    boosted = sealed(type(made_of)(TREES, made_of.rows, made_of.pipeline, made_of.exported), folder / "trees")
    for run in (
        training_run(folder, name="toy", commit=commit, dirty=False),
        training_run(folder, name="trees", bundle=boosted, commit="0" * 40),
    ):
        log_run(made.tracking, run)
        Registry(made.tracking, run.name).promote(1, expected=None, by="a test")
    return made


@pytest.fixture(autouse=True)
def captured_here(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("EVERGREEN_CAPTURE", "EVERGREEN_CAPTURE_BUCKET"):
        monkeypatch.delenv(name, raising=False)
    yield
    shutil.rmtree(workspace.captured, ignore_errors=True)


@contextmanager
def serving(workspace: Workspace, **settings: Any) -> Iterator[httpx.Client]:
    """The champion of `toy`, or what the settings name; everything is captured when the block ends."""
    named: dict[str, Any] = {
        "tracking_uri": workspace.tracking.uri,
        "cache": workspace.bundles,
        "capture": workspace.captured,
        "capture_seconds": 3600.0,
        "poll_seconds": 3600.0,
    }
    with running(Settings(**({"model": "toy"} | named | settings))) as client:
        yield client


def batch(client: httpx.Client, rows: list[dict[str, Any]]) -> Any:
    return client.post("/predict/batch", json={"rows": rows}).json()


def again(workspace: Workspace, answer: Any) -> Recomputed:
    return recompute(workspace, answer["request_id"], since=SINCE)


def test_an_answer_comes_out_again_with_the_model_the_data_and_the_code_behind_it(workspace: Workspace) -> None:
    with serving(workspace) as client:
        body = '{"Age": 49.0, "Gender": "Male", "RegionID": 28, "Premium": 1.88505e3, "Insured": false}'
        answer = client.post("/predict", content=body).json()
    found = again(workspace, answer)
    [version] = Registry(workspace.tracking, "toy").versions()
    assert (found.status, found.said, found.way) == ("same", "the same output, bit for bit", "one row")
    assert (found.problem, found.version, found.digest) == ("toy", 1, answer["model"]["digest"])
    assert found.digest == version.digest
    [output] = found.outputs
    assert output.captured.hex() == output.recomputed.hex() == answer["probability"].hex()
    assert found.code is not None
    assert (found.code.commit, found.code.known, found.code.dirty) == (commit_of(workspace), True, False)
    assert (found.data_digest, found.data) == ("d", None)
    assert found.here == platform.machine()
    assert found.answered_at is not None
    assert abs(found.answered_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_every_row_of_a_batch_comes_out_again_in_its_order(workspace: Workspace) -> None:
    rows = [{**ROWS[n % 3], "Age": 18 + n % 80} for n in range(200)]
    with serving(workspace) as client:
        batch(client, rows[:50])
        answer = batch(client, rows)
    found = again(workspace, answer)
    assert (found.status, found.said, found.way) == ("same", "the same 200 outputs, bit for bit", "a batch of 200")
    assert [output.recomputed for output in found.outputs] == answer["probabilities"]
    assert [output.index for output in found.outputs] == list(range(200))


def test_a_batch_of_one_row_is_recomputed_as_one(workspace: Workspace) -> None:
    """A batch is summed up in another order than a row, which shows in the last bit of some outputs."""
    bundle = Registry(workspace.tracking, "toy").version(1)
    predictor = load_predictor(_fetched(workspace, bundle))
    row = next(
        row
        for row in ({**ROWS[0], "Age": age, "RegionID": region} for age in range(18, 100) for region in range(53))
        if predictor.one(row) != predictor.many({name: [value] for name, value in row.items()})[0]
    )
    with serving(workspace) as client:
        alone, together = client.post("/predict", json=row).json(), batch(client, [row])
    assert alone["probability"] != together["probabilities"][0]
    assert (again(workspace, alone).status, again(workspace, alone).way) == ("same", "one row")
    assert (again(workspace, together).status, again(workspace, together).way) == ("same", "a batch of 1")


def _fetched(workspace: Workspace, version: Any) -> Bundle:
    from ml.loop import bundle_of

    return bundle_of(workspace, version)


def test_trees_over_features_of_every_kind_come_out_again(workspace: Workspace) -> None:
    rows = rows_of(TREES, fitted("gradient_boosting", "ordinal").rows.tail(12))
    with serving(workspace, model="trees") as client:
        answers = [client.post("/predict", json=row).json() for row in rows]
        answers.append(batch(client, rows))
    for answer in answers:
        found = again(workspace, answer)
        assert (found.status, found.problem) == ("same", "trees")
        assert found.code is not None
        assert not found.code.known
    assert any(value is None for row in rows for value in row.values())


def test_a_service_of_a_folder_names_no_version_and_the_digest_leads_to_it(workspace: Workspace) -> None:
    version = Registry(workspace.tracking, "toy").version(1)
    with serving(workspace, model=None, bundle=_fetched(workspace, version).folder) as client:
        answer = client.post("/predict", json=ROWS[0]).json()
    assert answer["model"]["version"] is None
    found = again(workspace, answer)
    assert (found.status, found.version) == ("same", 1)


def test_an_output_that_was_another_by_one_bit_differs(workspace: Workspace) -> None:
    with serving(workspace) as client:
        answer = batch(client, list(ROWS))

    def change(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        lines[1]["probability"] = math.nextafter(lines[1]["probability"], 1.0)
        return lines

    rewrite(workspace.captured, change)
    found = again(workspace, answer)
    assert (found.status, found.way) == ("differs", "a batch of 3")
    assert found.said == f"1 of 3 outputs differ, by up to 1.11e-16; this is {platform.machine()}"
    assert [output.same for output in found.outputs] == [True, False, True]


def test_where_answers_differ_both_architectures_are_named(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "away", name="away").folder
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["provenance"]["machine"] = "sparc64"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    log_run(workspace.tracking, training_run(tmp_path, name="away", bundle=read_bundle(folder)))
    with serving(workspace, model=None, bundle=folder) as client:
        answer = client.post("/predict", json=ROWS[0]).json()
    assert (again(workspace, answer).status, again(workspace, answer).made_on) == ("same", "sparc64")
    rewrite(workspace.captured, lambda lines: [line | {"probability": 0.5} for line in lines])
    found = again(workspace, answer)
    assert found.status == "differs"
    assert found.said.endswith(f"; the bundle was made on sparc64, this is {platform.machine()}")


def test_a_request_that_was_not_captured_is_missing(workspace: Workspace) -> None:
    found = recompute(workspace, "nobody", since=datetime(2026, 11, 1, tzinfo=UTC))
    assert found.status == "missing"
    assert found.said == (
        "no request nobody is in the capture folder since 2026-11-01 00:00 UTC; "
        "a service writes what it captured every few seconds"
    )


def test_a_model_that_was_never_registered_is_missing(workspace: Workspace, tmp_path: Path) -> None:
    stranger = write_bundle(tmp_path / "stranger", offset=0.123)
    with serving(workspace, model=None, bundle=stranger.folder) as client:
        answer = client.post("/predict", json=ROWS[0]).json()
    found = again(workspace, answer)
    assert (found.status, found.version, found.digest) == ("missing", None, stranger.digest)
    assert found.said.startswith(f"the model that answered, {stranger.digest[:12]} of toy, is not registered at ")


def test_a_number_that_now_has_another_digest_is_no_match(workspace: Workspace) -> None:
    with serving(workspace) as client:
        answer = client.post("/predict", json=ROWS[0]).json()
    rewrite(workspace.captured, lambda lines: [line | {"digest": "f" * 64} for line in lines])
    found = again(workspace, answer)
    assert found.status == "missing"
    assert "ffffffffffff of toy, is not registered as version 1" in found.said


def test_features_that_the_rules_took_away_are_named(workspace: Workspace, tmp_path: Path) -> None:
    rules = CaptureRules(drop=("Gender",), hash=("Age",))
    hidden = write_bundle(tmp_path / "hidden", name="hidden", capture=rules)
    log_run(workspace.tracking, training_run(tmp_path, name="hidden", bundle=hidden))
    with serving(workspace, model=None, bundle=hidden.folder) as client:
        answer = client.post("/predict", json=ROWS[0]).json()
    found = again(workspace, answer)
    assert (found.status, found.version) == ("missing", 1)
    assert found.said == "the capture rules dropped or hashed 'Gender', 'Age', which the model needs"


def test_a_bundle_that_is_gone_is_missing_in_one_sentence(workspace: Workspace, tmp_path: Path) -> None:
    gone = write_bundle(tmp_path / "gone", name="gone")
    log_run(workspace.tracking, training_run(tmp_path, name="gone", bundle=gone))
    with serving(workspace, model=None, bundle=gone.folder) as client:
        answer = client.post("/predict", json=ROWS[0]).json()
    uri = Registry(workspace.tracking, "gone").version(1).bundle_uri
    shutil.rmtree(uri.removeprefix("file://"))
    found = again(workspace, answer)
    assert (found.status, found.version, found.digest) == ("missing", 1, gone.digest)
    assert found.said.startswith("bundle of gone version 1 cannot be read: it is not there")


@pytest.mark.parametrize("lost", [[0], [1], [0, 1]])
def test_a_batch_of_which_rows_were_lost_is_missing(workspace: Workspace, lost: list[int]) -> None:
    with serving(workspace) as client:
        answer = batch(client, list(ROWS))
    rewrite(workspace.captured, lambda lines: [line for line in lines if line["index"] not in lost])
    found = again(workspace, answer)
    assert found.status == "missing"
    assert "rows of the batch were captured whole; its file is damaged" in found.said
    assert found.outputs == ()


def test_the_remaining_beginning_of_a_batch_is_judged_only_where_it_comes_out_the_same(workspace: Workspace) -> None:
    with serving(workspace) as client:
        answer = batch(client, list(ROWS))

    def change(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [line | {"probability": line["probability"] / 2} for line in lines[:2]]

    rewrite(workspace.captured, change)
    found = again(workspace, answer)
    assert (found.status, found.outputs) == ("missing", ())
    assert found.said == "the file of the captured request is damaged, so the batch may have had more rows"
