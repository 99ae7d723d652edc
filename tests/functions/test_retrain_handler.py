from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from functions.retrain.handler import Application, application, handle
from functions.retrain.settings import Settings
from tests.support.retraining import Clock, Crash, Pipeline, dynamodb_table, event

VARIABLES = {
    "EVERGREEN_BUCKET": "raw-bucket",
    "EVERGREEN_PROBLEMS": "flights,insurance",
    "EVERGREEN_TABLE": "memory",
    "EVERGREEN_COOLDOWN_SECONDS": "1800",
    "EVERGREEN_DAILY_CAP": "4",
    "EVERGREEN_PIPELINE": "loop",
}
GITHUB = {"EVERGREEN_REPOSITORY": "owner/evergreen", "EVERGREEN_TOKEN_SECRET": "arn:secret"}
TICK = {"source": "evergreen.retrain", "detail-type": "Tick"}


@dataclass
class Context:
    """What powertools asks of Lambda: a dead invocation's record is free after so long."""

    remaining: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


class World:
    def __init__(self, dynamodb: Any) -> None:
        self.dynamodb, self.clock = dynamodb, Clock()
        self.pipeline = Pipeline(self.clock)

    def application(self) -> Application:
        """Another copy of the function, which shares nothing with the others but the table and the pipeline."""
        return Application(Settings.read(VARIABLES), starter=self.pipeline, dynamodb=self.dynamodb, clock=self.clock)

    def deliver(self, recorded: dict[str, Any], context: Context | None = None) -> list[str]:
        return self.application().handle(recorded, context or Context())

    @property
    def started(self) -> list[str]:
        return [request.data for request in self.pipeline.executions.values()]


@pytest.fixture
def world() -> Iterator[World]:
    with dynamodb_table("memory") as client:
        yield World(client)


def ended(world: World) -> dict[str, Any]:
    """The end of the run that started last."""
    recorded = event("stage_succeeded")
    recorded["detail"]["execution-id"] = f"run-{list(world.pipeline.executions)[-1]}"
    return recorded


def test_an_upload_starts_one_run_however_often_it_is_delivered(world: World) -> None:
    for _ in range(3):
        assert world.deliver(event("object_created")) == ["started"]
    assert world.pipeline.calls.total() == 1


def test_a_duplicate_starts_nothing_after_the_run_and_its_cooldown_either(world: World) -> None:
    world.deliver(event("object_created"))
    world.deliver(ended(world))
    world.clock.forward(hours=2)
    world.deliver(event("object_created"))
    assert world.pipeline.calls.total() == 1


def test_ten_deliveries_at_once_start_one_run(world: World) -> None:
    copies = [world.application() for _ in range(10)]

    def deliver(copy: Application) -> list[str]:
        for _ in range(3):  # as Lambda does with an invocation that failed
            try:
                return copy.handle(event("object_created"), Context())
            except ExceptionGroup:
                continue
        return ["dead letter"]

    with ThreadPoolExecutor(10) as threads:
        outcomes = list(threads.map(deliver, copies))
    assert world.pipeline.calls.total() == 1
    assert ["started"] in outcomes


def test_ten_uploads_at_once_start_one_run_and_the_last_one_waits(world: World) -> None:
    uploads = [
        {**event("object_created", key=f"flights/{n}.csv"), "time": f"2026-11-21T11:59:0{n}Z"} for n in range(10)
    ]
    with ThreadPoolExecutor(10) as threads:
        outcomes = list(threads.map(lambda one: world.application().handle(one, Context()), uploads))
    assert sorted(outcomes) == [["parked"]] * 9 + [["started"]]
    first = world.started[0]
    world.deliver(ended(world))
    world.clock.forward(hours=1)
    world.deliver(TICK)
    newest = "9.csv" if "9.csv" not in first else "8.csv"
    assert newest in world.started[1]


def test_two_problems_do_not_wait_for_each_other(world: World) -> None:
    assert world.deliver(event("schedule")) == ["started", "started"]


def test_a_throttled_pipeline_is_an_error_and_the_retry_starts_the_run(world: World) -> None:
    world.pipeline.fault = RuntimeError("throttled")
    with pytest.raises(ExceptionGroup):
        world.deliver(event("object_created"))
    assert world.started == []
    assert world.deliver(event("object_created")) == ["started"]
    assert len(world.started) == 1


def test_one_problem_that_fails_does_not_keep_the_others_from_starting(world: World) -> None:
    world.pipeline.fault = RuntimeError("throttled")
    with pytest.raises(ExceptionGroup):
        world.deliver(event("schedule"))
    assert [request.problem for request in world.pipeline.executions.values()] == ["insurance"]


def test_data_whose_retries_are_used_up_is_started_by_a_tick(world: World) -> None:
    world.pipeline.fault = RuntimeError("throttled")
    with pytest.raises(ExceptionGroup):
        world.deliver(event("object_created"))
    assert world.deliver(TICK) == ["started", "rested"]


@pytest.mark.parametrize("late", [False, True])
def test_a_crash_between_claim_and_confirmation_leads_to_one_run(world: World, late: bool) -> None:
    world.pipeline.fault, world.pipeline.late = Crash(), late
    with pytest.raises(Crash):
        world.deliver(event("object_created"), Context(remaining=0))
    assert world.deliver(event("object_created")) == ["started"]
    assert len(world.started) == 1


@pytest.mark.parametrize("late", [False, True])
def test_a_crash_whose_event_never_comes_back_leads_to_one_run_too(world: World, late: bool) -> None:
    world.pipeline.fault, world.pipeline.late = Crash(), late
    with pytest.raises(Crash):
        world.deliver(event("object_created"))
    world.clock.forward(minutes=15)
    assert world.deliver(TICK) == ["started", "rested"]
    assert len(world.started) == 1


def test_versions_that_arrive_in_the_wrong_order_start_the_newer_one_only(world: World) -> None:
    new = event("object_created", **{"version-id": "new", "sequencer": "02"})
    old = event("object_created", **{"version-id": "old", "sequencer": "01"})
    assert world.deliver(new) == ["started"]
    assert world.deliver(old) == ["refused"]
    world.deliver(ended(world))
    world.clock.forward(hours=2)
    assert world.deliver(TICK) == ["rested", "rested"]


def test_the_end_of_the_run_starts_what_waited_when_no_cooldown_holds_it(world: World) -> None:
    world.deliver(event("object_created"))
    assert world.deliver(event("object_created", key="flights/2.csv")) == ["parked"]
    world.clock.forward(hours=1)
    assert world.deliver(ended(world)) == ["started", "rested"]
    assert "2.csv" in world.started[1]


def test_the_end_of_a_run_that_others_started_frees_nothing(world: World) -> None:
    world.deliver(event("object_created"))
    assert world.deliver(event("execution_failed")) == ["rested", "rested"]
    assert world.deliver(event("object_created", key="flights/2.csv")) == ["parked"]


def test_drift_during_a_run_is_dropped(world: World) -> None:
    world.deliver(event("object_created"))
    assert world.deliver(event("drift_alarm")) == ["refused"]


def test_what_happens_is_counted_by_problem_and_by_reason(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("object_created", "object_created", "folder_marker", "drift_alarm"):
        world.deliver(event(name))
    world.deliver(event("object_created", key="weather/1.csv"))
    counted = set(metrics(capsys.readouterr().out))
    assert {
        ("Started", "flights", ""),
        ("Started", "flights", "data"),
        ("Duplicate", "flights", "duplicate"),
        ("Refused", "flights", "folder marker"),
        ("Refused", "flights", "locked"),
        ("Refused", "unknown", "unknown problem"),
    } <= counted


def test_what_an_alarm_looks_at_is_counted(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.deliver(event("object_created"))
    world.clock.forward(hours=4)
    world.deliver(TICK)
    for hour in range(4):
        world.clock.forward(hours=1)
        world.deliver({**event("drift_alarm"), "id": f"drift-{hour}"})
        world.deliver(ended(world))
    world.deliver({**event("drift_alarm"), "id": "soon"})
    counted = {name for name, _, _ in metrics(capsys.readouterr().out)}
    assert {"LockExpired", "CapReached"} <= counted
    world.clock.now += timedelta(days=1)
    world.deliver({**event("drift_alarm"), "id": "next day"})
    world.deliver(ended(world))
    world.deliver({**event("drift_alarm"), "id": "next moment"})
    assert ("HeldBack", "flights", "") in set(metrics(capsys.readouterr().out))


def metrics(out: str) -> Iterator[tuple[str, str, str]]:
    """Name, problem and reason of each metric in the log, as CloudWatch reads them."""
    for line in out.splitlines():
        told = json.loads(line)
        for directive in told.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "Evergreen"
            dimensions = {name: told[name] for name in directive["Dimensions"][0]}
            assert set(dimensions) <= {"Problem", "Reason"}
            yield directive["Metrics"][0]["Name"], dimensions["Problem"], dimensions.get("Reason", "")


def test_the_settings_are_those_of_the_stack() -> None:
    settings = Settings.read({**VARIABLES, "AWS_REGION": "us-east-1"})
    assert settings.problems == ("flights", "insurance")
    assert settings.policy.cooldown == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"EVERGREEN_PROBLEMS": ""}, "problems"),
        ({"EVERGREEN_DAILY_CAP": "none"}, "daily_cap"),
        ({"EVERGREEN_COOLDOWN": "1"}, "cooldown"),
        (GITHUB, "set one of"),
        ({"EVERGREEN_TOKEN_SECRET": "arn:secret"}, "set both or neither"),
        ({"EVERGREEN_GITHUB_URL": "http://example.com"}, "github_url"),
    ],
)
def test_settings_that_make_no_sense_are_named(changes: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.read({**VARIABLES, **changes})


def test_with_github_a_run_holds_no_lock() -> None:
    variables = {name: value for name, value in VARIABLES.items() if name != "EVERGREEN_PIPELINE"}
    assert Settings.read({**variables, **GITHUB}).policy.lease == timedelta(0)


@pytest.mark.parametrize("starts", [{"EVERGREEN_PIPELINE": "loop"}, GITHUB])
def test_the_entry_point_takes_everything_from_its_environment(
    starts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {name: value for name, value in VARIABLES.items() if name != "EVERGREEN_PIPELINE"}
    for name, value in {**variables, **starts, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    application.cache_clear()
    with dynamodb_table("memory"):
        assert handle(event("folder_marker"), Context()) == ["refused"]
        assert handle(TICK, Context()) == ["rested", "rested"]
    application.cache_clear()
