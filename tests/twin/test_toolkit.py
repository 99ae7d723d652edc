"""The CLI gets a person's words, in the twin's surroundings, and its failures come with their cause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from twin import processes, toolkit
from twin.folder import Twin
from twin.toolkit import Toolkit, ToolkitError

TELLING = """#!/bin/sh
echo "$@" >> {folder}/words
env >> {folder}/environment
pwd >> {folder}/places
{script}
"""
FAILING = """
echo 'Dev-Storage | 1/9 | 1:02:03 AM | CREATE_FAILED | AWS::S3::Bucket | Dev/Storage/Raw (Raw1) Access denied'
echo '❌  Dev/Storage (Dev-Storage) failed: ToolkitError: creation failed'
exit 1
"""


@pytest.fixture
def twin(tmp_path: Path) -> Twin:
    return Twin(folder=tmp_path, gateway=20_001, pipeline=2, block="127.81.7", token="t")


def cdk(twin: Twin, monkeypatch: pytest.MonkeyPatch, script: str = "") -> Toolkit:
    """A CLI that notes how it was called."""
    path = twin.folder / "cdk"
    path.write_text(TELLING.format(folder=twin.folder, script=script))
    path.chmod(0o755)
    monkeypatch.setattr(toolkit, "CLI", path)
    return Toolkit(twin)


def words(twin: Twin) -> list[str]:
    return (twin.folder / "words").read_text().splitlines()


def test_every_stack_is_deployed_without_a_question(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    cdk(twin, monkeypatch).deploy(parameters=["Dev-Tracking:Image=tag"])
    (said,) = words(twin)
    assert said.startswith(f"deploy --app {twin.folder}/assembly **")
    assert "--require-approval never" in said
    assert "--parameters Dev-Tracking:Image=tag" in said


def test_the_environment_and_the_target_are_context(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    (twin.folder / "clone").mkdir()
    cdk(twin, monkeypatch).synth("dev", "apprunner", source=twin.folder / "clone")
    assert "--context environment=dev --context target=apprunner" in words(twin)[0]
    assert (twin.folder / "places").read_text().strip() == str(twin.folder / "clone")


def test_the_cli_trusts_the_twin_and_knows_no_profile(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    cdk(twin, monkeypatch).bootstrap()
    lines = (twin.folder / "environment").read_text().splitlines()
    assert f"NODE_EXTRA_CA_CERTS={twin.ca}" in lines
    assert f"HOME={twin.folder}/home" in lines
    assert not [line for line in lines if line.startswith("AWS_PROFILE")]


def test_a_failure_says_its_cause_and_where_to_look(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ToolkitError) as caught:
        cdk(twin, monkeypatch, FAILING).deploy()
    assert caught.value.reasons == ("Dev-Storage: Dev/Storage/Raw (AWS::S3::Bucket): Access denied",)
    assert str(caught.value).startswith("cdk deploy failed (1)\n  Dev-Storage: Dev/Storage/Raw")
    assert f"less {twin.folder}/logs/cdk-deploy.log" in str(caught.value)


def test_a_command_that_hangs_is_ended(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolkit, "MINUTES", 0.01)
    with pytest.raises(ToolkitError, match="was ended"):
        cdk(twin, monkeypatch, "exec sleep 60").destroy()
    assert list(processes.running(twin.folder)) == []


def test_progress_is_shown_while_it_happens(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    there = cdk(twin, monkeypatch, "echo 'Dev/Network (Dev-Network): deploying... [1/1]'; sleep 0.3")
    Toolkit(twin, lambda progress: seen.append(json.dumps(sorted(progress.stacks)))).deploy()
    assert there.assembly == twin.folder / "assembly"
    assert '["Dev-Network"]' in seen
