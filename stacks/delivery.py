"""From a change to a verified release: Source, Train, Prove, Approve, Image, Release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codeconnections as codeconnections
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.constructs.acknowledge import INLINE_POLICIES, acknowledge
from stacks.constructs.data_bucket import DataBucket
from stacks.constructs.failure_notice import FailureNotice
from stacks.constructs.findings import attribute, wildcard
from stacks.constructs.image_build import Architecture, ImageBuild
from stacks.constructs.job import KEY
from stacks.constructs.mail import MailTopic
from stacks.constructs.objects import grant_reading, grant_writing
from stacks.constructs.report_link import Reports, report_pages
from stacks.lifetime import Lifetime

WATCHED = ("ml/**", "service/**", "requirements/**", "dvc.yaml", "params.yaml", "docker/service.Dockerfile")
"""A push that touches one of these starts the pipeline; CodePipeline takes eight patterns at most."""
PROBLEM, DATA, REASON = "#{variables.PROBLEM}", "#{variables.DATA}", "#{variables.REASON}"
VERSION, DIGEST, IMAGE = "#{Train.VERSION}", "#{Train.DIGEST}", "#{Image.IMAGE}"
EXECUTION = "#{codepipeline.PipelineExecutionId}"
USE = ("codeconnections:UseConnection", "codestar-connections:UseConnection")
"""The service was renamed; which of both counts is decided by the age of the connection."""


class Delivery(cdk.Stack):
    """`pipeline` takes the variables PROBLEM, DATA (an `s3://` address or `latest`) and REASON."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        owner: str,
        name: str,
        branch: str,
        connection: str | None,
        problems: Sequence[str],
        train: codebuild.IProject,
        prove: codebuild.IProject,
        release: codebuild.IProject,
        service_images: ecr.IRepository,
        architecture: Architecture,
        artifacts: s3.IBucket,
        reports: Reports,
        verifier: lambda_.IFunction,
        approvers: Sequence[str],
        approval: cdk.Duration,
        lifetime: Lifetime,
        alerts: sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        connection = connection or self._new_connection()
        image = ImageBuild(
            self, "Image", name="service", architecture=architecture, repository=service_images, lifetime=lifetime
        )
        people = MailTopic(self, "Approvers", emails=approvers, lifetime=lifetime)
        # What is current never expires: a rollback hands the artifacts of the last good release to its stage again.
        store = DataBucket(self, "Store", lifetime=lifetime, logs=None, old=30)
        source, trained = codepipeline.Artifact("Source"), codepipeline.Artifact("Trained")
        clone = _clone(owner, name, branch, connection, source)
        self.pipeline = codepipeline.Pipeline(
            self,
            "Pipeline",
            pipeline_type=codepipeline.PipelineType.V2,
            execution_mode=codepipeline.ExecutionMode.QUEUED,
            artifact_bucket=store,
            variables=_variables(problems[0]),
            triggers=[_pushes(clone, branch)],
        )
        self._stage("Source", clone)
        pages = report_pages(
            self,
            reports,
            problem=PROBLEM,
            execution=EXECUTION,
            artifacts=artifacts,
            lifetime=lifetime,
            alerts=alerts,
        )
        data = {"DATA": DATA, "REASON": REASON, "EXECUTION": EXECUTION}
        report = {"VERSION": VERSION, "EXECUTION": EXECUTION, **pages}
        what = {"VERSION": VERSION, "IMAGE": IMAGE, "EXECUTION": EXECUTION}
        self._stage("Train", self._run("Train", train, source, outputs=[trained], given=data))
        self._stage("Prove", self._run("Prove", prove, source, extra=[trained], given=report))
        self._stage("Approve", _ask(people, approval))
        self._stage("Image", self._run("Image", image, source))
        released = self._run("Release", release, source, given=what)
        self._stage("Release", released, _verify(verifier), on_failure=ROLLBACK)
        self._admit([train, prove, release, image], store, connection)
        self._let_look(release)
        FailureNotice(self, "Failed", pipeline=self.pipeline, alerts=alerts)
        self._let_clone(connection)
        self._accept(store, verifier)

    def _new_connection(self) -> str:
        """Waits, as PENDING, until a person has authorised it once in the console."""
        connection = codeconnections.CfnConnection(
            self, "GitHub", connection_name=self.stack_name[:32], provider_type="GitHub"
        )
        cdk.CfnOutput(
            self,
            "Connection",
            value=connection.attr_connection_arn,
            description="Authorise it once: Developer Tools, Settings, Connections, Update pending connection",
        )
        return connection.attr_connection_arn

    def _stage(
        self, name: str, *steps: codepipeline.IAction, on_failure: codepipeline.FailureConditions | None = None
    ) -> None:
        self.pipeline.add_stage(stage_name=name, actions=list(steps), on_failure=on_failure)

    def _run(
        self,
        name: str,
        project: codebuild.IProject,
        source: codepipeline.Artifact,
        *,
        extra: Sequence[codepipeline.Artifact] = (),
        outputs: Sequence[codepipeline.Artifact] = (),
        given: Mapping[str, str] = {},
    ) -> codepipeline.IAction:
        """Run a project in the checkout; what it exports is under its step's name."""
        # Under its name only: an action adds to the role of a project that it knows, and the stack of the jobs would
        # depend on this one.
        known = codebuild.Project.from_project_name(self, f"{name}Project", project.project_name)
        variables = {"PROBLEM": PROBLEM, **given}
        return actions.CodeBuildAction(
            action_name=name,
            project=known,
            input=source,
            extra_inputs=list(extra),
            outputs=list(outputs),
            environment_variables={
                variable: codebuild.BuildEnvironmentVariable(value=value) for variable, value in variables.items()
            },
            variables_namespace=name,
            run_order=1,
        )

    def _admit(self, projects: Sequence[codebuild.IProject], store: s3.IBucket, connection: str) -> None:
        """What every job needs of this pipeline: its artifacts, and to clone the repository."""
        roles = [project.role for project in projects if project.role is not None]
        policy = iam.Policy(self, "Jobs", roles=roles)
        grant_reading(store, policy, "*")
        grant_writing(store, policy, "*")
        policy.add_statements(iam.PolicyStatement(actions=list(USE), resources=[connection]))

    def _let_look(self, release: codebuild.IProject) -> None:
        """At who approved an execution, and at what it rolls back."""
        assert release.role is not None
        looking = iam.PolicyStatement(
            actions=[
                "codepipeline:GetPipelineExecution",
                "codepipeline:ListActionExecutions",
                "codepipeline:ListPipelineExecutions",
            ],
            resources=[self.pipeline.pipeline_arn],
        )
        iam.Policy(self, "Look", roles=[release.role], statements=[looking])

    def _let_clone(self, connection: str) -> None:
        # The CDK gives the source action the right under the service's old name only.
        role = (
            self.pipeline.node.find_child("Source").node.find_child("Source").node.find_child("CodePipelineActionRole")
        )
        assert isinstance(role, iam.Role)
        role.add_to_policy(iam.PolicyStatement(actions=[USE[0]], resources=[connection]))

    def _accept(self, store: s3.IBucket, verifier: lambda_.IFunction) -> None:
        acknowledge(self, INLINE_POLICIES)
        acknowledge(store, STORE)
        own = "The objects of the pipeline's own bucket."
        actions = ("GetObject", "GetBucket", "List", "DeleteObject", "Abort")
        function = attribute(self, verifier, verifier.function_arn)
        acknowledge(
            self.pipeline,
            {
                **KEY,
                **{f"AwsSolutions-IAM5[Action::s3:{action}*]": own for action in actions},
                wildcard(self, store.arn_for_objects("*")): own,
                wildcard(self, f"{function}:*"): "The versions of the one function.",
                "AwsSolutions-IAM5[Resource::*]": "Listing functions, by which an invoke action finds its own.",
            },
        )


ROLLBACK = codepipeline.FailureConditions(result=codepipeline.Result.ROLLBACK)
STORE = {
    "AwsSolutions-S1": "Only the pipeline reads and writes here, and keeps a history of who made it do so.",
    "NIST.800.53.R5-S3BucketLoggingEnabled": "As above.",
}


def _clone(owner: str, name: str, branch: str, connection: str, source: codepipeline.Artifact) -> codepipeline.IAction:
    """A whole clone, so that a training run can say which commit it is of."""
    return actions.CodeStarConnectionsSourceAction(
        action_name="Source",
        owner=owner,
        repo=name,
        branch=branch,
        connection_arn=connection,
        output=source,
        code_build_clone_output=True,
        trigger_on_push=False,
    )


def _pushes(clone: codepipeline.IAction, branch: str) -> codepipeline.TriggerProps:
    return codepipeline.TriggerProps(
        provider_type=codepipeline.ProviderType.CODE_STAR_SOURCE_CONNECTION,
        git_configuration=codepipeline.GitConfiguration(
            source_action=clone,
            push_filter=[codepipeline.GitPushFilter(branches_includes=[branch], file_paths_includes=list(WATCHED))],
        ),
    )


def _variables(first: str) -> list[codepipeline.Variable]:
    texts = {
        "PROBLEM": (first, "The problem to train"),
        "DATA": ("latest", "latest, or s3://BUCKET/KEY?versionId=..."),
        "REASON": ("code change", "Why; it is recorded with the version"),
    }
    return [
        codepipeline.Variable(variable_name=name, default_value=default, description=text)
        for name, (default, text) in texts.items()
    ]


def _ask(people: sns.ITopic, approval: cdk.Duration) -> codepipeline.IAction:
    return actions.ManualApprovalAction(
        action_name="Approve",
        notification_topic=people,
        external_entity_link="#{Prove.REPORT}",
        additional_information=f"Release {PROBLEM} version {VERSION}? It was trained because of: {REASON}.",
        timeout=approval,
    )


def _verify(verifier: lambda_.IFunction) -> codepipeline.IAction:
    """In the stage of the release, as CodePipeline rolls back whole stages and never an earlier one."""
    return actions.LambdaInvokeAction(
        action_name="Verify",
        lambda_=verifier,
        user_parameters={"problem": PROBLEM, "version": VERSION, "digest": DIGEST},
        run_order=2,
    )
