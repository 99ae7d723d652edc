"""What each kind of action does: one look at a time, so that it can be taken up again where its process died."""

from __future__ import annotations

from collections.abc import Mapping

from twin.codepipeline.providers.approval import approve
from twin.codepipeline.providers.build import build
from twin.codepipeline.providers.invoke import invoke
from twin.codepipeline.providers.look import Provider
from twin.codepipeline.providers.source import source

PROVIDERS: Mapping[tuple[str, str], Provider] = {
    ("Source", "CodeStarSourceConnection"): source,
    ("Build", "CodeBuild"): build,
    ("Test", "CodeBuild"): build,
    ("Approval", "Manual"): approve,
    ("Invoke", "Lambda"): invoke,
}
