from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cdk_app.choices import (
    Access,
    AppRunner,
    Canary,
    Database,
    Delivery,
    Ecs,
    Monitoring,
    Network,
    Repository,
    Serving,
    Storage,
    Tracking,
    Training,
    Triggers,
)
from cdk_app.config import Environment, by_name
from cdk_app.environments import ENVIRONMENTS
from cdk_app.offers import LOG_DAYS
from cdk_app.refusals import Config, ConfigError

HERE = "arn:aws:acm:us-east-1:111122223333:certificate/one"
ELSEWHERE = "arn:aws:acm:eu-west-1:111122223333:certificate/one"
PUBLIC = Tracking(exposure="public", authentication=True, certificate=HERE, domain="mlflow.example.com")
WHERE = "; change it in cdk_app/environments.py"


def environment(**given: Any) -> Environment:
    values: dict[str, Any] = {
        "name": "test",
        "region": "us-east-1",
        "production": False,
        "protection": False,
        "customer_key": False,
        "nist": False,
        "log_days": 7,
        "problems": ("flights",),
        "repository": Repository(owner="acme", name="evergreen"),
        "network": Network(zones=("us-east-1a", "us-east-1b")),
    }
    return Environment(**{**values, **given})


def network(**given: Any) -> Network:
    return Network(**{"zones": ("us-east-1a", "us-east-1b"), **given})


def part(kind: type[Config], **given: Any) -> Config:
    """Of whatever kind, from whatever a person may have typed."""
    return kind(**given)


def refusal(make: Callable[[], object]) -> str:
    """What a person reads, without the place, which is always said."""
    with pytest.raises(ConfigError) as refused:
        make()
    said = str(refused.value)
    assert said.endswith(WHERE)
    return said.removesuffix(WHERE)


def test_the_least_that_must_be_said_is_enough() -> None:
    assert environment().serving.target == "ecs"


def test_a_value_cannot_be_changed_behind_the_rules() -> None:
    with pytest.raises(ValueError, match="frozen"):
        environment().protection = True  # type: ignore[misc]


def test_an_unknown_setting_is_refused_with_those_that_exist() -> None:
    said = refusal(lambda: part(Delivery, aprovers=("a@example.com",)))

    assert said == "Delivery.aprovers: there is no such setting; Delivery has approvers, approval_days, reports"


def test_a_setting_that_nobody_gave_is_named() -> None:
    assert (
        refusal(lambda: part(Repository, owner="acme")) == "Repository.name: nothing was given and there is no default"
    )


def test_everything_that_is_wrong_is_said_at_once() -> None:
    said = refusal(lambda: Repository(owner="acme/evergreen", name=""))

    assert said.count("is not a name on GitHub") == 2


def test_a_part_given_as_a_table_is_held_against_the_same_rules() -> None:
    said = refusal(lambda: environment(storage={"capture_days": 0}))

    assert said == "Storage.capture_days: input should be greater than or equal to 1 (given: 0)"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: environment(account="12345"),
            "Environment.account: '12345' is not an account id, which has 12 digits",
        ),
        (lambda: environment(account="11112222333x"), "'11112222333x' is not an account id, which has 12 digits"),
        (lambda: environment(region="US East"), "Environment.region: 'US East' is not a region like us-east-1"),
        (
            lambda: environment(name="Production_1"),
            "'Production_1' is not the name of an environment: 2 to 12 small letters and digits, a letter first",
        ),
        (
            lambda: environment(problems=("Flight delays",)),
            (
                "Environment.problems.0: 'Flight delays' is not the name of a problem: "
                "31 small letters, digits and _ at most, a letter first"
            ),
        ),
        (
            lambda: Repository(owner="acme", name="acme/evergreen"),
            "'acme/evergreen' is not a name on GitHub, owner and repository each by itself",
        ),
        (
            lambda: Repository(owner="acme", name="evergreen", connection="my-connection"),
            "'my-connection' is not the ARN of a connection: arn:aws:codeconnections:REGION:ACCOUNT:connection/ID",
        ),
        (
            lambda: Storage(raw="My_Bucket"),
            (
                "Storage.raw: 'My_Bucket' is not the name of a bucket: 3 to 63 small letters, digits, hyphens and "
                "single dots, a letter or digit at both ends"
            ),
        ),
        (lambda: Storage(dvc="a..b"), "'a..b' is not the name of a bucket"),
        (
            lambda: Database(instance="db.t4g.micro"),
            "'db.t4g.micro' is not an RDS instance type without its `db.`, such as t4g.micro",
        ),
        (lambda: Training(sagemaker="m5.xlarge"), "'m5.xlarge' is not a SageMaker instance type like ml.m5.xlarge"),
        (
            lambda: Triggers(schedule="every Monday"),
            "'every Monday' is not a schedule like rate(7 days) or cron(0 6 ? * MON *)",
        ),
        (lambda: Delivery(approvers=("Ann",)), "Delivery.approvers.0: 'Ann' is not an address like name@example.com"),
        (lambda: Monitoring(emails=("@here",)), "Monitoring.emails.0: '@here' is not an address like name@example.com"),
        (
            lambda: Ecs(certificate="example.com", domain="example.com"),
            "'example.com' is not the ARN of a certificate: arn:aws:acm:REGION:ACCOUNT:certificate/ID",
        ),
        (lambda: Ecs(certificate=HERE, domain="https://example.com"), "'https://example.com' is not a domain like"),
        (
            lambda: Access(provider="github"),
            (
                "'github' is not the ARN of an OIDC provider: "
                "arn:aws:iam::ACCOUNT:oidc-provider/token.actions.githubusercontent.com"
            ),
        ),
    ],
)
def test_a_text_of_the_wrong_form_is_told_the_right_one(make: Callable[[], object], said: str) -> None:
    assert said in refusal(make)


@pytest.mark.parametrize(
    ("make", "allowed"),
    [
        (lambda: network(nat="bridge"), "'none', 'instance' or 'gateway' (given: 'bridge')"),
        (lambda: Serving(target="lambda"), "'apprunner' or 'ecs' (given: 'lambda')"),
        (lambda: Tracking(exposure="open"), "'private', 'internal' or 'public' (given: 'open')"),
        (lambda: Training(compute="huge"), "'small', 'medium' or 'large' (given: 'huge')"),
        (lambda: Triggers(starts="jenkins"), "'codepipeline' or 'github' (given: 'jenkins')"),
        (lambda: Database(backup_days=0), "greater than or equal to 1 (given: 0)"),
        (lambda: Database(backup_days=36), "less than or equal to 35 (given: 36)"),
        (lambda: Database(storage=10), "greater than or equal to 20 (given: 10)"),
        (lambda: Training(timeout_minutes=481), "less than or equal to 480 (given: 481)"),
        (lambda: Triggers(daily_cap=0), "greater than or equal to 1 (given: 0)"),
        (lambda: Triggers(cooldown_minutes=-1), "greater than or equal to 0 (given: -1)"),
        (lambda: Canary(percent=51), "less than or equal to 50 (given: 51)"),
        (lambda: Canary(bake_minutes=0), "greater than or equal to 1 (given: 0)"),
        (lambda: AppRunner(concurrency=201), "less than or equal to 200 (given: 201)"),
        (lambda: Delivery(approval_days=61), "less than or equal to 60 (given: 61)"),
        (lambda: environment(problems=()), "at least 1 item"),
    ],
)
def test_a_choice_that_does_not_exist_is_told_those_that_do(make: Callable[[], object], allowed: str) -> None:
    assert allowed in refusal(make)


@pytest.mark.parametrize("kind", [Tracking, Ecs])
def test_fargate_is_asked_only_for_what_it_sells(kind: type[Config]) -> None:
    assert "Fargate sells no cpu of 300; choose one of 256, 512, 1024" in refusal(lambda: kind(cpu=300, memory=1024))
    assert refusal(lambda: kind(cpu=512, memory=512)) == (
        f"{kind.__name__}: Fargate sells no cpu 512 with memory 512; with cpu 512 choose 1024, 2048, 3072, 4096"
    )


def test_app_runner_is_asked_only_for_what_it_sells() -> None:
    assert refusal(lambda: AppRunner(cpu=1024, memory=1024)) == (
        "AppRunner: App Runner sells no cpu 1024 with memory 1024; with cpu 1024 choose 2048, 3072, 4096"
    )
    assert "App Runner sells no cpu of 8192" in refusal(lambda: AppRunner(cpu=8192, memory=16_384))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Ecs(tasks=(4, 1)), "tasks (4, 1) must be (fewest, most) with 1 <= fewest <= most <= 1000"),
        (lambda: Tracking(tasks=(0, 1)), "tasks (0, 1) must be (fewest, most) with 1 <= fewest <= most <= 1000"),
        (
            lambda: AppRunner(instances=(1, 26)),
            "instances (1, 26) must be (fewest, most) with 1 <= fewest <= most <= 25",
        ),
    ],
)
def test_a_range_has_a_fewest_and_a_most(make: Callable[[], object], said: str) -> None:
    assert said in refusal(make)


def test_logs_are_kept_only_as_long_as_cloudwatch_offers() -> None:
    assert refusal(lambda: environment(log_days=10)) == (
        f"Environment.log_days: CloudWatch keeps no logs for 10 days; choose one of {', '.join(map(str, LOG_DAYS))}"
    )


def test_mlflow_needs_memory_for_two_workers() -> None:
    assert refusal(lambda: Tracking(cpu=256, memory=512)) == (
        "Tracking: memory 512 is too small for two MLflow workers; give 1024 or more"
    )


def test_a_public_mlflow_without_a_login_is_refused() -> None:
    assert refusal(lambda: Tracking(exposure="public", certificate=HERE, domain="mlflow.example.com")) == (
        "Tracking: exposure 'public' without authentication would let anyone write models; "
        "set authentication to True, or exposure to 'private' or 'internal'"
    )


def test_a_public_mlflow_without_https_is_refused() -> None:
    assert refusal(lambda: Tracking(exposure="public", authentication=True)) == (
        "Tracking: exposure 'public' needs HTTPS: give certificate (its ARN) and domain"
    )


@pytest.mark.parametrize("exposure", ["private", "internal"])
def test_a_login_that_nothing_would_ask_for_is_refused(exposure: str) -> None:
    assert refusal(lambda: Tracking(exposure=exposure, authentication=True)) == (
        f"Tracking: exposure {exposure!r} has no login, the network decides who gets in; "
        "set authentication to False or exposure to 'public'"
    )


def test_a_certificate_that_nothing_would_use_is_refused() -> None:
    assert refusal(lambda: Tracking(certificate=HERE, domain="mlflow.example.com")) == (
        "Tracking: exposure 'private' has no load balancer to give certificate and domain to; "
        "leave both out or set exposure to 'internal' or 'public'"
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tracking(exposure="internal", certificate=HERE),
        lambda: Tracking(exposure="internal", domain="mlflow.example.com"),
        lambda: Ecs(certificate=HERE),
        lambda: Ecs(domain="example.com"),
    ],
)
def test_a_certificate_without_its_domain_is_refused(make: Callable[[], object]) -> None:
    assert "certificate and domain go together: give both or neither" in refusal(make)


def test_a_canary_that_outlasts_the_job_that_releases_is_refused() -> None:
    slow = Serving(target="ecs", ecs=Ecs(canary=Canary(step_minutes=60, bake_minutes=60)))
    assert refusal(lambda: environment(serving=slow)) == (
        "Environment: a release takes 150 minutes with this canary, and its job ends after 120; "
        "shorten serving.ecs.canary, or raise training.timeout_minutes"
    )
    assert environment(serving=slow, training=Training(timeout_minutes=150)).serving == slow
    assert environment(serving=Serving(target="apprunner", ecs=slow.ecs)).training.timeout_minutes == 120


def test_a_canary_that_could_never_roll_back_is_refused() -> None:
    assert refusal(lambda: Ecs(alarms=False)) == (
        "Ecs: a canary without alarms can never roll back; set alarms to True or canary to None"
    )
    assert Ecs(alarms=False, canary=None).canary is None


def test_grafana_without_anything_to_show_is_refused() -> None:
    assert refusal(lambda: Monitoring(grafana=True)) == (
        "Monitoring: grafana True needs something to show; set prometheus to True too"
    )


def test_a_task_without_room_for_a_collector_is_refused() -> None:
    watched = Monitoring(prometheus=True)
    assert refusal(lambda: environment(monitoring=watched)) == (
        "Environment: monitoring.prometheus puts a collector into each task, and serving.ecs memory is 512; "
        "give 1024 or more, or set prometheus to False"
    )
    assert environment(monitoring=watched, serving=Serving(ecs=Ecs(memory=1024))).monitoring.prometheus
    assert environment(monitoring=watched, serving=Serving(target="apprunner")).monitoring.prometheus


def test_one_bucket_for_two_uses_is_refused() -> None:
    assert refusal(lambda: Storage(raw="acme-data", capture="acme-data")) == (
        "Storage: raw and capture are both named 'acme-data'; give each its own name or none"
    )


def test_one_zone_given_twice_is_refused() -> None:
    assert refusal(lambda: network(zones=("us-east-1a", "us-east-1a"))) == (
        "Network.zones: both zones are us-east-1a; name two different ones"
    )


@pytest.mark.parametrize("stray", ["eu-west-1b", "us-east-1", "us-east-12a"])
def test_a_zone_of_another_region_is_refused(stray: str) -> None:
    assert refusal(lambda: environment(network=network(zones=("us-east-1a", stray)))) == (
        f"Environment: {stray!r} is not a zone of region us-east-1; name two such as us-east-1a and us-east-1b"
    )


@pytest.mark.parametrize(
    ("given", "owner"),
    [
        ({"tracking": Tracking(exposure="internal", certificate=ELSEWHERE, domain="a.example.com")}, "tracking"),
        ({"serving": Serving(ecs=Ecs(certificate=ELSEWHERE, domain="example.com"))}, "serving.ecs"),
    ],
)
def test_a_certificate_of_another_region_is_refused(given: dict[str, Any], owner: str) -> None:
    assert refusal(lambda: environment(**given)) == (
        f"Environment: {owner}.certificate is of region eu-west-1; "
        "a load balancer takes one of its own region, us-east-1"
    )


@pytest.mark.parametrize("second", ["flight_delays", "flightdelays"])
def test_a_problem_given_twice_is_refused(second: str) -> None:
    assert refusal(lambda: environment(problems=("flight_delays", second))) == (
        f"Environment.problems: flight_delays and {second} differ by no letter or digit; name each problem once"
    )


def test_production_without_protection_is_refused() -> None:
    assert refusal(lambda: environment(production=True, serving=Serving(target="apprunner"))) == (
        "Environment: protection is False in a production environment; set it to True, or production to False"
    )


def test_production_over_plain_http_is_refused() -> None:
    assert refusal(lambda: environment(production=True, protection=True)) == (
        "Environment: production serves over HTTPS only; give serving.ecs.certificate (its ARN) and serving.ecs.domain"
    )


def test_app_runner_brings_its_own_https() -> None:
    assert environment(production=True, protection=True, serving=Serving(target="apprunner")).production


def test_nist_without_a_key_of_ones_own_is_refused() -> None:
    assert refusal(lambda: environment(nist=True, network=network(nat="gateway"))) == (
        "Environment: NIST 800-53 asks for a key of your own; set customer_key to True, or nist to False"
    )


def test_nist_with_an_instance_on_the_internet_is_refused() -> None:
    assert refusal(lambda: environment(nist=True, customer_key=True)) == (
        "Environment: NIST 800-53 allows no instance with a public address, and network nat is 'instance'; "
        "choose nat 'gateway' or 'none', or set nist to False"
    )


def test_nist_with_a_report_that_needs_no_login_is_refused() -> None:
    chosen = {"network": network(nat="gateway"), "delivery": Delivery(reports="link")}
    assert refusal(lambda: environment(nist=True, customer_key=True, **chosen)) == (
        "Environment: NIST 800-53 lets nobody read without a login, and delivery reports is 'link'; "
        "set it to 'console', or nist to False"
    )


def test_a_report_opens_behind_a_login_unless_an_environment_says_otherwise() -> None:
    assert environment().delivery.reports == "console"


def test_training_in_a_network_without_a_way_out_is_refused() -> None:
    assert refusal(lambda: environment(network=network(nat="none"))) == (
        "Environment: nat 'none' leaves the training jobs in the VPC without a way out; choose nat 'instance' or "
        "'gateway', or training inside=False with tracking exposure 'public'"
    )


def test_training_that_cannot_reach_mlflow_is_refused() -> None:
    assert refusal(lambda: environment(training=Training(inside=False))) == (
        "Environment: training inside=False cannot reach a tracking server with exposure 'private'; "
        "set inside=True or exposure='public'"
    )


def without_nat(target: str) -> Environment:
    return environment(
        network=network(nat="none"),
        tracking=PUBLIC,
        training=Training(inside=False),
        serving=Serving(target=target),
    )


def test_app_runner_in_a_network_without_a_way_out_is_refused() -> None:
    assert refusal(lambda: without_nat("apprunner")) == (
        "Environment: nat 'none' leaves App Runner, all of whose traffic goes through the VPC, without a way out; "
        "choose nat 'instance' or 'gateway', or serving target 'ecs'"
    )


def test_without_nat_there_is_one_way_that_works() -> None:
    assert without_nat("ecs").network.nat == "none"


def test_two_environments_of_one_name_are_refused() -> None:
    said = refusal(lambda: by_name(environment(), environment()))

    assert said == "two environments are called 'test'; name each once"


def test_one_bucket_in_two_environments_is_refused() -> None:
    one, two = (environment(name=name, storage=Storage(dvc="acme-data")) for name in ("one", "two"))

    assert refusal(lambda: by_name(one, two)) == (
        "one and two both name a bucket 'acme-data', and all of AWS has one of a name; give each its own name or none"
    )


def test_two_environments_of_one_account_cannot_both_make_the_github_provider() -> None:
    one, two = (environment(name=name, account="111122223333") for name in ("one", "two"))
    given = Access(provider="arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com")

    assert refusal(lambda: by_name(one, two)) == (
        "one and two would both make the GitHub provider of account 111122223333, which can have one; "
        "give access.provider to two"
    )
    assert set(by_name(one, environment(name="two", account="111122223333", access=given))) == {"one", "two"}


def test_the_environments_differ_in_values_and_only_prod_is_production() -> None:
    assert [name for name, each in ENVIRONMENTS.items() if each.production] == ["prod"]
    assert [name for name, each in ENVIRONMENTS.items() if each.protection] == ["prod"]


def test_only_named_buckets_have_names() -> None:
    assert Storage(dvc="acme-dvc").names == {"dvc": "acme-dvc"}
