"""Rules of security groups."""

from __future__ import annotations

from typing import Any

import pytest

from twin.emulator.rules import permission

TCP = {"IpProtocol": "tcp", "FromPort": "5432", "ToPort": 5432, "Description": "Those who may"}


@pytest.mark.parametrize(
    ("peer", "field", "entry"),
    [
        ({"CidrIp": "10.0.0.0/16"}, "IpRanges", {"CidrIp": "10.0.0.0/16"}),
        ({"CidrIpv6": "::/0"}, "Ipv6Ranges", {"CidrIpv6": "::/0"}),
        ({"SourceSecurityGroupId": "sg-1"}, "UserIdGroupPairs", {"GroupId": "sg-1"}),
        ({"DestinationSecurityGroupId": "sg-1"}, "UserIdGroupPairs", {"GroupId": "sg-1"}),
        ({"DestinationPrefixListId": "pl-1"}, "PrefixListIds", {"PrefixListId": "pl-1"}),
    ],
)
def test_a_rule_has_one_peer_and_its_ports_as_numbers(peer: dict[str, Any], field: str, entry: dict[str, Any]) -> None:
    assert permission({**TCP, **peer}) == {
        "IpProtocol": "tcp",
        "FromPort": 5432,
        "ToPort": 5432,
        field: [{**entry, "Description": "Those who may"}],
    }


def test_a_rule_for_everything_has_no_ports() -> None:
    assert permission({"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}) == {
        "IpProtocol": "-1",
        "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
    }


@pytest.mark.parametrize("peers", [{}, {"CidrIp": "10.0.0.0/16", "SourceSecurityGroupId": "sg-1"}])
def test_a_rule_with_no_peer_or_two_is_refused(peers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="exactly one"):
        permission({**TCP, **peers})
