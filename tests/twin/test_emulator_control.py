"""The emulator's own interface."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from twin.emulator import control
from twin.emulator.control import Document, RefusedError
from twin.folder import TwinError

TOKEN = "token"


@pytest.fixture(autouse=True)
def routes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "_routes", dict(control._routes))
    monkeypatch.setattr(control, "_endings", [])


def answer(method: str, path: str, *, query: str = "", body: bytes = b"", shown: str = TOKEN) -> tuple[int, Any]:
    return control.answer(method, f"/_twin{path}", query, body, shown=shown, token=TOKEN)


@pytest.mark.parametrize("shown", ["", "another", "tok\u00e9n"])
def test_who_does_not_show_the_token_learns_nothing(shown: str) -> None:
    known, unknown = answer("GET", "/health", shown=shown), answer("GET", "/nothing", shown=shown)

    assert known == unknown
    assert known[0] == 403


def test_a_handler_gets_the_body_or_else_the_query() -> None:
    control.route("POST", "/echo")(lambda asked: asked)

    assert answer("POST", "/echo", body=b'{"a": [1]}') == (200, {"a": [1]})
    assert answer("POST", "/echo", query="a=1") == (200, {"a": "1"})


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert answer("POST", "/health", body=body)[0] == 404
    assert answer("GET", "/health", body=body)[0] == 400


def test_what_is_not_given_is_named() -> None:
    with pytest.raises(RefusedError, match=r"not given: b, c"):
        control.needed({"a": 0, "b": "", "d": []}, "a", "b", "c", "d")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (RefusedError(403, "no", reason="why"), 403, {"error": "no", "reason": "why"}),
        (TwinError("do this"), 409, {"error": "do this"}),
        (KeyError("x"), 500, {"error": "KeyError: 'x'; the emulator's log has the lines"}),
    ],
)
def test_an_error_has_a_status_and_words(error: Exception, status: int, said: Document) -> None:
    def fail(_: Document) -> None:
        raise error

    control.route("GET", "/fail")(fail)

    assert answer("GET", "/fail") == (status, said)


def test_what_was_started_ends_last_first_even_if_one_fails() -> None:
    ended: list[int] = []
    control.at_end(lambda: ended.append(1))
    control.at_end(lambda: 1 / 0)
    control.at_end(lambda: ended.append(3))

    control.end()

    assert ended == [3, 1]


def test_a_request_in_pieces_is_answered_over_asgi() -> None:
    control.route("POST", "/echo")(lambda asked: asked)
    pieces = [{"body": b'{"a"', "more_body": True}, {"body": b": 1}", "more_body": False}]
    sent: list[Document] = []

    async def receive() -> Document:
        return pieces.pop(0)

    async def send(message: Document) -> None:
        sent.append(message)

    scope = {"method": "POST", "path": "/_twin/echo", "query_string": b"", "headers": [(b"x-twin-token", b"token")]}
    asyncio.run(control.serve(scope, receive, send, TOKEN))

    assert sent[0]["status"] == 200
    assert json.loads(sent[1]["body"]) == {"a": 1}
