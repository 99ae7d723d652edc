"""Each job may do its one task: what it reads, what it writes, and whom it may ask to go on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk.assertions import Template

from stacks.tracking_access import TrackingAccess
from stacks.training import Training
from tests.support.stacks import Neighbours, template_of, templates


def training(*, inside: bool = True, sagemaker: str | None = None, login: bool = False) -> Template:
    def make(scope: Any, near: Neighbours) -> cdk.Stack:
        secret = secretsmanager.Secret(near, "Login") if login else None
        return Training(
            scope,
            "Training",
            placement=near.placement if inside else None,
            repository=near.repository,
            raw=near.bucket("Raw"),
            dvc=near.bucket("Dvc"),
            artifacts=near.bucket("Artifacts"),
            capture=near.bucket("Capture"),
            tracking=TrackingAccess(near.tracking.uri, near.clients, secret),
            serving_stack="Dev-Serving",
            compute="medium",
            sagemaker=sagemaker,
            timeout=cdk.Duration.hours(2),
            lifetime=near.lifetime,
        )

    return template_of(make)


@pytest.fixture(scope="module")
def template() -> Template:
    return training()


@pytest.fixture(scope="module")
def elsewhere() -> Template:
    return training(sagemaker="ml.m5.xlarge", login=True)


@pytest.fixture(scope="module")
def outside() -> Template:
    return training(inside=False, login=True)


def project(template: Template, name: str) -> dict[str, Any]:
    (found,) = (
        resource["Properties"]
        for key, resource in template.find_resources("AWS::CodeBuild::Project").items()
        if re.fullmatch(rf"{name}[0-9A-F]{{8}}", key)
    )
    properties: dict[str, Any] = found
    return properties


def spec(template: Template, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(project(template, name)["Source"]["BuildSpec"])
    return document


def commands(template: Template, name: str, phase: str) -> list[str]:
    found: list[str] = spec(template, name)["phases"][phase]["commands"]
    return found


def variables(template: Template, name: str) -> dict[str, Any]:
    return {each["Name"]: each for each in project(template, name)["Environment"]["EnvironmentVariables"]}


def rights(template: Template, role: str) -> set[tuple[str, str]]:
    """Every action that a role has, with the bucket and prefix, stack or other resource it has it on."""
    found = set()
    for policy in template.find_resources("AWS::IAM::Policy").values():
        if not any(str(each.get("Ref", "")).startswith(role) for each in policy["Properties"]["Roles"]):
            continue
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            actions, resources = statement["Action"], statement["Resource"]
            for action in [actions] if isinstance(actions, str) else actions:
                for resource in resources if isinstance(resources, list) else [resources]:
                    found.add((action, short(resource)))
    return found


def short(resource: Any) -> str:
    text = json.dumps(resource)
    if bucket := re.search(r"FnGetAtt(Raw|Dvc|Artifacts|Capture)[0-9A-F]+Arn", text):
        return bucket[1] + "".join(re.findall(r'"(/[^"]*)"', text))
    return resource if isinstance(resource, str) else text


def s3(template: Template, role: str) -> set[tuple[str, str]]:
    return {(action, where) for action, where in rights(template, role) if action.startswith("s3:")}


def listing(*buckets: str) -> set[tuple[str, str]]:
    return {(action, bucket) for bucket in buckets for action in ("s3:ListBucket", "s3:GetBucketLocation")}


def reading(*objects: str) -> set[tuple[str, str]]:
    return {(action, where) for where in objects for action in ("s3:GetObject", "s3:GetObjectVersion")}


def writing(*objects: str) -> set[tuple[str, str]]:
    return {(action, where) for where in objects for action in ("s3:PutObject", "s3:AbortMultipartUpload")}


def test_training_reads_raw_data_keeps_its_own_and_adds_models(template: Template) -> None:
    assert s3(template, "TrainRole") == (
        listing("Raw", "Dvc") | reading("Raw/*", "Dvc/*") | writing("Dvc/*", "Artifacts/mlflow/*")
    )


def test_proving_reads_models_and_captured_rows_and_writes_nothing_but_decisions_and_reports(
    template: Template,
) -> None:
    assert s3(template, "ProveRole") == (
        listing("Dvc", "Artifacts", "Capture")
        | reading("Dvc/*", "Artifacts/mlflow/*", "Capture/capture/*")
        | writing("Artifacts/mlflow/*/decision.json", "Artifacts/mlflow/*/report.html", "Artifacts/reports/*")
    )
    assert "Capture" in json.dumps(variables(template, "Prove")["EVERGREEN_CAPTURE_BUCKET"]["Value"])


def test_releasing_reads_decisions_only_and_updates_no_stack_but_the_one_that_serves(template: Template) -> None:
    assert s3(template, "ReleaseRole") == listing("Artifacts") | reading("Artifacts/mlflow/*/decision.json")
    stacks = {
        (action, resource)
        for action, resource in rights(template, "ReleaseRole")
        if action.startswith("cloudformation:")
    }
    assert {action for action, _ in stacks} == {
        "cloudformation:DescribeStacks",
        "cloudformation:DescribeStackEvents",
        "cloudformation:UpdateStack",
    }
    assert all('":stack/Dev-Serving/*"' in resource for _, resource in stacks)


def test_a_rollout_may_look_up_whatever_the_serving_stack_takes_from_parameter_store(template: Template) -> None:
    looked_up = {resource for action, resource in rights(template, "ReleaseRole") if action == "ssm:GetParameters"}
    parameters = templates("dev", "ecs")["Serving"]["Parameters"].values()
    taken = {each["Default"] for each in parameters if each["Type"].startswith("AWS::SSM::Parameter::Value")}
    assert taken
    for name in taken:
        owned_by_aws = name.startswith("/aws/service/")
        (resource,) = (one for one in looked_up if name in one)
        assert ("::parameter" in resource) == owned_by_aws


@pytest.mark.parametrize("role", ["TrainRole", "ProveRole", "ReleaseRole"])
def test_no_job_may_hand_on_a_role_or_delete_anything(template: Template, role: str) -> None:
    assert not {action for action, _ in rights(template, role) if "PassRole" in action or "Delete" in action} - {
        "ec2:DeleteNetworkInterface"
    }


def test_every_job_runs_in_the_released_training_image_among_the_clients_of_the_tracking_server(
    template: Template,
) -> None:
    for name in ("Train", "Prove", "Release"):
        job = project(template, name)
        assert {"Fn::If": ["Released", {"Ref": "Image"}, "none"]} in job["Environment"]["Image"]["Fn::Join"][1]
        assert job["Environment"]["Type"] == "LINUX_CONTAINER"
        assert not job["Environment"].get("PrivilegedMode")
        assert "Clients" in json.dumps(job["VpcConfig"]["SecurityGroupIds"])
        assert job["TimeoutInMinutes"] == 120
    template.has_parameter("Image", {"Default": ""})


def test_only_what_computes_gets_the_size_that_was_asked_for(template: Template, elsewhere: Template) -> None:
    def size(template: Template, name: str) -> str:
        return str(project(template, name)["Environment"]["ComputeType"])

    assert [size(template, name) for name in ("Train", "Prove", "Release")] == [
        "BUILD_GENERAL1_MEDIUM",
        "BUILD_GENERAL1_MEDIUM",
        "BUILD_GENERAL1_SMALL",
    ]
    assert size(elsewhere, "Train") == "BUILD_GENERAL1_SMALL"


def test_outside_of_the_network_a_login_comes_from_its_secret(outside: Template) -> None:
    assert "VpcConfig" not in project(outside, "Train")
    password = variables(outside, "Train")["MLFLOW_TRACKING_PASSWORD"]
    assert password["Type"] == "SECRETS_MANAGER"
    assert ":password" in json.dumps(password["Value"])
    assert any(action == "secretsmanager:GetSecretValue" for action, _ in rights(outside, "TrainRole"))


def test_every_log_group_is_the_stacks_own(template: Template) -> None:
    groups = template.find_resources("AWS::Logs::LogGroup")
    named = [
        project(template, name)["LogsConfig"]["CloudWatchLogs"]["GroupName"] for name in ("Train", "Prove", "Release")
    ]
    assert sorted(each["Ref"] for each in named) == sorted(groups)


def test_training_hands_on_what_was_trained_and_fails_where_it_cannot_be_read(template: Template) -> None:
    train = spec(template, "Train")
    assert train["env"]["exported-variables"] == ["VERSION", "DIGEST"]
    assert train["artifacts"] == {"files": ["dvc.lock", "trained.json"]}
    assert not [command for command in commands(template, "Train", "build") if re.match(r"export \w+=", command)]
    assert {"EVERGREEN_RAW_BUCKET", "EVERGREEN_DVC_BUCKET", "MLFLOW_TRACKING_URI"} <= variables(
        template, "Train"
    ).keys()


def test_the_report_is_written_after_a_no_too_and_the_log_says_where_it_is_behind_a_login(template: Template) -> None:
    report, told = commands(template, "Prove", "post_build")
    assert '"s3://$REPORTS_BUCKET/reports/$PROBLEM/$EXECUTION/report.html"' in report
    assert "$REPORT_IN_CONSOLE" in told
    assert spec(template, "Prove")["env"]["exported-variables"] == ["REPORT"]
    assert "ml.cli prove" in commands(template, "Prove", "build")[-1]


def test_a_release_takes_back_a_failed_one_first_and_the_image_follows_the_model(template: Template) -> None:
    assert "ops.undo" in commands(template, "Release", "pre_build")[-1]
    *_, model, image = commands(template, "Release", "build")
    assert "ml.cli approve" in model
    assert '--execution "$CODEBUILD_INITIATOR/$EXECUTION"' in model
    assert "ops.rollout" in image
    (patience,) = re.findall(r"--minutes (\d+)", image)
    assert 0 < int(patience) < project(template, "Release")["TimeoutInMinutes"]
    assert variables(template, "Release")["SERVING_STACK"]["Value"] == "Dev-Serving"


def test_every_job_knows_its_image_by_tag_and_asks_for_its_digest(template: Template) -> None:
    for name in ("Train", "Prove", "Release"):
        assert "Image" in json.dumps(variables(template, name)["EVERGREEN_IMAGE"]["Value"])
        assert any("ops.image_digest" in command for command in commands(template, name, "pre_build"))
        assert ("ecr:BatchGetImage") in {action for action, _ in rights(template, f"{name}Role")}


def test_a_training_run_says_which_execution_asked_for_it(template: Template) -> None:
    assert 'export EVERGREEN_TRIGGERED_BY="$CODEBUILD_INITIATOR/$EXECUTION"' in commands(template, "Train", "pre_build")


def test_the_approvers_words_reach_the_release_as_data(template: Template, tmp_path: Path) -> None:
    """The commands as they stand, with a stand-in for `python` that shows what it was given."""
    words = "fine; $(touch pwned) `touch pwned` \"quoted\" 'too' --help"
    who, *exports, approve, _ = commands(template, "Release", "build")
    assert who.endswith("> approval.json")
    (tmp_path / "approval.json").write_text(json.dumps({"by": "arn:aws:iam::1:user/ada", "why": words}))
    shown = approve.replace("python -m ml.cli", f"{sys.executable} -c 'import json, sys; print(json.dumps(sys.argv))'")
    script = "\n".join(["set -e", *(each.replace("python -c", f"{sys.executable} -c") for each in exports), shown])
    given = {"PROBLEM": "flights", "VERSION": "7", "CODEBUILD_INITIATOR": "codepipeline/P", "EXECUTION": "id"}
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=tmp_path, env=given, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)[1:] == [
        *("approve", "flights/7", "--by", "arn:aws:iam::1:user/ada"),
        *("--why", words, "--execution", "codepipeline/P/id", "--json"),
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["approval.json"]


def test_on_sagemaker_the_jobs_have_the_rights_of_training_and_the_starter_only_those_to_start(
    elsewhere: Template,
) -> None:
    exchange = "Artifacts/jobs/*"
    assert s3(elsewhere, "SageMakerRole") == (
        listing("Raw", "Dvc", "Artifacts")
        | reading("Raw/*", "Dvc/*", exchange)
        | writing("Dvc/*", "Artifacts/mlflow/*", exchange)
    )
    assert s3(elsewhere, "TrainRole") == (
        listing("Artifacts") | reading(exchange) | writing(exchange) | {("s3:DeleteObject", exchange)}
    )
    assert "ops.training_job" in commands(elsewhere, "Train", "build")[0]


def test_on_sagemaker_the_starter_hands_one_role_to_one_service_and_starts_its_own_jobs_only(
    elsewhere: Template,
) -> None:
    policies = elsewhere.find_resources("AWS::IAM::Policy")
    statements = [
        statement
        for policy in policies.values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "iam:PassRole" in statement["Action"]
    ]
    assert [statement["Condition"] for statement in statements] == [
        {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    ]
    assert statements[0]["Resource"]["Fn::GetAtt"][0].startswith("SageMakerRole")
    started = {resource for action, resource in rights(elsewhere, "TrainRole") if action.startswith("sagemaker:")}
    assert all('":training-job/evergreen-*"' in resource for resource in started)
    assert len(started) == 1


def test_on_sagemaker_a_job_learns_its_network_and_fetches_the_login_itself(elsewhere: Template) -> None:
    given = variables(elsewhere, "Train")
    assert "Clients" in json.dumps(given["SAGEMAKER_SECURITY_GROUPS"])
    assert json.dumps(given["SAGEMAKER_SUBNETS"]).count("PrivateSubnet") >= 2
    assert given["SAGEMAKER_INSTANCE"]["Value"] == "ml.m5.xlarge"
    assert given["SAGEMAKER_SECONDS"]["Value"] == "7200"
    assert any(action == "secretsmanager:GetSecretValue" for action, _ in rights(elsewhere, "SageMakerRole"))
