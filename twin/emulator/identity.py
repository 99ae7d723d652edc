"""Identity providers, which MiniStack's IAM has and its CloudFormation has not."""

from __future__ import annotations

from twin.emulator.administrator import client, ignoring
from twin.emulator.template_types import Made, Properties, add_type
from twin.folder import Twin


def install(_: Twin) -> None:
    add_type("AWS::IAM::OIDCProvider", make=_trust, remove=_distrust)


def _trust(properties: Properties) -> Made:
    """A fake: no token of the provider is ever verified."""
    arn = client("iam").create_open_id_connect_provider(
        Url=properties["Url"],
        ClientIDList=properties.get("ClientIdList", []),
        ThumbprintList=properties.get("ThumbprintList", []),
        Tags=properties.get("Tags", []),
    )["OpenIDConnectProviderArn"]
    return arn, {"Arn": arn}


def _distrust(arn: str, _: Properties) -> None:
    ignoring("NoSuchEntity", client("iam").delete_open_id_connect_provider, OpenIDConnectProviderArn=arn)
