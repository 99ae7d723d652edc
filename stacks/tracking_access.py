"""What a program needs to reach the MLflow server."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_secretsmanager as secretsmanager


@dataclass(frozen=True)
class TrackingAccess:
    """`uri` is its address, `clients` the security group that may reach it.

    `credentials` holds `username` and `password` where the server asks for a login.
    """

    uri: str
    clients: ec2.ISecurityGroup
    credentials: secretsmanager.ISecret | None = None
