"""A record reads back as it was written, byte for byte, and anything else is refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ml.core.record import Decision, RecordError, read_record, record_bytes
from service.bundle import canonical
from tests.support.decisions import make_decision, make_first_release, make_regression
from tests.support.judging import judge, make_holdout, model
from tests.support.problems import make_problem


@pytest.mark.parametrize("make", [make_decision, make_regression, make_first_release])
def test_a_record_reads_back_as_it_was_and_is_written_alike_again(make: Callable[[], Decision]) -> None:
    decision = make()
    content = record_bytes(decision)
    assert read_record(content) == decision
    assert record_bytes(read_record(content)) == content


def test_what_the_gate_decides_reads_back() -> None:
    frame, score = make_holdout(600)
    problem = make_problem(slices=("region",), slice_policy={"minimum_rows": 100, "maximum_harm": 0.02})
    decision = judge(frame, model("1", score, 1.0, seed=1), model("2", score, 0.5, seed=2), problem, resamples=50)
    assert read_record(record_bytes(decision)) == decision


def changed(**changes: Any) -> bytes:
    return canonical(json.loads(record_bytes(make_decision())) | changes)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the record is not JSON"),
        (b"\xff\xfe", "the record is not JSON"),
        (b"[]", "the record is of format None, and this code reads 2"),
        (b'{"verdict":"promote"}', "the record is of format None, and this code reads 2"),
        (changed(format=1), "the record is of format 1, and this code reads 2"),
        (changed(verdict="perhaps"), "the record is not valid: verdict: "),
        (changed(released_by="ada"), "the record is not valid: released_by: "),
        (changed(seed=-0.5), "the record is not valid: seed: "),
        (changed(gain=None, decided_at="2026-11-21T09:30:00"), "the record is not valid: decided_at: "),
        (record_bytes(make_decision()) + b"\n", "the record is not written as a decision is, so it was altered"),
        (
            json.dumps(json.loads(record_bytes(make_decision()))).encode(),
            "the record is not written as a decision is, so it was altered",
        ),
        (changed(resamples="2000"), "the record is not valid: resamples: "),
    ],
)
def test_anything_else_is_refused_with_what_to_do(content: bytes, sentence: str) -> None:
    with pytest.raises(RecordError) as refusal:
        read_record(content)
    assert str(refusal.value).startswith(sentence)
    assert str(refusal.value).endswith("run `evergreen prove` again")
    assert "\n" not in str(refusal.value)


def test_a_key_that_occurs_twice_is_refused() -> None:
    content = record_bytes(make_decision()).replace(b'"seed":20261121', b'"seed":1,"seed":20261121')
    with pytest.raises(RecordError, match="altered"):
        read_record(content)
