from __future__ import annotations

import pytest

from cdk_app.environments import ENVIRONMENTS
from ops.excuses import EXCUSES, excused
from ops.policies import Wildcard, covers, wildcards
from tests.support.stacks import templates

ASSEMBLIES = [(environment, target) for environment in ENVIRONMENTS for target in ("apprunner", "ecs")]


def found(environment: str, target: str) -> list[tuple[str, Wildcard]]:
    return [(stack, each) for stack, template in templates(environment, target).items() for each in wildcards(template)]


@pytest.mark.parametrize(("environment", "target"), ASSEMBLIES)
def test_no_permission_is_open_where_the_service_could_be_told_a_resource(environment: str, target: str) -> None:
    opened = [(stack, each) for stack, each in found(environment, target) if each.avoidable]
    assert [f"{stack}: {each}" for stack, each in opened if not excused(stack, each)] == []


def test_every_excuse_is_needed_and_gives_a_reason() -> None:
    opened = [each for environment, target in ASSEMBLIES for each in found(environment, target)]
    for excuse in EXCUSES:
        for action in excuse.actions:
            users = [each for stack, each in opened if stack == excuse.stack and covers(action, each.action)]
            assert any(each.kind == excuse.kind for each in users), f"{excuse.stack} {action}"
        assert len(excuse.reason) > 20


def test_no_policy_gives_every_action_of_a_service() -> None:
    opened = [each for environment, target in ASSEMBLIES for _, each in found(environment, target)]
    assert opened
    assert [each for each in opened if each.kind == "action"] == []
