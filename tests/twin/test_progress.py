"""What a person sees of a deployment is what the CLI printed."""

from __future__ import annotations

from itertools import count

from twin.progress import Progress

DEPLOYED = """\
Dev/Network (Dev-Network): deploying... [2/11]
Dev-Network |  0/3 | 12:55:36 PM | CREATE_IN_PROGRESS   | AWS::EC2::VPC              | Dev/Network/Vpc (Vpc8378EB38)
Dev-Network |  2/3 | 12:55:36 PM | CREATE_COMPLETE      | AWS::CloudFormation::Stack | Dev-Network
Dev-Network |  3/3 | 12:55:37 PM | CREATE_COMPLETE      | AWS::EC2::VPC              | Dev/Network/Vpc (Vpc8378EB38)

 ✅  Dev/Network (Dev-Network)
 ✅  Dev/Access (Dev-Access) (no changes)
Outputs:
DevNetwork.Vpc = vpc-1 | 2
"""
FAILED = """\
Dev/Storage (Dev-Storage): deploying... [3/11]
Dev-Storage | 1/9 | 1:02:03 AM | CREATE_FAILED | AWS::S3::Bucket | Dev/Storage/Raw (Raw72517081) Access denied: s3:*
Dev-Storage | 1/9 | 1:02:03 AM | CREATE_FAILED | AWS::S3::Bucket | Dev/Storage/Dvc (Dvc1) Resource creation cancelled
Dev-Storage | 1/9 | 1:02:04 AM | ROLLBACK_IN_PROGRESS | AWS::CloudFormation::Stack | Dev-Storage
 ❌  Dev/Storage (Dev-Storage) failed: ToolkitError: The stack named Dev-Storage failed creation
"""


def read(text: str) -> Progress:
    ticks = count()
    progress = Progress(clock=lambda: float(next(ticks)))
    for line in text.splitlines():
        progress.read(line)
    return progress


def test_each_stack_has_its_resources_and_its_end() -> None:
    progress = read(DEPLOYED)
    network = progress.stacks["Dev-Network"]
    assert (network.resources, network.total, network.outcome) == (3, 3, "done")
    assert network.seconds(99) == 1
    assert progress.stacks["Dev-Access"].outcome == "unchanged"
    assert set(progress.stacks) == {"Dev-Network", "Dev-Access"}


def test_a_failure_names_its_cause_and_not_what_followed_from_it() -> None:
    progress = read(FAILED)
    assert progress.reasons == ["Dev-Storage: Dev/Storage/Raw (AWS::S3::Bucket): Access denied: s3:*"]
    assert progress.stacks["Dev-Storage"].outcome == "failed"
    assert progress.complaints[0].startswith("Dev/Storage (Dev-Storage) failed")


def test_the_end_of_a_bootstrap_is_that_of_its_stack() -> None:
    progress = read(
        "CDKToolkit |  0/15 | 1:46:13 PM | CREATE_IN_PROGRESS | AWS::IAM::Role | LookupRole\n"
        "✅  Environment aws://000000000000/us-east-1 bootstrapped."
    )
    assert progress.stacks["CDKToolkit"].outcome == "done"


def test_colours_are_no_part_of_a_line() -> None:
    assert read("\x1b[32m ✅  Dev/Network (Dev-Network)\x1b[39m").stacks["Dev-Network"].outcome == "done"
