"""A person with a login of their own, who may answer the question and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from twin.cloud import Cloud
from twin.loop.world import World
from twin.person import Question, decide

NAME, POLICY = "reviewer", "answer"


@dataclass(frozen=True)
class Reviewer:
    """`arn` is under what AWS knows this person."""

    arn: str
    cloud: Cloud

    def approve(self, question: Question, words: str) -> None:
        decide(self.cloud, question, approve=True, reason=words)


@contextmanager
def reviewer(world: World) -> Iterator[Reviewer]:
    """As an administrator makes one; afterwards nothing is left."""
    iam = world.cloud.client("iam")
    arn = str(iam.create_user(UserName=NAME)["User"]["Arn"])
    key = iam.create_access_key(UserName=NAME)["AccessKey"]
    try:
        iam.put_user_policy(UserName=NAME, PolicyName=POLICY, PolicyDocument=json.dumps(_policy(world)))
        yield Reviewer(arn, Cloud(world.cloud.twin, key))
    finally:
        iam.delete_access_key(UserName=NAME, AccessKeyId=key["AccessKeyId"])
        if POLICY in iam.list_user_policies(UserName=NAME)["PolicyNames"]:
            iam.delete_user_policy(UserName=NAME, PolicyName=POLICY)
        iam.delete_user(UserName=NAME)


def _policy(world: World) -> dict[str, object]:
    pipeline = world.cloud.client("codepipeline").get_pipeline(name=world.pipeline)["metadata"]["pipelineArn"]
    may = {"Effect": "Allow", "Action": "codepipeline:PutApprovalResult", "Resource": f"{pipeline}/Approve/Approve"}
    return {"Version": "2012-10-17", "Statement": [may]}
