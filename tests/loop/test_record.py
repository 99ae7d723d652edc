"""Commands that follow the record: release, report, a rollback of one release only, no second proof of a champion."""

from __future__ import annotations

from pathlib import Path

from tests.support.checkout import Checkout


def test_a_champion_needs_no_second_proof_and_keeps_the_record_of_its_first(trained: Checkout, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    proven = trained.json("prove", "insurance", "--version", "1", "--unless-champion")
    assert (proven["verdict"], proven["version"]) == ("champion", 1)
    written = trained.evergreen("report", "insurance", "--version", "1", "--output", str(page))
    assert written.code == 0, written.err
    assert "insurance" in page.read_text()


def test_approving_the_champion_says_so_and_a_version_that_is_none_is_named(trained: Checkout) -> None:
    assert trained.json("approve", "insurance/1", "--by", "ada", "--why", "a test")["how"] == "already"
    absent = trained.evergreen("approve", "insurance/99", "--by", "ada", "--why", "a test")
    assert (absent.code, absent.err) == (2, "error: insurance has no version 99\n")


def test_a_rollback_of_what_another_released_changes_nothing(trained: Checkout) -> None:
    refused = trained.evergreen("rollback", "insurance", "--execution", "codepipeline/one/2", "--reason", "a test")
    said = "error: the champion of insurance was not released in codepipeline/one/2; nothing was taken out\n"
    assert (refused.code, refused.err) == (2, said)
    assert trained.json("status", "insurance")["insurance"][0]["aliases"] == ["champion"]
