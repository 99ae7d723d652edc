"""What a network has that MiniStack's CloudFormation cannot make, though its EC2 can."""

from __future__ import annotations

from functools import partial
from typing import Any

from twin.emulator.administrator import client, ignoring
from twin.emulator.rules import permission
from twin.emulator.template_types import Made, Properties, add_type
from twin.folder import Twin

ANYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
"""What a new group may send until it has a rule of its own."""


def install(_: Twin) -> None:
    for direction in ("ingress", "egress"):
        add_type(
            f"AWS::EC2::SecurityGroup{direction.title()}",
            make=partial(_allow, direction),
            remove=partial(_disallow, direction),
        )
    add_type("AWS::EC2::FlowLog", make=_watch, remove=_unwatch)
    add_type("AWS::EC2::Instance", make=_launch, remove=_terminate)
    add_type("AWS::EC2::EIP", make=_allocate, remove=_release)
    add_type("AWS::EC2::NatGateway", make=_open, remove=_close)


def _allow(direction: str, properties: Properties) -> Made:
    group = properties["GroupId"]
    if direction == "egress":
        ignoring("InvalidPermission.NotFound", _ec2("revoke_security_group_egress"), GroupId=group,
                 IpPermissions=[ANYWHERE])  # fmt: skip
    allow = _ec2(f"authorize_security_group_{direction}")
    rules = allow(GroupId=group, IpPermissions=[permission(properties)]).get("SecurityGroupRules") or [{}]
    rule = rules[0].get("SecurityGroupRuleId", f"{group}-{direction}")
    return rule, {"Id": rule}


def _disallow(direction: str, _: str, properties: Properties) -> None:
    revoke = _ec2(f"revoke_security_group_{direction}")
    ignoring("Invalid", revoke, GroupId=properties["GroupId"], IpPermissions=[permission(properties)])


def _watch(properties: Properties) -> Made:
    """A fake: no traffic is recorded, as there is none."""
    told = ("ResourceType", "TrafficType", "LogDestinationType", "LogGroupName", "DeliverLogsPermissionArn")
    given = {name: properties[name] for name in told if name in properties}
    made = _ec2("create_flow_logs")(ResourceIds=[properties["ResourceId"]], **given)["FlowLogIds"][0]
    return made, {"Id": made}


def _unwatch(log: str, _: Properties) -> None:
    ignoring("InvalidFlowLogId", _ec2("delete_flow_logs"), FlowLogIds=[log])


def _launch(properties: Properties) -> Made:
    """A fake: an entry of EC2 behind which no machine runs, so nothing passes a NAT instance."""
    card = (properties.get("NetworkInterfaces") or [{}])[0]
    profile = properties.get("IamInstanceProfile")
    made = _ec2("run_instances")(
        MinCount=1,
        MaxCount=1,
        ImageId=properties["ImageId"],
        InstanceType=properties.get("InstanceType", "t3.micro"),
        SubnetId=card.get("SubnetId") or properties["SubnetId"],
        SecurityGroupIds=card.get("GroupSet") or properties.get("SecurityGroupIds", []),
        **({"IamInstanceProfile": {"Name": profile}} if profile else {}),
        TagSpecifications=[{"ResourceType": "instance", "Tags": properties.get("Tags", [])}],
    )["Instances"][0]
    shown = {"PublicIp": "PublicIpAddress", "PrivateIp": "PrivateIpAddress", "VpcId": "VpcId",
             "PublicDnsName": "PublicDnsName", "PrivateDnsName": "PrivateDnsName"}  # fmt: skip
    attributes = {name: made.get(field, "") for name, field in shown.items()}
    return made["InstanceId"], {**attributes, "InstanceId": made["InstanceId"]}


def _terminate(instance: str, _: Properties) -> None:
    """With its volumes, which MiniStack leaves behind."""
    attached = [{"Name": "attachment.instance-id", "Values": [instance]}]
    volumes = [volume["VolumeId"] for volume in _ec2("describe_volumes")(Filters=attached)["Volumes"]]
    ignoring("InvalidInstanceID", _ec2("terminate_instances"), InstanceIds=[instance])
    for volume in volumes:
        ignoring("IncorrectState", _ec2("detach_volume"), VolumeId=volume)
        ignoring("InvalidVolume", _ec2("delete_volume"), VolumeId=volume)


def _allocate(_: Properties) -> Made:
    made = _ec2("allocate_address")(Domain="vpc")
    return made["PublicIp"], {"AllocationId": made["AllocationId"], "PublicIp": made["PublicIp"]}


def _release(address: str, _: Properties) -> None:
    for found in _ec2("describe_addresses")()["Addresses"]:
        if found["PublicIp"] == address:
            _ec2("release_address")(AllocationId=found["AllocationId"])


def _open(properties: Properties) -> Made:
    """A fake: nothing passes it."""
    given = {name: properties[name] for name in ("SubnetId", "AllocationId") if name in properties}
    made = _ec2("create_nat_gateway")(**given)["NatGateway"]["NatGatewayId"]
    return made, {"NatGatewayId": made}


def _close(gateway: str, _: Properties) -> None:
    ignoring("NatGatewayNotFound", _ec2("delete_nat_gateway"), NatGatewayId=gateway)


def _ec2(operation: str) -> Any:
    return getattr(client("ec2"), operation)
