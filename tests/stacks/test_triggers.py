from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Match, Template

from stacks.lifetime import Lifetime
from stacks.triggers import Triggers
from tests.support.stacks import Neighbours, template_of

PIPELINE = "arn:aws:codepipeline:us-east-1:111122223333:loop"


def triggers(*, github: tuple[str, str] | None = None, schedule: str | None = None, keep: bool = False) -> Template:
    def make(scope: Any, near: Neighbours) -> cdk.Stack:
        key = kms.Key(near, "Key") if keep else None
        return Triggers(
            scope,
            "Triggers",
            problems=("flights", "late_flights"),
            raw=near.bucket("Raw"),
            pipeline=codepipeline.Pipeline.from_pipeline_arn(near, "Pipeline", PIPELINE),
            github=github,
            schedule=schedule,
            cooldown=cdk.Duration.minutes(5),
            daily_cap=4,
            lifetime=Lifetime(keep=keep, log_days=7, key=key),
            alerts=near.alerts,
        )

    return template_of(make)


@pytest.fixture(scope="module")
def template() -> Template:
    return triggers(schedule="rate(1 day)")


@pytest.fixture(scope="module")
def github() -> Template:
    return triggers(github=("owner", "evergreen"))


@pytest.fixture(scope="module")
def kept() -> Template:
    return triggers(keep=True)


def rules(template: Template) -> list[dict[str, Any]]:
    return [rule["Properties"] for rule in template.find_resources("AWS::Events::Rule").values()]


def of(template: Template, source: str) -> list[dict[str, Any]]:
    return [rule for rule in rules(template) if source in rule.get("EventPattern", {}).get("source", [])]


def statements(template: Template) -> Iterator[dict[str, Any]]:
    for policy in template.find_resources("AWS::IAM::Policy").values():
        yield from policy["Properties"]["PolicyDocument"]["Statement"]


def actions(template: Template) -> dict[str, Any]:
    """Every action that the function may take, with its resource."""
    found = {}
    for statement in statements(template):
        for action in statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]:
            found[action] = statement["Resource"]
    return found


def alarm(template: Template, metric: str) -> list[dict[str, Any]]:
    found = template.find_resources("AWS::CloudWatch::Alarm", {"Properties": {"MetricName": metric}})
    return [resource["Properties"] for resource in found.values()]


def function(template: Template) -> dict[str, Any]:
    (found,) = template.find_resources("AWS::Lambda::Function").values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def test_every_rule_retries_for_a_while_and_then_leaves_a_dead_letter(template: Template) -> None:
    (queue,) = template.find_resources("AWS::SQS::Queue")
    assert len(rules(template)) == 6
    for rule in rules(template):
        (target,) = rule["Targets"]
        assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": [queue, "Arn"]}
        assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 6 * 3600, "MaximumRetryAttempts": 8}


def test_what_the_function_itself_cannot_handle_becomes_a_dead_letter_too(template: Template) -> None:
    (queue,) = template.find_resources("AWS::SQS::Queue")
    assert function(template)["DeadLetterConfig"] == {"TargetArn": {"Fn::GetAtt": [queue, "Arn"]}}
    template.has_resource_properties(
        "AWS::Lambda::EventInvokeConfig", {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 6 * 3600}
    )


def test_new_objects_of_the_raw_bucket_alone_are_brought_to_the_function(template: Template) -> None:
    (rule,) = of(template, "aws.s3")
    assert rule["EventPattern"]["detail-type"] == ["Object Created"]
    assert "Raw" in json.dumps(rule["EventPattern"]["detail"]["bucket"]["name"])


def test_only_the_drift_alarms_and_only_when_they_go_off_ask_for_a_run(template: Template) -> None:
    (rule,) = of(template, "aws.cloudwatch")
    watched = {alarm["Fn::GetAtt"][0] for alarm in rule["EventPattern"]["resources"]}
    assert watched == set(template.find_resources("AWS::CloudWatch::Alarm", {"Properties": {"MetricName": "Drift"}}))
    assert rule["EventPattern"]["detail"] == {"state": {"value": ["ALARM"]}}


def test_the_lock_is_released_after_prove_and_at_every_end_of_an_execution(template: Template) -> None:
    patterns = {
        rule["EventPattern"]["detail-type"][0]: rule["EventPattern"] for rule in of(template, "aws.codepipeline")
    }
    stage = patterns["CodePipeline Stage Execution State Change"]
    execution = patterns["CodePipeline Pipeline Execution State Change"]
    assert stage["detail"]["stage"] == ["Prove"]
    assert "stage" not in execution["detail"]
    for pattern in (stage, execution):
        assert "loop" in json.dumps(pattern["resources"])
        assert "STARTED" not in pattern["detail"]["state"]
        assert {"SUCCEEDED", "FAILED", "STOPPED", "CANCELED"} <= set(pattern["detail"]["state"])


def test_a_tick_comes_every_quarter_of_an_hour_and_the_schedule_where_one_is_asked_for(
    template: Template, github: Template
) -> None:
    assert sorted(rule["ScheduleExpression"] for rule in rules(template) if "ScheduleExpression" in rule) == [
        "rate(1 day)",
        "rate(15 minutes)",
    ]
    (tick,) = [rule for rule in rules(github) if "ScheduleExpression" in rule]
    assert json.loads(tick["Targets"][0]["Input"]) == {"source": "evergreen.retrain", "detail-type": "Tick"}


def test_the_function_may_start_this_pipeline_and_touch_single_items_and_nothing_else(template: Template) -> None:
    may = actions(template)
    assert "loop" in json.dumps(may["codepipeline:StartPipelineExecution"])
    assert {action for action in may if action.startswith(("codepipeline:", "dynamodb:", "secretsmanager:"))} == {
        "codepipeline:StartPipelineExecution",
        *(f"dynamodb:{verb}Item" for verb in ("Get", "Put", "Update", "Delete")),
    }
    everywhere = {action for action, resource in may.items() if resource == "*"}
    assert everywhere <= {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def test_with_github_it_may_read_one_secret_and_start_no_pipeline(github: Template) -> None:
    (secret,) = github.find_resources("AWS::SecretsManager::Secret")
    may = actions(github)
    assert may["secretsmanager:GetSecretValue"] == {"Ref": secret}
    assert not [action for action in may if action.startswith("codepipeline:")]
    assert of(github, "aws.codepipeline") == []
    variables = function(github)["Environment"]["Variables"]
    assert variables["EVERGREEN_REPOSITORY"] == "owner/evergreen"
    assert "EVERGREEN_PIPELINE" not in variables


def test_no_secret_is_made_where_none_is_needed(template: Template) -> None:
    template.resource_count_is("AWS::SecretsManager::Secret", 0)


def test_the_table_forgets_by_itself_and_costs_nothing_when_idle(template: Template) -> None:
    template.has_resource_properties(
        "AWS::DynamoDB::Table",
        {
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "TimeToLiveSpecification": {"AttributeName": "expiration", "Enabled": True},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": False},
        },
    )


def test_what_is_kept_can_be_restored_and_lies_under_the_environments_key(kept: Template) -> None:
    kept.has_resource(
        "AWS::DynamoDB::Table",
        {
            "DeletionPolicy": "Retain",
            "Properties": {
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "DeletionProtectionEnabled": True,
                "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": Match.any_value()},
            },
        },
    )
    kept.has_resource_properties("AWS::SQS::Queue", {"KmsMasterKeyId": Match.any_value()})
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= set(actions(kept))


def test_nothing_stays_behind_where_nothing_is_kept(template: Template) -> None:
    for resource in template.to_json()["Resources"].values():
        assert resource.get("DeletionPolicy", "Delete") == "Delete"


def test_dead_letters_are_encrypted_kept_for_two_weeks_and_travel_over_tls(template: Template) -> None:
    template.has_resource_properties(
        "AWS::SQS::Queue", {"SqsManagedSseEnabled": True, "MessageRetentionPeriod": 14 * 24 * 3600}
    )
    refused = Match.object_like({"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    template.has_resource_properties(
        "AWS::SQS::QueuePolicy", {"PolicyDocument": {"Statement": Match.array_with([refused])}}
    )


def test_drift_is_watched_for_each_problem_and_silence_is_no_drift(template: Template) -> None:
    drifting = alarm(template, "Drift")
    assert [one["Dimensions"] for one in drifting] == [
        [{"Name": "Problem", "Value": problem}] for problem in ("flights", "late_flights")
    ]
    for one in drifting:
        assert (one["Namespace"], one["Threshold"], one["ComparisonOperator"]) == (
            "Evergreen",
            0.2,
            "GreaterThanThreshold",
        )


@pytest.mark.parametrize(
    ("metric", "alarms"),
    [
        ("ApproximateNumberOfMessagesVisible", 1),
        ("Errors", 1),
        ("Throttles", 1),
        ("CapReached", 2),
        ("LockExpired", 2),
        ("HeldBack", 2),
        ("Refused", 2),
        ("Drift", 2),
    ],
)
def test_every_alarm_is_told_and_quiet_without_data(template: Template, metric: str, alarms: int) -> None:
    found = alarm(template, metric)
    assert len(found) == alarms
    for one in found:
        assert len(one["AlarmActions"]) == 1
        assert one["TreatMissingData"] == "notBreaching"


def test_a_table_that_refuses_what_the_function_asks_of_it_is_told(template: Template) -> None:
    (watching,) = [
        one["Properties"] for one in template.find_resources("AWS::CloudWatch::Alarm").values() if "refuses" in str(one)
    ]
    asked = [each["MetricStat"]["Metric"] for each in watching["Metrics"] if "MetricStat" in each]
    operations = {
        dimension["Value"] for one in asked for dimension in one["Dimensions"] if dimension["Name"] != "TableName"
    }
    assert operations == {"GetItem", "PutItem", "UpdateItem"}
    assert {one["MetricName"] for one in asked} == {"ThrottledRequests"}
    assert len(watching["AlarmActions"]) == 1
