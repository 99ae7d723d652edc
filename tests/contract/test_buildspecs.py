"""What the pipeline's jobs type exists: every command is parsed by the program that it calls, as it stands."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from typing import Any

import pytest
import typer

from tests.support.stacks import templates

ENVIRONMENTS = ("dev", "prod")
PROGRAM = re.compile(r"python3? -m (?P<module>[\w.]+) (?P<arguments>[^>|)]*)")
ELSEWHERE = {"dvc"}


def commands(environment: str) -> list[str]:
    """Every command of every job of an environment."""
    found: list[str] = []
    for template in templates(environment).values():
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::CodeBuild::Project":
                spec = json.loads(resource["Properties"]["Source"]["BuildSpec"])
                found += [line for phase in spec["phases"].values() for line in phase.get("commands", [])]
    return found


def calls(environment: str) -> list[tuple[str, list[str]]]:
    """Module and arguments, each variable standing for 1: what is a name, a number or an address takes that."""
    matches = [match for command in commands(environment) for match in PROGRAM.finditer(command)]
    return [(match["module"], shlex.split(re.sub(r"\$\w+", "1", match["arguments"]))) for match in matches]


def parsed(command: Any, arguments: list[str], parent: Any = None) -> None:
    """Typer's commands are Click's in all but their types."""
    context = command.make_context(command.name, list(arguments), parent=parent)
    if hasattr(command, "commands"):
        _, chosen, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        parsed(chosen, rest, context)


def parse(module: str, arguments: list[str]) -> None:
    program = importlib.import_module(module)
    if hasattr(program, "app"):
        parsed(typer.main.get_command(program.app), arguments)
    else:
        program._parser().parse_args(arguments)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_command_is_one_that_its_program_understands(environment: str) -> None:
    found = calls(environment)
    for module, arguments in found:
        if module not in ELSEWHERE:
            parse(module, arguments)
    assert {"ml.cli", "ops.locked", "ops.rollout", "ops.undo", "ops.approver", "ops.image_digest", "ops.images"} <= {
        module for module, _ in found
    }


def test_where_an_environment_trains_on_sagemaker_its_job_is_started_by_a_program_that_exists() -> None:
    assert "ops.training_job" in {module for module, _ in calls("prod")}


def test_the_steps_of_a_release_are_those_of_the_loop() -> None:
    steps = [arguments[0] for module, arguments in calls("dev") if module == "ml.cli"]
    assert sorted(steps) == ["approve", "prove", "report", "train"]


@pytest.mark.parametrize("wrong", [["train", "flights", "--no-such"], ["no-such", "flights"], ["approve", "flights/1"]])
def test_a_command_that_does_not_exist_would_be_found(wrong: list[str]) -> None:
    with pytest.raises(Exception, match=r"(?i)no such|missing"):
        parse("ml.cli", wrong)


def test_the_job_that_trains_elsewhere_is_given_every_variable_that_its_program_needs() -> None:
    from ops.training_job import Place

    resources = templates("prod")["Training"]["Resources"].values()
    projects = [each["Properties"] for each in resources if each["Type"] == "AWS::CodeBuild::Project"]
    (train,) = (each for each in projects if "ops.training_job" in each["Source"]["BuildSpec"])
    given = {each["Name"]: each["Value"] for each in train["Environment"]["EnvironmentVariables"]}
    place = Place.of({name: value if isinstance(value, str) else "token" for name, value in given.items()})
    assert (place.instance, place.seconds) == ("ml.m5.xlarge", 7200)
