"""The environments as values: the one file that a fork edits."""

from __future__ import annotations

from cdk_app.choices import (
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

REPOSITORY = Repository(owner="your-organisation", name="evergreen")

DEV = Environment(
    name="dev",
    region="us-east-1",
    production=False,
    protection=False,
    customer_key=False,
    nist=False,
    log_days=7,
    problems=("flights",),
    repository=REPOSITORY,
    network=Network(zones=("us-east-1a", "us-east-1b"), nat="instance"),
    storage=Storage(capture_days=14),
    tracking=Tracking(cpu=512, memory=2048, spot=True, tasks=(1, 1), database=Database(backup_days=1)),
    triggers=Triggers(cooldown_minutes=5),
    serving=Serving(
        target="ecs",
        apprunner=AppRunner(cpu=256, memory=512, instances=(1, 2)),
        ecs=Ecs(cpu=256, memory=512, spot=True, tasks=(1, 2), canary=Canary(step_minutes=1, bake_minutes=1)),
    ),
    delivery=Delivery(reports="link"),
)

STAGING = Environment(
    name="staging",
    region="us-east-1",
    production=False,
    protection=False,
    customer_key=False,
    nist=False,
    log_days=30,
    problems=("flights", "insurance"),
    repository=REPOSITORY,
    network=Network(zones=("us-east-1a", "us-east-1b"), nat="instance"),
    tracking=Tracking(tasks=(1, 2), exposure="internal", database=Database(instance="t4g.small")),
    triggers=Triggers(schedule="rate(7 days)"),
    serving=Serving(
        target="ecs",
        apprunner=AppRunner(cpu=512, memory=1024),
        ecs=Ecs(cpu=512, memory=1024, tasks=(1, 4)),
    ),
    delivery=Delivery(reports="link"),
)

PROD = Environment(
    name="prod",
    region="us-east-1",
    production=True,
    protection=True,
    customer_key=True,
    nist=True,
    log_days=365,
    problems=("flights", "insurance"),
    repository=REPOSITORY,
    network=Network(zones=("us-east-1a", "us-east-1b"), nat="gateway"),
    storage=Storage(capture_days=365),
    tracking=Tracking(
        cpu=1024,
        memory=4096,
        tasks=(2, 4),
        database=Database(instance="m7g.large", storage=100, multi_az=True, backup_days=30),
    ),
    training=Training(sagemaker="ml.m5.xlarge"),
    triggers=Triggers(schedule="rate(1 day)", cooldown_minutes=120, daily_cap=4),
    serving=Serving(
        target="ecs",
        apprunner=AppRunner(cpu=1024, memory=2048, instances=(2, 10)),
        ecs=Ecs(
            cpu=1024,
            memory=2048,
            tasks=(2, 10),
            canary=Canary(step_minutes=10, bake_minutes=30),
            certificate="arn:aws:acm:us-east-1:111122223333:certificate/your-certificate",
            domain="predictions.example.com",
        ),
    ),
    delivery=Delivery(approval_days=14, reports="console"),
    monitoring=Monitoring(prometheus=True, grafana=True),
)

ENVIRONMENTS = by_name(DEV, STAGING, PROD)
