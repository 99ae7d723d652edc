"""A topic that writes to people."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.lifetime import Lifetime


class MailTopic(sns.Topic):
    """Each address confirms once, by a link that SNS sends it."""

    def __init__(self, scope: Construct, id: str, *, emails: Sequence[str], lifetime: Lifetime) -> None:
        super().__init__(scope, id, master_key=lifetime.key, enforce_ssl=True)
        for email in emails:
            self.add_subscription(subscriptions.EmailSubscription(email))
