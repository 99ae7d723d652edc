"""Which tag of a repository a stack runs: a parameter of the stack, empty until an image has been released.

So the first deployment waits for no image, `cdk deploy` keeps what is released, and a rollout is an update of the
stack with its own template and another tag.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

NOTHING = "none"
TAG = "[0-9a-zA-Z._-]{0,128}"


class ReleasedImage(Construct):
    """The parameter `Image` of the stack and the condition `Released` that it is set."""

    def __init__(self, scope: Construct, id: str, *, repository: ecr.IRepository) -> None:
        super().__init__(scope, id)
        self.repository = repository
        self._tag = cdk.CfnParameter(
            self, "Tag", default="", allowed_pattern=TAG, description="Tag of the released image"
        )
        self._tag.override_logical_id("Image")
        self.released = cdk.CfnCondition(
            self, "Released", expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(self._tag, ""))
        )
        self.released.override_logical_id("Released")

    @property
    def tag(self) -> str:
        """The released tag, or a tag that no image has."""
        return self.when_released(self._tag.value_as_string, NOTHING)

    @property
    def uri(self) -> str:
        return self.repository.repository_uri_for_tag(self.tag)

    @property
    def container(self) -> ecs.ContainerImage:
        return ecs.ContainerImage.from_ecr_repository(self.repository, self.tag)

    def least(self, tasks: int) -> float:
        """So many tasks once there is an image to run, none before. A float, as tokens of numbers are."""
        return cdk.Token.as_number(cdk.Fn.condition_if(self.released.logical_id, tasks, 0))

    def count(self, tasks: int) -> float:
        """What a service that scales starts with: so many tasks in its first release, as many as run in every other.

        CloudFormation would set a number that it is given each time, and take tasks away from whom they serve.
        """
        running = cdk.Fn.condition_if(self._first_release(), tasks, cdk.Aws.NO_VALUE)
        return cdk.Token.as_number(cdk.Fn.condition_if(self.released.logical_id, running, 0))

    def _first_release(self) -> str:
        """The condition that nothing ran before; the parameter is there only where it makes a difference."""
        if isinstance(made := self.node.try_find_child("First"), cdk.CfnCondition):
            return made.logical_id
        before = cdk.CfnParameter(
            self, "Before", default="", allowed_pattern=TAG, description="Tag released before; a rollout sets it"
        )
        before.override_logical_id("Before")
        first = cdk.CfnCondition(self, "First", expression=cdk.Fn.condition_equals(before, ""))
        first.override_logical_id("FirstRelease")
        return first.logical_id

    def when_released(self, then: str, otherwise: str) -> str:
        return cdk.Token.as_string(cdk.Fn.condition_if(self.released.logical_id, then, otherwise))
