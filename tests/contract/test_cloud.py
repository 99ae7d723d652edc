"""What the templates tell programs is what the programs understand, in every environment with every target."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cdk_app.choices import Ecs
from cdk_app.config import ROOM_TO_COLLECT
from cdk_app.environments import ENVIRONMENTS
from functions.report import page
from functions.report.handler import BUCKET
from functions.retrain.metrics import NAMESPACE, EmbeddedMetrics
from functions.retrain.objects import location, problem_of, refusal
from functions.retrain.settings import Settings as RetrainSettings
from functions.verify.events import Settings as VerifySettings
from ml.io import objects
from ml.io.workspace import Workspace
from ml.problem import read_problem
from ops.values import flat
from service.metrics import Metrics
from service.routes import health
from service.slot import Slot
from stacks.constructs.collector import MEMORY, scraping
from stacks.constructs.trigger_alarms import EMPTY
from stacks.prometheus_rules import RULES
from stacks.serving.service_task import JOB
from stacks.serving.target import PORT
from tests.support.stacks import ROOT, templates
from twin.emulator.metric_math import Expression

# With the tests of the stacks, which synthesise the same templates.
pytestmark = pytest.mark.xdist_group("infrastructure")

ASSEMBLIES = [(environment, target) for environment in ENVIRONMENTS for target in ("apprunner", "ecs")]
assemblies = pytest.mark.parametrize(("environment", "target"), ASSEMBLIES)
LINK = 1000
"""Characters of the link of an approval, at most."""
PATHS = {route.path for route in health.ROUTES}


def resources(environment: str, target: str, kind: str, stack: str | None = None) -> Iterator[tuple[str, Any]]:
    """Name and properties of every resource of a type."""
    for name, template in templates(environment, target).items():
        for logical, resource in template["Resources"].items():
            if resource["Type"] == kind and stack in {None, name}:
                yield logical, resource.get("Properties", {})


def functions(environment: str, target: str) -> dict[str, dict[str, str]]:
    """Variables of each function of ours, by its package."""
    return {
        properties["Handler"].partition(".")[0]: {
            name: flat(value) for name, value in properties.get("Environment", {}).get("Variables", {}).items()
        }
        for _, properties in resources(environment, target, "AWS::Lambda::Function")
        if properties["Handler"].endswith(".handler.handle")
    }


def test_the_alarm_on_empty_data_watches_the_reason_that_the_function_gives() -> None:
    assert refusal("flights/2013.csv", 0, ["flights"]) == EMPTY


@assemblies
def test_functions_understand_what_they_are_told(environment: str, target: str) -> None:
    told = functions(environment, target)
    retrain = RetrainSettings.read(told["retrain"])
    verify = VerifySettings.model_validate(told["verify"])
    assert retrain.problems == ENVIRONMENTS[environment].problems
    assert set(verify.endpoints) == set(retrain.problems)


@assemblies
def test_a_question_links_to_the_very_object_that_the_proof_writes(environment: str, target: str) -> None:
    """By the function that opens reports where there is one, else by the console's address."""
    ids = {"PROBLEM": "flights", "EXECUTION": "6f1b7a0e-3c2d-4b59-9d43-0a1c5e8f7b21"}
    (spec,) = (
        flat(each["Source"]["BuildSpec"])
        for name, each in resources(environment, target, "AWS::CodeBuild::Project", "Training")
        if name.startswith("Prove")
    )
    (written,) = re.findall(r"s3://\$REPORTS_BUCKET/(\S+?)[\\\"]", spec)
    key = written.replace("$PROBLEM", ids["PROBLEM"]).replace("$EXECUTION", ids["EXECUTION"])
    ((_, pipeline),) = resources(environment, target, "AWS::CodePipeline::Pipeline")
    link = _given(pipeline, "Prove")["REPORT"]
    link = link.replace("#{variables.PROBLEM}", ids["PROBLEM"])
    link = link.replace("#{codepipeline.PipelineExecutionId}", ids["EXECUTION"])
    told = functions(environment, target)
    if ENVIRONMENTS[environment].delivery.reports == "console":
        assert "report" not in told
        assert link.endswith(f"&prefix={key}")
        assert "console.aws.amazon.com" in link
    else:
        assert page.key_of("GET", "/" + link.partition("}")[2]) == key
        assert "Artifacts" in told["report"][BUCKET]
    assert len(link) < LINK


def _given(pipeline: dict[str, Any], action: str) -> dict[str, str]:
    (found,) = (each for stage in pipeline["Stages"] for each in stage["Actions"] if each["Name"] == action)
    return {each["name"]: each["value"] for each in json.loads(flat(found["Configuration"]["EnvironmentVariables"]))}


@assemblies
def test_what_the_functions_count_is_what_the_alarms_look_at(
    environment: str, target: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Variables of a function may add dimensions to its metrics, and an alarm looks at exactly its own."""
    for name, value in functions(environment, target)["retrain"].items():
        monkeypatch.setenv(name, value)
    EmbeddedMetrics().count("Refused", "flights", EMPTY)
    counted = [
        {name: line[name] for name in line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]}
        for line in map(json.loads, capsys.readouterr().out.splitlines())
    ]
    watched = {
        tuple(sorted((each["Name"], flat(each["Value"])) for each in alarm["Dimensions"]))
        for _, alarm in resources(environment, target, "AWS::CloudWatch::Alarm", "Triggers")
        if alarm.get("Namespace") == NAMESPACE and ("Problem", "flights") in _pairs(alarm)
    }
    assert watched == {tuple(sorted(dimensions.items())) for dimensions in counted}


def _pairs(alarm: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["Name"], flat(each["Value"])) for each in alarm["Dimensions"]}


@assemblies
def test_a_failed_probe_is_no_error_rate_and_a_failing_service_is_one(environment: str, target: str) -> None:
    watched = [
        properties
        for _, properties in resources(environment, target, "AWS::CloudWatch::Alarm")
        if any(each["Id"] == "failed" for each in properties.get("Metrics", []))
    ]
    alarm = watched[0]
    (text,) = (each["Expression"] for each in alarm["Metrics"] if "Expression" in each)
    assert len(watched) == len(ENVIRONMENTS[environment].problems)
    rate = Expression.parse(text)

    def alarms(asked: int, failed: int) -> bool:
        value = rate.value({"asked": asked, "failed": failed, "refused": 0})
        assert value is not None
        return bool(value > alarm["Threshold"])

    assert not alarms(2, 2)
    assert alarms(20, 20)
    assert alarms(1000, 100)
    assert not alarms(1000, 10)


@assemblies
def test_every_function_of_a_template_has_its_handler(environment: str, target: str) -> None:
    for package in functions(environment, target):
        assert "def handle(" in (ROOT / "functions" / package / "handler.py").read_text()


@pytest.mark.parametrize("environment", list(ENVIRONMENTS))
def test_an_environment_serves_problems_that_exist(environment: str) -> None:
    listed = Workspace.here().params().problems
    for problem in ENVIRONMENTS[environment].problems:
        assert read_problem(ROOT / "ml" / "problems" / f"{problem}.yaml").name == problem
        assert problem in listed


@assemblies
def test_load_balancers_and_app_runner_ask_where_the_service_answers(environment: str, target: str) -> None:
    groups = list(resources(environment, target, "AWS::ElasticLoadBalancingV2::TargetGroup", "Serving"))
    services = list(resources(environment, target, "AWS::AppRunner::Service"))
    asked = [(each["HealthCheckPath"], str(each["Port"])) for _, each in groups]
    asked += [
        (
            each["HealthCheckConfiguration"]["Path"],
            each["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]["Port"],
        )
        for _, each in services
    ]
    assert asked
    assert {path for path, _ in asked} <= PATHS
    assert {port for _, port in asked} == {str(PORT)}


def test_images_listen_and_are_asked_where_the_templates_say() -> None:
    for name, ports in (("service", {PORT}), ("mlflow", {5000})):
        dockerfile = (ROOT / "docker" / f"{name}.Dockerfile").read_text()
        told = re.findall(r"EXPOSE (\d+)", dockerfile) + re.findall(r'healthy\.py", "(\d+)"', dockerfile)
        assert {int(port) for port in told} == ports
    (path,) = re.findall(r'healthy\.py", "\d+", "(.*?)"', (ROOT / "docker" / "service.Dockerfile").read_text())
    assert path in PATHS
    for environment, target in ASSEMBLIES:
        for _, task in resources(environment, target, "AWS::ECS::TaskDefinition", "Tracking"):
            ports = {
                mapping["ContainerPort"]
                for each in task["ContainerDefinitions"]
                for mapping in each.get("PortMappings", [])
            }
            assert ports <= {5000}


@assemblies
def test_a_model_is_stored_where_its_service_may_read_it(environment: str, target: str) -> None:
    """The training job names the root, the program adds the problem, the service's role allows just that."""
    (told,) = [
        {each["Name"]: flat(each["Value"]) for each in properties["Environment"]["EnvironmentVariables"]}
        for name, properties in resources(environment, target, "AWS::CodeBuild::Project", "Training")
        if name.startswith("Train")
    ]
    root = told.get("EVERGREEN_ARTIFACT_ROOT", "").rstrip("/")
    assert root.startswith("s3://")
    prefix = root.removeprefix("s3://").partition("/")[2]
    allowed = [
        flat(statement["Resource"])
        for _, policy in resources(environment, target, "AWS::IAM::Policy", "Serving")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "s3:GetObject"
    ]
    for problem in ENVIRONMENTS[environment].problems:
        assert [each for each in allowed if each.endswith(f"/{prefix}/{problem}/*")]


@pytest.mark.parametrize("key", ["flights/2013.csv", "flights/a b/ä?#{x}%20'\".csv", "flights/100%.csv"])
@pytest.mark.parametrize("version", [None, "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"])
def test_an_object_that_an_event_names_is_the_object_that_training_reads(key: str, version: str | None) -> None:
    address = objects.Address.parse(location("raw-bucket", key, version))
    assert (address.bucket, address.key, address.version) == ("raw-bucket", key, version)


def test_data_arrives_where_training_looks_for_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(objects.RAW_BUCKET, "raw-bucket")
    folder = objects._folder_of("flights")
    assert problem_of(f"{folder.key}2013.csv") == "flights"


def test_alert_rules_name_metrics_that_the_service_has() -> None:
    text = Metrics(Slot()).text().decode()
    exposed = set(re.findall(r"# TYPE (\w+)", text))
    named = {
        name
        for rule in yaml.safe_load(RULES)["groups"][0]["rules"]
        for name in re.findall(r"evergreen_\w+", rule["expr"])
    }
    assert named
    assert {name.removesuffix("_bucket") for name in named} <= exposed


def test_a_collector_asks_where_the_service_counts_and_keeps_what_alert_rules_need() -> None:
    (scraped,) = scraping(labels={"problem": "flights"}, job=JOB, port=PORT)["scrape_configs"]
    assert scraped.get("metrics_path", "/metrics") in PATHS
    dropped = [re.compile(each["regex"]) for each in scraped["metric_relabel_configs"]]
    for rule in yaml.safe_load(RULES)["groups"][0]["rules"]:
        assert set(re.findall(r"by \((\w+)", rule["expr"])) == set(scraped["static_configs"][0]["labels"])
        named = re.findall(r"evergreen_\w+", rule["expr"])
        assert not [name for name in named if any(each.fullmatch(name) for each in dropped)]


def test_the_smallest_task_that_may_have_a_collector_leaves_room_for_the_service() -> None:
    assert Ecs().memory <= ROOM_TO_COLLECT - MEMORY


@assemblies
def test_jobs_are_told_of_places_by_names_that_programs_read(environment: str, target: str) -> None:
    read = "".join(path.read_text() for room in ("ml", "ops") for path in (ROOT / room).rglob("*.py"))
    for name, properties in resources(environment, target, "AWS::CodeBuild::Project"):
        commands = flat(properties["Source"]["BuildSpec"])
        for variable in properties["Environment"].get("EnvironmentVariables", []):
            told = variable["Name"]
            assert told in read or f"${told}" in commands or told.removeprefix("SAGEMAKER_") in read, f"{name}: {told}"
