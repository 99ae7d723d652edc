"""From a container definition to a process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from twin.emulator import containers
from twin.emulator.container_definitions import of_template
from twin.folder import ROOT, Twin
from twin.programs import Program

SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:login-abc123"
SCRATCH = "/scratch"
WORD = f"{SCRATCH}/{containers.ANY}"
PROGRAM = Program(
    "service", (), ("python", "-m", "service"), {"EVERGREEN_CACHE": f"{SCRATCH}/evergreen", "HOME": SCRATCH}, "/app"
)
DEFINITION: dict[str, Any] = {
    "name": "Service",
    "environment": [{"name": "EVERGREEN_HOST", "value": containers.ANY}],
    "mountPoints": [{"containerPath": SCRATCH, "sourceVolume": "scratch"}],
    "portMappings": [{"containerPort": 8000}],
}


@pytest.fixture
def twin(tmp_path: Path) -> Twin:
    return Twin(folder=tmp_path, gateway=4566, pipeline=4567, block="127.80.0", token="t")


def started(twin: Twin, definition: dict[str, Any] | None = None, **given: Any) -> containers.Start:
    parts: dict[str, Any] = {"override": {}, "program": PROGRAM, "secrets": {}, "credentials": {}} | given
    task = twin.folder / "tasks/1"
    return containers.start(definition or DEFINITION, address="127.80.0.100", twin=twin, task=task, **parts)


def test_a_container_without_a_command_runs_its_image(twin: Twin) -> None:
    assert started(twin).command == ("python", "-m", "service")


def test_a_command_of_the_definition_goes_to_the_entry_point_of_the_image(twin: Twin) -> None:
    program = Program("training", ("python", "-m", "ml.cli"), ("--help",))
    assert started(twin, DEFINITION | {"command": ["train"]}, program=program).command[-2:] == ("ml.cli", "train")


def test_an_entry_point_of_the_definition_drops_the_command_of_the_image(twin: Twin) -> None:
    assert started(twin, DEFINITION | {"entryPoint": ["sh"]}).command == ("sh",)


def test_an_override_replaces_command_and_variables(twin: Twin) -> None:
    override = {"command": ["sh"], "environment": [{"name": "EVERGREEN_HOST", "value": "else"}]}
    start = started(twin, override=override)
    assert (start.command, start.environment["EVERGREEN_HOST"]) == (("sh",), "else")


def test_what_binds_to_every_address_binds_to_the_task_alone(twin: Twin) -> None:
    assert started(twin).environment["EVERGREEN_HOST"] == "127.80.0.100"


def test_what_is_written_below_a_mount_point_lies_in_the_folder_of_the_task(twin: Twin) -> None:
    environment = started(twin).environment
    scratch = twin.folder / "tasks/1/scratch"
    assert environment["EVERGREEN_CACHE"] == str(scratch / "evergreen")
    assert environment["TMPDIR"] == environment["HOME"] == str(scratch)


def test_the_working_folder_is_the_checkout_unless_the_image_works_in_its_scratch(twin: Twin) -> None:
    assert started(twin).folder == ROOT
    mlflow = Program("mlflow", folder=SCRATCH)
    assert started(twin, program=mlflow).folder == twin.folder / "tasks/1/scratch"


def test_nothing_of_the_emulator_but_its_path_reaches_a_task(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of somebody else")
    monkeypatch.setenv("PATH", "/usr/bin")
    environment = started(twin, credentials={"AWS_ACCESS_KEY_ID": "ASIA"}).environment
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == "ASIA"
    assert environment["PATH"] == f"{ROOT / '.venv/bin'}:/usr/bin"


def test_a_secret_reaches_the_process_as_it_is(twin: Twin) -> None:
    assert started(twin, secrets={"PGPASSWORD": WORD}).environment["PGPASSWORD"] == WORD


def test_secrets_are_told_from_parameters_and_fields_from_whole_values() -> None:
    definition = {
        "secrets": [
            {"name": "FIELD", "valueFrom": f"{SECRET}:password::"},
            {"name": "WHOLE", "valueFrom": SECRET},
            {"name": "PARAMETER", "valueFrom": "arn:aws:ssm:us-east-1:000000000000:parameter/a/b"},
        ]
    }
    field, whole, parameter = containers.secret_references(definition)
    assert (field.secret, field.key, whole.secret, whole.key) == (SECRET, "password", SECRET, "")
    assert (parameter.secret, parameter.parameter) == ("/a/b", True)


def test_the_health_check_of_our_images_is_understood() -> None:
    command = ["CMD", "python", "-I", "-S", "/opt/healthy.py", "5000", "/health"]
    check = containers.check({"healthCheck": {"command": command, "interval": 15, "startPeriod": 120}})
    assert check is not None
    assert (check.port, check.path, check.interval, check.start_period) == (5000, "/health", 15, 120)
    assert containers.check({}) is None


def test_another_health_check_is_refused_rather_than_passed_over() -> None:
    with pytest.raises(ValueError, match="curl"):
        containers.check({"healthCheck": {"command": ["CMD-SHELL", "curl localhost"]}})


def test_a_stream_is_named_after_its_container_and_task() -> None:
    options = {"awslogs-group": "/group", "awslogs-stream-prefix": "task"}
    definition = {"name": "Mlflow", "logConfiguration": {"logDriver": "awslogs", "options": options}}
    assert containers.log_target(definition, "1f") == containers.LogTarget("/group", "task/Mlflow/1f")


def test_words_of_a_template_become_those_of_ecs_and_names_in_it_stay() -> None:
    definition = {
        "Secrets": [{"Name": "PGPASSWORD", "ValueFrom": SECRET}],
        "HealthCheck": {"StartPeriod": 120},
        "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "G"}},
        "DockerLabels": {"Owner": "me"},
    }
    (found,) = of_template([definition])
    assert found["secrets"] == [{"name": "PGPASSWORD", "valueFrom": SECRET}]
    assert found["healthCheck"] == {"startPeriod": 120}
    assert found["logConfiguration"]["options"] == {"awslogs-group": "G"}
    assert found["dockerLabels"] == {"Owner": "me"}
