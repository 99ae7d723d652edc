"""What must be there before something else, and go after it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.stacks import templates

ASSOCIATIONS = "AWS::ECS::ClusterCapacityProviderAssociations"


def of_type(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


@pytest.mark.parametrize("stack", ["Tracking", "Serving"])
def test_a_service_comes_after_the_capacity_it_runs_on_and_goes_before_it(stack: str) -> None:
    template = templates("dev", "ecs")[stack]
    (associations,) = of_type(template, ASSOCIATIONS)
    services = of_type(template, "AWS::ECS::Service")
    assert services
    assert all(associations in service["DependsOn"] for service in services.values())
