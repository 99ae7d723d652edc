from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Match, Template

from stacks.lifetime import Lifetime
from stacks.storage import Storage
from tests.support.stacks import Neighbours, template_of

BUCKETS = ("Raw", "Dvc", "Artifacts", "Capture", "AccessLogs")
DATA = BUCKETS[:4]


def storage(stage: Any, lifetime: Lifetime) -> Storage:
    return Storage(stage, "Storage", names={"dvc": "our-dvc"}, capture_days=14, lifetime=lifetime)


@pytest.fixture(scope="module")
def passing() -> Template:
    return template_of(lambda stage, near: storage(stage, near.lifetime))


@pytest.fixture(scope="module")
def kept() -> Template:
    def make(stage: Any, near: Neighbours) -> Storage:
        return storage(stage, Lifetime(keep=True, log_days=30, key=kms.Key(near, "Key")))

    return template_of(make)


def bucket(template: Template, which: str) -> tuple[str, Any]:
    (found,) = (each for each in template.find_resources("AWS::S3::Bucket").items() if each[0].startswith(which))
    return found


def properties(template: Template, which: str) -> Any:
    return bucket(template, which)[1]["Properties"]


def rules(template: Template, which: str) -> dict[str, Any]:
    """All lifecycle rules of a bucket as one: none says the same thing twice."""
    merged: dict[str, Any] = {}
    for rule in properties(template, which)["LifecycleConfiguration"]["Rules"]:
        assert rule["Status"] == "Enabled"
        assert not (merged.keys() & rule.keys()) - {"Status"}
        merged |= rule
    return merged


@pytest.mark.parametrize("which", BUCKETS)
def test_every_bucket_keeps_versions_and_is_closed_to_the_public(passing: Template, which: str) -> None:
    given = properties(passing, which)

    assert given["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(given["PublicAccessBlockConfiguration"].values()) == {True}
    assert given["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


@pytest.mark.parametrize("which", BUCKETS)
def test_every_bucket_refuses_plain_http_and_old_tls(passing: Template, which: str) -> None:
    name, _ = bucket(passing, which)
    policies = passing.find_resources("AWS::S3::BucketPolicy", {"Properties": {"Bucket": {"Ref": name}}})
    (policy,) = policies.values()

    denied = [
        each["Condition"] for each in policy["Properties"]["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"
    ]
    assert {"Bool": {"aws:SecureTransport": "false"}} in denied
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied


def encryption(template: Template, which: str) -> Any:
    (rule,) = properties(template, which)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return rule


@pytest.mark.parametrize("which", BUCKETS)
def test_without_a_key_s3_encrypts_with_its_own(passing: Template, which: str) -> None:
    assert encryption(passing, which)["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@pytest.mark.parametrize("which", DATA)
def test_data_is_encrypted_with_the_key_and_few_requests_to_it(kept: Template, which: str) -> None:
    rule = encryption(kept, which)

    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert "Fn::ImportValue" in rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    assert rule["BucketKeyEnabled"] is True


def test_load_balancers_can_write_to_the_access_logs(kept: Template) -> None:
    assert encryption(kept, "AccessLogs")["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


@pytest.mark.parametrize("which", DATA)
def test_requests_for_data_are_logged_each_bucket_by_itself(passing: Template, which: str) -> None:
    logs, _ = bucket(passing, "AccessLogs")

    assert properties(passing, which)["LoggingConfiguration"] == {
        "DestinationBucketName": {"Ref": logs},
        "LogFilePrefix": f"{which.lower()}/",
    }


def test_the_access_logs_do_not_log_themselves(passing: Template) -> None:
    assert "LoggingConfiguration" not in properties(passing, "AccessLogs")


def test_a_new_raw_object_becomes_an_event_without_a_function_in_between(passing: Template) -> None:
    assert properties(passing, "Raw")["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    passing.resource_count_is("Custom::S3BucketNotifications", 0)


@pytest.mark.parametrize("which", ["Dvc", "Artifacts", "Capture", "AccessLogs"])
def test_nothing_but_raw_data_makes_events(passing: Template, which: str) -> None:
    assert "NotificationConfiguration" not in properties(passing, which)


@pytest.mark.parametrize(
    ("which", "days"), [("Raw", 365), ("Dvc", 90), ("Artifacts", 365), ("Capture", 7), ("AccessLogs", 1)]
)
def test_old_versions_and_unfinished_uploads_go(passing: Template, which: str, days: int) -> None:
    said = rules(passing, which)

    assert said["NoncurrentVersionExpiration"] == {"NoncurrentDays": days}
    assert said["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}


@pytest.mark.parametrize(("which", "days"), [("Capture", 14), ("AccessLogs", 7)])
def test_what_is_collected_goes_by_its_age(passing: Template, which: str, days: int) -> None:
    said = rules(passing, which)

    assert said["ExpirationInDays"] == days
    assert "ExpiredObjectDeleteMarker" not in said


@pytest.mark.parametrize("which", ["Raw", "Dvc", "Artifacts"])
def test_what_is_current_never_goes_by_its_age(passing: Template, which: str) -> None:
    said = rules(passing, which)

    assert "ExpirationInDays" not in said
    assert said["ExpiredObjectDeleteMarker"] is True


@pytest.mark.parametrize("which", ["Raw", "Artifacts"])
def test_large_old_versions_move_to_cheaper_storage(passing: Template, which: str) -> None:
    assert rules(passing, which)["NoncurrentVersionTransitions"] == [
        {"StorageClass": "STANDARD_IA", "TransitionInDays": 30}
    ]


def test_a_bucket_has_the_name_it_was_given_and_the_others_have_none(passing: Template) -> None:
    names = {which: properties(passing, which).get("BucketName") for which in BUCKETS}

    assert names == {"Raw": None, "Dvc": "our-dvc", "Artifacts": None, "Capture": None, "AccessLogs": None}


def test_buckets_are_emptied_and_go_with_the_stack(passing: Template) -> None:
    passing.resource_count_is("Custom::S3AutoDeleteObjects", len(BUCKETS))
    passing.all_resources("AWS::S3::Bucket", {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"})


def test_kept_buckets_stay_and_no_function_can_empty_them(kept: Template) -> None:
    kept.all_resources("AWS::S3::Bucket", {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"})
    kept.resource_count_is("AWS::Lambda::Function", 0)


def test_the_function_that_empties_buckets_writes_to_the_one_owned_group(passing: Template) -> None:
    (group,) = passing.find_resources("AWS::Logs::LogGroup")

    passing.resource_count_is("AWS::Lambda::Function", 1)
    passing.has_resource_properties("AWS::Lambda::Function", {"LoggingConfig": {"LogGroup": {"Ref": group}}})
    passing.has_resource_properties("AWS::IAM::Role", {"ManagedPolicyArns": Match.absent()})
    passing.has_resource_properties(
        "AWS::IAM::ManagedPolicy",
        {
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                        "Effect": "Allow",
                        "Resource": {"Fn::GetAtt": [group, "Arn"]},
                    }
                ]
            }
        },
    )
