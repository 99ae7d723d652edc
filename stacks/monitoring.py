"""What a person looks at, and what wakes one: dashboard, alarms on MLflow and its database, Grafana."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.dashboard import Graph, SectionedDashboard
from stacks.constructs.managed_grafana import ManagedGrafana
from stacks.constructs.managed_prometheus import ManagedPrometheus
from stacks.serving.target import ServiceMetrics, ServingTarget

GIB = 1024**3
NAMESPACE = "Evergreen"


class Monitoring(cdk.Stack):
    """`database_storage` in GiB. The alarms of services, queues and drift are made where those are, and shown here."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        problems: Sequence[str],
        serving: ServingTarget,
        mlflow: ecs.FargateService,
        database: rds.DatabaseInstance,
        database_storage: int,
        dead_letters: sqs.Queue,
        drift: Mapping[str, cloudwatch.Alarm],
        pipeline: codepipeline.Pipeline,
        prometheus: ManagedPrometheus | None,
        grafana: bool,
        alerts: sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        self._tell = actions.SnsAction(alerts)
        free = database.metric_free_storage_space(statistic="Minimum")
        least = 0.2 * database_storage * GIB
        alarms = [
            self._mlflow_alarm(mlflow),
            self._alarm("DatabaseStorage", free, least, "less than 20 % of the database's storage is free", below=True),
            self._alarm("DatabaseCpu", database.metric_cpu_utilization(), 80, "the database is short of CPU"),
        ]
        served = [alarm for problem in problems for alarm in serving.alarms[problem]]

        dashboard = SectionedDashboard(self, "Overview")
        dashboard.note(self._words(pipeline))
        dashboard.states("Alarms", [*served, *drift.values(), *alarms])
        for problem in problems:
            dashboard.section(problem, list(_service(problem, serving.metrics[problem], drift.get(problem))))
        dashboard.section("Retraining", list(_retraining(pipeline, dead_letters)))
        dashboard.section("MLflow and its database", list(_tracking(mlflow, database, free, least)))

        if prometheus is not None and grafana:
            ManagedGrafana(self, "Grafana", prometheus=prometheus)

    def _mlflow_alarm(self, mlflow: ecs.FargateService) -> cloudwatch.Alarm:
        """Running out of memory is how the server dies; no data at all means that no task runs any more.

        The second is told as insufficient data, not as a breach: a platform without a first image has no task to miss.
        """
        memory = mlflow.metric_memory_utilization(statistic="Maximum", period=cdk.Duration.minutes(1))
        alarm = self._alarm("MlflowUnhealthy", memory, 95, "MLflow is out of memory, or none of its tasks runs")
        alarm.add_insufficient_data_action(self._tell)
        return alarm

    def _alarm(
        self, id: str, metric: cloudwatch.Metric, threshold: float, words: str, *, below: bool = False
    ) -> cloudwatch.Alarm:
        compare = cloudwatch.ComparisonOperator
        alarm = metric.create_alarm(
            self,
            id,
            threshold=threshold,
            evaluation_periods=3,
            comparison_operator=compare.LESS_THAN_THRESHOLD if below else compare.GREATER_THAN_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.MISSING,
            alarm_description=words[0].upper() + words[1:],
        )
        alarm.add_alarm_action(self._tell)
        alarm.add_ok_action(self._tell)
        return alarm

    def _words(self, pipeline: codepipeline.Pipeline) -> str:
        console = f"https://{self.region}.console.aws.amazon.com"
        links = {
            "pipeline": f"codesuite/codepipeline/pipelines/{pipeline.pipeline_name}/view",
            "traces": "cloudwatch/home#xray:traces/query",
            "costs": "costmanagement/home#/cost-explorer",
        }
        listed = " · ".join(f"[{name}]({console}/{path})" for name, path in links.items())
        return f"# {self.stack_name}\n{listed}\n\nCosts carry the tags `application` = evergreen and `environment`."


def _service(problem: str, metrics: ServiceMetrics, drift: cloudwatch.Alarm | None) -> Iterator[Graph]:
    version = cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name="ModelVersion",
        dimensions_map={"Problem": problem},
        statistic="Maximum",
        label="version",
    )
    yield Graph("Requests", metrics.requests)
    yield Graph("Errors", metrics.client_errors, metrics.server_errors)
    yield Graph("Latency", metrics.p50, metrics.p95, metrics.p99, unit="seconds", limit=5)
    yield Graph("Model version", version)
    if drift is not None:
        yield Graph("Drift", drift.metric)


def _retraining(pipeline: codepipeline.Pipeline, dead_letters: sqs.Queue) -> Iterator[Graph]:
    failed = cloudwatch.Metric(
        namespace="AWS/CodePipeline",
        metric_name="FailedPipelineExecutions",
        dimensions_map={"PipelineName": pipeline.pipeline_name},
        statistic="Sum",
    )
    yield Graph("Failed runs", failed)
    waiting = dead_letters.metric_approximate_number_of_messages_visible(statistic="Maximum")
    yield Graph("Events that nobody could handle", waiting, limit=1)


def _tracking(
    mlflow: ecs.FargateService, database: rds.DatabaseInstance, free: cloudwatch.Metric, least: float
) -> Iterator[Graph]:
    yield Graph("MLflow", mlflow.metric_cpu_utilization(), mlflow.metric_memory_utilization(), unit="%", limit=95)
    yield Graph("Database", database.metric_cpu_utilization(), unit="%", limit=80)
    yield Graph("Free storage", free, unit="bytes", limit=least)
    yield Graph("Connections", database.metric_database_connections(statistic="Maximum"))
