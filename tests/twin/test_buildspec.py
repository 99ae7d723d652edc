"""Builds follow their specification as CodeBuild would: which phases, in which shell, with which environment."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.twin.specifications import document
from twin.buildspec import BuildspecError, Files, follow, parse
from twin.emulator.build_commands import End, Shell, StoppedError
from twin.emulator.build_order import Location, environment, order
from twin.emulator.build_phases import PhaseError, Phases
from twin.folder import Twin

PROJECT: dict[str, Any] = {
    "name": "Train",
    "arn": "arn:aws:codebuild:us-east-1:000000000000:project/Train",
    "serviceRole": "arn:aws:iam::000000000000:role/Train",
    "source": {"type": "CODEPIPELINE", "buildspec": "{}"},
    "timeoutInMinutes": 5,
    "environment": {
        "image": "000000000000.dkr.ecr.us-east-1.amazonaws.com/dev-registry-training1dbe9c16-x:tag",
        "environmentVariables": [{"name": "PROBLEM", "value": "flights"}, {"name": "BUCKET", "value": "raw"}],
    },
    "logsConfig": {"cloudWatchLogs": {"status": "ENABLED", "groupName": "/jobs"}},
    "vpcConfig": {"vpcId": "vpc-1", "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]},
}
ASKED: dict[str, Any] = {
    "projectName": "Train",
    "sourceVersion": "arn:aws:s3:::store/P/Source/abc",
    "secondarySourcesVersionOverride": [
        {"sourceIdentifier": "Trained", "sourceVersion": "arn:aws:s3:::store/P/Trai/x"}
    ],
    "artifactsOverride": {"type": "CODEPIPELINE", "location": "arn:aws:s3:::store/P/Out/y"},
    "environmentVariablesOverride": [{"name": "PROBLEM", "value": "housing", "type": "PLAINTEXT"}],
}
TWIN = Twin(folder=Path("/twin"), gateway=1, pipeline=2, block="127.9.9", token="t")


@pytest.mark.parametrize(
    ("failing", "ran", "artifacts"),
    [
        (None, ["install", "pre_build", "build", "post_build"], True),
        ("build", ["install", "pre_build", "build", "post_build"], True),
        ("pre_build", ["install", "pre_build"], False),
        ("install", ["install"], False),
    ],
)
def test_only_a_failed_build_still_has_its_last_phase_and_its_artifacts(
    failing: str | None, ran: list[str], artifacts: bool
) -> None:
    seen: list[str] = []

    def run(name: str) -> bool:
        seen.append(name)
        return name != failing

    assert follow(run) is artifacts
    assert seen == ran


def test_a_specification_is_read_with_what_it_exports_and_leaves() -> None:
    spec = parse(document(exported=["VERSION"], files=["dvc.lock", "trained.json"], build=["true"]))
    assert spec.exported == ("VERSION",)
    assert spec.files == Files(("dvc.lock", "trained.json"))
    assert spec.phases["build"].commands == ("true",)
    assert spec.phases["post_build"].commands == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 0.1", "version 0.1"),
        ("version: 0.2\nenv: {shell: powershell}", "shell"),
        ("version: 0.2\nreports: {}", "reports"),
        ("version: 0.2\nenv: {shell: bash}\nphases: {build: {commands: [{echo: x}]}}", "colon"),
        ("[", "YAML"),
    ],
)
def test_what_the_builds_do_not_know_is_refused(text: str, said: str) -> None:
    with pytest.raises(BuildspecError, match=said):
        parse(text)


def test_artifacts_are_chosen_by_pattern(tmp_path: Path) -> None:
    for name in ("out/a.txt", "out/deep/b.txt", "out/c.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert set(Files(("**/*.txt",), base="out").select(tmp_path)) == {"a.txt", "deep/b.txt"}
    assert set(Files(("out/**/*",), flat=True, excluded=("**/*.log",)).select(tmp_path)) == {"a.txt", "b.txt"}
    assert Files(("missing",)).select(tmp_path) == {}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return _shell(tmp_path, End(threading.Event(), time.monotonic() + 30))


def _shell(folder: Path, end: End) -> Shell:
    (folder / "src/below").mkdir(parents=True)
    return Shell(
        folder,
        "build",
        folder=folder / "shell",
        log=folder / "log",
        environment={"PATH": "/usr/bin:/bin", "GIVEN": "yes"},
        begin=folder / "src",
        end=end,
    )


def test_a_command_goes_on_where_the_last_one_ended(shell: Shell, tmp_path: Path) -> None:
    assert shell.run("cd below; LINES_=$'two\nlines'; PLAIN=1; export TOLD='a \"b\" $c'") == 0
    assert shell.run('pwd; test "$LINES_" = $\'two\nlines\' && test "$PLAIN" = 1 && test -z "$(printenv PLAIN)"') == 0
    assert shell.exported(["TOLD", "PLAIN", "ABSENT"]) == {"TOLD": 'a "b" $c'}
    assert (tmp_path / "log").read_text() == f"{tmp_path}/src/below\n"


def test_an_exit_ends_a_command_and_not_the_build(shell: Shell) -> None:
    assert shell.run("export KEPT=1; exit 3") == 3
    assert shell.run('test "$KEPT" = 1 && test "$CODEBUILD_BUILD_SUCCEEDING" = 0', succeeding=False) == 0
    assert shell.run("if") != 0


def test_a_command_gets_nothing_but_its_environment(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "yes")
    assert shell.run('test -z "$LEAKED" && test "$GIVEN" = yes') == 0


@pytest.mark.parametrize("status", ["STOPPED", "TIMED_OUT"])
def test_a_build_that_is_stopped_or_late_ends_its_command(status: str, tmp_path: Path) -> None:
    end = End(threading.Event(), time.monotonic() + (0.2 if status == "TIMED_OUT" else 30))
    shell = _shell(tmp_path, end)
    if status == "STOPPED":
        threading.Timer(0.1, end.asked.set).start()
    with pytest.raises(StoppedError) as ended:
        shell.run("sleep 30")
    assert ended.value.status == status
    assert list((tmp_path / "processes").iterdir()) == []


def test_a_phase_says_how_it_ended_and_why() -> None:
    record: dict[str, Any] = {}
    lines: list[str] = []
    phases = Phases(record, lines.append)
    with pytest.raises(PhaseError), phases.phase("BUILD"):
        raise PhaseError("COMMAND_EXECUTION_ERROR", "exit status 3")
    phases.complete("FAILED")
    build, completed = record["phases"]
    assert build["phaseStatus"] == "FAILED"
    assert build["contexts"] == [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "exit status 3"}]
    assert (completed["phaseType"], record["buildStatus"], record["buildComplete"]) == ("COMPLETED", "FAILED", True)
    assert lines[0] == "Phase complete: BUILD State: FAILED"


def test_an_order_takes_sources_and_artifacts_from_the_pipeline() -> None:
    build = order(PROJECT, ASKED, id_="Train:u-1", arn="arn", number=3, initiator="codepipeline/P", now=1.5)
    assert build.source == Location("store", "P/Source/abc")
    assert build.secondary == {"Trained": Location("store", "P/Trai/x")}
    assert build.artifacts == {"": Location("store", "P/Out/y")}
    assert (build.minutes, build.log_group, build.uuid) == (5, "/jobs", "u-1")
    assert build.network is not None
    assert build.own_image is not None


def test_the_environment_is_the_images_the_projects_and_codebuilds_and_no_one_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAKED", "yes")
    build = order(PROJECT, ASKED, id_="Train:u-1", arn="arn", number=3, initiator="codepipeline/P", now=1.5)
    given = environment(
        build,
        TWIN,
        folder=tmp_path,
        credentials={"AccessKeyId": "key", "SecretAccessKey": "secret", "SessionToken": "session"},
        variables={"PROBLEM": "housing"},
        folders={"": tmp_path / "src", "Trained": tmp_path / "trained"},
        commit="c0ffee",
    )
    assert "LEAKED" not in given
    assert given["DVC_SITE_CACHE_DIR"] == str(tmp_path / "tmp/dvc")
    assert given["CODEBUILD_INITIATOR"] == "codepipeline/P"
    assert given["CODEBUILD_SRC_DIR_Trained"] == str(tmp_path / "trained")
    assert given["CODEBUILD_RESOLVED_SOURCE_VERSION"] == "c0ffee"
    assert given["AWS_SESSION_TOKEN"] == "session"
    assert given["PATH"].split(":")[0].endswith(".venv/bin")
    assert given["PROBLEM"] == "housing"
