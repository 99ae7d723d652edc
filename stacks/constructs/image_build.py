"""Builds an image from the pipeline's checkout and pushes it, unless the repository has it already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from stacks.constructs.acknowledge import acknowledge
from stacks.constructs.buildspec import buildspec
from stacks.constructs.job import accept_codebuild, owned_logs
from stacks.lifetime import Lifetime

Architecture = Literal["amd64", "arm64"]
HOSTS: Mapping[Architecture, codebuild.IBuildImage] = {
    "amd64": codebuild.LinuxBuildImage.AMAZON_LINUX_2023_5,
    "arm64": codebuild.LinuxArmBuildImage.AMAZON_LINUX_2023_STANDARD_3_0,
}
"""A build for another processor than the host's would need an emulator."""
BASE = "public.ecr.aws/docker/library/python:3.11-slim-bookworm"
"""Docker's own image from Amazon's mirror: Docker Hub limits anonymous pulls by address, which CodeBuild shares."""


class ImageBuild(codebuild.PipelineProject):
    """`name` is one of ops/image_inputs.py. Exports IMAGE, the tag."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        architecture: Architecture,
        repository: ecr.IRepository,
        lifetime: Lifetime,
    ) -> None:
        release = f"python3 -m ops.images release {name} --platform linux/{architecture}"
        super().__init__(
            scope,
            id,
            build_spec=buildspec(
                run=[f'{release} --repository "$REPOSITORY" > released.env', ". ./released.env", "export IMAGE"],
                exports=["IMAGE"],
                python="3.12",
            ),
            environment=codebuild.BuildEnvironment(
                build_image=HOSTS[architecture],
                compute_type=codebuild.ComputeType.SMALL,
                privileged=True,
            ),
            environment_variables={
                "REPOSITORY": codebuild.BuildEnvironmentVariable(value=repository.repository_uri),
                "EVERGREEN_BASE_IMAGE": codebuild.BuildEnvironmentVariable(value=BASE),
            },
            timeout=cdk.Duration.minutes(30),
            encryption_key=lifetime.key,
            logging=owned_logs(scope, f"{id}Logs", lifetime),
            grant_report_group_permissions=False,
        )
        repository.grant_pull_push(self)
        repository.grant(self, "ecr:DescribeImages")
        accept_codebuild(self, lifetime)
        acknowledge(
            self, {"AwsSolutions-CB3": "Docker builds images in privileged mode only; the host is thrown away."}
        )
