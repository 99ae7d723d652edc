"""A public address under which the report of an execution opens in a browser, for whoever was given its link."""

from __future__ import annotations

from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.function import PythonFunction
from stacks.constructs.objects import grant_fetching
from stacks.constructs.trigger_alarms import QuietAlarm
from stacks.lifetime import Lifetime

REPORTS = "reports/*"
Reports = Literal["link", "console"]
"""What the question's link opens: the page itself for whoever has the link, or the S3 console behind its login."""


class ReportLink(Construct):
    """Reads reports and nothing else. Taking an object away, or this construct, takes its links away.

    No concurrency is reserved: an account whose limit is ten, as new ones have, could not deploy a reservation.
    """

    def __init__(
        self, scope: Construct, id: str, *, artifacts: s3.IBucket, lifetime: Lifetime, alerts: sns.ITopic
    ) -> None:
        super().__init__(scope, id)
        function = PythonFunction(
            self,
            "Function",
            package="report",
            environment={"REPORTS_BUCKET": artifacts.bucket_name},
            lifetime=lifetime,
            timeout=cdk.Duration.seconds(15),
        )
        assert isinstance(function.role, iam.Role)
        grant_fetching(artifacts, function.role, REPORTS)
        # A browser cannot sign: the id in the link is what lets its reader in.
        self._url = function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.NONE)
        QuietAlarm(
            self,
            "Errors",
            metric=function.metric_errors(statistic="Sum", period=cdk.Duration.minutes(5)),
            threshold=1,
            description="The report of a question cannot be opened: read the function's log",
            alerts=alerts,
        )

    def to(self, problem: str, execution: str) -> str:
        """Where the report of that execution opens."""
        return f"{self._url.url}{problem}/{execution}"


def report_pages(
    scope: Construct,
    reports: Reports,
    *,
    problem: str,
    execution: str,
    artifacts: s3.IBucket,
    lifetime: Lifetime,
    alerts: sns.ITopic,
) -> dict[str, str]:
    """What the job that writes a report is told: into which bucket, where the page opens, and where S3 shows it."""
    shown = link = _in_console(artifacts, problem, execution)
    if reports == "link":
        made = ReportLink(scope, "Report", artifacts=artifacts, lifetime=lifetime, alerts=alerts)
        link = made.to(problem, execution)
    return {"REPORTS_BUCKET": artifacts.bucket_name, "REPORT": link, "REPORT_IN_CONSOLE": shown}


def _in_console(artifacts: s3.IBucket, problem: str, execution: str) -> str:
    """Behind the console's login."""
    region, bucket = cdk.Aws.REGION, artifacts.bucket_name
    where = f"s3/object/{bucket}?region={region}&prefix=reports/{problem}/{execution}/report.html"
    return f"https://{region}.console.aws.amazon.com/{where}"
