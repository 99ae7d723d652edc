"""A load balancer in front of MLflow: inside the VPC, or on the internet under a domain of one's own."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.mlflow_program import HEALTH, PORT
from stacks.placement import Placement

INSIDE = "internal-*.elb.amazonaws.com"
"""What AWS calls the balancers of VPCs. The very name has capitals where clients send small letters, which MLflow tells
apart; and such a name can lead to nothing but a balancer, so it is no gap for DNS rebinding."""


class MlflowBalancer(Construct):
    """`guests` may connect; None opens it to the internet. A certificate makes it HTTPS, under the domain it is for."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        placement: Placement,
        guests: Sequence[ec2.ISecurityGroup] | None,
        certificate: str | None,
        domain: str | None,
        access_logs: s3.IBucket,
        protect: bool,
    ) -> None:
        super().__init__(scope, id)
        if (certificate is None) != (domain is None):
            raise ValueError("give certificate and domain together or neither: a certificate is for the name it says")
        public = guests is None
        entrance = ec2.SecurityGroup(
            self, "Entrance", vpc=placement.vpc, allow_all_outbound=False, description="The way in to MLflow"
        )
        self._balancer = elbv2.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=placement.vpc,
            internet_facing=public,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC) if public else placement.tasks,
            security_group=entrance,
            drop_invalid_header_fields=True,
            deletion_protection=protect,
        )
        self._balancer.log_access_logs(access_logs, "mlflow")
        self._listener = self._listen(certificate, open=public)
        for guest in guests or ():
            entrance.add_ingress_rule(guest, ec2.Port.tcp(443 if certificate else 80), "Those who may use it")
        self.uri = f"https://{domain}" if domain else f"http://{self._balancer.load_balancer_dns_name}"
        self.hosts: tuple[str, ...] = (domain, f"{domain}:443") if domain else (INSIDE,)
        self.origins: tuple[str, ...] = (self.uri,) if domain else (f"http://{INSIDE}",)
        if domain:
            cdk.CfnOutput(
                self, "Address", value=self._balancer.load_balancer_dns_name, description=f"Alias of {domain}"
            )
        acknowledge(entrance, OPEN if public else {})
        acknowledge(self._balancer, OPEN if public else INTERNAL)
        acknowledge(self._balancer, {} if certificate else PLAIN)

    def lead_to(self, service: ecs.FargateService) -> None:
        self._listener.add_targets(
            "Tasks",
            port=PORT,
            protocol=elbv2.ApplicationProtocol.HTTP,
            targets=[service],
            deregistration_delay=cdk.Duration.seconds(30),
            health_check=elbv2.HealthCheck(
                path=HEALTH, interval=cdk.Duration.seconds(15), healthy_threshold_count=2, unhealthy_threshold_count=4
            ),
        )

    def _listen(self, certificate: str | None, *, open: bool) -> elbv2.ApplicationListener:
        if certificate is None:
            return self._balancer.add_listener("Listener", protocol=elbv2.ApplicationProtocol.HTTP, open=open)
        return self._balancer.add_listener(
            "Listener",
            protocol=elbv2.ApplicationProtocol.HTTPS,
            certificates=[acm.Certificate.from_certificate_arn(self, "Certificate", certificate)],
            ssl_policy=elbv2.SslPolicy.RECOMMENDED_TLS,
            open=open,
        )


OPEN = {
    "AwsSolutions-EC23": "Asked for by the environment: HTTPS alone, behind MLflow's login.",
    "NIST.800.53.R5-ALBWAFEnabled": "Nobody gets past the login; a fork that has a web ACL attaches it here.",
}
INTERNAL = {"NIST.800.53.R5-ALBWAFEnabled": "Only members of one security group of the same VPC get in."}
UNCERTIFIED = "Nothing of it leaves the VPC; an environment that gives a certificate and a domain has HTTPS."
PLAIN = {
    "NIST.800.53.R5-ALBHttpToHttpsRedirection": UNCERTIFIED,
    "NIST.800.53.R5-ELBv2ACMCertificateRequired": UNCERTIFIED,
}
