"""Executions move as CodePipeline moves them, and a restart at any moment leads to the same end."""

from __future__ import annotations

import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.twin.pipelines import Pipeline
from twin.codepipeline.execution import expire, fail, succeed
from twin.codepipeline.requests import RefusedError, answer, decide, retry, roll_back, stop
from twin.codepipeline.state import PipelineState


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


def _decide(pipeline: Pipeline, approved: bool, token: str = "asked") -> None:  # noqa: S107
    pipeline.running()[0].token = "asked"
    _answer(pipeline, token, approved)


def _answer(pipeline: Pipeline, token: str, approved: bool) -> None:
    where = {"stage": "Approve", "action": "Approve"}
    said = {"summary": "because", "by": "arn:person"}
    decide(pipeline.state, pipeline.at(), **where, token=token, approved=approved, **said)
    pipeline.advance()


def _fail(pipeline: Pipeline, name: str) -> None:
    run = next(run for run in pipeline.running() if run.action == name)
    fail(pipeline.state, run.id, pipeline.at(), code="JobFailed", message="it broke")
    pipeline.advance()


def test_stages_follow_each_other_and_groups_of_a_stage_wait_for_the_one_before(pipeline: Pipeline) -> None:
    begun = pipeline.begin()
    for name in ("Source", "Train", "Approve"):
        assert [run.action for run in pipeline.running()] == [name]
        pipeline.do(name, VERSION="7")
    assert {run.action for run in pipeline.running()} == {"Release", "Notes"}
    pipeline.do("Release")
    assert [run.action for run in pipeline.running()] == ["Notes"]
    pipeline.do("Notes")
    pipeline.do("Verify")
    assert pipeline.of(begun).status == "Succeeded"


def test_an_action_sees_variables_and_what_was_exported_before_it(pipeline: Pipeline) -> None:
    begun = pipeline.release("7", PROBLEM="housing")
    configurations = {run.action: run.configuration for run in pipeline.of(begun).runs}
    assert configurations["Train"] == {"WHAT": "housing"}
    assert configurations["Approve"] == {"CustomData": "Release 7?"}
    assert configurations["Release"] == {"VERSION": "7", "ID": begun}


def test_a_reference_that_nothing_gave_a_value_fails_its_action(pipeline: Pipeline) -> None:
    begun = pipeline.begin()
    pipeline.do("Source")
    pipeline.do("Train")
    run = pipeline.of(begun).runs[-1]
    assert (run.action, run.status) == ("Approve", "Failed")
    assert run.error is not None
    assert "#{Train.VERSION}" in run.error[1]
    assert pipeline.of(begun).status == "Failed"


def test_who_comes_later_waits_before_the_stage_and_the_earlier_goes_first(pipeline: Pipeline) -> None:
    first, second, third = pipeline.begin(), pipeline.begin(), pipeline.begin()
    assert [pipeline.of(each).entered for each in (first, second, third)] == [True, False, False]
    pipeline.do("Source")
    assert [pipeline.of(each).stage for each in (first, second, third)] == ["Train", "Source", "Source"]
    assert [pipeline.of(each).entered for each in (first, second, third)] == [True, True, False]


def test_a_no_fails_the_execution_and_keeps_its_reason(pipeline: Pipeline) -> None:
    begun = pipeline.begin()
    pipeline.do("Source")
    pipeline.do("Train", VERSION="7")
    with pytest.raises(RefusedError) as wrong:
        _decide(pipeline, approved=True, token="guessed")
    assert wrong.value.code == "InvalidApprovalTokenException"
    _decide(pipeline, approved=False)
    run = pipeline.of(begun).runs[-1]
    assert (run.status, run.summary, run.by) == ("Failed", "because", "arn:person")
    assert pipeline.of(begun).status == "Failed"
    with pytest.raises(RefusedError) as late:
        _answer(pipeline, "asked", approved=True)
    assert late.value.code == "ApprovalAlreadyCompletedException"


def test_an_approval_that_nobody_gives_in_time_fails(pipeline: Pipeline) -> None:
    begun = pipeline.begin()
    pipeline.do("Source")
    pipeline.do("Train", VERSION="7")
    run = pipeline.running()[0]
    assert run.expires == run.started + 7 * 24 * 60
    late = pipeline.at()
    expire(pipeline.state, type(late)(run.expires, late.fresh))
    pipeline.advance()
    assert pipeline.of(begun).status == "Failed"


def test_a_failed_release_repeats_the_last_good_one(pipeline: Pipeline) -> None:
    good = pipeline.release("1", PROBLEM="housing")
    bad = pipeline.begin()
    pipeline.do("Source")
    pipeline.do("Train", VERSION="2")
    pipeline.do("Approve")
    pipeline.do("Release")
    pipeline.do("Notes")
    _fail(pipeline, "Verify")
    back = pipeline.state.executions[-1]
    assert pipeline.of(bad).status == "Failed"
    assert (back.kind, back.target, back.stage) == ("ROLLBACK", good, "Release")
    assert back.trigger.type == "AutomatedRollback"
    assert json.loads(back.trigger.detail) == {"FailedPipelineExecutionId": bad}
    assert back.variables == {"PROBLEM": "housing"}
    assert {run.action: run.configuration.get("VERSION") for run in back.runs} == {"Release": "1", "Notes": None}
    assert {run.inputs.get("Trained") for run in back.runs} == {None, pipeline.of(good).artifacts["Trained"]}
    for name in ("Release", "Notes", "Verify"):
        pipeline.do(name)
    assert back.status == "Succeeded"
    assert pipeline.state.executions[-1] is back


def test_without_an_earlier_success_a_failed_release_just_fails(pipeline: Pipeline) -> None:
    begun = pipeline.begin()
    pipeline.do("Source")
    pipeline.do("Train", VERSION="1")
    pipeline.do("Approve")
    _fail(pipeline, "Notes")
    assert pipeline.of(begun).status == "InProgress", "what runs beside it goes on"
    pipeline.do("Release")
    assert [each.status for each in pipeline.state.executions] == ["Failed"]


def test_a_rollback_goes_before_those_that_wait_and_is_never_gone_back_to(pipeline: Pipeline) -> None:
    good = pipeline.release("1")
    pipeline.begin()
    pipeline.do("Source")
    pipeline.do("Train", VERSION="2")
    pipeline.do("Approve")
    waiting = pipeline.begin()
    pipeline.do("Source")
    pipeline.do("Train", VERSION="3")
    pipeline.do("Approve")
    pipeline.do("Release")
    _fail(pipeline, "Notes")
    back = pipeline.state.executions[-1]
    assert back.entered
    assert not pipeline.of(waiting).entered
    _fail(pipeline, "Release")
    pipeline.do("Notes")
    assert back.status == "Failed"
    assert pipeline.of(waiting).entered
    with pytest.raises(RefusedError) as never:
        roll_back(pipeline.state, pipeline.at(), stage="Release", target=back.id, by="arn:person")
    assert never.value.code == "UnableToRollbackStageException"
    by_hand = roll_back(pipeline.state, pipeline.at(), stage="Release", target=good, by="arn:person")
    assert by_hand.trigger.detail == "arn:person"


def test_a_function_that_asks_for_it_is_called_again_under_another_job(pipeline: Pipeline) -> None:
    pipeline.begin()
    pipeline.do("Source")
    pipeline.do("Train", VERSION="1")
    for name in ("Approve", "Release", "Notes"):
        pipeline.do(name)
    run = pipeline.running()[0]
    run.job = "first"
    at = pipeline.at()
    answer(pipeline.state, at, job="first", continuation="half way", pause=30.0)
    assert run.due == at.time + 30.0
    assert run.job not in {None, "first"}
    with pytest.raises(RefusedError) as old:
        answer(pipeline.state, pipeline.at(), job="first")
    assert old.value.code == "JobNotFoundException"
    answer(pipeline.state, pipeline.at(), job=str(run.job), summary="served")
    assert (run.status, run.summary) == ("Succeeded", "served")


def test_a_retry_runs_what_failed_and_not_what_succeeded(pipeline: Pipeline) -> None:
    begun = pipeline.begin()
    pipeline.do("Source")
    pipeline.do("Train", VERSION="1")
    pipeline.do("Approve")
    pipeline.do("Release")
    _fail(pipeline, "Notes")
    retry(pipeline.state, pipeline.at(), name=begun, stage="Release", everything=False)
    pipeline.advance()
    assert [run.action for run in pipeline.running()] == ["Notes"]
    pipeline.do("Notes")
    pipeline.do("Verify")
    assert pipeline.of(begun).status == "Succeeded"


def test_a_stop_waits_for_what_runs_or_gives_it_up(pipeline: Pipeline) -> None:
    first, second = pipeline.begin(), pipeline.begin()
    stop(pipeline.state, pipeline.at(), name=first, give_up=False, reason="enough")
    stop(pipeline.state, pipeline.at(), name=second, give_up=False, reason="enough")
    pipeline.advance()
    assert [pipeline.of(each).status for each in (first, second)] == ["Stopping", "Stopped"]
    stop(pipeline.state, pipeline.at(), name=first, give_up=True, reason="now")
    pipeline.advance()
    assert pipeline.of(first).status == "Stopped"
    assert [run.status for run in pipeline.of(first).runs] == ["Abandoned"]


class Anything(RuleBasedStateMachine):
    """Two copies do the same; one is restarted now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.killed, self.steady = Pipeline(), Pipeline()

    def _both(self, do: str, which: int) -> None:
        for pipeline in (self.killed, self.steady):
            runs = pipeline.running()
            run = runs[which % len(runs)]
            if do == "fail":
                fail(pipeline.state, run.id, pipeline.at(), code="JobFailed", message="no")
            else:
                succeed(pipeline.state, run.id, pipeline.at(), variables={"VERSION": run.id})
            pipeline.advance()

    @rule(problem=st.sampled_from(["flights", "housing"]))
    def start(self, problem: str) -> None:
        if len(self.steady.state.executions) < 6:
            for pipeline in (self.killed, self.steady):
                pipeline.begin(PROBLEM=problem)

    @precondition(lambda self: self.steady.running())
    @rule(which=st.integers(0, 9), how=st.sampled_from(["succeed", "succeed", "succeed", "fail"]))
    def end_a_run(self, which: int, how: str) -> None:
        self._both(how, which)

    @precondition(lambda self: any(not each.ended for each in self.steady.state.executions))
    @rule(which=st.integers(0, 9), give_up=st.booleans())
    def stop(self, which: int, give_up: bool) -> None:
        for pipeline in (self.killed, self.steady):
            alive = [each for each in pipeline.state.executions if each.status == "InProgress"]
            if alive:
                name = alive[which % len(alive)].id
                stop(pipeline.state, pipeline.at(), name=name, give_up=give_up, reason="")
                pipeline.advance()

    @rule()
    def restart(self) -> None:
        self.killed.restart()

    @invariant()
    def a_stage_holds_one_execution(self) -> None:
        inside = [each.stage for each in self.steady.state.executions if each.entered]
        assert len(inside) == len(set(inside))

    @invariant()
    def no_action_succeeds_twice_and_none_before_its_time(self) -> None:
        structure = self.steady.state.structure
        for execution in self.steady.state.executions:
            done = [(run.stage, run.action) for run in execution.runs if run.status == "Succeeded"]
            assert len(done) == len(set(done))
            order = [structure.stages.index(structure.stage(run.stage)) for run in execution.runs]  # type: ignore[arg-type]
            assert order == sorted(order)

    @invariant()
    def both_are_where_they_would_be(self) -> None:
        assert self.killed.state == self.steady.state
        assert PipelineState.model_validate_json(self.steady.state.model_dump_json()) == self.steady.state

    def teardown(self) -> None:
        while self.steady.running():
            self._both("succeed", 0)
        assert all(execution.ended for execution in self.steady.state.executions)
        self.both_are_where_they_would_be()


Anything.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestAnything = Anything.TestCase
