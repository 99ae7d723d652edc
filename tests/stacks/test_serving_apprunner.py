from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk.assertions import Template

from stacks.lifetime import Lifetime
from stacks.serving.apprunner import AppRunnerServing
from stacks.serving.target import HEALTH, NOT_RELEASED, ServingTarget
from stacks.sizes import InstanceSize
from tests.support.serving import alarms, endings, properties, resources, shared, statements
from tests.support.stacks import Neighbours, template_of

SIZE = InstanceSize(cpu=256, memory=512, instances=(1, 3), concurrency=40)


@pytest.fixture(scope="module")
def targets() -> list[AppRunnerServing]:
    return []


@pytest.fixture(scope="module")
def template(targets: list[AppRunnerServing]) -> Template:
    def make(stage: Any, neighbours: Neighbours) -> AppRunnerServing:
        targets.append(AppRunnerServing(stage, "Serving", size=SIZE, **shared(neighbours)))
        return targets[0]

    return template_of(make)


@pytest.fixture(scope="module")
def kept() -> Template:
    def make(stage: Any, neighbours: Neighbours) -> AppRunnerServing:
        given = {**shared(neighbours, credentials=True), "lifetime": Lifetime(keep=True, log_days=365)}
        return AppRunnerServing(stage, "Serving", size=SIZE, **given)

    return template_of(make)


def services(template: Template) -> dict[str, dict[str, Any]]:
    return resources(template, "AWS::AppRunner::Service")


def of(template: Template, problem: str) -> dict[str, Any]:
    variable = {"Name": "EVERGREEN_MODEL", "Value": problem}
    [found] = [service for service in services(template).values() if variable in environment(service)]
    return found


def configuration(service: dict[str, Any]) -> dict[str, Any]:
    image: dict[str, Any] = service["Properties"]["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
    return image


def environment(service: dict[str, Any]) -> list[dict[str, str]]:
    pairs: list[dict[str, str]] = configuration(service)["RuntimeEnvironmentVariables"]
    return pairs


def test_it_is_a_serving_target(template: Template, targets: list[AppRunnerServing]) -> None:
    target: ServingTarget = targets[0]
    assert set(target.endpoints) == set(target.metrics) == set(target.alarms) == {"flights", "late_flights"}
    assert [len(found) for found in target.alarms.values()] == [3, 3]


def test_a_service_exists_once_an_image_is_released(template: Template) -> None:
    assert [service["Condition"] for service in services(template).values()] == ["Released"] * 2
    for parameter in properties(template, "AWS::SSM::Parameter"):
        condition, url, otherwise = parameter["Value"]["Fn::If"]
        assert (condition, otherwise) == ("Released", NOT_RELEASED)
        assert url["Fn::Join"][1][0] == "https://"


def test_nothing_that_is_always_there_needs_a_service_that_may_not_be(template: Template) -> None:
    document = template.to_json()
    conditional = set(services(template))
    for name, resource in document["Resources"].items():
        if resource.get("Condition") != "Released":
            assert not _unguarded(resource, conditional), name
            assert not conditional & set(resource.get("DependsOn", []))
    assert not _unguarded(document.get("Outputs", {}), conditional)


def _unguarded(value: Any, names: set[str]) -> bool:
    """Whether a reference to one of `names` stands outside of Fn::If."""
    if isinstance(value, dict):
        if "Fn::If" in value:
            return False
        if value.get("Ref") in names or value.get("Fn::GetAtt", [None])[0] in names:
            return True
        return any(_unguarded(inner, names) for inner in value.values())
    return isinstance(value, list) and any(_unguarded(inner, names) for inner in value)


def test_a_login_comes_from_the_fields_of_the_secret(template: Template, kept: Template) -> None:
    assert "RuntimeEnvironmentSecrets" not in configuration(of(template, "flights"))
    secrets = configuration(of(kept, "flights"))["RuntimeEnvironmentSecrets"]
    assert {one["Name"]: one["Value"]["Fn::Join"][1][-1] for one in secrets} == {
        "EVERGREEN_TRACKING_USERNAME": ":username::",
        "EVERGREEN_TRACKING_PASSWORD": ":password::",
    }


def test_a_service_without_a_model_gets_no_traffic(template: Template) -> None:
    for service in services(template).values():
        check = service["Properties"]["HealthCheckConfiguration"]
        assert (check["Protocol"], check["Path"]) == ("HTTP", HEALTH)


def test_nothing_is_deployed_behind_the_pipelines_back(template: Template) -> None:
    for service in services(template).values():
        assert service["Properties"]["SourceConfiguration"]["AutoDeploymentsEnabled"] is False


def test_names_are_short_and_each_services_own(template: Template) -> None:
    names = [service["Properties"]["ServiceName"] for service in services(template).values()]
    assert all(isinstance(name, str) and 4 <= len(name) <= 40 for name in names)
    assert len(set(names)) == 2


def test_what_it_sends_leaves_through_the_vpc_as_a_client_of_the_tracking_server(template: Template) -> None:
    [connector] = properties(template, "AWS::AppRunner::VpcConnector")
    assert "Clients" in json.dumps(connector["SecurityGroups"])
    assert len(connector["Subnets"]) == 2
    for service in services(template).values():
        assert service["Properties"]["NetworkConfiguration"]["EgressConfiguration"]["EgressType"] == "VPC"
    assert not properties(template, "AWS::EC2::SecurityGroupIngress")


def test_it_scales_and_is_traced(template: Template) -> None:
    [scaling] = properties(template, "AWS::AppRunner::AutoScalingConfiguration")
    assert (scaling["MinSize"], scaling["MaxSize"], scaling["MaxConcurrency"]) == (1, 3, 40)
    for service in services(template).values():
        assert service["Properties"]["ObservabilityConfiguration"]["ObservabilityEnabled"] is True


def test_an_instance_reads_its_own_model_and_writes_its_own_captures(template: Template) -> None:
    allowed = {json.dumps(one["Action"]): endings(one) for one in statements(template, "LateFlightsRole")}
    assert allowed == {
        '["xray:PutTelemetryRecords", "xray:PutTraceSegments"]': ["*"],
        '"s3:GetObject"': ["/mlflow/late_flights/*"],
        '["s3:AbortMultipartUpload", "s3:PutObject"]': ["/capture/late_flights/*"],
    }


def test_the_log_groups_of_app_runner_go_after_their_service(template: Template) -> None:
    owners = resources(template, "Custom::AppRunnerLogs")
    sweeps = {name: owner for name, owner in owners.items() if "Sweep" in owner["Properties"]}
    names = {service["Properties"]["ServiceName"] for service in services(template).values()}
    assert {owner["Properties"]["Sweep"] for owner in sweeps.values()} == {f"/aws/apprunner/{name}/" for name in names}
    for service in services(template).values():
        # Deleted in the reverse order: the service first.
        assert set(sweeps) & set(service["DependsOn"])
    retentions = [owner for owner in owners.values() if "Service" in owner["Properties"]]
    assert {owner["Condition"] for owner in retentions} == {"Released"}
    assert {owner["Properties"]["Days"] for owner in retentions} == {"7"}


def test_what_is_kept_is_not_swept(kept: Template) -> None:
    owners = properties(kept, "Custom::AppRunnerLogs")
    assert [owner["Days"] for owner in owners] == ["365"] * 2


def test_the_owner_of_logs_may_change_these_groups_only(template: Template) -> None:
    [changing] = [one for one in statements(template, "LogsFunctionRole") if "logs:DeleteLogGroup" in one["Action"]]
    names = {service["Properties"]["ServiceName"] for service in services(template).values()}
    assert sorted(endings(changing)) == sorted(f":log-group:/aws/apprunner/{name}/*" for name in names)


def test_alarms_wake_someone_and_silence_is_none_before_a_release(template: Template) -> None:
    found = alarms(template)
    assert len(found) == 6
    assert all(alarm["AlarmActions"] for alarm in found.values())
    silent = [alarm for name, alarm in found.items() if "Silence" in name]
    assert [alarm["TreatMissingData"] for alarm in silent] == [
        {"Fn::If": ["Released", "breaching", "notBreaching"]}
    ] * 2
    for name, alarm in found.items():
        if "Latency" in name:
            assert alarm["Threshold"] == 5
            assert {query.get("Expression") for query in alarm["Metrics"]} == {"milliseconds / 1000", None}


def test_a_dashboard_elsewhere_depends_on_no_id_that_a_release_changes(
    template: Template, targets: list[AppRunnerServing]
) -> None:
    for metrics in targets[0].metrics.values():
        for metric in (metrics.requests, metrics.p99):
            assert getattr(metric, "expression", "").startswith("SEARCH('{AWS/AppRunner,ServiceName,ServiceID}")
