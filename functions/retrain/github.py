"""Starts a GitHub workflow by `repository_dispatch`."""

from __future__ import annotations

import json
from collections.abc import Callable

import urllib3

from .decision import Request

EVENT = "retrain"
ADVICE = {
    301: "the repository has moved: name the new one in cdk_app/environments.py",
    307: "the repository has moved: name the new one in cdk_app/environments.py",
    308: "the repository has moved: name the new one in cdk_app/environments.py",
    401: "the token is not valid: put a new one into the secret",
    403: "the token may not write the repository's contents: give it that permission",
    404: "there is no such repository, or the token may not see it",
    422: "GitHub does not understand the request",
}


class GitHubError(Exception):
    """GitHub did not take the request; the message says what to do."""


class GitHubStarter:
    """GitHub knows no repeated call: the payload carries the request's id, by which a workflow can recognise one."""

    def __init__(self, repository: str, token: Callable[[], str], *, url: str, timeout: float = 10) -> None:
        self._url = f"{url.rstrip('/')}/repos/{repository}/dispatches"
        self._token = token
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=3, read=timeout), retries=False)

    def start(self, request: Request) -> str:
        payload = {"problem": request.problem, "data": request.data, "reason": request.reason, "id": request.id}
        try:
            answer = self._http.request(
                "POST",
                self._url,
                body=json.dumps({"event_type": EVENT, "client_payload": payload}),
                headers={
                    "Accept": "application/vnd.github+json",
                    "Authorization": f"Bearer {self._token().strip()}",
                    "Content-Type": "application/json",
                    "User-Agent": "evergreen",
                    "X-GitHub-Api-Version": "2022-11-28",
                },
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise GitHubError(f"GitHub cannot be reached: {type(error).__name__}") from error
        if answer.status != 204:
            raise GitHubError(f"GitHub answered {answer.status}: {_advice(answer)}")
        return request.id


def _advice(answer: urllib3.BaseHTTPResponse) -> str:
    limited = answer.status in {403, 429}
    if limited and (answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers):
        return "too many requests; it is tried again"
    return ADVICE.get(answer.status, "it is tried again")
