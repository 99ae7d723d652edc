"""Builds the service: its parts, its routes, and the lifespan that runs the watcher."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.cache import Cache
from service.capture.capture import open_capture
from service.connect import connect
from service.context import Context
from service.errors import STATUS, CallError
from service.loaded import Load, Loaded, Origin, prepare
from service.metrics import Metrics
from service.middleware import Observe
from service.openapi import Documentation
from service.predictor import load_predictor
from service.registry import Registry
from service.routes import health, model, page, predict
from service.settings import Settings
from service.slot import Slot
from service.watcher import Watcher

FIRST_LOOK_SECONDS = 1.0
"""How long the start waits for a model that is at hand, so that the first callers are not turned away."""


def create_app(settings: Settings, *, registry: Registry | None = None, load: Load = load_predictor) -> FastAPI:
    """The service for one model.

    `registry` takes the place of the one that the settings name. Raises BundleError when the settings name a
    bundle folder that cannot be served, and CaptureError when its folder for captured rows cannot be written to; a
    registry without a usable model is not an error, the service waits.
    """
    slot = Slot()
    metrics = Metrics(slot)
    ready = partial(_prepare, load=load, max_rows=settings.max_rows)
    watcher: Watcher | None = None
    if settings.bundle is not None:
        slot.current = ready(settings.bundle, expect=None, version=None, origin="folder")
        metrics.swapped(slot.current.loaded_at)
    elif (source := registry or connect(settings)) is not None:
        cache = Cache(settings.cache, name=str(settings.model), origin=f"{settings.tracking_uri} {settings.alias}")
        watcher = Watcher(
            source, cache=cache, slot=slot, metrics=metrics, prepare=ready, poll_seconds=settings.poll_seconds
        )  # fmt: skip
    capture = open_capture(settings, metrics)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        batches = ThreadPoolExecutor(max_workers=2, thread_name_prefix="batch")
        if capture is not None:
            capture.start()
        if watcher is not None:
            watcher.start()
            await asyncio.to_thread(watcher.looked.wait, FIRST_LOOK_SECONDS)
        yield {"context": Context(settings=settings, slot=slot, metrics=metrics, batches=batches, capture=capture)}
        if capture is not None:
            await asyncio.to_thread(capture.stop)
        if watcher is not None:
            await asyncio.to_thread(watcher.stop)
        batches.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(title="Evergreen", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.router.routes.extend([*predict.ROUTES, *model.ROUTES, *health.ROUTES, *page.page_routes()])
    app.openapi = Documentation(slot).document  # type: ignore[method-assign]
    app.add_exception_handler(CallError, partial(_answer_error, metrics))
    known = frozenset(str(getattr(route, "path", "")) for route in app.routes)
    app.add_middleware(Observe, metrics=metrics, routes=known)
    return app


def _prepare(
    folder: Any, *, expect: str | None, version: str | None, origin: Origin, load: Load, max_rows: int
) -> Loaded:
    return prepare(
        folder, expect=expect, version=version, origin=origin, load=load, max_rows=max_rows, now=time.time()
    )  # fmt: skip


async def _answer_error(metrics: Metrics, _request: Request, error: Exception) -> Response:
    assert isinstance(error, CallError)
    metrics.errors.labels(error.kind).inc()
    return JSONResponse({"detail": error.detail}, status_code=STATUS[type(error)], headers=error.headers)
