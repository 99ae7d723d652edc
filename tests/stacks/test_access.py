from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from aws_cdk.assertions import Template

from stacks.access import Access
from tests.support.stacks import template_of

ISSUER = "token.actions.githubusercontent.com"
GIVEN = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER}"


def access(**given: Any) -> Template:
    values: dict[str, Any] = {
        "owner": "acme",
        "name": "evergreen",
        "owner_id": None,
        "repository_id": None,
        "environment": "prod",
        "provider": None,
    }
    return template_of(lambda stage, near: Access(stage, "Access", **{**values, **given}))


@pytest.fixture(scope="module")
def named() -> Template:
    return access()


@pytest.fixture(scope="module")
def numbered() -> Template:
    return access(owner_id=7, repository_id=42, provider=GIVEN)


def role(template: Template) -> Any:
    (found,) = template.find_resources("AWS::IAM::Role").values()
    return found["Properties"]


def trusted(template: Template, audience: str, subject: str) -> bool:
    """Whether the role would be given to a token; the conditions are all of one statement, as IAM reads them."""
    (statement,) = role(template)["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    token = {f"{ISSUER}:aud": audience, f"{ISSUER}:sub": subject}
    tests = {"StringEquals": lambda value, wanted: value == wanted, "StringLike": fnmatchcase}
    asked = [
        (tests[operator], token[key], [wanted] if isinstance(wanted, str) else wanted)
        for operator, keys in statement["Condition"].items()
        for key, wanted in keys.items()
    ]
    assert len(asked) == len(token)
    return all(any(test(value, each) for each in wanted) for test, value, wanted in asked)


@pytest.mark.parametrize(
    "subject", ["repo:acme/evergreen:environment:prod", "repo:acme@7/evergreen@42:environment:prod"]
)
def test_both_forms_of_a_job_of_the_environment_are_trusted(named: Template, numbered: Template, subject: str) -> None:
    assert trusted(named, "sts.amazonaws.com", subject)
    assert trusted(numbered, "sts.amazonaws.com", subject)


@pytest.mark.parametrize(
    "subject",
    [
        "repo:acme/evergreen:environment:dev",
        "repo:acme/evergreen:ref:refs/heads/main",
        "repo:acme/evergreen:pull_request",
        "repo:acme/evergreen-fork:environment:prod",
        "repo:acme2@7/evergreen@42:environment:prod",
        "repo:acme@7/other@43:environment:prod",
        "repo:mallory/evergreen:environment:prod",
    ],
)
def test_other_jobs_are_not_trusted(named: Template, numbered: Template, subject: str) -> None:
    assert not trusted(named, "sts.amazonaws.com", subject)
    assert not trusted(numbered, "sts.amazonaws.com", subject)


def test_a_token_for_another_service_is_not_trusted(named: Template) -> None:
    assert not trusted(named, "https://github.com/acme", "repo:acme/evergreen:environment:prod")


def test_with_the_numbers_a_repository_of_the_same_name_is_another_one(named: Template, numbered: Template) -> None:
    taken_over = "repo:acme@666/evergreen@667:environment:prod"

    assert not trusted(numbered, "sts.amazonaws.com", taken_over)
    assert trusted(named, "sts.amazonaws.com", taken_over)


def test_the_role_may_only_take_on_what_the_bootstrap_made_here(named: Template) -> None:
    (policy,) = named.find_resources("AWS::IAM::ManagedPolicy").values()
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    account = {"Ref": "AWS::AccountId"}

    assert statement["Action"] == "sts:AssumeRole"
    assert statement["Resource"] == [
        {"Fn::Join": ["", ["arn:aws:iam::", account, f":role/cdk-hnb659fds-{use}-role-", account, "-us-east-1"]]}
        for use in ("deploy", "file-publishing", "image-publishing", "lookup")
    ]
    assert not {"Policies", "ManagedPolicyArns"} & role(named).keys()
    named.resource_count_is("AWS::IAM::Policy", 0)


def test_a_session_lasts_an_hour(named: Template) -> None:
    assert role(named)["MaxSessionDuration"] == 3600


def test_the_account_learns_to_trust_github(named: Template) -> None:
    named.has_resource_properties(
        "AWS::IAM::OIDCProvider", {"Url": f"https://{ISSUER}", "ClientIdList": ["sts.amazonaws.com"]}
    )


def test_the_provider_that_an_account_has_is_used(numbered: Template) -> None:
    (statement,) = role(numbered)["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Principal"] == {"Federated": GIVEN}
    numbered.resource_count_is("AWS::IAM::OIDCProvider", 0)


def test_the_stack_says_the_name_of_the_role(named: Template) -> None:
    named.has_output("RoleArn", {"Value": {"Fn::GetAtt": [next(iter(named.find_resources("AWS::IAM::Role"))), "Arn"]}})
