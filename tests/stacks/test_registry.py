from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import aws_kms as kms
from aws_cdk.assertions import Match, Template

from stacks.lifetime import Lifetime
from stacks.registry import Registry
from tests.support.stacks import Neighbours, template_of

REPOSITORY = "AWS::ECR::Repository"


@pytest.fixture(scope="module")
def passing() -> Template:
    return template_of(lambda stage, near: Registry(stage, "Registry", lifetime=near.lifetime))


@pytest.fixture(scope="module")
def kept() -> Template:
    def make(stage: Any, near: Neighbours) -> Registry:
        return Registry(stage, "Registry", lifetime=Lifetime(keep=True, log_days=30, key=kms.Key(near, "Key")))

    return template_of(make)


def test_each_image_has_a_repository(passing: Template) -> None:
    passing.resource_count_is(REPOSITORY, 3)


def test_a_tag_never_moves_and_every_push_is_scanned(passing: Template) -> None:
    passing.all_resources_properties(
        REPOSITORY,
        {"ImageTagMutability": "IMMUTABLE", "ImageScanningConfiguration": {"ScanOnPush": True}},
    )


def test_images_are_encrypted_with_the_key_where_there_is_one(passing: Template, kept: Template) -> None:
    passing.all_resources_properties(REPOSITORY, {"EncryptionConfiguration": Match.absent()})
    kept.all_resources_properties(
        REPOSITORY,
        {"EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": {"Fn::ImportValue": Match.any_value()}}},
    )


def test_what_nothing_can_name_goes_after_a_day_and_thirty_releases_stay(passing: Template) -> None:
    for repository in passing.find_resources(REPOSITORY).values():
        rules = json.loads(repository["Properties"]["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
        untagged, tagged = (rule["selection"] for rule in sorted(rules, key=lambda rule: rule["rulePriority"]))

        assert untagged == {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countNumber": 1,
            "countUnit": "days",
        }
        assert tagged == {
            "tagStatus": "tagged",
            "tagPatternList": ["*"],
            "countType": "imageCountMoreThan",
            "countNumber": 30,
        }


def test_repositories_go_with_the_stack_images_and_all(passing: Template) -> None:
    passing.all_resources(REPOSITORY, {"DeletionPolicy": "Delete", "Properties": {"EmptyOnDelete": True}})


def test_kept_repositories_stay_with_their_images(kept: Template) -> None:
    kept.all_resources(REPOSITORY, {"DeletionPolicy": "Retain", "Properties": {"EmptyOnDelete": False}})
