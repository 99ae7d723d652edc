"""Pushes every image to an environment's repositories and lets the stacks that run them take them over."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from ops.aws import AwsError, call
from ops.image_inputs import IMAGES, X86
from ops.image_release import Build, release

if TYPE_CHECKING:
    from cdk_app.config import Environment

STACKS = {"mlflow": "Tracking", "training": "Training", "service": "Serving"}
"""In the order of need: nothing trains without a registry, nothing serves without a model."""
REPOSITORY = "AWS::ECR::Repository"


def push_environment(name: str, *, build: Build) -> None:
    """Push all images and roll them out, but for a service that has never run: without a model it cannot be ready.

    The pipeline's first release starts that one. Raises AwsError and EngineError.
    """
    environment = environment_named(name)
    stage, region = environment.name.capitalize(), environment.region
    for image, stack in STACKS.items():
        repository = repository_of(f"{stage}-Registry", image, region)
        tag = release(IMAGES[image], repository, platform=platform_of(image, environment), build=build)
        if image == "service" and not _released(f"{stage}-{stack}", region):
            sys.stderr.write(f"service: {tag} waits in its repository; the pipeline's first release starts it\n")
        else:
            _roll_out(f"{stage}-{stack}", tag, region)


def environment_named(name: str) -> Environment:
    from cdk_app.environments import ENVIRONMENTS

    if name not in ENVIRONMENTS:
        raise AwsError(f"there is no environment {name!r}; choose one of {', '.join(ENVIRONMENTS)}")
    return ENVIRONMENTS[name]


def platform_of(image: str, environment: Environment) -> str:
    """App Runner runs x86 only."""
    return X86 if image == "service" and environment.serving.target == "apprunner" else IMAGES[image].platform


def repository_of(stack: str, image: str, region: str) -> str:
    """The address of the image's repository in the deployed stack."""
    found = call("cloudformation", "describe-stack-resources", region=region, StackName=stack)["StackResources"]
    names = [
        resource["PhysicalResourceId"]
        for resource in found
        if resource["ResourceType"] == REPOSITORY and resource["LogicalResourceId"].lower().startswith(image)
    ]
    if len(names) != 1:
        raise AwsError(f"stack {stack} has no repository for the {image} image; deploy it first: make deploy")
    answer = call("ecr", "describe-repositories", region=region, repositoryNames=names)
    return str(answer["repositories"][0]["repositoryUri"])


def _released(stack: str, region: str) -> bool:
    parameters = call("cloudformation", "describe-stacks", region=region, StackName=stack)["Stacks"][0]["Parameters"]
    return any(each["ParameterKey"] == "Image" and each["ParameterValue"] for each in parameters)


def _roll_out(stack: str, tag: str, region: str) -> None:
    """In a process of its own, whose progress and sentences are a rollout's."""
    arguments = ["-m", "ops.rollout", "--stack", stack, "--image", tag]
    environment = os.environ | {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    if subprocess.run([sys.executable, *arguments], check=False, env=environment).returncode != 0:
        raise AwsError(
            f"{stack} did not take over {tag}, which its repository has; again: python {' '.join(arguments)}"
        )
