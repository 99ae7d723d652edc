"""The service understands what the serving stacks tell it, and listens where they ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ops.values import flat
from service.capture.uploader import PREFIX
from service.routes import health
from service.settings import Settings
from stacks.serving.apprunner import AppRunnerServing
from stacks.serving.ecs import EcsServing
from stacks.serving.program import SCRATCH
from stacks.serving.target import ALIVE, HEALTH, PORT
from stacks.sizes import InstanceSize, TaskSize
from tests.support.serving import PROBLEMS, endings, properties, shared, statements
from tests.support.stacks import ROOT, Neighbours, template_of


@pytest.fixture(scope="module")
def containers() -> list[tuple[dict[str, str], set[str]]]:
    """Variables, and names of secret variables, of every container of both targets."""
    tasks = properties(template_of(_ecs), "AWS::ECS::TaskDefinition")
    services = properties(template_of(_app_runner), "AWS::AppRunner::Service")
    images = [service["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"] for service in services]
    return [
        *(_read(one["Environment"], one["Secrets"]) for task in tasks for one in task["ContainerDefinitions"]),
        *(_read(one["RuntimeEnvironmentVariables"], one["RuntimeEnvironmentSecrets"]) for one in images),
    ]


def _ecs(stage: Any, neighbours: Neighbours) -> EcsServing:
    return EcsServing(
        stage,
        "Serving",
        size=TaskSize(cpu=256, memory=512, tasks=(1, 2)),
        requests=1000,
        canary=None,
        certificate=None,
        domain=None,
        access_logs=neighbours.bucket("AccessLogs"),
        prometheus=None,
        **shared(neighbours, credentials=True),
    )


def _app_runner(stage: Any, neighbours: Neighbours) -> AppRunnerServing:
    size = InstanceSize(cpu=256, memory=512, instances=(1, 2), concurrency=50)
    return AppRunnerServing(stage, "Serving", size=size, **shared(neighbours, credentials=True))


def _read(variables: list[dict[str, Any]], secrets: list[dict[str, str]]) -> tuple[dict[str, str], set[str]]:
    return {pair["Name"]: flat(pair["Value"]) for pair in variables}, {secret["Name"] for secret in secrets}


def test_both_targets_say_the_same(containers: list[tuple[dict[str, str], set[str]]]) -> None:
    assert len(containers) == 2 * len(PROBLEMS)
    for problem in PROBLEMS:
        first, second = [one for one in containers if one[0]["EVERGREEN_MODEL"] == problem]
        assert first == second


def test_the_service_understands_every_variable(
    containers: list[tuple[dict[str, str], set[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variables, secrets in containers:
        given = {**variables, **dict.fromkeys(secrets, "hidden")}
        assert {name.removeprefix("EVERGREEN_").lower() for name in given} <= set(Settings.model_fields)
        with monkeypatch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            settings = Settings()
        assert settings.model == variables["EVERGREEN_MODEL"]
        assert "Capture" in settings.capture_bucket
        assert (settings.host, settings.port) == ("0.0.0.0", PORT)  # noqa: S104
        assert (settings.tracking_username, settings.tracking_password.get_secret_value()) == ("hidden", "hidden")


def test_rows_are_kept_where_the_container_may_write(containers: list[tuple[dict[str, str], set[str]]]) -> None:
    for variables, _ in containers:
        assert {Path(variables[f"EVERGREEN_{name}"]).parent for name in ("CAPTURE", "CACHE")} == {Path(SCRATCH)}


def test_the_role_may_write_where_the_service_does() -> None:
    written = [
        endings(one)
        for one in statements(template_of(_ecs), "LateFlightsTaskTaskRole")
        if "s3:PutObject" in one["Action"]
    ]
    assert written == [[f"/{PREFIX}/late_flights/*"]]


def test_the_image_holds_what_the_task_relies_on() -> None:
    dockerfile = (ROOT / "docker" / "service.Dockerfile").read_text()
    [task, _] = properties(template_of(_ecs), "AWS::ECS::TaskDefinition")
    [container] = task["ContainerDefinitions"]
    _, *command = container["HealthCheck"]["Command"]
    assert f"CMD {json.dumps(command)}" in dockerfile
    # Without it, Fargate gives the mounted folder to root and the service's user cannot write there.
    assert f"VOLUME {json.dumps([container['MountPoints'][0]['ContainerPath']])}" in dockerfile


def test_the_paths_that_are_asked_exist() -> None:
    assert {HEALTH, ALIVE} <= {route.path for route in health.ROUTES}
