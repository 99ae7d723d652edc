"""Things that break, each followed by the loop at work again without a person's help."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from twin import person
from twin.loop import tables
from twin.loop.commands import command
from twin.loop.load import Load, steady
from twin.loop.play import Play
from twin.loop.rights import without
from twin.loop.runs import Run, await_run, runs_of
from twin.loop.tables import PROBLEM
from twin.loop.world import World, expect
from twin.poll import until

ROWS = 20_000
"""Enough for a better model than the first, so that the loop comes as far as the question."""
UNFLUSHED = 10.0
"""Seconds of captured rows that may be lost with a service: between a row and its object in the bucket."""


def registry_killed_in_training(play: Play) -> None:
    """The tracking server is killed while a run trains; predictions never notice"""
    with steady(play.world) as load:
        run = _bring(play, "registry-killed")
        run.await_start_of("Train")
        _kill(play, "mlflow")
        _goes_on(play, run, "the tracking server was killed")
    expect(not load.failed, f"a service needs no registry to answer: {load.told()}; {load.failed[:3]}")
    play.say(f"meanwhile: {load.told()}")


def database_restarted(play: Play) -> None:
    """PostgreSQL is restarted while a run trains"""
    world = play.world
    run = _bring(play, "database-restarted")
    run.await_start_of("Train")
    database = world.named("Tracking", "Database")
    world.cloud.client("rds").reboot_db_instance(DBInstanceIdentifier=database)
    play.say("PostgreSQL restarts")
    _goes_on(play, run, "the database was restarted")


def storage_slow(play: Play) -> None:
    """S3 answers SlowDown, then 500, for ten seconds while a run trains"""
    control = play.world.cloud.control
    run = _bring(play, "storage-slow")
    # The model is trained and sealed, so what comes next is the registration and the push of what was made.
    until("the run has sealed its model", lambda: "sealed " in run.closer(), seconds=180.0, closer=run.closer)
    hits = 0
    for code, status in (("SlowDown", 503), ("InternalError", 500)):
        control.post("/faults", {"service": "s3", "status": status, "code": code, "seconds": 5})
        time.sleep(5)
        # The next fault of the service takes this one's place, and its count with it.
        hits += sum(int(each["hits"]) for each in control.get("/faults"))
    play.say(f"S3 refused {hits} requests")
    expect(hits, "S3 was asked for nothing while it refused: the fault proves nothing")
    _goes_on(play, run, "S3 refused for ten seconds")


def runner_killed(play: Play) -> None:
    """The pipeline's runner is killed between two stages"""
    run = _bring(play, "runner-killed")
    run.await_end_of("Train")
    _kill(play, "codepipeline")
    _goes_on(play, run, "the runner was killed")


def function_fails(play: Play) -> None:
    """The retrain function loses a right: it retries, leaves a dead letter, and the letter is given back"""
    world = play.world
    world.let_a_day_pass()
    mark = world.alerts.mark()
    with without(world, "Triggers", "RetrainRole", "codepipeline:StartPipelineExecution"):
        version = world.put("function-fails.csv", _table(4))
        sqs, queue = world.cloud.client("sqs"), world.named("Triggers", "DeadLetters")
        until("a dead letter", lambda: _waiting(sqs, queue) == 1, seconds=90.0)
        play.say(world.alerts.await_word("DeadLetters", "ALARM", since=mark, seconds=60.0).splitlines()[0][:200])
        expect(not runs_of(world, version), "a function that may not start a run has started one")
    said = command(world.cloud.twin, "ops.redrive", "--environment", world.environment)
    play.say(said)
    run = await_run(world, version)
    expect(_waiting(sqs, queue) == 0, "the letter should be gone")
    _goes_on(play, run, "the function failed and its letter was given back")


def service_killed(play: Play) -> None:
    """The service is killed under load: it is replaced, and at most the unflushed rows of its capture are lost"""
    world = play.world
    with steady(world) as load:
        until("answers", lambda: len(load.answers) > 100, seconds=30.0)
        _kill(play, "service")
        killed = time.monotonic()
        until("failures end", lambda: _answers_again(load, killed), seconds=90.0, seen=load.told)
        time.sleep(UNFLUSHED)
    answered = {answer.id for answer in load.answers if answer.status == httpx.codes.OK}
    first_again = min(
        answer.sent for answer in load.answers if answer.status == httpx.codes.OK and answer.sent > killed
    )
    doomed = {answer.id for answer in load.answers if killed - UNFLUSHED < answer.sent <= first_again}
    safe = answered - doomed
    until(
        "every row outside the last seconds is in the bucket",
        lambda: safe <= _captured(world),
        seconds=60.0,
        seen=lambda: f"{len(safe - _captured(world))} of {len(safe)} rows are missing",
    )
    lost = answered - _captured(world)
    play.say(
        f"{load.told()}; answered again after {first_again - killed:.1f} s; "
        f"{len(lost)} of {len(answered)} captured rows lost"
    )


def a_right_is_missing(play: Play) -> None:
    """Training loses the right to write what it makes: the loop breaks, says why, and goes on when it is back"""
    mark = play.world.alerts.mark()
    with without(play.world, "Training", "Train/Role", "s3:PutObject"):
        run = _bring(play, "right-missing")
        run.await_end("Failed")
    expect("AccessDenied" in run.closer() or "Forbidden" in run.closer(), f"why cannot be read:\n{run.closer()}")
    play.say(play.world.alerts.await_word("Train", since=mark)[:200])
    _goes_on(play, _bring(play, "right-returned"), "a right was missing")


def _bring(play: Play, name: str) -> Run:
    return play.bring(f"{name}.csv", _table(len(name)))


def _table(seed: int) -> bytes:
    return tables.csv(tables.flights(ROWS, seed=seed))


def _goes_on(play: Play, run: Run, after: str) -> None:
    """As far as the question: every part has done its work."""
    run.await_question()
    play.turn_down(run, f"only to see that the loop is at work again after {after}")


def _kill(play: Play, what: str) -> None:
    for record in person.kill(play.world.cloud.twin, what):
        play.say(f"killed {record.name}, process {record.pid}")


def _waiting(sqs: Any, queue: str) -> int:
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[name])["Attributes"][name])


def _answers_again(load: Load, killed: float) -> bool:
    """Twenty answers in a row, sent after the kill."""
    newest = sorted((answer for answer in load.answers if answer.sent > killed), key=lambda answer: answer.sent)[-20:]
    return len(newest) == 20 and all(answer.status == httpx.codes.OK for answer in newest)


def _captured(world: World) -> set[str]:
    """The ids of all requests in the bucket of captured predictions."""
    s3, bucket = world.cloud.client("s3"), world.named("Storage", "Capture")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"capture/{PROBLEM}/")
    found = (each["Key"] for page in pages for each in page.get("Contents", []))
    keys: Iterable[str] = (key for key in found if key.endswith(".jsonl.gz"))
    read: Callable[[str], bytes] = lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].read()  # noqa: E731
    return {json.loads(line)["id"] for key in keys for line in gzip.decompress(read(key)).splitlines()}
