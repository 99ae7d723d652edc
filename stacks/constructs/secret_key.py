"""Secrets under the key of an environment."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.lifetime import Lifetime


def secret_key(scope: Construct, lifetime: Lifetime) -> kms.IKey | None:
    """The key for a secret of this stack, as a stranger: a grant of the secret would write its reader into the key's
    own policy, and the key's stack would depend on this one.
    """
    return kms.Key.from_key_arn(scope, "SecretKey", lifetime.key.key_arn) if lifetime.key else None


def grant_secret_key(lifetime: Lifetime, reader: iam.IGrantable) -> None:
    """What a reader of such a secret needs besides the secret's own grant."""
    if lifetime.key is not None:
        lifetime.key.grant_decrypt(reader)
