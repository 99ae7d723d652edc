"""An exception to a security rule stands beside its resource, with its reason."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct

INLINE_POLICIES = {
    "NIST.800.53.R5-IAMNoInlinePolicy": "A policy says what one role may do, and goes with that role.",
}
"""Every grant makes one: for the stacks that grant something."""


def acknowledge(construct: IConstruct, reasons: dict[str, str]) -> None:
    """Accept findings of the construct and what is in it: rule, such as `AwsSolutions-S1`, to the reason."""
    for rule, reason in reasons.items():
        pack = "NIST.800.53.R5" if rule.startswith("NIST") else rule.split("-")[0]
        Validations.of(construct).acknowledge(Acknowledgment(id=f"{pack}::{rule}", reason=reason))
