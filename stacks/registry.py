"""Where container images lie: one repository for each image that the project builds."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from stacks.constructs.image_repository import ImageRepository
from stacks.lifetime import Lifetime


class Registry(cdk.Stack):
    """Empty at first: no stack waits for an image."""

    def __init__(self, scope: Construct, id: str, *, lifetime: Lifetime) -> None:
        super().__init__(scope, id)
        self.service: ecr.Repository = ImageRepository(self, "Service", lifetime=lifetime)
        self.training: ecr.Repository = ImageRepository(self, "Training", lifetime=lifetime)
        self.mlflow: ecr.Repository = ImageRepository(self, "Mlflow", lifetime=lifetime)
