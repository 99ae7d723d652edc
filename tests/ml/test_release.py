"""A release follows the record: what was judged, against whom, and what a person has taken out since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from ml.core.bootstrap import Interval
from ml.core.record import Decision, Judged, Reason, Rows, read_record, record_bytes
from ml.io import tags
from ml.io.artifacts import log_decision
from ml.io.registry import Registry, Version
from ml.io.runs import log_run
from ml.io.tracking import Tracking, TrackingError
from ml.page import decision_page
from ml.release import RefusedError, recorded_decision, release
from ml.report import write_report
from tests.support.decisions import make_decision
from tests.support.runs import training_run

pytestmark = pytest.mark.xdist_group("mlflow-embedded")
SOON = timedelta(seconds=2)


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    return Tracking.embedded(tmp_path_factory.mktemp("var"))


@pytest.fixture
def registry(tracking: Tracking, tmp_path: Path, request: pytest.FixtureRequest) -> Registry:
    """Three versions, the first of them released without a decision."""
    name = f"line{abs(hash(request.node.name)) % 10**8}"
    for number in range(1, 4):
        log_run(tracking, training_run(tmp_path, name=name, offset=0.1 * number))
    registry = Registry(tracking, name)
    registry.promote(1, expected=None, by="ada")
    return registry


def judged(version: Version) -> Judged:
    return Judged(
        version=str(version.number), digest=version.digest, metrics={"roc_auc": Interval(value=0.8, low=0.7, high=0.9)}
    )


def judge(
    registry: Registry,
    number: int,
    *,
    against: int | None,
    verdict: Literal["promote", "reject"] = "promote",
    after: timedelta = timedelta(),
    **changes: Any,
) -> Decision:
    """Put a decision on record as `prove` would."""
    said = changes.pop("reason", "Better: the gain is 0.1." if verdict == "promote" else "Worse: the gain is -0.1.")
    fields: dict[str, Any] = {
        "problem": registry.name,
        "verdict": verdict,
        "reason": said,
        "reasons": (Reason(rule="gain", passed=verdict == "promote", text=said),),
        "rows": Rows(holdout=500, removed=0, used=500, trained_by_challenger=0, trained_by_champion=0),
        "champion": judged(registry.version(against)) if against else None,
        "challenger": judged(registry.version(number)),
        "decided_at": datetime.now(UTC) + after,
    }
    decision = make_decision(**(fields | changes))
    log_decision(registry, number, record_bytes(decision))
    return decision


def released(registry: Registry, number: int) -> str:
    return release(registry, number, reason="a test", by="the pipeline").how


def refused(registry: Registry, number: int) -> str:
    """The sentence of a refusal that changed nothing."""
    before = registry.versions()
    with pytest.raises(RefusedError) as refusal:
        released(registry, number)
    assert registry.versions() == before
    return str(refusal.value)


def aliases(registry: Registry) -> dict[str, int]:
    return {alias: version.number for version in registry.versions() for alias in version.aliases}


def test_a_version_that_was_judged_against_the_champion_is_released_in_the_name_given(registry: Registry) -> None:
    judge(registry, 2, against=1)
    assert released(registry, 2) == "promoted"
    assert aliases(registry) == {"champion": 2, "previous": 1}
    assert registry.champion().tags[tags.RELEASED_BY] == "the pipeline"


def test_releasing_the_champion_again_changes_nothing(registry: Registry) -> None:
    before = registry.versions()
    assert released(registry, 1) == "already"
    assert registry.versions() == before


def test_a_first_release_needs_a_decision_that_knew_no_champion(tracking: Tracking, tmp_path: Path) -> None:
    log_run(tracking, training_run(tmp_path, name="first"))
    registry = Registry(tracking, "first")
    judge(registry, 1, against=None)
    assert released(registry, 1) == "promoted"
    assert aliases(registry) == {"champion": 1}


def test_a_version_that_nobody_judged_is_refused(registry: Registry) -> None:
    assert refused(registry, 2) == (
        f"{registry.name} version 2 was never judged; run `evergreen evaluate {registry.name} --version 2`"
    )


def test_a_version_that_the_policy_refused_stays_refused(registry: Registry) -> None:
    judge(registry, 2, against=1, verdict="reject")
    assert refused(registry, 2) == f"{registry.name} version 2 was judged and refused: Worse: the gain is -0.1."


def test_a_decision_against_another_champion_is_not_enough(registry: Registry) -> None:
    judge(registry, 3, against=1)
    judge(registry, 2, against=1)
    released(registry, 2)
    assert refused(registry, 3) == (
        f"{registry.name} version 3 was judged against version 1, and the champion is version 2: evaluate it again"
    )
    judge(registry, 3, against=None)
    assert "was judged against no champion, and the champion is version 2" in refused(registry, 3)


def test_a_decision_about_another_bundle_is_not_enough(registry: Registry) -> None:
    judge(registry, 2, against=1, challenger=judged(registry.version(3)))
    assert "is about another bundle" in refused(registry, 2)


def test_a_record_that_was_altered_is_not_believed(registry: Registry) -> None:
    judge(registry, 2, against=1, verdict="reject")
    registry.tag(2, {tags.DECISION_SHA256: "0" * 64})
    with pytest.raises(TrackingError, match="is not the one that was recorded"):
        released(registry, 2)
    assert aliases(registry) == {"champion": 1}


def test_the_previous_version_is_restored_with_the_reason(registry: Registry) -> None:
    judge(registry, 2, against=1)
    released(registry, 2)
    assert released(registry, 1) == "restored"
    assert aliases(registry) == {"champion": 1, "previous": 2}
    assert (registry.version(2).rolled_back or "").endswith(": a test")


def test_what_a_person_took_out_stays_out_until_it_is_judged_again(registry: Registry) -> None:
    judge(registry, 2, against=1, after=-SOON)
    released(registry, 2)
    registry.rollback("complaints")
    assert "version 2 was taken out after it was judged, " in refused(registry, 2)
    judge(registry, 2, against=1, again=True, after=SOON)
    assert released(registry, 2) == "promoted"


def test_a_decision_reads_back_as_it_was_written(registry: Registry) -> None:
    decision = judge(registry, 2, against=1)
    assert recorded_decision(registry.tracking, registry.version(2)) == decision


def test_the_page_says_what_was_decided_and_runs_nothing_of_what_it_quotes(registry: Registry) -> None:
    decision = judge(registry, 2, against=1, reason="<script>alert('x')</script> & more")
    registry.tag(2, {tags.REASON: "<img src=x onerror=y>"})
    page = decision_page(registry.version(2), decision)
    assert f"{registry.name}: version 2 may be released" in page
    assert "0.8000 (0.7000 to 0.9000)" in page
    assert "champion (version 1)" in page
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; more" in page
    assert "&lt;img src=x onerror=y&gt;" in page
    assert "<script" not in page
    assert "<img" not in page


def test_page_and_record_are_written_beside_each_other(registry: Registry, tmp_path: Path) -> None:
    decision = judge(registry, 2, against=1)
    registry.set_challenger(2)
    assert write_report(registry, None, str(tmp_path / "report.html")) == str(tmp_path / "report.html")
    assert "version 2 may be released" in (tmp_path / "report.html").read_text()
    assert read_record((tmp_path / "decision.json").read_bytes()) == decision
