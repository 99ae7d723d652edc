"""What a decision consists of: the content of decision.json, from which the page and the release are made."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import AwareDatetime, Field, ValidationError

from ml.core.bootstrap import Gain, Interval
from ml.core.leakage import Leak
from ml.gate import Gate
from service.bundle import canonical
from service.schema import Frozen, Task, Value

FORMAT: Literal[2] = 2


class RecordError(ValueError):
    """A record cannot be used; the message says in one sentence why, and what to do."""


class Reason(Frozen):
    """One rule's outcome. `text` is for a person."""

    rule: str
    passed: bool
    text: str


class Rows(Frozen):
    """Holdout rows given, taken out because a model was trained on them (by either, and by each), and used.

    `digest` is that of the rows given, keys and targets included.
    """

    holdout: int
    removed: int
    used: int
    trained_by_challenger: int
    trained_by_champion: int | None
    digest: str = ""


class Bin(Frozen):
    """Rows of like prediction: their mean prediction and what was observed (a share, or a mean)."""

    predicted: float
    observed: float
    rows: int


class Calibrated(Frozen):
    """`error`: expected calibration error. `coverage`: share of rows within the bundle's stated interval of `nominal`.

    `low` and `high` bound the value at the gate's confidence.
    """

    kind: Literal["error", "coverage"]
    value: float
    low: float
    high: float
    nominal: float | None = None
    bins: tuple[Bin, ...]


class Cost(Frozen):
    """One row through the serving predictor, in CPU milliseconds, and the bundle's files in megabytes (10^6 bytes)."""

    latency_ms: float
    latency_p99_ms: float
    size_mb: float


class Validation(Frozen):
    """What rows that were set aside within training said: of a model fitted on the other training rows.

    `metric` is the gate's. `low` and `high` are the interval of `coverage` around a prediction (actual minus predicted,
    in the target's unit), for regressions.
    """

    metric: str
    value: float
    standard_error: float
    rows: int
    coverage: float | None = None
    low: float | None = None
    high: float | None = None


class Judged(Frozen):
    """A model on the rows used; no metrics where the rows give none."""

    version: str
    digest: str
    metrics: dict[str, Interval]
    calibration: Calibrated | None = None
    cost: Cost | None = None
    validation: Validation | None = None


class SliceGain(Frozen):
    """The primary metric on one group of rows for both models, and the challenger's gain there.

    `p_value` is of the hypothesis that the harm is within the policy's; `adjusted` is the same after Benjamini-Hochberg
    over all slices that were tested. `gain.detectable` is the smallest difference that these rows could have shown.
    A group that is too small or of one target value has a `reason` and no numbers.
    """

    feature: str
    level: str
    rows: int
    challenger: float | None = None
    champion: float | None = None
    gain: Gain | None = None
    p_value: float | None = None
    adjusted: float | None = None
    harmed: bool = False
    reason: str = ""


class Driver(Frozen):
    """A feature's part in a prediction (SHAP, in the output's unit) by each model.

    `withheld`: the capture rules keep the feature's values back, so `value` is None.
    """

    feature: str
    value: Value
    challenger: float
    champion: float | None = None
    withheld: bool = False


class ChangedRow(Frozen):
    """A captured row and what each model makes of it; `drivers` are the features whose parts differ most.

    `features` are those of the models, without the ones that the capture rules of either drop or hash.
    """

    request_id: str
    index: int
    time: AwareDatetime
    features: dict[str, Value]
    champion: float
    challenger: float
    drivers: tuple[Driver, ...] = ()


class Histogram(Frozen):
    """`edges` has one number more than `counts`."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class Latency(Frozen):
    """CPU milliseconds of one row: median and 99th percentile."""

    median_ms: float
    p99_ms: float


class Replay(Frozen):
    """The last captured requests, scored again by both models through the serving predictor.

    `status` says why there is nothing: no capture configured, nothing captured yet, no champion, or columns that the
    problem file drops or hashes. Differences are challenger minus champion. For classifiers a decision is changed when
    the class at the threshold is another; for regressions when the output moves by more than one standard deviation of
    the challenger's outputs divided by ten.
    """

    status: Literal["replayed", "not_captured", "no_champion", "not_replayable"]
    said: str
    source: str = ""
    rows: int = 0
    skipped: int = 0
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    changed: int = 0
    changed_share: float = 0.0
    mean: float = 0.0
    quantiles: dict[str, float] = {}
    differences: Histogram | None = None
    top: tuple[ChangedRow, ...] = ()
    latency: dict[Literal["challenger", "champion"], Latency] = {}


class HttpParity(Frozen):
    """Golden rows through the real service, as single calls and as one batch, against scikit-learn's outputs.

    `failure` says in one sentence what else went wrong: a bundle that the service does not load, a row that it refuses
    or an unknown level that it takes.
    """

    rows: int
    tolerance: float
    single: float
    batch: float
    kinds: dict[str, int] = {}
    failure: str = ""

    @property
    def holds(self) -> bool:
        return not self.failure and self.single <= self.tolerance and self.batch <= self.tolerance


class Effect(Frozen):
    """A feature's SHAP values: their mean size, and points (value, SHAP value) of some rows for the picture.

    For categories `value` is the level, and `levels` says that they have no order though they may be integers; `share`
    is the feature's part of the sum of all mean sizes. `withheld`: the capture rules keep the feature's values back, so
    points have None instead.
    """

    feature: str
    mean_absolute: float
    share: float
    points: tuple[tuple[Value, float], ...] = ()
    levels: bool = False
    withheld: bool = False


class Dependence(Frozen):
    """Partial dependence: the mean output over background rows when the feature is set to each value.

    `levels` says that the values have no order though they may be integers.
    """

    feature: str
    values: tuple[Value, ...]
    outputs: tuple[float, ...]
    champion: tuple[float, ...] | None = None
    levels: bool = False


class Explanation(Frozen):
    """What drives the challenger, in the unit of its output; `base` is the mean output of the background rows."""

    method: str
    rows: int
    background: int
    base: float
    effects: tuple[Effect, ...]
    dependence: tuple[Dependence, ...]


class Lineage(Frozen):
    """Where the challenger came from. An empty text is what is not known; `image` is the one that trained it."""

    git_commit: str
    git_dirty: bool
    data_source: str
    data_digest: str
    data_version: str = ""
    params_digest: str
    params: dict[str, str] = {}
    environment_digest: str
    run_id: str
    bundle_digest: str
    image: str = ""
    triggered_by: str = ""
    reason: str = ""
    trained_at: AwareDatetime


class Attached(Frozen):
    """What is shown and not judged."""

    replay: Replay
    explanation: Explanation | None
    lineage: Lineage


class Decision(Frozen):
    """The content of decision.json. `reasons` holds every rule in order; `reason` is the first that failed, or the
    deciding one where all held. Guards map metrics to gains, so a harm is negative. `left_out` is the version of a
    champion that was not compared, as it cannot score the rows; empty where none was."""

    format: Literal[2] = FORMAT
    problem: str
    title: str
    task: Task
    output: dict[str, Any]
    verdict: Literal["promote", "reject"]
    reason: str
    reasons: tuple[Reason, ...]
    rows: Rows
    metric: str
    challenger: Judged
    champion: Judged | None
    left_out: str = ""
    champion_days: float | None
    gain: Gain | None
    guards: dict[str, Gain]
    slices: tuple[SliceGain, ...]
    leak: Leak | None
    parity: HttpParity | None
    attached: Attached
    policy: Gate
    again: bool
    method: str
    seed: int
    resamples: int = Field(ge=1)
    decided_at: AwareDatetime

    @property
    def promoted(self) -> bool:
        return self.verdict == "promote"


def record_bytes(decision: Decision) -> bytes:
    """The content of decision.json: equal decisions give equal bytes."""
    return canonical(decision.model_dump(mode="json"))


def read_record(content: bytes) -> Decision:
    """The decision of a decision.json. Raises RecordError for another format, bytes that are not canonical, and content
    that is no decision."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise RecordError("the record is not JSON; run `evergreen prove` again") from error
    form = document.get("format") if isinstance(document, dict) else None
    if form != FORMAT:
        raise RecordError(f"the record is of format {form}, and this code reads {FORMAT}; run `evergreen prove` again")
    if canonical(document) != content:
        raise RecordError("the record is not written as a decision is, so it was altered; run `evergreen prove` again")
    try:
        return Decision.model_validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the record"
        raise RecordError(f"the record is not valid: {where}: {first['msg']}; run `evergreen prove` again") from error
