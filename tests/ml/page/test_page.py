"""The page as a text: whole, of its own, the same for the same record, and safe whatever the record quotes."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from hashlib import sha256

import pytest

from ml.core.record import ChangedRow, Decision, Driver, Reason, Replay, SliceGain, read_record, record_bytes
from ml.page import decision_page
from tests.support.decisions import DECIDED_AT, make_decision, make_first_release, make_lineage, make_regression

EVERY = pytest.mark.parametrize(
    "decision", [make_decision(), make_regression(), make_first_release()], ids=lambda decision: decision.problem
)
SCRIPT = "<script>alert('x')</script> & \"more\""


def hostile() -> Decision:
    """A record whose every free text is markup."""
    decision = make_decision()
    row = ChangedRow(
        request_id=SCRIPT,
        index=0,
        time=DECIDED_AT,
        features={SCRIPT: SCRIPT},
        champion=0.1,
        challenger=0.2,
        drivers=(Driver(feature=SCRIPT, value=SCRIPT, challenger=0.1),),
    )
    replay = decision.attached.replay.model_copy(update={"said": SCRIPT, "source": SCRIPT, "top": (row,)})
    explanation = decision.attached.explanation
    assert explanation is not None
    effects = tuple(each.model_copy(update={"feature": SCRIPT}) for each in explanation.effects)
    dependence = tuple(each.model_copy(update={"feature": SCRIPT}) for each in explanation.dependence)
    slices = tuple(each.model_copy(update={"feature": SCRIPT, "level": SCRIPT}) for each in decision.slices)
    lineage = make_lineage(SCRIPT, reason=SCRIPT, triggered_by=SCRIPT, params={SCRIPT: SCRIPT})
    attached = decision.attached.model_copy(
        update={
            "replay": replay,
            "explanation": explanation.model_copy(update={"effects": effects, "dependence": dependence}),
            "lineage": lineage,
        }
    )
    reasons = (Reason(rule=SCRIPT, passed=False, text=SCRIPT),)
    return make_decision(
        title=SCRIPT, reason=SCRIPT, reasons=reasons, slices=slices, method=SCRIPT, attached=attached, verdict="reject"
    )


@EVERY
def test_equal_records_give_equal_pages(decision: Decision) -> None:
    assert decision_page(decision) == decision_page(read_record(record_bytes(decision)))


@EVERY
def test_the_page_needs_nothing_from_elsewhere_and_allows_only_its_own_style(decision: Decision) -> None:
    page = decision_page(decision)
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = b64encode(sha256(style[0].encode()).digest()).decode()
    assert len(style) == 1
    assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;" in page
    assert "url(" not in style[0]
    assert "@import" not in style[0]
    assert not re.search(r"<script|<link|<iframe|<img|\ssrc=|\son[a-z]+=|\sstyle=|xlink|https?://", page)
    assert set(re.findall(r'href="(.)', page)) == {"#"}
    assert len(page.encode()) < 600_000


@EVERY
def test_no_two_parts_of_a_page_share_an_id(decision: Decision) -> None:
    ids = Counter(re.findall(r'\sid="([^"]+)"', decision_page(decision)))
    assert [name for name, count in ids.items() if count > 1] == []


@EVERY
def test_the_page_says_how_to_check_its_record(decision: Decision) -> None:
    assert f"<code>{sha256(record_bytes(decision)).hexdigest()}</code>" in decision_page(decision)


def test_nothing_that_a_record_quotes_becomes_markup() -> None:
    page = decision_page(hostile())
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;more&#34;") > 30


def test_the_metric_that_must_gain_comes_first_however_the_record_sorts_them() -> None:
    heads = re.findall(
        r'<tr><th scope="row">(\w[\w ]*) <span class="bounds">\w+ is better', decision_page(make_decision())
    )
    assert heads == ["ROC AUC", "Average precision", "Log loss", "Brier score"]


def test_the_verdict_is_told_in_words() -> None:
    assert "Yes: version 12 may be released." in decision_page(make_decision())
    assert "flights: version 12 may be released</title>" in decision_page(make_decision())
    assert "No: version 7 may not be released." in decision_page(make_regression())


def test_a_first_release_says_what_is_missing_and_why() -> None:
    page = decision_page(make_first_release())
    assert "This is a first release: there is no champion, so there is no gain. The floors decide." in page
    assert "There is no champion yet, so there is nothing to replay captured requests against." in page
    assert "The record holds no explanation of this model" in page
    assert "not replayed" in page


def test_a_first_release_tells_its_metric_on_each_slice() -> None:
    slices = (
        SliceGain(feature="Gender", level="Female", rows=1800, challenger=0.8421),
        SliceGain(feature="Gender", level="Male", rows=90, reason="fewer than 300 rows"),
    )
    page = decision_page(make_first_release(slices=slices))
    assert 'Gender <b>Female</b></th><td class="number"><data value="0.8421">0.8421</data></td>' in page
    assert 'Gender <b>Male</b></th><td class="number">fewer than 300 rows</td>' in page


def test_a_replay_that_could_not_be_made_is_told_in_the_record_s_words() -> None:
    decision = make_decision()
    replay = Replay(status="not_replayable", said="The problem file hashes carrier, so captured rows cannot be scored.")
    page = decision_page(
        decision.model_copy(update={"attached": decision.attached.model_copy(update={"replay": replay})})
    )
    assert page.count("The problem file hashes carrier, so captured rows cannot be scored.") == 2
    assert "rows that change most" not in page


def test_a_record_without_any_number_still_gives_a_whole_page() -> None:
    decision = make_decision()
    bare: dict[str, object] = {"metrics": {}, "calibration": None, "cost": None, "validation": None}
    page = decision_page(
        make_decision(
            challenger=decision.challenger.model_copy(update=bare),
            champion=decision.champion and decision.champion.model_copy(update=bare),
            gain=None,
            guards={},
            slices=(),
            leak=None,
            parity=None,
            verdict="reject",
        )
    )
    for said in (
        "The rows that are left give no metric",
        "The record holds no calibration",
        "Latency and size were not measured",
        "No slices were judged",
        "Parity over HTTP was not proved",
    ):
        assert said in page
