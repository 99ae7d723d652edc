"""A security group's rule, from a template's words to EC2's."""

from __future__ import annotations

from typing import Any


def permission(properties: dict[str, Any]) -> dict[str, Any]:
    """One permission with one peer: a range, a prefix list or a group. Raises ValueError when it names none or two."""
    described = {"Description": properties["Description"]} if properties.get("Description") else {}
    peers = [
        {field: [{key: properties[name], **described}]}
        for name, field, key in PEERS
        if properties.get(name) not in (None, "")
    ]
    if len(peers) != 1:
        raise ValueError(f"a rule names exactly one of {', '.join(name for name, _, _ in PEERS)}")
    ports = {name: int(properties[name]) for name in ("FromPort", "ToPort") if properties.get(name) not in (None, "")}
    return {"IpProtocol": str(properties["IpProtocol"]), **ports, **peers[0]}


PEERS = (
    ("CidrIp", "IpRanges", "CidrIp"),
    ("CidrIpv6", "Ipv6Ranges", "CidrIpv6"),
    ("SourcePrefixListId", "PrefixListIds", "PrefixListId"),
    ("DestinationPrefixListId", "PrefixListIds", "PrefixListId"),
    ("SourceSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ("DestinationSecurityGroupId", "UserIdGroupPairs", "GroupId"),
)
"""A template's property, EC2's list, and the field in it."""
