"""Who is told: a queue in the place of a person's mailbox."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from twin.cloud import Cloud
from twin.poll import until

SECONDS = 30.0


@dataclass
class Inbox:
    """A queue that is subscribed to a topic. `seen` keeps all that arrived, oldest first."""

    sqs: Any
    queue: str
    topic: str
    seen: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, cloud: Cloud, topic: str, name: str) -> Inbox:
        sqs = cloud.client("sqs")
        queue = str(sqs.create_queue(QueueName=f"person-{name}")["QueueUrl"])
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        admitted = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [admitted]})
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return cls(sqs, queue, topic)

    def read(self) -> list[str]:
        """What arrived since the last look."""
        fresh: list[str] = []
        while found := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", []):
            for message in found:
                fresh.append(str(json.loads(message["Body"])["Message"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        self.seen += fresh
        return fresh

    def mark(self) -> int:
        """A place in what was told: `await_word` looks behind it."""
        self.read()
        return len(self.seen)

    def await_word(self, *words: str, since: int = 0, seconds: float = SECONDS) -> str:
        """The first message after the mark that has all the words."""

        def look() -> str | None:
            self.read()
            return next((message for message in self.seen[since:] if all(word in message for word in words)), None)

        return until(
            f"a message with {' and '.join(words)}",
            look,
            seconds=seconds,
            seen=lambda: f"told meanwhile: {self.seen[since:] or 'nothing'}",
        )

    def close(self) -> None:
        self.sqs.delete_queue(QueueUrl=self.queue)
