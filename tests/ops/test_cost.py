from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from typer.testing import CliRunner

from cdk_app.environments import DEV, ENVIRONMENTS
from ops import cost
from ops.cost import estimate, read_prices, with_each_target
from ops.demand import million
from ops.pricing import RULES, UnknownPriceError, price
from ops.variants import choices
from stacks.constructs.collector import NAME as COLLECTOR
from tests.support.stacks import templates

# With the tests of the stacks, which synthesise the same templates.
pytestmark = pytest.mark.xdist_group("infrastructure")

PRICES = read_prices()
TASK: dict[str, Any] = {
    "Type": "AWS::ECS::TaskDefinition",
    "Properties": {"Cpu": "512", "Memory": "2048", "RuntimePlatform": {"CpuArchitecture": "ARM64"}},
}
SERVICE = {"Cluster": "elsewhere", "TaskDefinition": {"Ref": "Task"}, "DesiredCount": {"Fn::If": ["Released", 2, 0]}}


def usd(kind: str, properties: dict[str, Any] | None = None, **others: Any) -> dict[str, float]:
    """What one resource costs, by what costs it, to the cent."""
    template = {"Resources": {"It": {"Type": kind, "Properties": properties or {}}, **others}}
    return {line.what: round(line.usd, 2) for line in price(template, PRICES) if line.resource == "It"}


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("AWS::EC2::NatGateway", {}, {"NAT gateway": 32.85}),
        ("AWS::EC2::EIP", {}, {"public addresses": 3.65}),
        ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Gateway"}, {}),
        (
            "AWS::EC2::VPCEndpoint",
            {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]},
            {"interface endpoints": 14.6},
        ),
        ("AWS::KMS::Key", {}, {"keys": 1.0}),
        ("AWS::SecretsManager::Secret", {}, {"secrets": 0.4}),
        ("AWS::CloudWatch::Dashboard", {}, {"dashboard": 3.0}),
        ("AWS::CloudWatch::Alarm", {"MetricName": "m"}, {"alarms": 0.1}),
        (
            "AWS::CloudWatch::Alarm",
            {"Metrics": [{"Expression": "a/b"}, {"MetricStat": {}}, {"MetricStat": {}}]},
            {"alarms": 0.2},
        ),
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {"Scheme": "internet-facing", "Subnets": ["a", "b"]},
            {"load balancer": 16.43, "public addresses": 7.3},
        ),
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {"Scheme": "internal", "Subnets": ["a"]},
            {"load balancer": 16.43},
        ),
        ("AWS::RDS::DBInstance", {"DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20"}, {"database": 13.98}),
        (
            "AWS::RDS::DBInstance",
            {"DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20", "MultiAZ": True},
            {"database, two zones": 27.96},
        ),
        ("AWS::Lambda::Function", {}, {}),
        ("AWS::IAM::Role", {}, {}),
    ],
)
def test_a_resource_costs_what_the_price_table_says(
    kind: str, properties: dict[str, Any], expected: dict[str, float]
) -> None:
    assert usd(kind, properties) == expected


def test_tasks_cost_by_size_and_count_as_if_an_image_were_released() -> None:
    assert usd("AWS::ECS::Service", SERVICE, Task=TASK) == {"Fargate": 34.03}


def test_spot_addresses_and_insights_are_counted() -> None:
    insights = {
        "Type": "AWS::ECS::Cluster",
        "Properties": {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}]},
    }
    service = {
        **SERVICE,
        "Cluster": {"Ref": "Cluster"},
        "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}],
        "NetworkConfiguration": {"AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}},
    }
    assert usd("AWS::ECS::Service", service, Task=TASK, Cluster=insights) == {
        "Fargate, spot": 13.61,
        "public addresses": 7.3,
        "container insights": 3.6,
    }


def test_a_collector_pays_for_the_samples_of_each_task() -> None:
    watched = {**TASK, "Properties": {**TASK["Properties"], "ContainerDefinitions": [{"Name": COLLECTOR}]}}
    assert usd("AWS::ECS::Service", SERVICE, Task=watched) == {"Fargate": 34.03, "Prometheus": 2.34}


def test_an_app_runner_instance_that_waits_costs_its_memory() -> None:
    scaling = {"Type": "AWS::AppRunner::AutoScalingConfiguration", "Properties": {"MinSize": 2}}
    service = {
        "InstanceConfiguration": {"Cpu": "256", "Memory": "512"},
        "AutoScalingConfigurationArn": {"Fn::GetAtt": ["Scaling", "AutoScalingConfigurationArn"]},
    }
    assert usd("AWS::AppRunner::Service", service, Scaling=scaling) == {"App Runner": 5.11}


def test_a_resource_that_nobody_priced_is_an_error_and_not_free() -> None:
    with pytest.raises(UnknownPriceError, match=r"It costs; name AWS::Redshift::Cluster in ops/prices\.yaml"):
        usd("AWS::Redshift::Cluster")


def test_a_size_that_nobody_priced_is_an_error_too() -> None:
    with pytest.raises(UnknownPriceError, match=r"no price of hourly database x9g\.metal"):
        usd("AWS::RDS::DBInstance", {"DBInstanceClass": "db.x9g.metal", "AllocatedStorage": "20"})


def test_what_every_account_is_given_is_taken_off_and_no_more() -> None:
    alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "m"}}
    dashboard = {"Dashboard": {"Type": "AWS::CloudWatch::Dashboard"}}
    few = {"Few": {"Resources": {**dashboard, "Alarm": alarm}}}
    many = {"Many": {"Resources": {**dashboard, **{f"Alarm{n}": alarm for n in range(25)}}}}
    assert estimate("few", few, PRICES).total == pytest.approx(0)
    assert estimate("many", many, PRICES).total == pytest.approx(1.5)


def test_a_type_is_free_or_priced_and_never_both() -> None:
    assert not set(RULES) & {*PRICES["free"], *PRICES["by_use"]}
    assert not set(PRICES["free"]) & set(PRICES["by_use"])


def test_prices_are_dated_and_say_where_they_are_from() -> None:
    assert isinstance(PRICES["date"], date)
    assert all(
        url.startswith("https://aws.amazon.com/") for urls in PRICES["sources"].values() for url in urls.split(", ")
    )


@pytest.mark.parametrize("target", ["ecs", "apprunner"])
def test_dev_waits_for_at_most_60_dollars_a_month(target: str) -> None:
    assert 20 < estimate("dev", templates("dev", target), PRICES).total <= 60


@pytest.mark.parametrize("environment", list(ENVIRONMENTS))
@pytest.mark.parametrize("target", ["ecs", "apprunner"])
def test_every_resource_of_every_environment_has_a_price(environment: str, target: str) -> None:
    assert estimate(environment, templates(environment, target), PRICES).total > 0


def test_app_runner_pays_for_the_cpu_that_a_prediction_takes() -> None:
    lines = {line.what: line.usd for line in million(templates("dev", "apprunner").values(), PRICES)}
    assert lines["App Runner's CPU"] == pytest.approx(1_000_000 / 10 / 3600 * 0.25 * 0.064)
    ecs = {line.what for line in million(templates("dev", "ecs").values(), PRICES)}
    assert "App Runner's CPU" not in ecs


def test_each_choice_differs_from_dev_and_is_allowed() -> None:
    found = choices(DEV)
    assert all(each != DEV for each in found.values())
    assert {"dev-ecs", "dev-apprunner", "prod-ecs"} <= set(with_each_target(ENVIRONMENTS.values()))


def test_the_command_prints_totals_and_what_choices_change(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = next(iter(choices(DEV)))
    dearer = {"Network": {"Resources": {"Nat": {"Type": "AWS::EC2::NatGateway"}}}}

    def stand_in(environments: Any) -> Any:
        chosen = list(environments)
        return [dearer if each.network.nat == "gateway" and each.name == "dev" else {} for each in chosen]

    monkeypatch.setattr(cost, "synthesised", stand_in)
    document = json.loads(CliRunner().invoke(cost.app, ["--json"]).stdout)
    assert document["choices"][gateway] == 32.85
    assert document["environments"]["dev-ecs"]["idle"] == 0
    shown = CliRunner().invoke(cost.app, []).stdout
    assert f"+32.85  {gateway}" in shown
