from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

from stacks.constructs.mlflow_task import SCRATCH
from tests.support.serving import endings, properties, resources, statements
from tests.support.stacks import template_of
from tests.support.tracking import CERTIFICATE, DOMAIN, Process, container, tracking

ENDPOINT = "AWS::ElasticLoadBalancingV2::LoadBalancer"


@pytest.fixture(scope="module")
def private() -> Template:
    return template_of(tracking())


@pytest.fixture(scope="module")
def kept() -> Template:
    return template_of(tracking(keep=True))


@pytest.fixture(scope="module")
def internal() -> Template:
    return template_of(tracking("internal", tasks=(1, 1)))


@pytest.fixture(scope="module")
def public() -> Template:
    return template_of(tracking("public", keep=True, certificate=CERTIFICATE, domain=DOMAIN))


def only(template: Template, kind: str) -> dict[str, Any]:
    (one,) = properties(template, kind)
    return one


def group(reference: Any) -> str:
    """The logical id of a security group, or the name of the export that it comes from."""
    return str(reference["Fn::GetAtt"][0] if "Fn::GetAtt" in reference else reference["Fn::ImportValue"])


def ways_in(template: Template, owner: str) -> set[tuple[str, int]]:
    """Who may connect to the group whose id begins so, and where."""
    return {
        (group(rule["SourceSecurityGroupId"]), rule["FromPort"])
        for rule in properties(template, "AWS::EC2::SecurityGroupIngress")
        if group(rule["GroupId"]).startswith(owner)
    }


def test_nothing_runs_and_nothing_scales_before_an_image_was_released(private: Template) -> None:
    assert only(private, "AWS::ECS::Service")["DesiredCount"]["Fn::If"][::2] == ["Released", 0]
    for kind in ("ScalableTarget", "ScalingPolicy"):
        (resource,) = resources(private, f"AWS::ApplicationAutoScaling::{kind}").values()
        assert resource["Condition"] == "Released"
    assert private.find_parameters("Image")["Image"]["Default"] == ""


def test_what_nothing_scales_is_counted_by_the_template_alone(private: Template, internal: Template) -> None:
    scaled, fixed = (only(each, "AWS::ECS::Service")["DesiredCount"] for each in (private, internal))
    assert scaled["Fn::If"][1] == {"Fn::If": ["FirstRelease", 1, {"Ref": "AWS::NoValue"}]}
    assert isinstance(fixed["Fn::If"][1], int)
    assert not internal.find_parameters("Before")


def test_tasks_are_added_by_cpu_within_the_bounds_of_the_environment(private: Template, internal: Template) -> None:
    target = only(private, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 2)
    internal.resource_count_is("AWS::ApplicationAutoScaling::ScalableTarget", 0)


def test_a_bad_rollout_is_taken_back_and_told(private: Template) -> None:
    deployment = only(private, "AWS::ECS::Service")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    rule = only(private, "AWS::Events::Rule")
    assert rule["EventPattern"]["detail"] == {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]}
    (service,) = resources(private, "AWS::ECS::Service")
    assert rule["EventPattern"]["resources"] == [{"Ref": service}]


def test_spot_is_for_the_server_and_never_for_a_migration(private: Template, kept: Template) -> None:
    def provider(template: Template) -> str:
        (strategy,) = only(template, "AWS::ECS::Service")["CapacityProviderStrategy"]
        return str(strategy["CapacityProvider"])

    assert (provider(private), provider(kept)) == ("FARGATE_SPOT", "FARGATE")


@pytest.mark.parametrize("task", ["Server", "Migration"])
def test_containers_are_hardened_and_write_to_one_folder(private: Template, task: str) -> None:
    it = container(private, task)
    assert it["ReadonlyRootFilesystem"] is True
    assert it["User"] == "10001:10001"
    assert it["LinuxParameters"] == {"Capabilities": {"Drop": ["ALL"]}, "InitProcessEnabled": True}
    assert it["MountPoints"] == [{"ContainerPath": SCRATCH, "ReadOnly": False, "SourceVolume": "scratch"}]
    definitions = properties(private, "AWS::ECS::TaskDefinition")
    assert all(one["RuntimePlatform"]["CpuArchitecture"] == "ARM64" for one in definitions)


def test_the_server_starts_two_workers_without_jobs_gateway_or_artifact_proxy(private: Template) -> None:
    process = Process.of(container(private, "Server"))
    assert " ".join(process.command) == "mlflow server --host 0.0.0.0 --port 5000 --workers 2"
    assert process.environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert process.environment["MLFLOW_ENABLE_AI_GATEWAY"] == "false"
    assert process.environment["MLFLOW_SERVE_ARTIFACTS"] == "false"
    assert process.environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    health = container(private, "Server")["HealthCheck"]["Command"]
    assert health == ["CMD", "python", "-I", "-S", "/opt/healthy.py", "5000", "/health"]


@pytest.mark.parametrize("task", ["Server", "Migration"])
def test_the_password_comes_from_the_secret_and_stands_nowhere_else(private: Template, task: str) -> None:
    it = container(private, task)
    process = Process.of(it)
    (secret,) = it["Secrets"]
    assert secret["Name"] == "PGPASSWORD"
    assert ":password::" in json.dumps(secret["ValueFrom"])
    assert process.environment["PGSSLMODE"] == "require"
    assert process.environment["MLFLOW_BACKEND_STORE_URI"] == "postgresql+psycopg://"


def test_the_migration_goes_before_the_service_and_again_with_each_image(private: Template) -> None:
    (service,) = resources(private, "AWS::ECS::Service").values()
    ((run, resource),) = resources(private, "AWS::CloudFormation::CustomResource").items()
    assert run in service["DependsOn"]
    definition = resource["Properties"]["TaskDefinition"]["Ref"]
    image = resources(private, "AWS::ECS::TaskDefinition")[definition]["Properties"]["ContainerDefinitions"][0]["Image"]
    assert {"Ref": "Image"} in image["Fn::Join"][1][-1]["Fn::If"]
    assert resource["Properties"]["Released"] == {"Fn::If": ["Released", "true", "false"]}


def test_the_migration_is_answered_before_anyone_gives_up_on_it(private: Template) -> None:
    (function,) = [one for one in properties(private, "AWS::Lambda::Function") if "migrate" in one["Handler"]]
    (run,) = properties(private, "AWS::CloudFormation::CustomResource")
    assert 780 < function["Timeout"] <= 900 <= run["ServiceTimeout"]


def test_a_migration_does_not_hold_everybody_up_while_it_waits_for_a_lock(private: Template) -> None:
    assert "lock_timeout" in Process.of(container(private, "Migration")).environment["PGOPTIONS"]


def test_the_runner_may_start_follow_and_stop_the_migration_and_nothing_else(private: Template) -> None:
    allowed = {
        action: endings(statement)
        for statement in statements(private, "MigrateRunnerRole")
        if statement["Resource"] != "*"
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    }
    assert allowed.keys() == {
        "ecs:RunTask",
        "ecs:DescribeTasks",
        "ecs:StopTask",
        "iam:PassRole",
        "logs:GetLogEvents",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "cloudformation:DescribeStacks",
    }
    family = container_family(private, "Migration")
    assert allowed["ecs:RunTask"] == [f":task-definition/{family}:*"]
    (passing,) = [one for one in statements(private, "MigrateRunnerRole") if one["Action"] == "iam:PassRole"]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert all(role["Fn::GetAtt"][0].startswith("Migration") for role in passing["Resource"])


def container_family(template: Template, task: str) -> str:
    found = resources(template, "AWS::ECS::TaskDefinition")
    (family,) = [one["Properties"]["Family"] for name, one in found.items() if name.startswith(task)]
    return str(family)


def test_the_server_reads_artifacts_under_its_prefix_and_writes_none(private: Template) -> None:
    given = statements(private, "ServerRole")
    actions = {action for statement in given for action in statement["Action"]}
    assert actions == {"s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion"}
    (objects,) = [statement for statement in given if "s3:GetObject" in statement["Action"]]
    assert endings(objects) == ["/mlflow/*"]
    assert statements(private, "MigrationRole") == []


def test_the_database_is_encrypted_backed_up_and_closed_to_all_but_the_tasks(private: Template) -> None:
    database = only(private, "AWS::RDS::DBInstance")
    assert database["StorageEncrypted"] is True
    assert database["PubliclyAccessible"] is False
    assert (database["Engine"], database["EngineVersion"]) == ("postgres", "17")
    assert database["BackupRetentionPeriod"] == 3
    assert database["StorageType"] == "gp3"
    assert only(private, "AWS::RDS::DBParameterGroup")["Parameters"] == {"rds.force_ssl": "1"}
    (way_in,) = ways_in(private, "DatabaseAccess")
    assert way_in[0].startswith("Tasks")
    assert way_in[1] == 5432


def test_without_protection_nothing_of_the_database_stays(private: Template) -> None:
    database = only(private, "AWS::RDS::DBInstance")
    assert (database["DeletionProtection"], database["MultiAZ"]) == (False, False)
    assert database["DeleteAutomatedBackups"] is True
    assert "EnableCloudwatchLogsExports" not in database
    kept = [
        name for name, one in private.to_json()["Resources"].items() if one.get("DeletionPolicy", "Delete") != "Delete"
    ]
    assert kept == []


def test_with_protection_the_database_stays_with_what_it_uses(kept: Template) -> None:
    database = only(kept, "AWS::RDS::DBInstance")
    assert (database["DeletionProtection"], database["MultiAZ"]) == (True, True)
    assert database["MonitoringInterval"] == 60
    assert "KmsKeyId" in database
    retained = {one["Type"] for one in kept.to_json()["Resources"].values() if one.get("DeletionPolicy") == "Retain"}
    assert retained >= {
        "AWS::RDS::DBInstance",
        "AWS::RDS::DBSubnetGroup",
        "AWS::RDS::DBParameterGroup",
        "AWS::SecretsManager::Secret",
        "AWS::EC2::SecurityGroup",
    }


def test_what_the_database_logs_goes_to_groups_of_the_stack(kept: Template) -> None:
    database = only(kept, "AWS::RDS::DBInstance")
    name = database["DBInstanceIdentifier"]["Fn::Join"][1]
    groups = [
        one["LogGroupName"]["Fn::Join"][1] for one in properties(kept, "AWS::Logs::LogGroup") if "LogGroupName" in one
    ]
    expected = [
        ["/aws/rds/instance/" + name[0], name[1], f"/{kind}"] for kind in database["EnableCloudwatchLogsExports"]
    ]
    assert groups == expected
    (resource,) = resources(kept, "AWS::RDS::DBInstance").values()
    assert {one for one in resource["DependsOn"] if one.startswith("DatabaseLogs")}


def test_a_container_may_decrypt_its_secrets_under_the_environments_key(kept: Template) -> None:
    for task in ("Server", "Migration"):
        actions = [statement["Action"] for statement in statements(kept, f"{task}ExecutionRole")]
        assert "kms:Decrypt" in actions


def test_in_private_clients_and_the_jump_host_reach_the_tasks_by_a_name_of_the_vpc(private: Template) -> None:
    (name,) = properties(private, "AWS::ServiceDiscovery::Service")
    assert name["Name"] == "mlflow"
    assert name["DnsConfig"]["DnsRecords"] == [{"TTL": 10, "Type": "A"}]
    assert only(private, "AWS::ServiceDiscovery::PrivateDnsNamespace")["Name"] == "evergreen.internal"
    assert output(private, "Uri") == "http://mlflow.evergreen.internal:5000"
    private.resource_count_is(ENDPOINT, 0)
    assert_guests(ways_in(private, "Tasks"), 5000)


def output(template: Template, name: str) -> Any:
    return template.find_outputs(name)[name]["Value"]


def assert_guests(ways: set[tuple[str, int]], port: int) -> None:
    clients, jump_host = sorted(ways)
    assert clients[0].startswith("Clients")
    assert "JumpHost" in jump_host[0]
    assert {clients[1], jump_host[1]} == {port}


def test_in_internal_clients_and_the_jump_host_reach_a_balancer_that_reaches_the_tasks(internal: Template) -> None:
    assert only(internal, ENDPOINT)["Scheme"] == "internal"
    assert only(internal, "AWS::ElasticLoadBalancingV2::Listener")["Protocol"] == "HTTP"
    assert_guests(ways_in(internal, "AddressEntrance"), 80)
    (way_in,) = ways_in(internal, "Tasks")
    assert way_in[0].startswith("AddressEntrance")
    assert only(internal, "AWS::ElasticLoadBalancingV2::TargetGroup")["HealthCheckPath"] == "/health"
    internal.resource_count_is("AWS::ServiceDiscovery::Service", 0)


def test_in_public_everyone_reaches_https_and_mlflow_asks_for_a_login(public: Template) -> None:
    assert only(public, ENDPOINT)["Scheme"] == "internet-facing"
    listener = only(public, "AWS::ElasticLoadBalancingV2::Listener")
    assert (listener["Protocol"], listener["Certificates"]) == ("HTTPS", [{"CertificateArn": CERTIFICATE}])
    assert output(public, "Uri") == f"https://{DOMAIN}"
    process = Process.of(container(public, "Server"))
    assert process.command[-2:] == ["--app-name", "basic-auth"]
    assert process.secrets == {
        "PGPASSWORD",
        "MLFLOW_AUTH_ADMIN_USERNAME",
        "MLFLOW_AUTH_ADMIN_PASSWORD",
        "MLFLOW_FLASK_SERVER_SECRET_KEY",
    }
    assert process.environment["MLFLOW_SERVER_ALLOWED_HOSTS"].startswith(f"{DOMAIN},{DOMAIN}:443,")
    assert process.environment["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] == f"https://{DOMAIN}"


def test_in_public_the_users_are_migrated_too(public: Template) -> None:
    shell, flag, line = Process.of(container(public, "Migration")).command
    assert (shell, flag) == ("sh", "-c")
    runs, users = line.split(" && ")
    assert runs == "mlflow db upgrade postgresql+psycopg://"
    assert users == "python -m mlflow.server.auth db upgrade --url postgresql+psycopg://"


@pytest.mark.parametrize("exposure", ["internal", "public"])
def test_balancers_log_every_request(exposure: str, request: pytest.FixtureRequest) -> None:
    template: Template = request.getfixturevalue(exposure)
    template.has_resource_properties(
        ENDPOINT,
        {
            "LoadBalancerAttributes": Match.array_with(
                [
                    {"Key": "access_logs.s3.enabled", "Value": "true"},
                    {"Key": "access_logs.s3.prefix", "Value": "mlflow"},
                ]
            )
        },
    )


def test_a_certificate_without_its_domain_is_refused() -> None:
    with pytest.raises(ValueError, match="certificate and domain together"):
        template_of(tracking("internal", certificate=CERTIFICATE))


def test_tasks_reach_aws_and_the_database_and_nothing_else(private: Template) -> None:
    groups = resources(private, "AWS::EC2::SecurityGroup")
    (tasks,) = [one["Properties"] for name, one in groups.items() if name.startswith("Tasks")]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in tasks["SecurityGroupEgress"]] == [(443, 443)]
    assert only(private, "AWS::EC2::SecurityGroupEgress")["FromPort"] == 5432
