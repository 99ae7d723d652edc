"""The pipeline: its order, who is asked and about what, what one stage hands to the next, and what a failure does."""

from __future__ import annotations

import json
import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from stacks.delivery import Delivery
from stacks.training import Training
from tests.support.stacks import ROOT, Neighbours, template_of

OF_THIS_EXECUTION = "#{variables.PROBLEM}/#{codepipeline.PipelineExecutionId}"
CONSOLE = (
    "https://<token>.console.aws.amazon.com/s3/object/<token>?region=<token>"
    f"&prefix=reports/{OF_THIS_EXECUTION}/report.html"
)
GIVEN = "arn:aws:codestar-connections:us-east-1:111122223333:connection/given"


def delivery(*, connection: str | None = None, architecture: Any = "arm64", reports: Any = "link") -> Template:
    def make(scope: Any, near: Neighbours) -> cdk.Stack:
        artifacts = near.bucket("Artifacts")
        jobs = Training(
            scope,
            "Training",
            placement=near.placement,
            repository=near.repository,
            raw=near.bucket("Raw"),
            dvc=near.bucket("Dvc"),
            artifacts=artifacts,
            capture=near.bucket("Capture"),
            tracking=near.tracking,
            serving_stack="Dev-Serving",
            compute="small",
            sagemaker=None,
            timeout=cdk.Duration.hours(1),
            lifetime=near.lifetime,
        )
        verifier = lambda_.Function(
            near,
            "Verifier",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handle",
            code=lambda_.Code.from_inline("pass"),
        )
        return Delivery(
            scope,
            "Delivery",
            owner="ada",
            name="evergreen",
            branch="main",
            connection=connection,
            problems=("flights", "insurance"),
            train=jobs.train,
            prove=jobs.prove,
            release=jobs.release,
            service_images=near.repository,
            architecture=architecture,
            artifacts=artifacts,
            reports=reports,
            verifier=verifier,
            approvers=("ada@example.com", "bob@example.com"),
            approval=cdk.Duration.days(3),
            lifetime=near.lifetime,
            alerts=near.alerts,
        )

    return template_of(make)


@pytest.fixture(scope="module")
def template() -> Template:
    return delivery()


@pytest.fixture(scope="module")
def given() -> Template:
    return delivery(connection=GIVEN, architecture="amd64", reports="console")


def pipeline(template: Template) -> dict[str, Any]:
    (found,) = template.find_resources("AWS::CodePipeline::Pipeline").values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def actions(template: Template) -> dict[str, dict[str, Any]]:
    return {action["Name"]: action for stage in pipeline(template)["Stages"] for action in stage["Actions"]}


def variables(template: Template, name: str) -> dict[str, str]:
    text = actions(template)[name]["Configuration"]["EnvironmentVariables"]
    if isinstance(text, dict):
        text = "".join(part if isinstance(part, str) else "<token>" for part in text["Fn::Join"][1])
    return {each["name"]: each["value"] for each in json.loads(text)}


def builder(template: Template) -> dict[str, Any]:
    (found,) = template.find_resources("AWS::CodeBuild::Project").values()
    properties: dict[str, Any] = found["Properties"]
    return properties


def statements(template: Template, *, prefix: str) -> list[dict[str, Any]]:
    return [
        statement
        for key, policy in template.find_resources("AWS::IAM::Policy").items()
        if key.startswith(prefix)
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]


def test_a_person_stands_between_the_proof_and_whatever_changes_what_runs(template: Template) -> None:
    stages = [
        (stage["Name"], [action["Name"] for action in stage["Actions"]]) for stage in pipeline(template)["Stages"]
    ]
    assert stages == [
        ("Source", ["Source"]),
        ("Train", ["Train"]),
        ("Prove", ["Prove"]),
        ("Approve", ["Approve"]),
        ("Image", ["Image"]),
        ("Release", ["Release", "Verify"]),
    ]


def test_verification_comes_after_the_release_in_the_one_stage_that_rolls_back(template: Template) -> None:
    failing = {stage["Name"]: stage.get("OnFailure") for stage in pipeline(template)["Stages"]}
    assert {name for name, action in failing.items() if action} == {"Release"}
    assert failing["Release"] == {"Result": "ROLLBACK"}
    order = actions(template)
    assert order["Release"]["RunOrder"] < order["Verify"]["RunOrder"]


def test_executions_wait_for_each_other_and_say_what_they_are_about(template: Template) -> None:
    properties = pipeline(template)
    assert (properties["PipelineType"], properties["ExecutionMode"]) == ("V2", "QUEUED")
    assert {each["Name"]: each["DefaultValue"] for each in properties["Variables"]} == {
        "PROBLEM": "flights",
        "DATA": "latest",
        "REASON": "code change",
    }


def test_a_push_starts_it_only_if_a_model_or_the_service_could_change(template: Template) -> None:
    (trigger,) = pipeline(template)["Triggers"]
    (push,) = trigger["GitConfiguration"]["Push"]
    assert push["Branches"] == {"Includes": ["main"]}
    watched = push["FilePaths"]["Includes"]
    assert {"ml/**", "service/**", "dvc.yaml", "params.yaml", "requirements/**", "docker/service.Dockerfile"} == set(
        watched
    )
    assert len(watched) <= 8


def test_the_source_is_a_whole_clone_that_no_second_detection_starts(template: Template) -> None:
    source = actions(template)["Source"]["Configuration"]
    assert source["FullRepositoryId"] == "ada/evergreen"
    assert source["OutputArtifactFormat"] == "CODEBUILD_CLONE_REF"
    assert source["DetectChanges"] is False


def test_every_job_knows_the_problem_and_each_what_its_commands_need(template: Template) -> None:
    assert variables(template, "Train") == {
        "PROBLEM": "#{variables.PROBLEM}",
        "DATA": "#{variables.DATA}",
        "REASON": "#{variables.REASON}",
        "EXECUTION": "#{codepipeline.PipelineExecutionId}",
    }
    assert variables(template, "Prove") == {
        "PROBLEM": "#{variables.PROBLEM}",
        "VERSION": "#{Train.VERSION}",
        "EXECUTION": "#{codepipeline.PipelineExecutionId}",
        "REPORTS_BUCKET": "<token>",
        "REPORT": f"<token>{OF_THIS_EXECUTION}",
        "REPORT_IN_CONSOLE": CONSOLE,
    }
    assert variables(template, "Release") == {
        "PROBLEM": "#{variables.PROBLEM}",
        "VERSION": "#{Train.VERSION}",
        "IMAGE": "#{Image.IMAGE}",
        "EXECUTION": "#{codepipeline.PipelineExecutionId}",
    }


def test_proving_takes_the_lock_of_this_very_training_beside_the_source(template: Template) -> None:
    trained = actions(template)["Train"]["OutputArtifacts"]
    proving = actions(template)["Prove"]
    assert proving["InputArtifacts"] == [{"Name": "Source"}, *trained]
    assert proving["Configuration"]["PrimarySource"] == "Source"
    assert trained == [{"Name": "Trained"}]


def test_every_variable_that_an_action_uses_comes_from_an_earlier_one(template: Template) -> None:
    exported = {"Train": {"VERSION", "DIGEST"}, "Prove": {"REPORT"}, "Image": {"IMAGE"}}
    known = {"codepipeline": {"PipelineExecutionId"}, "variables": {"PROBLEM", "DATA", "REASON"}}
    for name, action in actions(template).items():
        for namespace, variable in re.findall(r"#\{(\w+)\.(\w+)\}", json.dumps(action)):
            assert variable in known.get(namespace, set()), f"{name} uses {namespace}.{variable}"
        known[action.get("Namespace", name)] = exported.get(name, set())


def test_people_are_asked_about_this_execution_with_a_link_to_its_report_and_for_so_long(template: Template) -> None:
    approve = actions(template)["Approve"]
    assert approve["Configuration"]["ExternalEntityLink"] == "#{Prove.REPORT}"
    question = approve["Configuration"]["CustomData"]
    assert {"#{variables.PROBLEM}", "#{Train.VERSION}", "#{variables.REASON}"} <= set(
        re.findall(r"#\{[\w.]+\}", question)
    )
    assert approve["TimeoutInMinutes"] == 3 * 24 * 60
    mails = template.find_resources("AWS::SNS::Subscription").values()
    assert {mail["Properties"]["Endpoint"] for mail in mails} == {"ada@example.com", "bob@example.com"}
    topics = {mail["Properties"]["TopicArn"]["Ref"] for mail in mails}
    assert topics == {approve["Configuration"]["NotificationArn"]["Ref"]}


def test_where_an_environment_says_so_the_link_opens_the_page_and_its_function_reads_reports_only(
    template: Template,
) -> None:
    template.has_resource_properties("AWS::Lambda::Url", {"AuthType": "NONE"})
    template.has_resource_properties("AWS::Lambda::Function", {"Handler": "report.handler.handle"})
    objects = [each for each in statements(template, prefix="ReportFunctionRole") if "s3:" in json.dumps(each)]
    (reading,) = objects
    assert reading["Action"] == "s3:GetObject"
    assert reading["Resource"]["Fn::Join"][1][-1] == "/reports/*"
    alarms = [each["Properties"] for each in template.find_resources("AWS::CloudWatch::Alarm").values()]
    assert [(each["MetricName"], len(each["AlarmActions"])) for each in alarms] == [("Errors", 1)]


def test_elsewhere_the_link_leads_behind_the_consoles_login_and_nothing_is_public(given: Template) -> None:
    given.resource_count_is("AWS::Lambda::Url", 0)
    told = variables(given, "Prove")
    assert told["REPORT"] == told["REPORT_IN_CONSOLE"] == CONSOLE


def test_the_verifier_is_told_which_model_must_answer(template: Template) -> None:
    assert json.loads(actions(template)["Verify"]["Configuration"]["UserParameters"]) == {
        "problem": "#{variables.PROBLEM}",
        "version": "#{Train.VERSION}",
        "digest": "#{Train.DIGEST}",
    }


def test_the_image_is_built_on_the_processor_that_will_run_it(template: Template, given: Template) -> None:
    arm, intel = builder(template), builder(given)
    assert (arm["Environment"]["Type"], intel["Environment"]["Type"]) == ("ARM_CONTAINER", "LINUX_CONTAINER")
    assert "--platform linux/arm64" in arm["Source"]["BuildSpec"]
    assert "--platform linux/amd64" in intel["Source"]["BuildSpec"]
    assert arm["Environment"]["PrivilegedMode"] is True
    spec = json.loads(arm["Source"]["BuildSpec"])
    assert spec["env"]["exported-variables"] == ["IMAGE"]
    assert spec["phases"]["build"]["commands"][0].startswith("python3 -m ops.images release service ")


def test_the_base_image_comes_from_a_registry_that_counts_no_pulls(template: Template) -> None:
    given = {each["Name"]: each["Value"] for each in builder(template)["Environment"]["EnvironmentVariables"]}
    registry, _, name = given["EVERGREEN_BASE_IMAGE"].partition("/docker/library/")
    assert registry == "public.ecr.aws"
    (usual,) = re.findall(r"^ARG BASE=(\S+)$", (ROOT / "docker" / "service.Dockerfile").read_text(), re.MULTILINE)
    assert name == usual


def test_without_a_connection_one_is_made_for_a_person_to_authorise_and_a_given_one_is_used(
    template: Template, given: Template
) -> None:
    template.has_resource_properties("AWS::CodeConnections::Connection", {"ProviderType": "GitHub"})
    assert "Connection" in template.find_outputs("*")
    given.resource_count_is("AWS::CodeConnections::Connection", 0)
    assert actions(given)["Source"]["Configuration"]["ConnectionArn"] == GIVEN
    for prefix in ("Jobs", "PipelineSource"):
        (use,) = (each for each in statements(given, prefix=prefix) if "UseConnection" in json.dumps(each["Action"]))
        assert set(use["Action"]) == {"codeconnections:UseConnection", "codestar-connections:UseConnection"}
        assert use["Resource"] == GIVEN


def test_every_job_reaches_the_artifacts_and_only_the_release_may_look_at_executions(template: Template) -> None:
    policies = template.find_resources("AWS::IAM::Policy")
    (jobs,) = (policy["Properties"] for key, policy in policies.items() if key.startswith("Jobs"))
    assert len(jobs["Roles"]) == 4
    (look,) = (policy["Properties"] for key, policy in policies.items() if key.startswith("Look"))
    assert "ReleaseRole" in json.dumps(look["Roles"])
    assert len(look["Roles"]) == 1
    (looking,) = look["PolicyDocument"]["Statement"]
    assert looking["Action"] == [
        "codepipeline:GetPipelineExecution",
        "codepipeline:ListActionExecutions",
        "codepipeline:ListPipelineExecutions",
    ]
    assert looking["Resource"]["Fn::Join"][1][-1]["Ref"].startswith("Pipeline")


def test_artifacts_of_the_last_good_release_are_there_to_roll_back_to(template: Template) -> None:
    (store,) = template.find_resources("AWS::S3::Bucket").values()
    rules = store["Properties"]["LifecycleConfiguration"]["Rules"]
    assert not [rule for rule in rules if "ExpirationInDays" in rule]
    assert store["DeletionPolicy"] == "Delete"
    template.resource_count_is("Custom::S3AutoDeleteObjects", 1)


def test_a_failed_step_is_told_with_a_link_to_its_execution_whatever_it_said(template: Template) -> None:
    (rule,) = (each["Properties"] for each in template.find_resources("AWS::Events::Rule").values())
    assert rule["EventPattern"]["detail-type"] == ["CodePipeline Action Execution State Change"]
    assert rule["EventPattern"]["detail"] == {"state": ["FAILED"]}
    assert "Pipeline" in json.dumps(rule["EventPattern"]["resources"])
    (target,) = rule["Targets"]
    event = {
        "$.region": "us-east-1",
        "$.detail.pipeline": "loop",
        "$.detail.stage": "Prove",
        "$.detail.action": "Prove",
        "$.detail.execution-id": "1234",
        "$.detail.execution-result.external-execution-summary": 'the policy said "no"',
    }
    assert transformed(target["InputTransformer"], event) == {
        "what": "loop: Prove failed in its step Prove",
        "said": 'the policy said "no"',
        "see": "https://us-east-1.console.aws.amazon.com/codesuite/"
        "codepipeline/pipelines/loop/executions/1234/timeline?region=us-east-1",
    }


def transformed(transformer: dict[str, Any], event: dict[str, str]) -> Any:
    """As EventBridge does it: a value of its own is written as JSON, one inside a text as it is."""
    told: str = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        told = re.sub(f":<{name}>", lambda _, value=event[path]: f":{json.dumps(value)}", told)  # type: ignore[misc]
        told = told.replace(f"<{name}>", event[path])
    return json.loads(told)
