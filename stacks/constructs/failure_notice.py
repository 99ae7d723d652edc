"""A word to the alerts topic when a step of a pipeline fails."""

from __future__ import annotations

from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns
from constructs import Construct


class FailureNotice(events.Rule):
    """Names the step, what it said last, and the page of the execution. A person's no is a failure too."""

    def __init__(self, scope: Construct, id: str, *, pipeline: codepipeline.IPipeline, alerts: sns.ITopic) -> None:
        super().__init__(
            scope,
            id,
            event_pattern=events.EventPattern(
                source=["aws.codepipeline"],
                detail_type=["CodePipeline Action Execution State Change"],
                resources=[pipeline.pipeline_arn],
                detail={"state": ["FAILED"]},
            ),
        )
        self.add_target(targets.SnsTopic(alerts, message=_told()))


def _told() -> events.RuleTargetInput:
    """An object and no text: EventBridge quotes its values, and what a step said may hold a quote itself."""

    def field(path: str) -> str:
        return events.EventField.from_path(path)

    detail = "$.detail"
    execution, pipeline, region = field(f"{detail}.execution-id"), field(f"{detail}.pipeline"), field("$.region")
    return events.RuleTargetInput.from_object(
        {
            "what": f"{pipeline}: {field(f'{detail}.stage')} failed in its step {field(f'{detail}.action')}",
            "said": field(f"{detail}.execution-result.external-execution-summary"),
            "see": f"https://{region}.console.aws.amazon.com/codesuite/codepipeline/pipelines/{pipeline}"
            f"/executions/{execution}/timeline?region={region}",
        }
    )
