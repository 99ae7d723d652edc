"""A checkout finds itself from any folder inside, and says what its files lack."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from ml.errors import UserError
from ml.io.tracking import Tracking
from ml.io.workspace import LOCK_FILE, Workspace

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A checkout of the files that a workspace reads."""
    shutil.copytree(REPOSITORY / "ml" / "problems", tmp_path / "ml" / "problems")
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copyfile(REPOSITORY / name, tmp_path / name)
    return Workspace(tmp_path, Tracking.embedded(tmp_path / "var"))


def test_it_is_found_from_any_folder_inside(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(workspace.root / "ml" / "problems")
    here = Workspace.here()
    assert here == workspace
    assert here.raw("toy") == workspace.root / "data" / "raw" / "toy"


def test_a_named_server_takes_the_place_of_the_embedded_store(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.chdir(workspace.root)
    assert Workspace.here().tracking == Tracking("http://127.0.0.1:1")


def test_the_artifacts_of_a_named_server_get_the_named_root(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("EVERGREEN_ARTIFACT_ROOT", "s3://artifacts/mlflow/")
    monkeypatch.chdir(workspace.root)
    assert Workspace.here().tracking == Tracking("http://127.0.0.1:1", artifact_root="s3://artifacts/mlflow")


def test_a_job_is_told_how_long_it_waits_for_its_server(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("EVERGREEN_TRACKING_PATIENCE", "300")
    monkeypatch.chdir(workspace.root)
    assert Workspace.here().tracking == Tracking("http://127.0.0.1:1", patience_seconds=300.0)
    monkeypatch.setenv("EVERGREEN_TRACKING_PATIENCE", "soon")
    with pytest.raises(UserError, match=r"must be a whole number of seconds \(given: 'soon'\)"):
        Workspace.here()


def test_outside_of_a_checkout_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"is not inside an Evergreen checkout: no dvc\.yaml with ml/problems beside it$"
    ):
        Workspace.here()


def test_a_problem_must_be_listed_to_be_used(workspace: Workspace) -> None:
    assert workspace.problem("housing").name == "housing"
    (workspace.root / "params.yaml").write_text("problems: [flights]\n")
    with pytest.raises(UserError, match=r"^problem 'housing' must be listed under problems in .*params\.yaml$"):
        workspace.problem("housing")


def test_a_wrong_problem_file_is_a_sentence_for_a_person(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="no problem named 'churn'"):
        workspace.problem("churn")


@pytest.mark.parametrize(
    "content", ["", "problems: [a\n", "problems: [flights]\nspeed: 3\n", "problems: [a]\nresamples: 1\n"]
)
def test_params_that_make_no_sense_are_named(workspace: Workspace, content: str) -> None:
    (workspace.root / "params.yaml").write_text(content)
    with pytest.raises(UserError, match=r"^\S+params\.yaml cannot be used: ") as refused:
        workspace.params()
    assert "\n" not in str(refused.value)


def test_the_environment_is_known_by_its_lock_file() -> None:
    lock = (REPOSITORY / LOCK_FILE).read_bytes()
    digest = Workspace(REPOSITORY, Tracking("sqlite://")).environment_digest()
    assert digest == hashlib.sha256(lock).hexdigest()
