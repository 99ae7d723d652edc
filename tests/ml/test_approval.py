"""A yes follows the record: what was judged, against whom, and what a person has said no to since."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from ml.approval import RefusedError, approve, recorded_decision, reject, take_back
from ml.core.record import record_bytes
from ml.errors import UserError
from ml.history import history
from ml.io import tags
from ml.io.artifacts import fetch_artifact, log_proof
from ml.io.registry import Registry, Version
from ml.io.runs import log_run
from ml.io.tracking import Tracking
from service.bundle import sha256
from tests.support.releases import PAGE, aliases, another_line, judge, judged
from tests.support.runs import training_run

pytestmark = pytest.mark.xdist_group("mlflow-embedded")
SOON = timedelta(seconds=2)


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    return Tracking.embedded(tmp_path_factory.mktemp("var"))


@pytest.fixture(scope="module")
def versions(tracking: Tracking, tmp_path_factory: pytest.TempPathFactory) -> tuple[Version, ...]:
    folder = tmp_path_factory.mktemp("runs")
    for number in range(1, 4):
        log_run(tracking, training_run(folder, name="line", offset=0.1 * number))
    return Registry(tracking, "line").versions()


@pytest.fixture
def registry(tracking: Tracking, versions: tuple[Version, ...], request: pytest.FixtureRequest) -> Registry:
    """Three versions, the first of them released without a decision."""
    name = f"line{abs(hash(request.node.name)) % 10**8}"
    registry = another_line(versions, Registry(tracking, name))
    registry.promote(1, expected=None, by="ada")
    return registry


def released(registry: Registry, number: int) -> str:
    return approve(registry, number, by="grace", why="a test", execution="pipeline/7").how


def refused(registry: Registry, number: int) -> str:
    """The sentence of a refusal that changed nothing."""
    before = registry.versions()
    with pytest.raises(RefusedError) as refusal:
        released(registry, number)
    assert registry.versions() == before
    return str(refusal.value)


def not_taken_back(registry: Registry, execution: str) -> bool:
    before = registry.versions()
    with pytest.raises(UserError, match=f"was not released in {execution}; nothing was taken out"):
        take_back(registry, execution, reason="its release failed", by="the pipeline")
    return registry.versions() == before


def test_a_version_that_was_judged_against_the_champion_is_released_in_the_name_given(registry: Registry) -> None:
    judge(registry, 2, against=1)
    assert released(registry, 2) == "promoted"
    assert aliases(registry) == {"champion": 2, "previous": 1}
    said = registry.champion().tags
    assert (said[tags.RELEASED_BY], said[tags.RELEASED_WHY], said[tags.RELEASED_IN]) == (
        "grace",
        "a test",
        "pipeline/7",
    )


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
        f"{registry.name} version 2 was never judged; run `evergreen prove {registry.name} --version 2`"
    )


def test_a_version_that_the_policy_refused_stays_refused(registry: Registry) -> None:
    judge(registry, 2, against=1, verdict="reject")
    assert refused(registry, 2) == f"{registry.name} version 2 was judged and refused: Worse: the gain is -0.1."


def test_a_decision_against_another_champion_is_not_enough(registry: Registry) -> None:
    judge(registry, 3, against=1)
    judge(registry, 2, against=1)
    released(registry, 2)
    assert refused(registry, 3) == (
        f"{registry.name} version 3 was judged against version 1, and the champion is version 2: prove it again"
    )
    judge(registry, 3, against=None)
    assert "was judged against no champion, and the champion is version 2" in refused(registry, 3)


def test_a_champion_that_could_not_be_compared_is_replaced_where_it_is_the_one_that_was_left_out(
    registry: Registry,
) -> None:
    judge(registry, 2, against=None, left_out="3")
    assert "was judged against version 3, and the champion is version 1" in refused(registry, 2)
    judge(registry, 2, against=None, left_out="1")
    assert released(registry, 2) == "promoted"


def test_a_decision_about_another_bundle_is_not_enough(registry: Registry) -> None:
    judge(registry, 2, against=1, challenger=judged(registry.version(3)))
    assert "is about another bundle" in refused(registry, 2)


def test_a_record_that_was_altered_is_not_believed(registry: Registry, tmp_path: Path) -> None:
    judge(registry, 2, against=1, verdict="reject")
    better = judge(registry, 3, against=1).model_copy(update={"challenger": judged(registry.version(2))})
    forged = tmp_path / "decision.json"
    forged.write_bytes(record_bytes(better))
    with registry.tracking.session() as client:
        client.log_artifact(registry.version(2).run_id, str(forged))
    assert "is not the one that was recorded; prove it again" in refused(registry, 2)


def test_a_record_of_another_format_or_written_otherwise_is_refused(registry: Registry) -> None:
    decision = judge(registry, 2, against=1)
    log_proof(registry, 2, decision.model_dump_json(indent=1).encode(), PAGE)
    assert "is not written as a decision is" in refused(registry, 2)
    log_proof(registry, 2, b'{"format":1}', PAGE)
    assert "is of format 1, and this code reads 2" in refused(registry, 2)


def test_record_and_page_lie_beside_each_other_and_the_digest_is_kept(registry: Registry, tmp_path: Path) -> None:
    decision = judge(registry, 2, against=1)
    version = registry.version(2)
    assert version.tags[tags.DECISION_SHA256] == sha256(record_bytes(decision))
    for name, content in (("decision.json", record_bytes(decision)), ("report.html", PAGE)):
        assert fetch_artifact(registry.tracking, version, name, tmp_path).read_bytes() == content


@pytest.mark.parametrize(("by", "why", "missing"), [(" ", "a test", "--by"), ("grace", "\n", "--why")])
def test_a_yes_or_a_no_without_a_name_or_a_reason_is_not_taken(
    registry: Registry, by: str, why: str, missing: str
) -> None:
    judge(registry, 2, against=1)
    for say in (approve, reject):
        with pytest.raises(UserError, match=f"{missing} is empty"):
            say(registry, 2, by=by, why=why)
    assert aliases(registry) == {"champion": 1}


def test_a_rejected_version_waits_no_longer_and_is_released_only_when_it_was_proved_again(registry: Registry) -> None:
    judge(registry, 2, against=1, after=-SOON)
    registry.set_challenger(2)
    version = reject(registry, 2, by="grace", why="the slices worry me")
    assert version.aliases == ()
    assert (version.rejected or "").endswith(" by grace: the slices worry me")
    assert "version 2 was rejected after it was judged, " in refused(registry, 2)
    judge(registry, 2, against=1, after=SOON)
    assert released(registry, 2) == "promoted"
    assert registry.champion().rejected is None


def test_a_no_counts_also_where_the_clock_of_the_machine_that_proved_is_ahead(registry: Registry) -> None:
    judge(registry, 2, against=1, after=timedelta(minutes=5))
    reject(registry, 2, by="grace", why="the slices worry me")
    assert "version 2 was rejected after it was judged, " in refused(registry, 2)
    judge(registry, 3, against=1, after=timedelta(minutes=5))
    released(registry, 3)
    registry.rollback("complaints")
    assert "version 3 was taken out after it was judged, " in refused(registry, 3)
    judge(registry, 3, against=1, after=timedelta(minutes=6))
    assert released(registry, 3) == "promoted"
    assert tags.REFUSED_DECISION not in registry.champion().tags


def test_a_mark_that_was_written_by_hand_counts_and_is_no_event(registry: Registry) -> None:
    judge(registry, 2, against=1)
    registry.tag(2, {tags.ROLLED_BACK: "not this one"})
    assert "version 2 was taken out after it was judged, not this one" in refused(registry, 2)
    assert [event.version for event in history(registry)] == [1]


def test_the_champion_cannot_be_rejected(registry: Registry) -> None:
    with pytest.raises(RefusedError, match="version 1 is the champion; take it out with a rollback: `evergreen roll"):
        reject(registry, 1, by="grace", why="a test")
    assert registry.champion().rejected is None


def test_nobody_goes_back_to_a_version_that_was_rejected(registry: Registry) -> None:
    judge(registry, 2, against=1)
    released(registry, 2)
    reject(registry, 1, by="grace", why="it leaks")
    assert "never judged" in refused(registry, 1)
    with pytest.raises(UserError, match=r"version 1 was rejected, .* by grace: it leaks"):
        registry.rollback("a test")
    assert aliases(registry) == {"champion": 2, "previous": 1}


def test_only_what_an_execution_released_is_taken_out_for_it(registry: Registry) -> None:
    judge(registry, 2, against=1)
    released(registry, 2)
    assert not_taken_back(registry, "pipeline/8")
    assert released(registry, 1) == "restored"
    assert take_back(registry, "pipeline/7", reason="its release failed", by="the pipeline").taken_out.number == 1
    assert not_taken_back(registry, "pipeline/7")
    registry.rollback("by hand")
    assert not_taken_back(registry, "pipeline/7")


def test_a_champion_of_another_execution_is_told_also_where_nothing_was_before_it(registry: Registry) -> None:
    assert not_taken_back(registry, "pipeline/7")


def test_a_release_that_is_taken_back_is_taken_back_once(registry: Registry) -> None:
    judge(registry, 2, against=1)
    released(registry, 2)
    assert take_back(registry, "pipeline/7", reason="its release failed", by="the pipeline").champion.number == 1
    assert not_taken_back(registry, "pipeline/7")
    assert aliases(registry) == {"champion": 1, "previous": 2}


def test_history_tells_who_released_what_when_and_why(registry: Registry) -> None:
    decision = judge(registry, 2, against=1)
    released(registry, 2)
    registry.rollback("complaints", by="ada")
    reject(registry, 3, by="grace", why="too large")
    first, second, out, back, no = history(registry)
    assert (first.happened, first.version, first.by) == ("released", 1, "ada")
    assert (second.happened, second.version, second.by, second.why) == ("released", 2, "grace", "a test")
    assert (second.execution, second.digest) == ("pipeline/7", registry.version(2).digest)
    assert second.decision_sha256 == sha256(record_bytes(decision))
    assert (out.happened, out.version, out.by, out.why) == ("taken out", 2, "ada", "complaints")
    assert (back.happened, back.version, back.at) == ("restored", 1, out.at)
    assert (no.happened, no.version, no.by, no.why) == ("rejected", 3, "grace", "too large")
    assert first.at < second.at < out.at < no.at


def test_history_knows_releases_from_before_it_was_kept_by_the_tags_of_their_versions(registry: Registry) -> None:
    judge(registry, 2, against=1)
    released(registry, 2)
    registry.rollback("complaints")
    told = history(registry)
    with registry.tracking.session() as client:
        for key in client.get_registered_model(registry.name).tags:
            client.delete_registered_model_tag(registry.name, key)
    from_tags = [(event.happened, event.version, event.at) for event in history(registry)]
    assert sorted(from_tags) == sorted((event.happened, event.version, event.at) for event in told)
    judge(registry, 3, against=1)
    released(registry, 3)
    assert [(event.happened, event.version) for event in history(registry)][-1] == ("released", 3)
    assert len(history(registry)) == 5


def test_a_long_reason_is_cut_and_kept_in_one_line(registry: Registry) -> None:
    judge(registry, 2, against=1)
    approve(registry, 2, by="grace", why="because\n" + "it is better, " * 100)
    why = registry.champion().tags[tags.RELEASED_WHY]
    assert why.startswith("because it is better, ")
    assert (len(why), why[-1]) == (500, "…")
    names = '"' * 300
    registry.rollback(names * 9, to=1, by=names, execution=names)
    assert aliases(registry) == {"champion": 1, "previous": 2}
    assert len(registry.champion().tags[tags.RELEASED_WHY]) == 250


def test_the_previous_version_is_restored_with_the_reason(registry: Registry) -> None:
    judge(registry, 2, against=1)
    released(registry, 2)
    assert released(registry, 1) == "restored"
    assert aliases(registry) == {"champion": 1, "previous": 2}
    assert (registry.version(2).rolled_back or "").endswith(": a test")


def test_a_pipeline_that_goes_back_leaves_what_a_person_released_by_hand(registry: Registry) -> None:
    judge(registry, 2, against=1)
    approve(registry, 2, by="ada", why="better")
    assert "version 2, was released by ada and in no pipeline" in refused(registry, 1)
    assert approve(registry, 1, by="ada", why="a mistake").how == "restored"


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
