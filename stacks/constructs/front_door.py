"""The way in from the internet to one service: a load balancer that can lead to two groups of tasks."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge

GREEN = "X-Evergreen-Green"
"""A request with this header goes to the tasks that are about to take over: no second port, the same certificate."""


class FrontDoor(Construct):
    """HTTP, or HTTPS and a redirect to it with a certificate.

    `production` and `test` are the listener's rules, which ECS turns from one target group to the other.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.IVpc,
        port: int,
        health_path: str,
        certificate: str | None,
        host: str | None,
        access_logs: s3.IBucket,
        prefix: str,
        keep: bool,
    ) -> None:
        super().__init__(scope, id)
        self._secure = certificate is not None
        self._host = host
        self.balancer = elbv2.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=vpc,
            internet_facing=True,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            drop_invalid_header_fields=True,
            deletion_protection=keep,
        )
        self.balancer.log_access_logs(access_logs, prefix)
        self.blue = self._group("Blue", vpc, port, health_path)
        self.green = self._group("Green", vpc, port, health_path)
        self.listener = self._listener(certificate)
        self.production = self._rule("Production", 10, elbv2.ListenerCondition.path_patterns(["/*"]))
        self.test = self._rule("Test", 1, elbv2.ListenerCondition.http_header(GREEN, ["1"]))
        if self._secure:
            redirect = self.balancer.add_redirect()
            acknowledge(
                redirect, {"NIST.800.53.R5-ELBv2ACMCertificateRequired": "It only leads to the one with HTTPS."}
            )
        acknowledge(
            self,
            {
                "AwsSolutions-EC23": "Predictions are asked for from the internet; only the listener's ports are open.",
                "NIST.800.53.R5-ALBWAFEnabled": "Every request is held against a closed schema and a limit of size "
                "before it is used; a fork that has a web ACL attaches it to this balancer.",
            },
        )

    @property
    def url(self) -> str:
        """`host` is the name on the certificate, which whoever owns the domain points to the balancer."""
        return f"{'https' if self._secure else 'http'}://{self._host or self.balancer.load_balancer_dns_name}"

    def _listener(self, certificate: str | None) -> elbv2.ApplicationListener:
        # ECS refuses to shift traffic on a listener that also redirects or answers by itself, so the default forwards.
        forward = elbv2.ListenerAction.forward([self.blue])
        if certificate is None:
            return self.balancer.add_listener(
                "Listener", protocol=elbv2.ApplicationProtocol.HTTP, default_action=forward, open=True
            )
        return self.balancer.add_listener(
            "Listener",
            protocol=elbv2.ApplicationProtocol.HTTPS,
            certificates=[acm.Certificate.from_certificate_arn(self, "Certificate", certificate)],
            ssl_policy=elbv2.SslPolicy.RECOMMENDED_TLS,
            default_action=forward,
            open=True,
        )

    def _group(self, id: str, vpc: ec2.IVpc, port: int, health_path: str) -> elbv2.ApplicationTargetGroup:
        return elbv2.ApplicationTargetGroup(
            self,
            id,
            vpc=vpc,
            port=port,
            protocol=elbv2.ApplicationProtocol.HTTP,
            target_type=elbv2.TargetType.IP,
            deregistration_delay=cdk.Duration.seconds(30),
            health_check=elbv2.HealthCheck(
                path=health_path,
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(5),
                healthy_threshold_count=3,
                unhealthy_threshold_count=3,
            ),
        )

    def _rule(self, id: str, priority: int, condition: elbv2.ListenerCondition) -> elbv2.ApplicationListenerRule:
        groups = [
            elbv2.WeightedTargetGroup(target_group=self.blue, weight=100),
            elbv2.WeightedTargetGroup(target_group=self.green, weight=0),
        ]
        return elbv2.ApplicationListenerRule(
            self,
            id,
            listener=self.listener,
            priority=priority,
            conditions=[condition],
            action=elbv2.ListenerAction.weighted_forward(groups),
        )
