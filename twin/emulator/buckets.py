"""What MiniStack's CloudFormation leaves out of a bucket: its tags, and that one which holds something stays."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from ministack.services.cloudformation import provisioners

from twin.emulator.administrator import client, code
from twin.emulator.template_types import Made, Properties
from twin.folder import Twin

TYPE = "AWS::S3::Bucket"
RESERVED = "aws:"
"""Tags that begin so are AWS' own, and nobody else may set them."""


def install(_: Twin) -> None:
    theirs = dict(provisioners._RESOURCE_HANDLERS[TYPE])

    def create(*given: Any) -> Made:
        made: Made = theirs["create"](*given)
        _tag(made[0], given[1])
        return made

    def update(former: str, old: Properties, new: Properties, *rest: Any) -> Made:
        made: Made = theirs["update"](former, old, new, *rest)
        _tag(made[0], new)
        return made

    def delete(bucket: str, properties: Properties) -> None:
        try:
            client("s3").delete_bucket(Bucket=bucket)
        except ClientError as error:
            if code(error) != "NoSuchBucket":
                raise ValueError(f"{bucket}: {error}") from error
        theirs["delete"](bucket, properties)

    provisioners._RESOURCE_HANDLERS[TYPE] = {**theirs, "create": create, "update": update, "delete": delete}


def _tag(bucket: str, properties: Properties) -> None:
    """By one of them the CDK's custom resource knows a bucket that it may empty."""
    tags = [tag for tag in properties.get("Tags", []) if not tag["Key"].startswith(RESERVED)]
    if tags:
        client("s3").put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    else:
        client("s3").delete_bucket_tagging(Bucket=bucket)
