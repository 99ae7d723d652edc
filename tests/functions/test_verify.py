"""The release verifier against real local servers, with recorded events and clients that fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from functions.verify import handler
from functions.verify.decision import Answer, Expected, Nobody, NoModel, Served, Silent, agree, objection, shortfall
from functions.verify.events import Deployment, Job
from functions.verify.transport import ask
from functions.verify.verifier import GREEN, Patience, Verifier
from tests.support.aws import simulated_aws

EVENTS = Path(__file__).parent / "events"
NEW = "cd44" + "0" * 56 + "cd44"
OLD = "ab33" + "0" * 56 + "ab33"
JOB = "11111111-abcd-1111-abcd-111111abcdef"
QUICK = Patience(times=3, pause=0.0, answer=1.0, call=0.05, total=0.2, attempts=4, delay=7)
Reply = tuple[int, dict[str, str], Any]


def serving(digest: str, version: str = "4") -> Reply:
    return 200, {}, {"model": {"name": "flights", "version": version, "digest": digest}}


NO_MODEL: Reply = (503, {}, {"detail": "no model yet"})
EMPTY: Reply = (503, {"Server": "awselb/2.0"}, "<html>503 Service Temporarily Unavailable</html>")
BROKEN: Reply = (502, {"Server": "awselb/2.0"}, "<html>502 Bad Gateway</html>")


@dataclass
class Service:
    """What answers: production, or green where the header asks for it; in turn, and the last one forever."""

    production: list[Reply] = field(default_factory=list)
    green: list[Reply] = field(default_factory=list)
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, *, green: bool) -> Reply:
        replies = self.green if green else self.production
        self.asked.append(path)
        # /readyz and /model are one question.
        return replies.pop(0) if len(replies) > 1 and (path == "/model" or replies[0][0] != 200) else replies[0]


@pytest.fixture
def service() -> Iterator[Service]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = state.answer(self.path, green=self.headers.get("X-Evergreen-Green") == "1")
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with simulated_aws():
        yield


@pytest.fixture
def ssm(aws: None, service: Service) -> Any:
    client = boto3.client("ssm")
    client.put_parameter(Name="Flights", Value=service.url, Type="String")
    return client


@pytest.fixture
def verifier(ssm: Any) -> Iterator[tuple[Verifier, list[tuple[str, dict[str, Any]]]]]:
    client = boto3.client("codepipeline")
    answers: list[tuple[str, dict[str, Any]]] = []

    def answered(params: dict[str, Any], model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        answers.append(
            (model.name, params["body"] if isinstance(params.get("body"), dict) else json.loads(params["body"]))
        )
        return _Response(), {}

    # After botocore has checked the parameters, in place of the network.
    client.meta.events.register("before-call.codepipeline", answered)
    yield Verifier(ssm=ssm, codepipeline=client, endpoints={"flights": "Flights"}, patience=QUICK), answers


class _Response:
    status_code = 200


def event(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return document


def job(continuation: str | None = None, parameters: str | None = None) -> Job:
    recorded = event("codepipeline_verify")
    data = recorded["CodePipeline.job"]["data"]
    if continuation is not None:
        data["continuationToken"] = continuation
    if parameters is not None:
        data["actionConfiguration"]["configuration"]["UserParameters"] = parameters
    return Job.of(recorded)


def deployment(**hook: Any) -> Deployment:
    recorded = event("ecs_post_test_traffic_shift")
    recorded["hookDetails"].update(hook)
    return Deployment.model_validate(recorded)


Answers = list[tuple[str, dict[str, Any]]]
Verifying = tuple[Verifier, Answers]


def test_a_release_that_is_served_succeeds(
    verifier: Verifying, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.production = [serving(NEW)]
    verifier[0].release(job())
    assert verifier[1] == [
        (
            "PutJobSuccessResult",
            {"jobId": JOB, "executionDetails": {"summary": "flights serves version 4 (cd4400000000)"}},
        )
    ]
    assert service.asked.count("/model") == QUICK.times
    metric = next(json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line)
    [declared] = metric["_aws"]["CloudWatchMetrics"]
    assert (declared["Namespace"], declared["Dimensions"]) == ("Evergreen", [["Problem"]])
    assert (metric["Problem"], metric["ModelVersion"]) == ("flights", [4.0])


def test_a_target_that_went_back_to_the_old_model_and_called_it_a_success_fails(
    verifier: Verifying, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    service.production = [serving(OLD, "3")]
    verifier[0].release(job(continuation='{"until": 1.0}'))
    [(name, said)] = verifier[1]
    assert name == "PutJobFailureResult"
    assert said["failureDetails"] == {
        "type": "JobFailed",
        "message": "flights should serve version 4 (cd4400000000) and gives version 3 (ab3300000000)",
    }
    assert '"ModelVersion":[3.0]' in capsys.readouterr().out.replace(" ", "")


def test_while_there_is_time_a_job_asks_to_be_called_again_and_keeps_its_deadline(
    verifier: Verifying, service: Service
) -> None:
    service.production = [serving(OLD, "3")]
    verifier[0].release(job())
    [(name, said)] = verifier[1]
    assert name == "PutJobSuccessResult"
    assert "executionDetails" not in said
    verifier[0].release(job(continuation=said["continuationToken"]))
    again = verifier[1][1][1].get("continuationToken")
    assert again in (None, said["continuationToken"])
    for _ in range(20):
        verifier[0].release(job(continuation=said["continuationToken"]))
        if verifier[1][-1][0] == "PutJobFailureResult":
            break
    assert verifier[1][-1][0] == "PutJobFailureResult"


def test_one_task_that_lags_behind_is_waited_for(verifier: Verifying, service: Service) -> None:
    service.production = [serving(NEW), serving(OLD, "3"), serving(NEW), BROKEN, serving(NEW)]
    verifier[0].release(job())
    assert verifier[1][0][1]["executionDetails"]["summary"].startswith("flights serves version 4")


@pytest.mark.parametrize(
    ("reply", "said"),
    [(NO_MODEL, "gives no model yet"), (EMPTY, "gives nothing: no task runs"), (BROKEN, "(status 502)")],
)
def test_it_says_what_was_there_instead(verifier: Verifying, service: Service, reply: Reply, said: str) -> None:
    service.production = [reply]
    verifier[0].release(job(continuation='{"until": 1.0}'))
    assert said in verifier[1][0][1]["failureDetails"]["message"]


def test_before_the_first_image_there_is_nothing_to_ask(verifier: Verifying, ssm: Any, service: Service) -> None:
    ssm.put_parameter(Name="Flights", Value="none", Type="String", Overwrite=True)
    verifier[0].release(job(continuation='{"until": 1.0}'))
    assert "no image of the service was released" in verifier[1][0][1]["failureDetails"]["message"]
    assert service.asked == []


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("", "are not a problem, version and digest"),
        ('{"problem": "flights"}', "are not a problem, version and digest"),
        ('{"problem": "flights", "version": "4", "digest": ""}', "are not a problem, version and digest"),
        ('{"problem": "loans", "version": "1", "digest": "a"}', "loans is served nowhere; there are flights"),
    ],
)
def test_a_job_that_makes_no_sense_is_answered(verifier: Verifying, parameters: str, said: str) -> None:
    verifier[0].release(job(parameters=parameters))
    [(name, body)] = verifier[1]
    assert name == "PutJobFailureResult"
    assert said in body["failureDetails"]["message"]


@dataclass
class Failing:
    """A client whose calls fail `times` times, then do as the real one."""

    real: Any
    code: str
    times: int

    def get_parameter(self, **given: Any) -> Any:
        self.times -= 1
        if self.times >= 0:
            raise ClientError({"Error": {"Code": self.code, "Message": "slow down"}}, "GetParameter")
        return self.real.get_parameter(**given)


def test_a_throttled_address_is_asked_for_again(verifier: Verifying, ssm: Any, service: Service) -> None:
    service.production = [serving(NEW)]
    throttled = Failing(ssm, "ThrottlingException", 2)
    Verifier(throttled, verifier[0].codepipeline, {"flights": "Flights"}, QUICK).release(job())
    assert "executionDetails" in verifier[1][0][1]


def test_an_address_that_cannot_be_read_ends_the_job_and_holds_a_deployment(verifier: Verifying, ssm: Any) -> None:
    denied = Verifier(Failing(ssm, "AccessDenied", 10_000), verifier[0].codepipeline, {"flights": "Flights"}, QUICK)
    denied.release(job(continuation='{"until": 1.0}'))
    assert "its address cannot be read" in verifier[1][0][1]["failureDetails"]["message"]
    assert denied.deployment(deployment())["hookStatus"] == "IN_PROGRESS"


def test_a_pipeline_that_takes_no_answer_is_an_error_so_that_lambda_tries_again(ssm: Any, service: Service) -> None:
    service.production = [serving(NEW)]
    client = boto3.client("codepipeline")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_job_success_result", "ThrottlingException")
        with pytest.raises(ClientError, match="Throttling"):
            Verifier(ssm, client, {"flights": "Flights"}, QUICK).release(job())


SUCCEEDED = {"hookStatus": "SUCCEEDED"}


@pytest.mark.parametrize(
    ("production", "green"),
    [
        (serving(OLD, "3"), serving(OLD, "3")),
        (EMPTY, serving(NEW)),
        (EMPTY, NO_MODEL),
        (NO_MODEL, NO_MODEL),
        (NO_MODEL, serving(NEW)),
        (BROKEN, serving(NEW)),
    ],
)
def test_new_tasks_that_serve_what_production_serves_get_traffic(
    verifier: Verifying, service: Service, production: Reply, green: Reply
) -> None:
    service.production, service.green = [production], [green]
    assert verifier[0].deployment(deployment()) == SUCCEEDED


@pytest.mark.parametrize(
    ("production", "green"),
    [
        (serving(OLD, "3"), serving(NEW)),
        (serving(OLD, "3"), NO_MODEL),
        (serving(OLD, "3"), EMPTY),
        (serving(OLD, "3"), BROKEN),
        (EMPTY, BROKEN),
        (NO_MODEL, EMPTY),
        (BROKEN, NO_MODEL),
    ],
)
def test_other_new_tasks_wait_and_then_roll_back(
    verifier: Verifying, service: Service, production: Reply, green: Reply
) -> None:
    service.production, service.green = [production], [green]
    waiting = verifier[0].deployment(deployment())
    assert waiting == {
        "hookStatus": "IN_PROGRESS",
        "callBackDelay": 7,
        "hookDetails": {"problem": "flights", "released": True, "attempts": 1},
    }
    calls = 1
    while waiting["hookStatus"] == "IN_PROGRESS":
        waiting = verifier[0].deployment(deployment(**waiting["hookDetails"]))
        calls += 1
    assert (waiting, calls) == ({"hookStatus": "FAILED"}, QUICK.attempts)


def test_new_tasks_that_load_late_get_traffic_once_they_are_ready(verifier: Verifying, service: Service) -> None:
    service.production, service.green = [serving(OLD)], [NO_MODEL]
    assert verifier[0].deployment(deployment())["hookStatus"] == "IN_PROGRESS"
    service.green = [serving(OLD)]
    assert verifier[0].deployment(deployment(attempts=1)) == SUCCEEDED


def test_a_deployment_without_an_image_asks_nobody(verifier: Verifying, service: Service) -> None:
    assert verifier[0].deployment(deployment(released="false")) == SUCCEEDED
    assert service.asked == []


@pytest.mark.parametrize(
    "reply",
    [
        (200, {}, "not json"),
        (200, {}, {"model": {}}),
        (200, {}, []),
        (503, {}, "not json"),
        (503, {}, ["no model yet"]),
    ],
)
def test_what_answers_otherwise_is_not_the_service(service: Service, reply: Reply) -> None:
    service.production = [reply]
    assert isinstance(ask(service.url, {}, 1.0), Silent)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "file:///etc/hostname", "ftp://127.0.0.1/", ""])
def test_no_service_at_an_address_is_said(url: str) -> None:
    assert isinstance(ask(url, {}, 0.5), Silent)


def test_the_header_leads_to_the_new_tasks(service: Service) -> None:
    service.production, service.green = [serving(OLD)], [serving(NEW)]
    assert ask(service.url, GREEN, 1.0) == Served(NEW, "4")
    assert ask(service.url, {}, 1.0) == Served(OLD, "4")


def test_the_function_answers_both_events(ssm: Any, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.production, service.green = [serving(NEW)], [serving(NEW)]
    answered: list[dict[str, Any]] = []

    class Recorder:
        def put_job_failure_result(self, **given: Any) -> None:
            answered.append(given)

    clients: dict[str, Any] = {"ssm": ssm, "codepipeline": Recorder()}
    monkeypatch.setenv("ENDPOINTS", '{"flights": "Flights"}')
    monkeypatch.setattr(handler, "_client", clients.__getitem__)
    assert handler.handle(event("ecs_post_test_traffic_shift"), None) == SUCCEEDED  # type: ignore[arg-type]
    nonsense = event("codepipeline_verify")
    nonsense["CodePipeline.job"]["data"]["actionConfiguration"]["configuration"] = {}
    assert handler.handle(nonsense, None) is None  # type: ignore[arg-type]
    assert answered[0]["jobId"] == JOB


answers = st.one_of(
    st.builds(Served, st.sampled_from([OLD, NEW]), st.sampled_from(["3", "4", None])),
    st.just(NoModel()),
    st.just(Nobody()),
    st.builds(Silent, st.text(max_size=5)),
)
EXPECTED = Expected("flights", "4", NEW)


@given(st.lists(answers, max_size=8), st.integers(1, 4))
def test_agreement_is_the_last_answers_and_nothing_else(given_answers: list[Answer], times: int) -> None:
    digests = [getattr(answer, "digest", None) for answer in given_answers]
    assert agree(EXPECTED, given_answers, times) == (digests[-times:] == [NEW] * times)
    assert agree(EXPECTED, [Nobody(), *given_answers], times) == agree(EXPECTED, given_answers, times)


@given(st.lists(answers, min_size=1, max_size=8))
def test_a_shortfall_is_one_line_that_names_the_release(given_answers: list[Answer]) -> None:
    assert "flights" in shortfall(EXPECTED, given_answers)
    assert "version 4" in shortfall(EXPECTED, given_answers)


@given(answers, answers)
def test_a_rollout_of_code_never_changes_the_model(production: Answer, green: Answer) -> None:
    accepted = objection(production, green) is None
    if isinstance(production, Served):
        assert accepted == (isinstance(green, Served) and green.digest == production.digest)
    if accepted:
        assert isinstance(green, Served | NoModel)
