from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from functions.retrain.github import GitHubError, GitHubStarter
from functions.retrain.starters import PipelineStarter
from tests.support.retraining import data

REQUEST = data(1, data="s3://raw/flights/a%20b.csv?versionId=v1", reason="data flights/a b.csv")
CALL = {
    "name": "loop",
    "clientRequestToken": REQUEST.id,
    "variables": [
        {"name": "PROBLEM", "value": "flights"},
        {"name": "DATA", "value": "s3://raw/flights/a%20b.csv?versionId=v1"},
        {"name": "REASON", "value": "data flights/a b.csv"},
    ],
}


@pytest.fixture
def stubbed() -> Iterator[tuple[Stubber, PipelineStarter]]:
    client = boto3.client(
        "codepipeline", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    with Stubber(client) as stub:
        yield stub, PipelineStarter("loop", client)


def test_the_pipeline_gets_its_variables_and_the_requests_own_id_as_token(
    stubbed: tuple[Stubber, PipelineStarter],
) -> None:
    stub, starter = stubbed
    stub.add_response("start_pipeline_execution", {"pipelineExecutionId": "12345678"}, CALL)
    assert starter.start(REQUEST) == "12345678"


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ConcurrentPipelineExecutionsLimitExceededException", "PipelineNotFoundException"]
)
def test_what_keeps_the_pipeline_from_starting_is_raised(stubbed: tuple[Stubber, PipelineStarter], code: str) -> None:
    stub, starter = stubbed
    stub.add_client_error("start_pipeline_execution", service_error_code=code, expected_params=CALL)
    with pytest.raises(ClientError, match=code):
        starter.start(REQUEST)


@dataclass
class GitHub:
    """A server that answers as it is told, and remembers what it was asked."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def github() -> Iterator[GitHub]:
    known = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            known.asked.append((self.path, dict(self.headers), body))
            self.send_response(known.status)
            for name, value in {"content-length": "0", **known.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing on the console."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        known.url = f"http://127.0.0.1:{server.server_port}"
        yield known
        server.shutdown()
        thread.join()


def starter(github: GitHub) -> GitHubStarter:
    return GitHubStarter("owner/evergreen", lambda: "secret-token\n", url=github.url, timeout=2)


def test_github_is_told_once_what_to_run_and_by_which_id_to_know_it(github: GitHub) -> None:
    starter(github).start(REQUEST)
    ((path, headers, body),) = github.asked
    assert path == "/repos/owner/evergreen/dispatches"
    assert headers["Authorization"] == "Bearer secret-token"
    assert body["event_type"] == "retrain"
    assert body["client_payload"] == {
        "problem": "flights",
        "data": REQUEST.data,
        "reason": REQUEST.reason,
        "id": REQUEST.id,
    }


@pytest.mark.parametrize(
    ("status", "headers", "advice"),
    [
        (401, {}, "put a new one into the secret"),
        (403, {}, "give it that permission"),
        (403, {"x-ratelimit-remaining": "0"}, "too many requests"),
        (404, {}, "no such repository"),
        (422, {}, "does not understand"),
        (429, {"retry-after": "60"}, "too many requests"),
        (500, {}, "tried again"),
        (503, {}, "tried again"),
        (307, {"location": "https://api.github.com/repositories/1/dispatches"}, "has moved"),
        (200, {}, "tried again"),
    ],
)
def test_every_other_answer_is_an_error_that_says_what_to_do_and_not_the_token(
    github: GitHub, status: int, headers: dict[str, str], advice: str
) -> None:
    github.status, github.headers = status, headers
    with pytest.raises(GitHubError, match=advice) as raised:
        starter(github).start(REQUEST)
    assert str(status) in str(raised.value)
    assert "secret-token" not in str(raised.value)
    assert len(github.asked) == 1


def test_a_github_that_nobody_reaches_is_an_error() -> None:
    with pytest.raises(GitHubError, match="cannot be reached"):
        GitHubStarter("owner/evergreen", lambda: "t", url="http://127.0.0.1:9", timeout=1).start(REQUEST)
