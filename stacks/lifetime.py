"""How long things live, and under which key: decided once per environment, handed to every stack."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_kms as kms


@dataclass(frozen=True)
class Lifetime:
    """`keep`: what holds data outlives its stack. `key` encrypts at rest; None leaves that to the service's own."""

    keep: bool
    log_days: int
    key: kms.IKey | None = None

    @property
    def removal(self) -> cdk.RemovalPolicy:
        """For what holds data."""
        return cdk.RemovalPolicy.RETAIN if self.keep else cdk.RemovalPolicy.DESTROY
