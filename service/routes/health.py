"""What machines ask: is the process alive, may it get traffic, what does it count."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.context import Call


async def livez(_request: Call) -> Response:
    return JSONResponse({"status": "alive"})


async def readyz(request: Call) -> Response:
    loaded = request.state["context"].slot.require()
    return JSONResponse({"status": "ready", "model": loaded.identity})


async def metrics(request: Call) -> Response:
    return Response(request.state["context"].metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


ROUTES = [
    Route("/livez", livez, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
]
