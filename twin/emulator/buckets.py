"""A bucket that holds something is not deleted with its stack; MiniStack's CloudFormation would."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from ministack.services.cloudformation import provisioners

from twin.emulator.administrator import client, code
from twin.folder import Twin

TYPE = "AWS::S3::Bucket"


def install(_: Twin) -> None:
    theirs = dict(provisioners._RESOURCE_HANDLERS[TYPE])

    def delete(bucket: str, properties: dict[str, Any]) -> None:
        try:
            client("s3").delete_bucket(Bucket=bucket)
        except ClientError as error:
            if code(error) != "NoSuchBucket":
                raise ValueError(f"{bucket}: {error}") from error
        theirs["delete"](bucket, properties)

    provisioners._RESOURCE_HANDLERS[TYPE] = {**theirs, "delete": delete}
