from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as pipeline_actions
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Match, Template

from stacks.constructs.managed_prometheus import ManagedPrometheus
from stacks.monitoring import Monitoring
from stacks.serving.target import ServiceMetrics
from tests.support.stacks import Neighbours, template_of


class Serving:
    """A target that serves one problem, in as few resources as it takes."""

    def __init__(self, scope: cdk.Stack) -> None:
        one = cloudwatch.Metric(namespace="Test", metric_name="Requests")
        self.metrics = {"flights": ServiceMetrics(*[one] * 3, *(one.with_(statistic=f"p{n}") for n in (50, 95, 99)))}
        self.alarms = {"flights": [one.create_alarm(scope, "Slow", threshold=5, evaluation_periods=1)]}
        self.endpoints: dict[str, Any] = {}
        self.verifier: Any = None


def monitoring(app: cdk.App, near: Neighbours, *, grafana: bool) -> cdk.Stack:
    vpc = near.placement.vpc
    task = ecs.FargateTaskDefinition(near, "Task")
    task.add_container("Server", image=ecs.ContainerImage.from_registry("server"))
    cluster = ecs.Cluster(near, "Cluster", vpc=vpc)
    drift = cloudwatch.Metric(namespace="Evergreen", metric_name="Drift", dimensions_map={"Problem": "flights"})
    return Monitoring(
        app,
        "Monitoring",
        problems=["flights"],
        serving=Serving(near),
        mlflow=ecs.FargateService(near, "Mlflow", cluster=cluster, task_definition=task, desired_count=1),
        database=rds.DatabaseInstance(
            near,
            "Database",
            vpc=vpc,
            engine=rds.DatabaseInstanceEngine.POSTGRES,
            instance_type=ec2.InstanceType("t4g.micro"),
        ),
        database_storage=50,
        dead_letters=sqs.Queue(near, "DeadLetters"),
        drift={"flights": drift.create_alarm(near, "Drift", threshold=0.2, evaluation_periods=1)},
        pipeline=pipeline(near),
        prometheus=ManagedPrometheus(near, "Prometheus", rules="", alerts=near.alerts, lifetime=near.lifetime)
        if grafana
        else None,
        grafana=grafana,
        alerts=near.alerts,
    )


def pipeline(near: Neighbours) -> codepipeline.Pipeline:
    source = codepipeline.Artifact()
    fetch = pipeline_actions.S3SourceAction(
        action_name="Fetch", bucket=near.bucket("Sources"), bucket_key="code.zip", output=source
    )
    build = pipeline_actions.CodeBuildAction(
        action_name="Build",
        input=source,
        project=codebuild.PipelineProject(near, "Build"),
    )
    return codepipeline.Pipeline(
        near,
        "Pipeline",
        stages=[
            codepipeline.StageProps(stage_name="Source", actions=[fetch]),
            codepipeline.StageProps(stage_name="Build", actions=[build]),
        ],
    )


@pytest.fixture(scope="module")
def plain() -> Template:
    return template_of(lambda app, near: monitoring(app, near, grafana=False))


@pytest.fixture(scope="module")
def full() -> Template:
    return template_of(lambda app, near: monitoring(app, near, grafana=True))


def drawn(template: Template) -> str:
    """The dashboard's body with every reference named, so that it is JSON again."""
    (dashboard,) = template.find_resources("AWS::CloudWatch::Dashboard").values()
    parts = dashboard["Properties"]["DashboardBody"]["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else "REFERENCE" for part in parts)


def test_a_person_sees_every_part_of_the_loop(plain: Template) -> None:
    widgets = json.loads(drawn(plain))["widgets"]
    titles = {widget["properties"].get("title") for widget in widgets}
    assert titles >= {
        "Requests",
        "Errors",
        "Latency",
        "Model version",
        "Drift",
        "Failed runs",
        "Events that nobody could handle",
        "MLflow",
        "Database",
        "Free storage",
        "Connections",
        "Alarms",
    }
    assert all(widget["x"] + widget["width"] <= 24 for widget in widgets)


def test_latency_is_drawn_in_percentiles_with_the_alarm_beside_them(plain: Template) -> None:
    (latency,) = [each for each in json.loads(drawn(plain))["widgets"] if each["properties"].get("title") == "Latency"]
    assert [line[-1]["stat"] for line in latency["properties"]["metrics"]] == ["p50", "p95", "p99"]
    assert latency["properties"]["annotations"]["horizontal"] == [{"label": "alarm", "value": 5, "yAxis": "left"}]


def test_alarms_of_other_stacks_are_shown_beside_ours(plain: Template) -> None:
    (states,) = [each for each in json.loads(drawn(plain))["widgets"] if each["type"] == "alarm"]
    assert len(states["properties"]["alarms"]) == 5


def test_costs_can_be_found_by_their_tags(plain: Template) -> None:
    assert "`application`" in drawn(plain)
    assert "`environment`" in drawn(plain)


@pytest.mark.parametrize(
    ("metric", "threshold", "operator"),
    [
        ("FreeStorageSpace", 0.2 * 50 * 1024**3, "LessThanThreshold"),
        ("CPUUtilization", 80, "GreaterThanThreshold"),
        ("MemoryUtilization", 95, "GreaterThanThreshold"),
    ],
)
def test_a_short_resource_is_told_and_so_is_its_recovery(
    plain: Template, metric: str, threshold: float, operator: str
) -> None:
    topic = [{"Fn::ImportValue": Match.string_like_regexp("Alerts")}]
    plain.has_resource_properties(
        "AWS::CloudWatch::Alarm",
        {
            "MetricName": metric,
            "Threshold": threshold,
            "ComparisonOperator": operator,
            "AlarmActions": topic,
            "OKActions": topic,
        },
    )


def test_mlflow_that_vanishes_is_told_but_not_mlflow_that_was_never_released(plain: Template) -> None:
    alarms = plain.find_resources("AWS::CloudWatch::Alarm", {"Properties": {"MetricName": "MemoryUtilization"}})
    ((properties,),) = [[alarm["Properties"]] for alarm in alarms.values()]
    assert properties["TreatMissingData"] == "missing"
    assert properties["InsufficientDataActions"] == properties["AlarmActions"]


def test_dead_letters_are_alarmed_where_they_lie_and_not_twice(plain: Template) -> None:
    assert not plain.find_resources("AWS::CloudWatch::Alarm", {"Properties": {"Namespace": "AWS/SQS"}})


def test_grafana_is_made_only_where_asked(plain: Template, full: Template) -> None:
    plain.resource_count_is("AWS::Grafana::Workspace", 0)
    full.resource_count_is("AWS::Grafana::Workspace", 1)


def test_grafana_may_query_that_one_workspace_and_nothing_else(full: Template) -> None:
    (policy,) = full.find_resources("AWS::IAM::ManagedPolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert "GetAttPrometheusWorkspace" in statement["Resource"]["Fn::ImportValue"]
    assert not any("Remote" in action or "*" in action for action in statement["Action"])
