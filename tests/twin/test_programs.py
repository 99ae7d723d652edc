"""What an image's address runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.folder import TwinError
from twin.programs import NAMES, moved, parse, places, program, reference

REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
DOCKERFILE = """\
FROM base AS build
ENV ONLY=there
CMD ["early"]
FROM base AS run
# A comment between instructions.
ENV PATH=/opt/venv/bin:$PATH \\
    PLAIN=one \\
    QUOTED="two words"
WORKDIR /scratch
ENTRYPOINT ["python", "-m", "tool"]
CMD ["--help"]
"""


@pytest.mark.parametrize("name", NAMES)
def test_the_repository_of_an_address_tells_which_image_it_is(name: str) -> None:
    found = reference(f"{REGISTRY}/dev-registry-{name}dbc79909-1x2y3z:0123456789abcdef-arm64")
    assert (found.program, found.tag) == (name, "0123456789abcdef-arm64")


@pytest.mark.parametrize("repository", ["aws-observability/aws-otel-collector", "myservice", "dev-service-mesh"])
def test_an_image_of_somebody_else_is_none_of_ours(repository: str) -> None:
    assert reference(f"public.ecr.aws/{repository}:v1").program is None


def test_only_the_last_stage_of_a_dockerfile_is_in_its_image() -> None:
    found = parse("tool", DOCKERFILE)
    assert found.entrypoint == ("python", "-m", "tool")
    assert found.command == ("--help",)
    assert found.environment == {"PLAIN": "one", "QUOTED": "two words"}
    assert found.folder == "/scratch"


def test_each_image_of_this_project_says_what_it_runs() -> None:
    assert program("service").command == ("python", "-m", "service")
    assert program("mlflow").command[:2] == ("mlflow", "server")
    assert program("training").entrypoint == ("python", "-m", "ml.cli")
    assert program("mlflow").environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_an_image_without_a_dockerfile_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TwinError, match="what the service image runs"):
        program("service", tmp_path)


def test_paths_of_a_container_become_those_of_this_machine() -> None:
    where = places(Path("/checkout")) | {"/scratch": Path("/twin/tasks/1/scratch")}
    assert moved("/opt/venv/bin/python", where) == "/checkout/.venv/bin/python"
    assert moved("/opt/mlflow-auth.ini", where) == "/checkout/docker/mlflow-auth.ini"
    assert moved("sqlite:////scratch/mlflow.db", where) == "sqlite:////twin/tasks/1/scratch/mlflow.db"
    assert moved("/scratch:/app", where) == "/twin/tasks/1/scratch:/checkout"


@pytest.mark.parametrize("text", ["s3://bucket/scratch/x", "/var/scratch", "/scratches", "https://host/app", "/opt.d"])
def test_what_only_looks_like_such_a_path_stays(text: str) -> None:
    assert moved(text, places(Path("/checkout")) | {"/scratch": Path("/scratch")}) == text
