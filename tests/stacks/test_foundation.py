from __future__ import annotations

from typing import Any

import pytest
import yaml
from aws_cdk.assertions import Match, Template

from stacks.foundation import Foundation
from tests.support.stacks import template_of


def foundation(**given: Any) -> Template:
    values: dict[str, Any] = {"emails": (), "customer_key": False, "keep": False, "log_days": 7, "prometheus": False}
    return template_of(lambda stage, near: Foundation(stage, "Foundation", **{**values, **given}))


@pytest.fixture(scope="module")
def plain() -> Template:
    return foundation(emails=("one@example.com", "two@example.com"))


@pytest.fixture(scope="module")
def keyed() -> Template:
    return foundation(customer_key=True, keep=True, log_days=365, prometheus=True)


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed(template: Template, kind: str, policy: str, service: str) -> list[Any]:
    """What the one resource of that kind lets a service do, as pairs of actions and conditions."""
    (resource,) = template.find_resources(kind).values()
    return [
        (each["Action"], each.get("Condition"))
        for each in resource["Properties"][policy]["Statement"]
        if each["Effect"] == "Allow" and service in listed(each["Principal"].get("Service", []))
    ]


def test_everyone_named_is_asked_to_confirm(plain: Template) -> None:
    subscriptions = plain.find_resources("AWS::SNS::Subscription", {"Properties": {"Protocol": "email"}}).values()

    assert {each["Properties"]["Endpoint"] for each in subscriptions} == {"one@example.com", "two@example.com"}


def test_nobody_publishes_without_tls(plain: Template) -> None:
    plain.has_resource_properties(
        "AWS::SNS::TopicPolicy",
        {
            "PolicyDocument": {
                "Statement": Match.array_with(
                    [
                        Match.object_like(
                            {
                                "Effect": "Deny",
                                "Action": "sns:Publish",
                                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                            }
                        )
                    ]
                )
            }
        },
    )


def test_alarms_of_this_account_alone_may_publish(plain: Template) -> None:
    assert allowed(plain, "AWS::SNS::TopicPolicy", "PolicyDocument", "cloudwatch.amazonaws.com") == [
        ("sns:Publish", {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}})
    ]


def test_without_a_key_of_ones_own_there_is_nothing_to_pay(plain: Template) -> None:
    plain.resource_count_is("AWS::KMS::Key", 0)
    plain.has_resource_properties("AWS::SNS::Topic", {"KmsMasterKeyId": Match.absent()})


def test_the_alerts_are_encrypted_with_the_key(keyed: Template) -> None:
    (key,) = keyed.find_resources("AWS::KMS::Key")
    keyed.has_resource_properties("AWS::SNS::Topic", {"KmsMasterKeyId": {"Fn::GetAtt": [key, "Arn"]}})


def test_the_key_rotates(keyed: Template) -> None:
    keyed.has_resource_properties("AWS::KMS::Key", {"EnableKeyRotation": True})


@pytest.mark.parametrize(("keep", "policy"), [(True, "Retain"), (False, "Delete")])
def test_the_key_lives_as_long_as_what_it_encrypts(keep: bool, policy: str) -> None:
    foundation(customer_key=True, keep=keep).has_resource(
        "AWS::KMS::Key", {"DeletionPolicy": policy, "UpdateReplacePolicy": policy}
    )


def test_logs_of_this_account_and_region_may_use_the_key(keyed: Template) -> None:
    ((actions, condition),) = allowed(keyed, "AWS::KMS::Key", "KeyPolicy", "logs.us-east-1.amazonaws.com")

    assert {"kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*"} <= set(actions)
    groups = ["", ["arn:aws:logs:us-east-1:", {"Ref": "AWS::AccountId"}, ":log-group:*"]]
    assert condition == {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": {"Fn::Join": groups}}}


def test_alarms_may_encrypt_what_they_say(keyed: Template) -> None:
    ((actions, condition),) = allowed(keyed, "AWS::KMS::Key", "KeyPolicy", "cloudwatch.amazonaws.com")

    assert actions == ["kms:Decrypt", "kms:GenerateDataKey*"]
    assert condition == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_eventbridge_may_use_the_key_for_a_topic_without_saying_its_account(keyed: Template) -> None:
    conditions = [condition for _, condition in allowed(keyed, "AWS::KMS::Key", "KeyPolicy", "events.amazonaws.com")]

    topics = ["", ["arn:aws:sns:us-east-1:", {"Ref": "AWS::AccountId"}, ":*"]]
    assert {"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": {"Fn::Join": topics}}} in conditions


def test_the_lifetime_says_what_was_chosen() -> None:
    made: list[Foundation] = []

    def make(stage: Any, near: Any) -> Foundation:
        made.append(
            Foundation(stage, "Foundation", emails=(), customer_key=True, keep=True, log_days=365, prometheus=False),
        )
        return made[0]

    template_of(make)

    lifetime = made[0].lifetime
    assert (lifetime.keep, lifetime.log_days, lifetime.key is not None) == (True, 365, True)


def test_prometheus_is_made_only_where_asked(plain: Template, keyed: Template) -> None:
    plain.resource_count_is("AWS::APS::Workspace", 0)
    keyed.resource_count_is("AWS::APS::Workspace", 1)


def test_prometheus_logs_to_a_group_that_the_stack_owns(keyed: Template) -> None:
    ((name, group),) = keyed.find_resources("AWS::Logs::LogGroup").items()
    prefix, own = group["Properties"]["LogGroupName"]["Fn::Join"][1]
    assert prefix.startswith("/aws/vendedlogs/")
    assert "AWS::StackId" in str(own)
    assert group["Properties"]["RetentionInDays"] == 365
    keyed.has_resource_properties(
        "AWS::APS::Workspace", {"LoggingConfiguration": {"LogGroupArn": {"Fn::GetAtt": [name, "Arn"]}}}
    )


def test_what_fires_in_prometheus_reaches_the_people_that_alarms_reach(keyed: Template) -> None:
    (topic,) = keyed.find_resources("AWS::SNS::Topic")
    ((name, workspace),) = keyed.find_resources("AWS::APS::Workspace").items()
    joined = workspace["Properties"]["AlertManagerDefinition"]["Fn::Join"][1]
    routes = "".join(part if isinstance(part, str) else part["Ref"] for part in joined)
    told = yaml.safe_load(yaml.safe_load(routes)["alertmanager_config"])
    (receiver,) = told["receivers"]
    assert told["route"]["receiver"] == receiver["name"]
    assert receiver["sns_configs"] == [{"topic_arn": topic, "sigv4": {"region": "us-east-1"}}]
    ((actions, condition),) = allowed(keyed, "AWS::SNS::TopicPolicy", "PolicyDocument", "aps.amazonaws.com")
    assert sorted(actions) == ["sns:GetTopicAttributes", "sns:Publish"]
    assert condition["ArnEquals"] == {"aws:SourceArn": {"Fn::GetAtt": [name, "Arn"]}}
    assert allowed(keyed, "AWS::KMS::Key", "KeyPolicy", "aps.amazonaws.com")


def test_metrics_lie_under_the_environments_key_and_outlive_a_stack_that_keeps(keyed: Template) -> None:
    (key,) = keyed.find_resources("AWS::KMS::Key")
    keyed.has_resource(
        "AWS::APS::Workspace",
        {"DeletionPolicy": "Retain", "Properties": {"KmsKeyArn": {"Fn::GetAtt": [key, "Arn"]}}},
    )


def test_the_rules_are_a_rule_file_with_a_summary_for_each_alert(keyed: Template) -> None:
    (rules,) = keyed.find_resources("AWS::APS::RuleGroupsNamespace").values()
    (group,) = yaml.safe_load(rules["Properties"]["Data"])["groups"]
    assert len(group["rules"]) >= 4
    assert all(rule["expr"] and rule["annotations"]["summary"] for rule in group["rules"])
