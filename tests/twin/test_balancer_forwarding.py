"""A listener's application in front of targets that behave as targets do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from twin.balancer.board import HEALTHY, Board
from twin.balancer.health import ask
from twin.balancer.proxy import Proxy
from twin.balancer.sessions import open_session
from twin.balancer.table import Check, Group, Listener, Rule, Share, Table, Target

LOOPBACK = "127.0.0.1"
CHECK = Check(path="/livez", matcher="200", interval=0.1, timeout=1, healthy=1, unhealthy=1)
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def asked(
    board: Board, method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what the listener answers."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"x=1",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "client": ("198.51.100.7", 4711),
    }
    await Proxy(board, (LOOPBACK, 8080, False))(scope, receive, send)
    start, end = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, end["body"]


def board_of(*targets: Target, **rule: Any) -> Board:
    shares = [] if rule else [Share("g", 1)]
    rules = [Rule(header=None, paths=[], hosts=[], shares=shares, **rule)]
    board = Board()
    listener = Listener("app/door/1", 80, LOOPBACK, 8080, False, rules)
    board.take(Table(1, [listener], {"g": Group("g", "app/door/1", CHECK, targets)}))
    board.states = dict.fromkeys(board.states, HEALTHY)
    return board


@asynccontextmanager
async def target(serve: Serve) -> AsyncIterator[Target]:
    """A server whose connections end with it."""
    writers: list[asyncio.StreamWriter] = []

    async def kept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(reader, writer)

    server = await asyncio.start_server(kept, LOOPBACK, 0)
    address, port = server.sockets[0].getsockname()
    try:
        yield address, port
    finally:
        server.close()
        await server.wait_closed()
        for writer in writers:
            writer.close()
        # What was closed ends in the loop's next turns.
        await asyncio.sleep(0.01)


def answering(answer: bytes, *, seen: list[bytes], times: int = 1000) -> Serve:
    """Answers so many requests of a connection, then closes it without a word."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(times):
            try:
                seen.append(await reader.readuntil(b"\r\n\r\n"))
            except asyncio.IncompleteReadError:
                break
            writer.write(answer)
        writer.close()

    return serve


def test_a_target_learns_who_asked_and_how() -> None:
    async def scene() -> None:
        seen: list[bytes] = []
        async with target(answering(OK, seen=seen)) as place:
            board = board_of(place)
            status, _, body = await asked(
                board, "POST", b"{}", host="door", connection="keep-alive", x_forwarded_for="10.0.0.1"
            )
            board.pool.close()
        assert (status, body) == (200, b"ok")
        lines = seen[0].split(b"\r\n")
        assert lines[0] == b"POST /a%20b?x=1 HTTP/1.1"
        assert {b"host: door", b"x-forwarded-proto: http", b"x-forwarded-port: 80", b"content-length: 2"} <= set(lines)
        assert b"x-forwarded-for: 10.0.0.1, 198.51.100.7" in lines
        assert not any(line.startswith(b"connection") for line in lines)

    asyncio.run(scene())


def test_a_kept_connection_that_the_target_closed_fails_no_request() -> None:
    async def scene() -> None:
        async with target(answering(OK, seen=[], times=1)) as place:
            board = board_of(place)
            statuses = [(await asked(board))[0] for _ in range(20)]
            board.pool.close()
        assert statuses == [200] * 20

    asyncio.run(scene())


def test_connections_are_kept() -> None:
    async def scene() -> None:
        opened: list[int] = []
        serve = answering(OK, seen=[])

        async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            opened.append(1)
            await serve(reader, writer)

        async with target(counting) as place:
            board = board_of(place)
            for _ in range(10):
                await asked(board)
            board.pool.close()
        assert len(opened) == 1

    asyncio.run(scene())


def test_nobody_there_is_a_bad_gateway_and_no_target_is_unavailable() -> None:
    async def scene() -> None:
        async with target(answering(OK, seen=[])) as place:
            pass
        status, headers, _ = await asked(board_of(place))
        assert (status, headers["server"]) == (502, "awselb/2.0")
        status, headers, _ = await asked(board_of())
        assert (status, headers["server"]) == (503, "awselb/2.0")

    asyncio.run(scene())


def test_an_answer_that_breaks_off_is_a_bad_gateway() -> None:
    async def scene() -> None:
        short = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"
        async with target(answering(short, seen=[], times=1)) as place:
            assert (await asked(board_of(place)))[0] == 502

    asyncio.run(scene())


def test_answers_without_a_length_and_without_a_body_are_passed_on() -> None:
    async def scene() -> None:
        async with target(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it", seen=[], times=1)) as place:
            assert (await asked(board_of(place)))[2] == b"all of it"
        async with target(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", seen=[])) as place:
            status, headers, body = await asked(board_of(place), "HEAD")
        assert (status, headers["content-length"], body) == (200, "9", b"")

    asyncio.run(scene())


def test_a_request_under_way_is_counted_until_it_is_answered() -> None:
    async def scene() -> None:
        go = asyncio.Event()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await go.wait()
            writer.write(OK)

        async with target(slow) as place:
            board = board_of(place)
            request = asyncio.create_task(asked(board))
            while not board.busy[place]:
                await asyncio.sleep(0.01)
            board.take(Table(2, board.table.listeners, {"g": Group("g", "app/door/1", CHECK, [])}))
            assert board.report()["busy"] == [f"{place[0]}:{place[1]}"]
            go.set()
            assert (await request)[0] == 200
            assert board.report()["busy"] == []
            board.pool.close()

    asyncio.run(scene())


def test_a_rule_may_answer_by_itself() -> None:
    async def scene() -> None:
        fixed = board_of(fixed={"status": 404, "type": "text/plain", "body": "no"})
        assert (await asked(fixed))[::2] == (404, b"no")
        moved = board_of(redirect={"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"})
        status, headers, _ = await asked(moved, host="door:80")
        assert (status, headers["location"]) == (301, "https://door:443/a b?x=1")

    asyncio.run(scene())


def test_a_check_believes_only_the_status_that_it_waits_for() -> None:
    async def scene() -> None:
        seen: list[bytes] = []
        async with target(answering(OK, seen=seen)) as place:
            assert await ask(place, CHECK)
        assert seen[0].startswith(b"GET /livez HTTP/1.1\r\n")
        async with target(answering(OK.replace(b"200", b"503"), seen=seen)) as place:
            assert not await ask(place, CHECK)
        assert not await ask(place, CHECK)

    asyncio.run(scene())


def test_a_session_keeps_its_port(tmp_path: Any) -> None:
    async def scene() -> list[int]:
        ports = []
        for _ in range(2):
            server = await open_session(tmp_path)
            ports.append(server.sockets[0].getsockname()[1])
            server.close()
            await server.wait_closed()
        return ports

    first, second = asyncio.run(scene())
    assert first == second
