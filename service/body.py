"""Read a request's body with a bound on its size."""

from __future__ import annotations

from service.context import Call
from service.errors import BodyTooLarge


async def read_body(request: Call, limit: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as it is known to exceed `limit` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge(_message(limit))
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(_message(limit))
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _message(limit: int) -> str:
    return f"the body is longer than the {limit} bytes that are accepted here"
