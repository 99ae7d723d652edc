from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk.assertions import Template

from cdk_app.config import ROOM_TO_COLLECT
from ops.values import flat
from stacks.constructs.collector import MEMORY, NAME
from stacks.constructs.managed_prometheus import ManagedPrometheus
from stacks.serving.ecs import EcsServing
from stacks.serving.target import ALIVE, NOT_RELEASED, PORT, ServingTarget
from stacks.sizes import CanarySteps, TaskSize
from tests.support.serving import alarms, endings, properties, resources, shared, statements
from tests.support.stacks import Neighbours, template_of

CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/ours"


def cheap(stage: Any, neighbours: Neighbours) -> EcsServing:
    return EcsServing(
        stage,
        "Serving",
        size=TaskSize(cpu=256, memory=512, tasks=(2, 6), spot=True),
        requests=900,
        canary=CanarySteps(percent=10, step_minutes=5, bake_minutes=15),
        certificate=None,
        domain=None,
        prometheus=None,
        access_logs=neighbours.bucket("AccessLogs"),
        **shared(neighbours),
    )


def steady(stage: Any, neighbours: Neighbours) -> EcsServing:
    return EcsServing(
        stage,
        "Serving",
        size=TaskSize(cpu=1024, memory=2048, tasks=(2, 6)),
        requests=900,
        canary=None,
        certificate=CERTIFICATE,
        domain="predictions.example.com",
        prometheus=ManagedPrometheus(
            neighbours, "Prometheus", rules="", alerts=neighbours.alerts, lifetime=neighbours.lifetime
        ),
        access_logs=neighbours.bucket("AccessLogs"),
        **shared(neighbours, credentials=True),
    )


@pytest.fixture(scope="module")
def template() -> Template:
    return template_of(cheap)


@pytest.fixture(scope="module")
def secure() -> Template:
    return template_of(steady)


def services(template: Template) -> list[dict[str, Any]]:
    return properties(template, "AWS::ECS::Service")


def container(template: Template, problem: str) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = [
        one
        for task in properties(template, "AWS::ECS::TaskDefinition")
        for one in task["ContainerDefinitions"]
        if {"Name": "EVERGREEN_MODEL", "Value": problem} in one["Environment"]
    ]
    return found


def collectors(template: Template) -> list[dict[str, Any]]:
    tasks = properties(template, "AWS::ECS::TaskDefinition")
    return [one for task in tasks for one in task["ContainerDefinitions"] if one["Name"] == NAME]


def test_it_is_a_serving_target() -> None:
    seen: list[ServingTarget] = []

    def make(stage: Any, neighbours: Neighbours) -> EcsServing:
        stack = cheap(stage, neighbours)
        seen.append(stack)
        return stack

    template_of(make)
    [target] = seen
    assert set(target.endpoints) == set(target.metrics) == set(target.alarms) == {"flights", "late_flights"}
    assert [len(found) for found in target.alarms.values()] == [3, 3]


def test_no_task_runs_before_an_image_is_released(template: Template) -> None:
    for service in services(template):
        assert (service["DesiredCount"]["Fn::If"][0], service["DesiredCount"]["Fn::If"][2]) == ("Released", 0)
    targets = properties(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert [(target["MinCapacity"], target["MaxCapacity"]) for target in targets] == [
        ({"Fn::If": ["Released", 2, 0]}, 6)
    ] * 2
    for parameter in properties(template, "AWS::SSM::Parameter"):
        assert parameter["Value"]["Fn::If"][2] == NOT_RELEASED


def test_a_rollout_under_load_leaves_the_number_of_tasks_to_the_load(template: Template) -> None:
    """CloudFormation sets a desired count that it is given in every update, down to the fewest."""
    for service in services(template):
        assert service["DesiredCount"]["Fn::If"][1] == {"Fn::If": ["FirstRelease", 2, {"Ref": "AWS::NoValue"}]}
    assert template.find_parameters("Before")["Before"]["Default"] == ""
    assert template.to_json()["Conditions"]["FirstRelease"] == {"Fn::Equals": [{"Ref": "Before"}, ""]}


def test_a_login_comes_from_the_secret(template: Template, secure: Template) -> None:
    assert "Secrets" not in container(template, "flights")
    names = {secret["Name"] for secret in container(secure, "flights")["Secrets"]}
    assert names == {"EVERGREEN_TRACKING_USERNAME", "EVERGREEN_TRACKING_PASSWORD"}


def test_the_one_folder_that_can_be_written_to_holds_the_cache(template: Template) -> None:
    found = container(template, "flights")
    [mounted] = found["MountPoints"]
    assert (mounted["ContainerPath"], mounted["ReadOnly"]) == ("/tmp", False)  # noqa: S108
    assert {"Name": "EVERGREEN_CACHE", "Value": "/tmp/evergreen"} in found["Environment"]  # noqa: S108


def test_the_container_is_hardened(template: Template) -> None:
    found = container(template, "flights")
    assert found["ReadonlyRootFilesystem"] is True
    assert found["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert "Privileged" not in found
    assert found["HealthCheck"]["Command"][-2:] == [str(PORT), ALIVE]
    assert properties(template, "AWS::ECS::TaskDefinition")[0]["RuntimePlatform"]["CpuArchitecture"] == "ARM64"


def test_metrics_are_collected_only_where_there_is_a_place_for_them(template: Template, secure: Template) -> None:
    assert collectors(template) == []
    assert len(collectors(secure)) == 2


def test_a_collector_that_dies_is_started_again_and_stops_no_prediction(secure: Template) -> None:
    for found in collectors(secure):
        assert found["Essential"] is False
        assert found["RestartPolicy"]["Enabled"] is True
        assert "HealthCheck" not in found
        assert "DependsOn" not in container(secure, "flights")
        assert "PortMappings" not in found


def test_a_collector_is_hardened_and_leaves_the_service_its_memory(secure: Template) -> None:
    for found in collectors(secure):
        assert found["ReadonlyRootFilesystem"] is True
        assert found["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
        assert found["Memory"] == MEMORY <= ROOM_TO_COLLECT / 4
        assert found["Image"].rpartition(":")[2].startswith("v")


def test_a_collector_logs_where_its_service_does(secure: Template) -> None:
    [task, _] = properties(secure, "AWS::ECS::TaskDefinition")
    groups = [one["LogConfiguration"]["Options"]["awslogs-group"] for one in task["ContainerDefinitions"]]
    assert len(groups) == 2
    assert groups[0] == groups[1]


def test_a_collector_is_told_of_its_problem_and_the_workspace(secure: Template) -> None:
    told = [flat(found["Environment"][0]["Value"]) for found in collectors(secure)]
    for text, problem in zip(told, ("flights", "late_flights"), strict=True):
        configuration = json.loads(text)
        (scraped,) = configuration["receivers"]["prometheus"]["config"]["scrape_configs"]
        assert scraped["static_configs"] == [{"targets": [f"127.0.0.1:{PORT}"], "labels": {"problem": problem}}]
        endpoint = configuration["exporters"]["prometheus_remote_write"]["endpoint"]
        assert "PrometheusEndpoint" in endpoint
        assert endpoint.endswith("api/v1/remote_write")
        assert configuration["extensions"]["sigv4auth"] == {"region": "us-east-1", "service": "aps"}


def test_a_task_writes_to_the_one_workspace_and_reads_none(template: Template, secure: Template) -> None:
    assert "aps:" not in json.dumps(template.to_json())
    for role in ("FlightsTaskTaskRole", "LateFlightsTaskTaskRole"):
        [statement] = [one for one in statements(secure, role) if "aps:" in json.dumps(one["Action"])]
        assert statement["Action"] == "aps:RemoteWrite"
        assert "PrometheusWorkspace" in statement["Resource"]["Fn::ImportValue"]


def test_waiting_for_the_first_model_is_no_reason_to_be_replaced(template: Template) -> None:
    groups = properties(template, "AWS::ElasticLoadBalancingV2::TargetGroup")
    assert len(groups) == 4
    assert {group["HealthCheckPath"] for group in groups} == {ALIVE}


def test_a_task_reads_its_own_model_and_writes_its_own_captures_and_nothing_else(template: Template) -> None:
    allowed = [(one["Action"], endings(one)) for one in statements(template, "LateFlightsTaskTaskRole")]
    assert allowed == [
        ("s3:GetObject", ["/mlflow/late_flights/*"]),
        (["s3:AbortMultipartUpload", "s3:PutObject"], ["/capture/late_flights/*"]),
    ]


def test_a_task_that_dies_comes_back_in_place_with_what_it_had_written_down(template: Template) -> None:
    for task in properties(template, "AWS::ECS::TaskDefinition"):
        [container] = task["ContainerDefinitions"]
        assert container["RestartPolicy"] == {"Enabled": True, "RestartAttemptPeriod": 60}
        told = {pair["Name"]: flat(pair["Value"]) for pair in container["Environment"]}
        assert told["EVERGREEN_CAPTURE"].startswith(f"{container['MountPoints'][0]['ContainerPath']}/")
        assert "Capture" in told["EVERGREEN_CAPTURE_BUCKET"]


def test_a_new_image_is_a_canary_that_alarms_take_back(template: Template) -> None:
    for service in services(template):
        configuration = service["DeploymentConfiguration"]
        assert configuration["Strategy"] == "CANARY"
        assert configuration["CanaryConfiguration"] == {"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 5}
        assert configuration["BakeTimeInMinutes"] == 15
        assert configuration["Alarms"]["Rollback"] is True
        names = [name["Ref"] for name in configuration["Alarms"]["AlarmNames"]]
        assert sorted(alarms(template)[name]["Threshold"] for name in names) == [5, 5]
        assert not any("Silence" in name for name in names)
        assert "DeploymentCircuitBreaker" not in configuration


def test_new_tasks_are_asked_before_users_reach_them(template: Template) -> None:
    problems = []
    [verifier] = resources(template, "AWS::Lambda::Function")
    for name, resource in resources(template, "AWS::ECS::Service").items():
        [hook] = resource["Properties"]["DeploymentConfiguration"]["LifecycleHooks"]
        assert hook["LifecycleStages"] == ["POST_TEST_TRAFFIC_SHIFT"]
        assert hook["HookTargetArn"] == {"Fn::GetAtt": [verifier, "Arn"]}
        assert hook["HookDetails"]["released"] == {"Fn::If": ["Released", "true", "false"]}
        problems.append(hook["HookDetails"]["problem"])
        assert [one for one in resource["DependsOn"] if "Endpoint" in one], f"{name} may ask before it has an address"
    assert sorted(problems) == ["flights", "late_flights"]


def test_the_hooks_header_leads_to_the_alternate_group(template: Template) -> None:
    rules = resources(template, "AWS::ElasticLoadBalancingV2::ListenerRule")
    for service in services(template):
        [target] = service["LoadBalancers"]
        advanced = target["AdvancedConfiguration"]
        test = rules[advanced["TestListenerRule"]["Ref"]]["Properties"]
        production = rules[advanced["ProductionListenerRule"]["Ref"]]["Properties"]
        assert test["Conditions"][0]["HttpHeaderConfig"] == {"HttpHeaderName": "X-Evergreen-Green", "Values": ["1"]}
        assert test["Priority"] < production["Priority"]
        for rule in (test, production):
            groups = [group["TargetGroupArn"] for group in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]]
            assert groups == [target["TargetGroupArn"], {"Ref": advanced["AlternateTargetGroupArn"]["Ref"]}]


def test_traffic_is_shifted_by_a_role_that_may_change_this_balancer_only(template: Template) -> None:
    for one in statements(template, "FlightsCanaryShifter"):
        changing = (
            [action for action in one["Action"] if "Describe" not in action]
            if isinstance(one["Action"], list)
            else [one["Action"]]
        )
        assert not changing or "*" not in json.dumps(one["Resource"])
    [asking] = statements(template, "FlightsCanaryAsker")
    assert asking["Action"] == "lambda:InvokeFunction"
    assert list(asking["Resource"]) == ["Fn::GetAtt"]


def test_without_a_canary_tasks_roll_with_a_circuit_breaker(secure: Template) -> None:
    for service in services(secure):
        configuration = service["DeploymentConfiguration"]
        assert configuration["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        assert (configuration["MinimumHealthyPercent"], configuration["MaximumPercent"]) == (100, 200)
        assert "LifecycleHooks" not in configuration
        assert "AdvancedConfiguration" not in service["LoadBalancers"][0]


def test_spot_is_a_choice(template: Template, secure: Template) -> None:
    assert {service["CapacityProviderStrategy"][0]["CapacityProvider"] for service in services(template)} == {
        "FARGATE_SPOT"
    }
    assert {service["CapacityProviderStrategy"][0]["CapacityProvider"] for service in services(secure)} == {"FARGATE"}


def test_only_the_balancer_reaches_the_tasks(template: Template) -> None:
    for group in properties(template, "AWS::EC2::SecurityGroup"):
        ports = [rule["FromPort"] for rule in group.get("SecurityGroupIngress", [])]
        assert ports in ([80], [])
    for rule in properties(template, "AWS::EC2::SecurityGroupIngress"):
        assert rule["FromPort"] == rule["ToPort"] == PORT
        assert "SourceSecurityGroupId" in rule
        assert "Fn::GetAtt" in rule["GroupId"], "a rule for another stack's group"


def test_scaling_counts_requests_whichever_group_has_them(template: Template) -> None:
    for policy in properties(template, "AWS::ApplicationAutoScaling::ScalingPolicy"):
        tracking = policy["TargetTrackingScalingPolicyConfiguration"]
        assert tracking["TargetValue"] == 900
        *queries, total = tracking["CustomizedMetricSpecification"]["Metrics"]
        assert [query["MetricStat"]["Metric"]["MetricName"] for query in queries] == ["RequestCountPerTarget"] * 2
        assert len({json.dumps(query["MetricStat"]["Metric"]["Dimensions"]) for query in queries}) == 2
        assert total["Expression"] == "FILL(blue, 0) + FILL(green, 0)"


def test_alarms_wake_someone_and_silence_is_none_before_a_release(template: Template) -> None:
    found = alarms(template)
    assert len(found) == 6
    assert all(alarm["AlarmActions"] for alarm in found.values())
    silent = [alarm for name, alarm in found.items() if "Silence" in name]
    assert [alarm["TreatMissingData"] for alarm in silent] == [
        {"Fn::If": ["Released", "breaching", "notBreaching"]}
    ] * 2
    latency = [alarm for name, alarm in found.items() if "Latency" in name]
    assert {(alarm["ExtendedStatistic"], alarm["Threshold"]) for alarm in latency} == {("p99", 5)}


def test_a_certificate_means_https_and_nothing_but_a_redirect_on_http(secure: Template) -> None:
    listeners = properties(secure, "AWS::ElasticLoadBalancingV2::Listener")
    actions = sorted((listener["Port"], listener["DefaultActions"][0]["Type"]) for listener in listeners)
    assert actions == [(80, "redirect")] * 2 + [(443, "forward")] * 2
    for listener in listeners:
        if listener["Port"] == 443:
            assert listener["Certificates"] == [{"CertificateArn": CERTIFICATE}]
    urls = {parameter["Value"]["Fn::If"][1] for parameter in properties(secure, "AWS::SSM::Parameter")}
    assert urls == {f"https://{name}.predictions.example.com" for name in ("flights", "late-flights")}


def test_the_balancer_drops_what_is_malformed_and_keeps_a_log(template: Template) -> None:
    for balancer in properties(template, "AWS::ElasticLoadBalancingV2::LoadBalancer"):
        attributes = {pair["Key"]: pair.get("Value") for pair in balancer["LoadBalancerAttributes"]}
        assert attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"
        assert attributes["access_logs.s3.enabled"] == "true"
        assert attributes["deletion_protection.enabled"] == "false"
        assert balancer["Scheme"] == "internet-facing"


def test_every_log_group_goes_with_the_stack(template: Template) -> None:
    for group in resources(template, "AWS::Logs::LogGroup").values():
        assert (group["DeletionPolicy"], group["Properties"]["RetentionInDays"]) == ("Delete", 7)


def test_the_verifier_may_read_addresses_and_answer_pipelines(template: Template) -> None:
    actions = {
        action
        for one in statements(template, "VerifierRole")
        for action in (one["Action"] if isinstance(one["Action"], list) else [one["Action"]])
    }
    assert {action for action in actions if not action.startswith(("logs:", "xray:"))} == {
        "ssm:GetParameter",
        "codepipeline:PutJobSuccessResult",
        "codepipeline:PutJobFailureResult",
    }
    [function] = properties(template, "AWS::Lambda::Function")
    assert "ENDPOINTS" in function["Environment"]["Variables"]
    assert function["Handler"] == "verify.handler.handle"
