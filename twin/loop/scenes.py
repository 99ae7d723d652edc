"""The loop itself: deploy, learn, ask, release, refuse what is bad, go back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from twin.loop import records, tables
from twin.loop.load import steady
from twin.loop.play import Play
from twin.loop.reviewer import reviewer
from twin.loop.runs import Run, all_runs, await_run, runs_of
from twin.loop.tables import PROBLEM
from twin.loop.world import LoopError, expect
from twin.poll import until

FEW, SOME, MANY = 6_000, 20_000, 30_000
"""Rows: enough for a first model, and enough more for a better one."""
NO_MODEL = "no model yet"
BETTER = 'better on every count; $(say nothing) `else` "here"'
"""Words of a person, which must be read by nobody but persons."""


def deploy_from_nothing(play: Play) -> None:
    """Deploy from nothing: the service answers that there is no model yet"""
    from twin.loop.deploying import deploy

    with play.watch.time("deploy"):
        deploy(play)
    status, said = until(
        "the service answers /readyz",
        lambda: found if (found := play.world.ready())[0] else None,
        seconds=60.0,
        seen=lambda: f"{play.world.url} answers {play.world.ready()}",
    )
    expect((status, said.get("detail")) == (503, NO_MODEL), f"/readyz should say '{NO_MODEL}': {status} {said}")
    play.say(f"{play.world.url}/readyz: {status} {said['detail']}")


def one_run_for_one_file(play: Play) -> None:
    """Data arrive: one run, however often it is told, and none for what the pipeline writes"""
    world = play.world
    for inbox in (world.alerts, world.approvals):
        inbox.mark()
    before = len(all_runs(world))
    name, written = "2013-01-few.csv", "capture/dt=2013-01-31/rows.csv"
    version = world.put(name, tables.csv(tables.flights(FEW)))
    run = await_run(world, version)
    play.say(f"run {run.id} started: {run.variables['REASON']}")
    key = f"{PROBLEM}/{name}"
    newest = world.sequencer(key)
    again = world.event(key, version, newest)
    older = world.event(key, "an-earlier-version", f"{int(newest, 16) - 1:0{len(newest)}x}")
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda event: world.cloud.control.post("/events", event), [again] * 8 + [older] * 2))
    world.put(written, b"written by the loop itself")
    for what, count in (("Duplicate", 8), ("stale", 2), ("written by the pipeline", 1)):
        until(
            f"the function has refused: {what}",
            lambda what=what, count=count: len(world.log_lines(world.retrain, what)) >= count,  # type: ignore[misc]
            seconds=60.0,
            seen=lambda what=what: f"its log tells of {len(world.log_lines(world.retrain, what))}",  # type: ignore[misc]
        )
    expect(len(all_runs(world)) == before + 1, f"one run for one file, not {len(all_runs(world)) - before}")
    play.say("eight more deliveries, two out of order and one file of the loop's own: still one run")


def reject(play: Play) -> None:
    """Trained and proved, a person is asked, sees the report, and says no"""
    world = play.world
    run = all_runs(world)[0]
    run.await_question()
    asked = world.approvals.await_word(run.id)
    report = records.report(run)
    expect(run.exported("Prove")["REPORT"] in asked, f"the question must hold the link: {asked}")
    path = world.cloud.twin.folder / "report.html"
    path.write_bytes(report)
    play.say(f"the report of this run: {path}")
    before = world.served()
    run.answer(approve=False, summary="too few rows for my taste")
    run.await_end("Failed")
    expect("too few rows for my taste" in run.why(), f"the reason must be on record: {run.why()}")
    world.alerts.await_word("Approve", "too few rows")
    expect(world.served() == before, "what was turned down must not be served")
    play.say(f"no: {run.why()}")


def release_the_first(play: Play) -> None:
    """The same data again, approved: the first model is served"""
    run = play.bring("2013-01-few-again.csv", tables.csv(tables.flights(FEW)))
    version = play.accept(run)
    play.say(f"served: {play.world.served()}")
    expect(str((play.world.served() or {})["version"]) == version, "the version that was approved is served")


def release_a_better_one_under_load(play: Play) -> None:
    """More data, approved under load: the service swaps and fails no request"""
    world = play.world
    before = world.served()
    run = None
    with steady(world) as load:
        began = time.monotonic()
        run = play.bring("2013-01.csv", tables.csv(tables.flights(MANY)))
        run.await_question()
        asked = time.monotonic() - began
        with play.watch.time("approval to new model served"):
            version = run.exported("Train")["VERSION"]
            by = _approve_as_a_person(run, BETTER)
            after = world.await_served(version, seconds=120.0)
        play.watch.seconds["put to new model served, without the person"] = (
            asked + play.watch.seconds["approval to new model served"]
        )
        run.await_end("Succeeded")
        until("answers of the new version", lambda: load.versions[version] > 20, seconds=20.0)
    play.good.append(run)
    expect(not load.failed, f"no request may fail: {load.told()}; {load.failed[:3]}")
    expect(before is not None and after["digest"] != before["digest"], "the digest must change with the model")
    play.say(f"{load.told()}; by version {dict(load.versions)}")
    replay = records.decision(run)["attached"]["replay"]
    expect(replay["status"] == "replayed", f"what was captured should have been asked of both models: {replay}")
    play.say(f"replayed before the question: {replay['said']}")
    released = records.history(world)[-1]
    seen = tuple(released[field] for field in ("happened", "version", "by", "why"))
    expect(seen == ("released", int(version), by, BETTER), f"the registry should tell who released it: {released}")
    expect(released["execution"].endswith(f"/{run.id}"), f"and in which run: {released}")
    play.say(f"the registry's history: released by {by}, because: {BETTER}")


def _approve_as_a_person(run: Run, words: str) -> str:
    """By whom: AWS takes it from the credentials, whatever the words say."""
    with reviewer(run.world) as person:
        person.approve(run.await_question(), words)
        return person.arn


def refuse_poison(play: Play) -> None:
    """Bad data: shifted columns, shuffled labels, an empty file. The champion stays, and somebody is told why"""
    world = play.world
    champion = world.served()
    table = tables.flights(MANY, seed=2)
    bad = {
        "shifted.csv": (tables.csv(tables.shifted(table)), "Train", "is outside"),
        "shuffled.csv": (tables.csv(tables.shuffled(table)), "Prove", "floor"),
    }
    for name, (data, action, reason) in bad.items():
        mark = world.alerts.mark()
        run = play.bring(name, data)
        run.await_end("Failed")
        expect(run.actions()[action]["status"] == "Failed", f"{name} should fail in {action}: {run.why()}")
        expect(reason in run.closer() or reason in run.why(), f"why {name} was refused cannot be read: {run.closer()}")
        told = world.alerts.await_word(action, since=mark)
        play.say(f"{name}: {told}")
    mark = world.alerts.mark()
    version = world.put("empty.csv", b"")
    told = world.alerts.await_word("EmptyData", "ALARM", since=mark, seconds=60.0)
    expect(not runs_of(world, version), "an empty file must start no run")
    expect(world.served() == champion, "the champion must stay")
    play.say("empty.csv: an alarm, and no run")


def roll_back(play: Play) -> None:
    """Back to the model before: its digest is served again"""
    world = play.world
    earlier, later = play.good[-2:]
    digest = earlier.exported("Train")["DIGEST"]
    with play.watch.time("rollback"):
        answer = world.cloud.client("codepipeline").rollback_stage(
            pipelineName=world.pipeline, stageName="Release", targetPipelineExecutionId=earlier.id
        )
        served = world.await_served(earlier.exported("Train")["VERSION"])
    expect(served["digest"] == digest, f"the digest of before should be served: {served}")
    expect(later.exported("Train")["DIGEST"] != digest, "two releases of one bundle prove no rollback")
    until("the rollback ends", lambda: _ended(play, answer["pipelineExecutionId"]), seconds=120.0)
    play.good.append(earlier)
    told = records.history(world)[-1]
    seen = (told["happened"], told["by"])
    expect(seen == ("restored", f"rollback of {world.pipeline}"), f"the history should say what was restored: {told}")
    play.say(f"version {served['version']} is served again: {told['by']}, for {told['why']}")


def refuse_an_altered_record(play: Play) -> None:
    """A record that was altered after the proof is not released, whoever approves: the champion stays"""
    world, champion = play.world, play.world.served()
    run = play.bring("altered.csv", tables.csv(tables.flights(SOME, seed=3)))
    run.await_question()
    key = records.alter(run)
    play.say(f"one byte more in {key}")
    mark = world.alerts.mark()
    run.answer(approve=True, summary="looks right to me")
    run.await_end("Failed")
    expect(
        "is not the one that was recorded" in run.closer(), f"why nothing was released cannot be read: {run.closer()}"
    )
    world.alerts.await_word("Release", since=mark)
    back = all_runs(world)[0]
    expect(back.id != run.id, "a failed release is rolled back")
    back.await_end("Succeeded")
    expect(world.served() == champion, f"the champion must stay: {champion} before, {world.served()} after")
    play.say(f"refused, and version {(champion or {})['version']} is served as before")


def _ended(play: Play, execution: str) -> bool:
    status = next(run for run in all_runs(play.world) if run.id == execution).status
    if status == "Failed":
        raise LoopError("the rollback was served, and its execution failed")
    return status == "Succeeded"
