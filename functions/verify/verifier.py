"""Ask until it is sure, and answer whoever asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import ValidationError

from .decision import Answer, Expected, Served, Silent, agree, objection, shortfall
from .events import Deployment, Job, Progress, Release
from .transport import ask

NOT_RELEASED = "none"
GREEN = {"X-Evergreen-Green": "1"}
"""The load balancer leads a request with this header to the tasks that are about to take over."""

logger = Logger(service="verify")


@dataclass(frozen=True)
class Patience:
    """How often and how long to ask, in seconds. `call` must fit the function's timeout, `attempts` are a hook's."""

    times: int = 3
    pause: float = 2.0
    answer: float = 5.0
    call: float = 30.0
    total: float = 600.0
    attempts: int = 20
    delay: int = 15


@dataclass(frozen=True)
class Verifier:
    """The clients and the patience of one invocation."""

    ssm: Any
    codepipeline: Any
    endpoints: Mapping[str, str]
    patience: Patience = Patience()
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def release(self, job: Job) -> None:
        """Answer the job, or ask to be called again while there is time."""
        try:
            release = Release.model_validate_json(job.parameters)
            until = Progress.model_validate_json(job.continuation).until if job.continuation else self._deadline()
        except ValidationError as error:
            self._fail(
                job, f"the action's parameters are not a problem, version and digest: {error.errors()[0]['msg']}"
            )
            return
        if release.problem not in self.endpoints:
            self._fail(job, f"{release.problem} is served nowhere; there are {', '.join(self.endpoints)}")
            return
        expected = Expected(**release.model_dump())
        answers = self._watch(expected, until)
        _record(expected.problem, answers[-1])
        if agree(expected, answers, self.patience.times):
            summary = f"{expected.problem} serves {answers[-1]}"
            self.codepipeline.put_job_success_result(jobId=job.id, executionDetails={"summary": summary})
        elif self.clock() < until:
            token = Progress(until=until).model_dump_json()
            self.codepipeline.put_job_success_result(jobId=job.id, continuationToken=token)
        else:
            self._fail(job, shortfall(expected, answers))

    def deployment(self, deployment: Deployment) -> dict[str, Any]:
        """Let the deployment go on, wait, or roll back."""
        hook = deployment.hook
        if not hook.released:
            return {"hookStatus": "SUCCEEDED"}
        reason = self._objection(hook.problem)
        if reason is None:
            return {"hookStatus": "SUCCEEDED"}
        attempts = hook.attempts + 1
        logger.info("green is not accepted", problem=hook.problem, reason=reason, attempts=attempts)
        if attempts >= self.patience.attempts:
            return {"hookStatus": "FAILED"}
        details = hook.model_copy(update={"attempts": attempts}).model_dump()
        return {"hookStatus": "IN_PROGRESS", "callBackDelay": self.patience.delay, "hookDetails": details}

    def _objection(self, problem: str) -> str | None:
        for _ in range(self.patience.times):
            if reason := objection(self._ask(problem, {}), self._ask(problem, GREEN)):
                return reason
        return None

    def _watch(self, expected: Expected, until: float) -> list[Answer]:
        """Ask until the answers agree or this call's time is up; at least once."""
        stop = min(until, self.clock() + self.patience.call)
        answers = [self._ask(expected.problem, {})]
        while not agree(expected, answers, self.patience.times) and self.clock() < stop:
            self.sleep(self.patience.pause)
            answers.append(self._ask(expected.problem, {}))
        return answers

    def _ask(self, problem: str, headers: Mapping[str, str]) -> Answer:
        # Read anew each time: the release that is being verified may only now write the address.
        try:
            url = self.ssm.get_parameter(Name=self.endpoints[problem])["Parameter"]["Value"]
        except (BotoCoreError, ClientError) as error:
            return Silent(f"its address cannot be read: {error}")
        if url == NOT_RELEASED:
            return Silent("no image of the service was released")
        return ask(url, headers, self.patience.answer)

    def _deadline(self) -> float:
        return self.clock() + self.patience.total

    def _fail(self, job: Job, message: str) -> None:
        logger.warning("release not verified", reason=message)
        self.codepipeline.put_job_failure_result(
            jobId=job.id, failureDetails={"type": "JobFailed", "message": message[:5000]}
        )


def _record(problem: str, answer: Answer) -> None:
    """The version that serves, for the dashboard."""
    if isinstance(answer, Served) and answer.version and answer.version.isdigit():
        with single_metric("ModelVersion", MetricUnit.NoUnit, int(answer.version), namespace="Evergreen") as metric:
            metric.add_dimension("Problem", problem)
