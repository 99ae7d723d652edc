"""When a training run starts: new data, the clock, drift. Each event at least once in, one run out."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.acknowledge import INLINE_POLICIES, acknowledge
from stacks.constructs.dead_letters import DeadLetters
from stacks.constructs.names import pascal
from stacks.constructs.retrain_function import PATIENCE, GitHubToken, RetrainFunction, let_read, let_start
from stacks.constructs.retrain_rules import RetrainRules
from stacks.constructs.run_memory import RunMemory
from stacks.constructs.trigger_alarms import DriftAlarm, TriggerAlarms
from stacks.lifetime import Lifetime

LAST_LOCKED = "Prove"
"""The stage of the pipeline after which the next run of a problem may start: approval can take days."""


class Triggers(cdk.Stack):
    """`github` is an (owner, name) whose workflow is told; None starts the pipeline itself."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        problems: tuple[str, ...],
        raw: s3.IBucket,
        pipeline: codepipeline.IPipeline,
        github: tuple[str, str] | None,
        schedule: str | None,
        cooldown: cdk.Duration,
        daily_cap: int,
        lifetime: Lifetime,
        alerts: sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        self.dead_letters = DeadLetters(self, "DeadLetters", lifetime=lifetime)
        token = None if github is None else GitHubToken(self, "GitHubToken", lifetime=lifetime)
        memory = RunMemory(self, "Memory", lifetime=lifetime)
        self.function = RetrainFunction(
            self,
            "Retrain",
            problems=problems,
            raw=raw,
            memory=memory,
            cooldown=cooldown,
            daily_cap=daily_cap,
            starts={"EVERGREEN_PIPELINE": pipeline.pipeline_name}
            if github is None or token is None
            else {"EVERGREEN_REPOSITORY": "/".join(github), "EVERGREEN_TOKEN_SECRET": token.secret_arn},
            dead_letters=self.dead_letters,
            lifetime=lifetime,
        )
        self.drift = {
            problem: DriftAlarm(self, f"{pascal(problem)}Drift", problem=problem, alerts=alerts) for problem in problems
        }
        rules = RetrainRules(self, "Rules", function=self.function, dead_letters=self.dead_letters, patience=PATIENCE)
        rules.objects(raw)
        rules.alarms(list(self.drift.values()))
        rules.tick()
        if schedule is not None:
            rules.schedule(schedule)
        if token is None:
            let_start(self.function, pipeline)
            rules.ends(pipeline, LAST_LOCKED)
        else:
            let_read(self.function, token)
        TriggerAlarms(
            self,
            "Alarms",
            function=self.function,
            memory=memory,
            dead_letters=self.dead_letters,
            problems=problems,
            alerts=alerts,
        )
        acknowledge(self, INLINE_POLICIES)
