"""What holds for every resource: tags, security rules, owned logs, nothing left behind where nothing is kept."""

from __future__ import annotations

import aws_cdk as cdk
import jsii
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks, NIST80053R5Checks
from constructs import IConstruct

from cdk_app.config import Environment
from stacks.constructs.provider_logs import OWNED


def guard(app: cdk.App, platform: cdk.Stage, environment: Environment, *, packs: bool = True) -> None:
    """Tags for cost, the aspects of this file, and the rule packs, which take longer than everything else."""
    cdk.Tags.of(platform).add("application", "evergreen")
    cdk.Tags.of(platform).add("environment", environment.name)
    cdk.Aspects.of(platform).add(OwnedLogs())
    if not environment.protection:
        cdk.Aspects.of(platform).add(NothingKept())
    if not packs:
        return
    checks = cdk.Validations.of(app)
    checks.add_plugins(AwsSolutionsChecks(app))
    if environment.nist:
        checks.add_plugins(NIST80053R5Checks(app))


@jsii.implements(cdk.IAspect)
class OwnedLogs:
    """Refuses a function whose logs would go to a group that no stack owns."""

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, cdk.CfnResource) and _logs_anywhere(node):
            cdk.Annotations.of(node).add_error(
                "This function's log group would belong to nobody: it has no retention and outlives `cdk destroy`. "
                "Give it a group: stacks/constructs/function.py, or own_provider_logs for one that the CDK made "
                "(stacks/constructs/provider_logs.py)."
            )


def _logs_anywhere(resource: cdk.CfnResource) -> bool:
    if isinstance(resource, lambda_.CfnFunction):
        return resource.logging_config is None
    if resource.cfn_resource_type != "AWS::Lambda::Function":
        return False
    return all(entry.type != OWNED for entry in resource.node.metadata)


@jsii.implements(cdk.IAspect)
class NothingKept:
    """Refuses what would outlive its stack, or hold up its deletion, in an environment that keeps nothing."""

    def visit(self, node: IConstruct) -> None:
        if not isinstance(node, cdk.CfnResource):
            return
        if _keeps(node):
            cdk.Annotations.of(node).add_error(
                "This resource would outlive `cdk destroy` in an environment that keeps nothing: "
                "take its removal policy from Lifetime.removal (stacks/lifetime.py)."
            )
        if _resists(node):
            cdk.Annotations.of(node).add_error(
                "`cdk destroy` would fail on this resource in an environment that keeps nothing: "
                "let it be emptied, or leave its deletion unprotected, unless Lifetime.keep (stacks/lifetime.py)."
            )


def _keeps(resource: cdk.CfnResource) -> bool:
    keeping = {
        cdk.CfnDeletionPolicy.RETAIN,
        cdk.CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE,
        cdk.CfnDeletionPolicy.SNAPSHOT,
    }
    options = resource.cfn_options
    return options.deletion_policy in keeping or options.update_replace_policy in keeping


def _resists(resource: cdk.CfnResource) -> bool:
    if isinstance(resource, s3.CfnBucket):
        bucket = resource.node.scope
        return bucket is None or bucket.node.try_find_child("AutoDeleteObjectsCustomResource") is None
    if isinstance(resource, ecr.CfnRepository):
        return resource.empty_on_delete is not True
    return isinstance(resource, rds.CfnDBInstance) and resource.deletion_protection is True
