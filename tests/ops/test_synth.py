from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import synth
from ops.assembly import Assembly, synthesise
from ops.templates import IGNORED, lint

BUCKET = {"Type": "AWS::S3::Bucket", "Properties": {}}
OPEN = {
    "Type": "AWS::IAM::Policy",
    "Properties": {
        "PolicyName": "P",
        "Roles": ["r"],
        "PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
        },
    },
}


def violation(rule: str, path: str, **more: str) -> dict[str, Any]:
    return {"ruleName": rule, "description": "words", "violatingConstructs": [{"constructPath": path}], **more}


def assembly(
    folder: Path,
    resources: dict[str, Any],
    violations: list[dict[str, Any]] | None = None,
    suppressed: list[dict[str, Any]] | None = None,
) -> Assembly:
    nested = folder / "assembly-Dev"
    nested.mkdir(parents=True)
    stack = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": "s.json", "stackName": "Dev-Storage"},
    }
    (nested / "manifest.json").write_text(json.dumps({"artifacts": {"S": stack}}))
    (nested / "s.json").write_text(json.dumps({"Resources": resources}))
    report = {"pluginName": "AwsSolutions", "violations": violations or [], "suppressedViolations": suppressed or []}
    (folder / "validation-report.json").write_text(json.dumps({"pluginReports": [report]}))
    return Assembly("dev", "ecs", folder)


def run(
    monkeypatch: pytest.MonkeyPatch, *assemblies: Assembly, options: tuple[str, ...] = ("--json",)
) -> tuple[int, str]:
    monkeypatch.setattr(synth, "synthesise_all", lambda folder, *, checked: iter(assemblies) if checked else None)
    result = CliRunner().invoke(synth.app, list(options))
    return result.exit_code, result.stdout


def test_what_breaks_no_rule_passes_and_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = violation("S1", "Dev/Storage/B", acknowledgedId="P::S1", acknowledgedAt="Dev/Storage", reason="why")
    code, out = run(monkeypatch, assembly(tmp_path, {"B": BUCKET}, suppressed=[answered, answered]))
    (document,) = json.loads(out)["assemblies"]
    assert code == 0
    assert document["resources"] == {"Storage": 1}
    assert document["acknowledged"] == [{"rule": "S1", "where": "Dev/Storage", "reason": "why", "findings": "2"}]


def test_a_finding_of_a_rule_pack_fails_with_its_construct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out = run(monkeypatch, assembly(tmp_path, {"B": BUCKET}, [violation("AwsSolutions-S1", "Dev/Storage/B")]))
    assert code == 1
    assert json.loads(out)["broken"] == [
        {"rule": "AwsSolutions-S1", "where": "dev-ecs: Dev/Storage/B", "words": "words"}
    ]


def test_an_open_permission_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out = run(monkeypatch, assembly(tmp_path, {"P": OPEN}))
    assert code == 1
    assert [(each["rule"], each["where"]) for each in json.loads(out)["broken"]] == [("wildcard", "dev-ecs: Storage/P")]


def test_an_environment_that_cannot_be_synthesised_fails_in_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out = run(monkeypatch, Assembly("dev", "ecs", tmp_path, error="error: nat"))
    assert (code, json.loads(out)["broken"][0]["words"]) == (1, "error: nat")


def test_rules_that_were_not_applied_are_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unchecked = assembly(tmp_path, {"B": BUCKET})
    (tmp_path / "validation-report.json").unlink()
    code, out = run(monkeypatch, unchecked)
    assert code == 1
    assert "AwsSolutions were not applied" in out


def test_people_see_counts_and_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = assembly(tmp_path, {"B": BUCKET}, [violation("AwsSolutions-IAM5[Resource::*]", "Dev/Storage/B")])
    _, out = run(monkeypatch, broken, options=())
    assert "ecs" in out
    assert "AwsSolutions-IAM5[Resource::*]  Storage/B  (dev-ecs)" in out
    assert "1 finding" in out


def test_the_linter_tells_errors_and_warnings_once_for_equal_templates(tmp_path: Path) -> None:
    wrong = {"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"Colour": "green"}}}}
    unused = {"Parameters": {"Unused": {"Type": "String"}}, "Resources": {"B": BUCKET}}
    files = [tmp_path / name for name in ("first.json", "second.json", "third.json")]
    for path, template in zip(files, (wrong, wrong, unused), strict=True):
        path.write_text(json.dumps(template))
    found = lint(files)
    assert {(each.rule[0], Path(each.where.partition(":")[0]).name) for each in found} == {
        ("E", "first.json"),
        ("W", "third.json"),
    }


def test_every_ignored_rule_has_a_reason() -> None:
    assert all(len(reason) > 20 for reason in IGNORED.values())


def test_nonsense_is_told_in_one_sentence(tmp_path: Path) -> None:
    failed = synthesise("nowhere", "ecs", tmp_path / "out", checked=False)
    assert "there is no environment 'nowhere'" in failed.error
