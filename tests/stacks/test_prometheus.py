"""The rules and the scraping as Prometheus itself reads them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.constructs.collector import configuration, scraping
from stacks.prometheus_rules import RULES

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing; Debian has it in `prometheus`")


def promtool(folder: Path, *command: str, file: str) -> None:
    path = folder / "given.yaml"
    path.write_text(file)
    assert PROMTOOL is not None
    ran = subprocess.run([PROMTOOL, *command, str(path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def case(series: dict[str, str], alert: str, fires: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": "30s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [{"eval_time": "10m", "alertname": alert, "exp_alerts": fires}],
    }


def page(summary: str) -> list[dict[str, Any]]:
    labels = {"severity": "page", "problem": "flights"}
    return [{"exp_labels": labels, "exp_annotations": {"summary": summary}}]


def loaded(**replicas: int) -> dict[str, str]:
    return {
        f'evergreen_model_loaded{{problem="flights", instance="{task}"}}': f"{value}x20"
        for task, value in replicas.items()
    }


def answers(failed: int) -> dict[str, str]:
    """Hundred answers every half minute, so many of them with a fault of the service's own."""
    counts = {"200": 50 - failed, "422": 50, "503": failed}
    return {
        f'evergreen_requests_total{{problem="flights", instance="one", status="{status}"}}': f"0+{count}x20"
        for status, count in counts.items()
    }


@needs_promtool
def test_prometheus_accepts_the_rules(tmp_path: Path) -> None:
    promtool(tmp_path, "check", "rules", "--lint-fatal", file=RULES)


@needs_promtool
def test_prometheus_accepts_the_scraping(tmp_path: Path) -> None:
    given = scraping(labels={"problem": "flights"}, job="evergreen", port=8000)
    promtool(tmp_path, "check", "config", "--lint-fatal", file=json.dumps(given))


@needs_promtool
@pytest.mark.parametrize(
    "tried",
    [
        case(loaded(one=0, two=1), "NoModelAnswers", []),
        case(loaded(one=0, two=0), "NoModelAnswers", page("No replica of flights has a model")),
        case(answers(failed=5), "ErrorRate", []),
        case(answers(failed=6), "ErrorRate", page("More than 5 % of the answers of flights are errors of its own")),
    ],
)
def test_an_alert_names_its_problem_and_fires_for_what_it_says_only(tmp_path: Path, tried: dict[str, Any]) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    given = {"rule_files": ["rules.yaml"], "evaluation_interval": "30s", "tests": [tried]}
    promtool(tmp_path, "test", "rules", file=yaml.safe_dump(given))


def test_a_collector_writes_names_as_the_rules_ask_for_them_and_one_series_for_each_task() -> None:
    told = configuration(
        labels={"problem": "flights"}, job="evergreen", port=8000, remote_write="https://here", region="us-east-1"
    )
    (exporter,) = told["service"]["pipelines"]["metrics"]["exporters"]
    assert told["exporters"][exporter]["translation_strategy"] == "UnderscoreEscapingWithoutSuffixes"
    assert "trim_metric_suffixes" not in told["receivers"]["prometheus"]
    (attribute,) = told["processors"]["resource"]["attributes"]
    assert (attribute["key"], attribute["from_attribute"]) == ("service.instance.id", "aws.ecs.task.id")


def test_whatever_a_pipeline_names_is_configured_and_nothing_is_taken_for_a_variable() -> None:
    told = configuration(labels={}, job="evergreen", port=8000, remote_write="https://here", region="us-east-1")
    for kind, named in told["service"]["pipelines"]["metrics"].items():
        assert set(named) == set(told[kind])
    assert set(told["service"]["extensions"]) == set(told["extensions"])
    assert "$" not in json.dumps(told)
