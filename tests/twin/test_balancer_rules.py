"""What a load balancer makes of its rules, its checks and its counts."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from twin.balancer.board import HEALTHY, INITIAL, UNHEALTHY, Board
from twin.balancer.counters import Counters
from twin.balancer.health import Verdict
from twin.balancer.table import Check, Rule, Share, Table, read

CHECK: dict[str, Any] = {
    "path": "/livez",
    "matcher": "200-299,301",
    "interval": 0.3,
    "timeout": 5,
    "healthy": 3,
    "unhealthy": 2,
}
GREEN = {"name": "X-Evergreen-Green", "values": ["1"]}


def table(*targets: int, blue: int = 100) -> Table:
    """A production rule and a test rule over two groups; `targets` are the ports of blue."""
    shares = [{"group": "blue", "weight": blue}, {"group": "green", "weight": 100 - blue}]
    told = {
        "name": "app/door/1",
        "generation": 7,
        "listeners": [
            {
                "port": 80,
                "address": "127.1.1.10",
                "bind_port": 8080,
                "secure": False,
                "rules": [
                    {"priority": 10, "path": ["/*"], "targets": shares},
                    {"priority": 1, "header": GREEN, "targets": [{"group": "green", "weight": 1}]},
                ],
            }
        ],
        "groups": {
            "blue": {"health": CHECK, "targets": [{"address": "127.1.1.100", "port": port} for port in targets]},
            "green": {"health": CHECK, "targets": []},
        },
    }
    return read([told])


def test_the_first_rule_by_priority_that_holds_decides() -> None:
    (listener,) = table().listeners
    test, production = listener.rule("/x", {"x-evergreen-green": "1"}), listener.rule("/x", {"x-evergreen-green": "2"})
    assert test is not None
    assert production is not None
    assert [share.group for share in test.shares] == ["green"]
    assert [share.group for share in production.shares] == ["blue", "green"]


def test_paths_know_capitals_and_hosts_do_not() -> None:
    path = Rule(header=None, paths=["/Api/*"], hosts=[], shares=[])
    host = Rule(header=None, paths=[], hosts=["*.example.com"], shares=[])
    assert path.holds("/Api/x", {})
    assert not path.holds("/api/x", {})
    assert host.holds("/", {"host": "A.EXAMPLE.com:80"})


@given(st.floats(0, 1, exclude_max=True), st.lists(st.integers(0, 100), min_size=1, max_size=4))
def test_a_group_without_weight_gets_nothing(draw: float, weights: list[int]) -> None:
    rule = Rule(None, [], [], [Share(str(at), weight) for at, weight in enumerate(weights)])
    group = rule.group(draw)
    assert (group is None) == (sum(weights) == 0)
    assert group is None or weights[int(group)] > 0


def test_traffic_is_shared_by_weight() -> None:
    rule = Rule(None, [], [], [Share("blue", 90), Share("green", 10)])
    got = Counter(rule.group(number / 1000) for number in range(1000))
    assert got == {"blue": 900, "green": 100}


def test_a_check_accepts_what_its_matcher_names() -> None:
    check = Check(**CHECK)
    assert [status for status in (199, 200, 250, 299, 300, 301, 503) if check.accepts(status)] == [200, 250, 299, 301]


def test_a_new_target_needs_one_good_answer_and_a_broken_one_several() -> None:
    check, verdict = Check(**CHECK), Verdict()
    states = []
    for good in (False, True, False, False, True, True, True):
        verdict = verdict.after(good, check)
        states.append(verdict.state)
    assert states == [INITIAL, HEALTHY, HEALTHY, UNHEALTHY, UNHEALTHY, UNHEALTHY, HEALTHY]


def test_a_target_that_fails_between_good_answers_stays_healthy() -> None:
    check, verdict = Check(**CHECK), Verdict(HEALTHY)
    for good in (False, True, False, True):
        verdict = verdict.after(good, check)
        assert verdict.state == HEALTHY


def test_healthy_targets_take_turns_and_others_only_where_there_is_none() -> None:
    board = Board()
    board.take(table(1, 2, 3))
    board.states["blue", ("127.1.1.100", 1)] = HEALTHY
    board.states["blue", ("127.1.1.100", 3)] = HEALTHY
    assert {board.target("blue") for _ in range(6)} == {("127.1.1.100", 1), ("127.1.1.100", 3)}
    board.states = dict.fromkeys(board.states, UNHEALTHY)
    assert len({board.target("blue") for _ in range(6)}) == 3
    assert board.target("green") is None


def test_another_table_keeps_what_was_found_of_the_targets_that_stay() -> None:
    board = Board()
    board.take(table(1, 2))
    board.states["blue", ("127.1.1.100", 1)] = HEALTHY
    board.busy["127.1.1.100", 2] += 1
    board.take(table(1, 3))
    assert board.report() == {
        "generation": 7,
        "health": {"blue": {"127.1.1.100:1": HEALTHY, "127.1.1.100:3": INITIAL}},
        "busy": ["127.1.1.100:2"],
    }


def test_what_is_counted_is_told_once_by_balancer_and_by_group() -> None:
    counters = Counters()
    group = "arn:aws:elasticloadbalancing:r:1:targetgroup/blue/1"
    counters.answered("app/door/1", group, 200, 0.0123, healthy=2)
    counters.answered("app/door/1", group, 503, 0.0119, healthy=2)
    counters.refused("app/door/1", 502, group)
    counters.refused("app/door/1", 503, None)
    (call,) = counters.drain()
    assert call["Namespace"] == "AWS/ApplicationELB"
    told = {(each["MetricName"], len(each["Dimensions"])): each for each in call["MetricData"]}
    assert told["RequestCount", 1]["Value"] == 3
    assert told["HTTPCode_Target_5XX_Count", 1]["Value"] == 1
    assert told["HTTPCode_ELB_5XX_Count", 1]["Value"] == 2
    assert told["RequestCountPerTarget", 2]["Value"] == 1
    assert told["TargetResponseTime", 1] | {"Dimensions": 0} == {
        "MetricName": "TargetResponseTime",
        "Dimensions": 0,
        "Unit": "Seconds",
        "Values": [0.012],
        "Counts": [2.0],
    }
    assert counters.drain() == []


def test_an_app_runner_service_is_counted_in_its_own_words() -> None:
    counters = Counters()
    counters.answered("apprunner/name/id", "arn:aws:apprunner:r:1:service/name/id", 422, 0.2, healthy=1)
    counters.refused("apprunner/name/id", 502, "arn:aws:apprunner:r:1:service/name/id")
    (call,) = counters.drain()
    told = {each["MetricName"]: each for each in call["MetricData"]}
    assert call["Namespace"] == "AWS/AppRunner"
    assert {name: datum["Value"] for name, datum in told.items() if "Value" in datum} == {
        "Requests": 2,
        "4xxStatusResponses": 1,
        "5xxStatusResponses": 1,
    }
    assert told["RequestLatency"]["Values"] == [200]
    assert told["Requests"]["Dimensions"] == [
        {"Name": "ServiceName", "Value": "name"},
        {"Name": "ServiceID", "Value": "id"},
    ]
