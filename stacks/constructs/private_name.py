"""A service found by a name that only its VPC knows."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_servicediscovery as servicediscovery
from constructs import Construct

ZONE = "evergreen.internal"


class PrivateName(Construct):
    """Cloud Map keeps an address record for each healthy task. `guests` may connect to the group of `tasks`."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.IVpc,
        name: str,
        port: int,
        tasks: ec2.SecurityGroup,
        guests: Sequence[ec2.ISecurityGroup],
    ) -> None:
        super().__init__(scope, id)
        self._zone = servicediscovery.PrivateDnsNamespace(self, "Zone", name=ZONE, vpc=vpc)
        self._name = name
        for guest in guests:
            tasks.add_ingress_rule(guest, ec2.Port.tcp(port), "Those who may use it")
        host = f"{name}.{ZONE}"
        self.uri = f"http://{host}:{port}"
        self.hosts: tuple[str, ...] = (host, f"{host}:{port}")
        self.origins: tuple[str, ...] = (self.uri,)

    def lead_to(self, service: ecs.FargateService) -> None:
        service.enable_cloud_map(
            cloud_map_namespace=self._zone,
            name=self._name,
            dns_record_type=servicediscovery.DnsRecordType.A,
            dns_ttl=cdk.Duration.seconds(10),
        )
