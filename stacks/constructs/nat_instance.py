"""The cheap way out of private subnets, which is also the jump host: one small instance instead of NAT gateways."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.findings import wildcard

SWAP = "dd if=/dev/zero of=/swap bs=1M count=512 && chmod 600 /swap && mkswap /swap && swapon /swap"
"""dnf and the SSM agent together need more than the half GiB of a nano."""
INSTALL = "until dnf install -y iptables-services; do sleep 5; done"
"""dnf's first refresh on a new machine can pull the packages from under an install."""
CHANNELS = tuple(f"ssmmessages:{verb}{kind}Channel" for verb in ("Create", "Open") for kind in ("Control", "Data"))


class NatInstance:
    """Hand `provider` to the Vpc, then `furnish` what the Vpc made of it. There is no key and no open port.

    A deployment after a new Amazon Linux replaces the instance: private subnets are without a way out for a minute.
    """

    def __init__(self) -> None:
        script = ec2.UserData.for_linux()
        usual = ec2.NatInstanceProviderV2.DEFAULT_USER_DATA_COMMANDS
        script.add_commands(SWAP, INSTALL, *(command for command in usual if not command.startswith("yum ")))
        self.provider = ec2.NatProvider.instance_v2(
            instance_type=ec2.InstanceType("t4g.nano"),
            machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
            default_allowed_traffic=ec2.NatTrafficDirection.OUTBOUND_ONLY,
            credit_specification=ec2.CpuCredits.STANDARD,
            associate_public_ip_address=True,
            user_data=script,
        )

    def furnish(self, addresses: str) -> None:
        """`addresses` are the Vpc's, as a literal: a rule that opens everything is checked at synthesis."""
        inside = ec2.Peer.ipv4(addresses)
        self.provider.connections.allow_from(inside, ec2.Port.all_traffic(), "What leaves the VPC through here")
        for instance in self.provider.gateway_instances:
            _harden(instance)
            _allow_sessions(instance)
            acknowledge(instance, CHEAP)


def _harden(instance: ec2.Instance) -> None:
    resource = instance.instance
    resource.metadata_options = ec2.CfnInstance.MetadataOptionsProperty(http_tokens="required")
    resource.block_device_mappings = [
        ec2.CfnInstance.BlockDeviceMappingProperty(
            device_name="/dev/xvda",
            ebs=ec2.CfnInstance.EbsProperty(encrypted=True, volume_type="gp3", volume_size=8),
        )
    ]


def _allow_sessions(instance: ec2.Instance) -> None:
    """What Session Manager needs. AWS's managed policy for it may also read every parameter of the account."""
    here = cdk.Stack.of(instance).format_arn(service="ec2", resource="instance", resource_name="*")
    instance.add_to_role_policy(iam.PolicyStatement(actions=["ssm:UpdateInstanceInformation"], resources=[here]))
    instance.add_to_role_policy(iam.PolicyStatement(actions=list(CHANNELS), resources=["*"]))
    why = "The instance waits for its role's policy, so the policy cannot name it."
    acknowledge(instance, {wildcard(instance, here): why})


CHEAP = {
    "AwsSolutions-EC28": "Five-minute metrics are enough for a machine whose failure shows in everything behind it.",
    "AwsSolutions-EC29": "It holds nothing, is replaced with every new Amazon Linux and goes with its stack.",
    "AwsSolutions-IAM5[Resource::*]": "The channels of Session Manager have no resource to name.",
}
