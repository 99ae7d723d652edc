"""Faults on request: a service answers with an error for a while."""

from __future__ import annotations

from urllib.parse import parse_qs

from ministack.core.router import detect_service

from twin.emulator.control import Document, Receive, Scope, Send, needed, reply, route, whole
from twin.emulator.rule_book import RuleBook
from twin.folder import Twin

rules = RuleBook()


def install(_: Twin) -> None:
    """Nothing: importing this module gave the routes."""


@route("POST", "/faults")
def begin(asked: Document) -> Document:
    """Requests of `service` answer with `status` and `code` for `seconds`; `methods` narrows which."""
    service, status, code, seconds = needed(asked, "service", "status", "code", "seconds")
    fault = rules.begin(
        service, status=int(status), code=code, seconds=float(seconds), methods=asked.get("methods") or ()
    )
    return rules.told(fault)


@route("GET", "/faults")
def begun(_: Document) -> list[Document]:
    """`seconds` is how long each stays on, `hits` how many requests it has met."""
    return [rules.told(fault) for fault in rules.begun()]


async def strike(scope: Scope, receive: Receive, send: Send) -> bool:
    """Whether the request met a fault and has its answer."""
    if not rules.begun():
        return False
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
    service = detect_service(scope["method"], scope["path"], headers, query)
    fault = rules.strike(service, scope["method"])
    if fault is None:
        return False
    # What is not read would be taken for the connection's next request.
    await whole(receive)
    await reply(send, fault.status, *fault.answer(scope["path"], head=scope["method"] == "HEAD"))
    return True
