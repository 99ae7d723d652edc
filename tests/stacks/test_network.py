from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

from stacks.network import Nat, Network
from tests.support.stacks import template_of

ZONES = ("us-east-1a", "us-east-1c")
NATS: tuple[Nat, ...] = ("none", "instance", "gateway")


class Made:
    """A network, and the template that came of it."""

    def __init__(self, nat: Nat) -> None:
        self.nat = nat
        self.template = template_of(self._make)

    def _make(self, stage: Any, near: Any) -> Network:
        self.network = Network(stage, "Network", zones=ZONES, nat=self.nat, lifetime=near.lifetime)
        return self.network

    def subnets(self, kind: str) -> dict[str, Any]:
        found = self.template.find_resources("AWS::EC2::Subnet").items()
        return {
            name: each["Properties"]
            for name, each in found
            if {"Key": "aws-cdk:subnet-type", "Value": kind} in each["Properties"]["Tags"]
        }


@pytest.fixture(scope="module")
def made() -> dict[Nat, Made]:
    return {nat: Made(nat) for nat in NATS}


@pytest.fixture(params=NATS)
def each(request: pytest.FixtureRequest, made: dict[Nat, Made]) -> Iterator[Made]:
    yield made[request.param]


@pytest.fixture
def instance(made: dict[Nat, Made]) -> Template:
    return made["instance"].template


def test_both_named_zones_are_used(each: Made) -> None:
    for kind in ("Public", "Isolated") if each.nat == "none" else ("Public", "Private", "Isolated"):
        assert sorted(subnet["AvailabilityZone"] for subnet in each.subnets(kind).values()) == list(ZONES)


def test_no_machine_gets_a_public_address_without_asking(each: Made) -> None:
    assert not any(subnet.get("MapPublicIpOnLaunch") for subnet in each.subnets("Public").values())


def test_databases_have_no_route_out(each: Made) -> None:
    tables = [
        association["Properties"]["RouteTableId"]["Ref"]
        for association in each.template.find_resources("AWS::EC2::SubnetRouteTableAssociation").values()
        if association["Properties"]["SubnetId"]["Ref"] in each.subnets("Isolated")
    ]
    routes = each.template.find_resources("AWS::EC2::Route").values()

    assert len(tables) == 2
    assert not [route for route in routes if route["Properties"]["RouteTableId"]["Ref"] in tables]


@pytest.mark.parametrize(("nat", "instances", "gateways"), [("none", 0, 0), ("instance", 1, 0), ("gateway", 0, 2)])
def test_the_way_out_is_what_was_asked_for(made: dict[Nat, Made], nat: Nat, instances: int, gateways: int) -> None:
    made[nat].template.resource_count_is("AWS::EC2::Instance", instances)
    made[nat].template.resource_count_is("AWS::EC2::NatGateway", gateways)


def test_without_a_nat_tasks_are_public_and_need_an_address(made: dict[Nat, Made]) -> None:
    placement = made["none"].network.placement

    assert not made["none"].subnets("Private")
    assert placement.public_ip
    assert {
        subnet.subnet_id for subnet in placement.vpc.select_subnets(subnet_type=placement.tasks.subnet_type).subnets
    } == {subnet.subnet_id for subnet in placement.vpc.public_subnets}


@pytest.mark.parametrize("nat", ["instance", "gateway"])
def test_with_a_nat_tasks_are_private(made: dict[Nat, Made], nat: Nat) -> None:
    placement = made[nat].network.placement

    assert not placement.public_ip
    assert len(placement.vpc.select_subnets(subnet_type=placement.tasks.subnet_type).subnet_ids) == 2
    assert placement.tasks.subnet_type != placement.data.subnet_type


def test_s3_and_dynamodb_are_reached_without_the_internet(each: Made) -> None:
    tables = set(each.template.find_resources("AWS::EC2::RouteTable"))
    endpoints = [found["Properties"] for found in each.template.find_resources("AWS::EC2::VPCEndpoint").values()]

    names = sorted("".join(str(part) for part in found["ServiceName"]["Fn::Join"][1]) for found in endpoints)
    assert [name.rpartition(".")[2] for name in names] == ["dynamodb", "s3"]
    for endpoint in endpoints:
        assert {table["Ref"] for table in endpoint["RouteTableIds"]} == tables


def test_all_traffic_is_written_to_an_owned_group(each: Made) -> None:
    groups = each.template.find_resources("AWS::Logs::LogGroup", {"Properties": {"RetentionInDays": 7}})
    (flow_log,) = each.template.find_resources("AWS::EC2::FlowLog").values()

    assert flow_log["Properties"]["TrafficType"] == "ALL"
    assert flow_log["Properties"]["LogGroupName"]["Ref"] in groups


def test_the_default_security_group_is_closed(each: Made) -> None:
    each.template.resource_count_is("Custom::VpcRestrictDefaultSG", 1)


def test_the_function_that_closes_it_writes_to_an_owned_group_and_can_make_none(each: Made) -> None:
    (function,) = each.template.find_resources("AWS::Lambda::Function").values()
    (role,) = (
        role["Properties"]
        for name, role in each.template.find_resources("AWS::IAM::Role").items()
        if name == function["Properties"]["Role"]["Fn::GetAtt"][0]
    )

    assert function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"].startswith("ProviderLogs")
    assert "ManagedPolicyArns" not in role


def test_the_nat_instance_is_small_and_patched_by_amazon(instance: Template) -> None:
    (machine,) = instance.find_resources("AWS::EC2::Instance").values()
    image = machine["Properties"]["ImageId"]["Ref"]
    parameter = instance.to_json()["Parameters"][image]

    assert machine["Properties"]["InstanceType"] == "t4g.nano"
    assert parameter["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    assert "al2023" in parameter["Default"]
    assert "arm64" in parameter["Default"]


def test_the_nat_instance_forwards_and_gives_its_credentials_to_no_request_that_it_forwards(
    instance: Template,
) -> None:
    instance.has_resource_properties(
        "AWS::EC2::Instance", {"SourceDestCheck": False, "MetadataOptions": {"HttpTokens": "required"}}
    )


def test_the_nat_instance_has_memory_enough_before_it_installs(instance: Template) -> None:
    (machine,) = instance.find_resources("AWS::EC2::Instance").values()
    script = machine["Properties"]["UserData"]["Fn::Base64"]

    assert script.index("swapon") < script.index("dnf install") < script.index("MASQUERADE")
    assert "yum" not in script


def test_the_disk_of_the_nat_instance_is_encrypted(instance: Template) -> None:
    (machine,) = instance.find_resources("AWS::EC2::Instance").values()

    assert [disk["Ebs"]["Encrypted"] for disk in machine["Properties"]["BlockDeviceMappings"]] == [True]


def test_the_nat_instance_opens_nothing_to_the_outside(instance: Template) -> None:
    groups = instance.find_resources("AWS::EC2::SecurityGroup").values()

    rules = [rule["CidrIp"] for group in groups for rule in group["Properties"]["SecurityGroupIngress"]]
    assert rules == ["10.0.0.0/16"]
    instance.has_resource_properties("AWS::EC2::Instance", {"KeyName": Match.absent()})


def test_a_person_can_open_a_session_on_the_nat_instance(instance: Template) -> None:
    policies = instance.find_resources("AWS::IAM::Policy").values()
    actions = {
        action: statement["Resource"]
        for policy in policies
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }

    assert set(actions) == {
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    }
    assert actions["ssm:UpdateInstanceInformation"] != "*"


@pytest.mark.parametrize(("nat", "there"), [("none", False), ("instance", True), ("gateway", False)])
def test_others_can_let_the_jump_host_in_where_there_is_one(made: dict[Nat, Made], nat: Nat, there: bool) -> None:
    assert (made[nat].network.placement.jump_host is not None) is there
