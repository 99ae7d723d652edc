"""What a person types to say yes or no, and what they read about it afterwards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import typer

from ml.cli import status
from ml.commands import version_of
from ml.commands.approval import approve, history, reject
from ml.errors import UserError
from ml.io.registry import Registry
from ml.io.runs import log_run
from ml.io.workspace import Workspace
from tests.support.releases import aliases, judge
from tests.support.runs import training_run

pytestmark = pytest.mark.xdist_group("mlflow-embedded")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Flights in a checkout of its own: version 1 is the champion, version 2 may be released."""
    (tmp_path / "ml" / "problems").mkdir(parents=True)
    shutil.copy(ROOT / "ml" / "problems" / "flights.yaml", tmp_path / "ml" / "problems")
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "params.yaml").write_text("problems: [flights]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracking = Workspace.here().tracking
    for number in (1, 2):
        log_run(tracking, training_run(tmp_path, name="flights", offset=0.1 * number))
    registry = Registry(tracking, "flights")
    registry.promote(1, expected=None, by="ada")
    judge(registry, 2, against=1)
    return registry


def test_a_yes_is_carried_out_and_told(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    approve("flights/2", by="grace", why="it is better")
    digest = registry.version(2).digest
    assert capsys.readouterr().out == f"flights version 2 ({digest[:12]}) is released\n"
    approve("flights/2", by="grace", why="it is better", json=True)
    assert json.loads(capsys.readouterr().out) == {
        "problem": "flights", "version": 2, "digest": digest, "how": "already"
    }  # fmt: skip
    assert aliases(registry) == {"champion": 2, "previous": 1}


def test_what_is_refused_ends_with_the_code_of_a_policy_that_said_no(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    judge(registry, 2, against=1, verdict="reject")
    with pytest.raises(typer.Exit) as exit_:
        approve("flights/2", by="grace", why="a test")
    with pytest.raises(typer.Exit) as of_champion:
        reject("flights/1", by="grace", why="a test")
    assert (exit_.value.exit_code, of_champion.value.exit_code) == (3, 3)
    first, second = capsys.readouterr().err.splitlines()
    assert first == "error: flights version 2 was judged and refused: Worse: the gain is -0.1."
    assert second.startswith("error: flights version 1 is the champion")


def test_the_status_says_who_rejected_a_version_and_why(
    registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reject("flights/2", by="grace", why="too large")
    capsys.readouterr()
    status("flights", json=True)
    [found] = [each for each in json.loads(capsys.readouterr().out)["flights"] if each["version"] == 2]
    assert found["rejected"].endswith(" by grace: too large")
    monkeypatch.setenv("COLUMNS", "200")
    status("flights")
    assert "by grace: too large" in capsys.readouterr().out


def test_history_is_a_table_that_reads_nothing_of_what_people_wrote_as_markup(
    registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    approve("flights/2", by="[bold]grace[/]", why="[red]ok\x1b[31m[/nothing]", execution="pipeline/7")
    reject("flights/1", by="ada", why="too old")
    capsys.readouterr()
    history()
    said = capsys.readouterr().out
    assert "[bold]grace[/] in pipeline/7" in said
    assert "[red]ok\N{REPLACEMENT CHARACTER}[31m[/nothing]" in said
    assert "\x1b" not in said
    assert said.index("released") < said.index("grace") < said.index("rejected")
    history("flights", json=True)
    events = json.loads(capsys.readouterr().out)["flights"]
    assert [(event["happened"], event["version"], event["by"]) for event in events] == [
        ("released", 1, "ada"),
        ("released", 2, "[bold]grace[/]"),
        ("rejected", 1, "ada"),
    ]
    assert (events[1]["execution"], events[1]["decision_sha256"]) == (
        "pipeline/7",
        registry.version(2).tags["evergreen.decision_sha256"],
    )


def test_a_problem_without_a_release_has_no_history(
    tmp_path: Path, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "params.yaml").write_text("problems: [other]\n")
    (tmp_path / "ml" / "problems" / "other.yaml").write_text(
        (tmp_path / "ml" / "problems" / "flights.yaml").read_text().replace("name: flights", "name: other", 1)
    )
    history()
    assert capsys.readouterr().out == "other: nothing released yet\n"


def test_a_version_is_named_by_its_problem_and_its_number() -> None:
    assert version_of("flights/12") == ("flights", 12)


@pytest.mark.parametrize(
    "text",
    ["flights", "flights/", "/3", "flights/0", "flights/-1", "flights/3/4", "a b/3", "f/\N{SUPERSCRIPT TWO}", ""],
)
def test_what_names_no_version_is_told_in_one_sentence(text: str) -> None:
    with pytest.raises(UserError, match="names no version; write PROBLEM/VERSION, like flights/3"):
        version_of(text)
