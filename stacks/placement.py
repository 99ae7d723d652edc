"""Where in the network things run."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2


@dataclass(frozen=True)
class Placement:
    """`tasks` are the subnets of what runs code, `data` those of databases (no way in or out of the VPC).

    `public_ip`: tasks lie in public subnets and need an address of their own to get out; without it they go through a
    NAT. `jump_host`: through it, where there is one, a person with a Session Manager session reaches what is private.
    """

    vpc: ec2.IVpc
    tasks: ec2.SubnetSelection
    data: ec2.SubnetSelection
    public_ip: bool
    jump_host: ec2.ISecurityGroup | None = None
