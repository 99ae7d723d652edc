"""A pipeline in a template, in the API and in a policy is the same pipeline."""

from __future__ import annotations

import pytest

from twin.codepipeline.structure import Structure
from twin.emulator.pipeline_names import declaration, resource

PROPERTIES = {
    "RoleArn": "arn:aws:iam::000000000000:role/P",
    "PipelineType": "V2",
    "ExecutionMode": "QUEUED",
    "ArtifactStore": {"Type": "S3", "Location": "store"},
    "Tags": [{"Key": "application", "Value": "evergreen"}],
    "Variables": [{"Name": "PROBLEM", "DefaultValue": "flights"}],
    "Triggers": [{"ProviderType": "CodeStarSourceConnection", "GitConfiguration": {"SourceActionName": "Source"}}],
    "Stages": [
        {
            "Name": name,
            "Actions": [
                {
                    "Name": name,
                    "ActionTypeId": {"Category": "Source", "Owner": "AWS", "Provider": "X", "Version": "1"},
                    "Configuration": {"DetectChanges": False, "BranchName": "main"},
                    "OutputArtifacts": [{"Name": name}],
                    "RunOrder": 1,
                }
            ],
            "OnFailure": {"Result": "ROLLBACK"},
        }
        for name in ("Source", "Release")
    ],
}
PIPELINE = "arn:aws:codepipeline:us-east-1:000000000000:P"


def test_a_template_becomes_a_declaration_with_the_providers_own_keys_untouched() -> None:
    declared = declaration(PROPERTIES, "P")
    structure = Structure.model_validate(declared)
    assert structure.stages[0].actions[0].configuration == {"DetectChanges": "false", "BranchName": "main"}
    assert structure.stages[1].on_failure is not None
    assert declared["triggers"][0]["gitConfiguration"] == {"sourceActionName": "Source"}
    assert "tags" not in declared


@pytest.mark.parametrize(
    ("operation", "asked", "arn"),
    [
        ("StartPipelineExecution", {"name": "P"}, PIPELINE),
        ("GetPipelineExecution", {"pipelineName": "P"}, PIPELINE),
        ("UpdatePipeline", {"pipeline": {"name": "P"}}, PIPELINE),
        ("RollbackStage", {"pipelineName": "P", "stageName": "Release"}, f"{PIPELINE}/Release"),
        ("PutApprovalResult", {"pipelineName": "P", "stageName": "S", "actionName": "A"}, f"{PIPELINE}/S/A"),
        ("PutJobSuccessResult", {"jobId": "1"}, "*"),
    ],
)
def test_iam_is_asked_about_what_aws_asks_it_about(operation: str, asked: dict[str, object], arn: str) -> None:
    assert resource(operation, asked) == arn
