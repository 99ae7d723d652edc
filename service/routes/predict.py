"""POST /predict and POST /predict/batch."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
from pydantic_core import to_json
from starlette.responses import Response
from starlette.routing import Route

from service.body import read_body
from service.context import Call
from service.errors import PredictionFailed
from service.loaded import Loaded
from service.predictor import Vector

INLINE_BYTES = 32 * 1024
"""Bodies up to here (some 250 rows) take a millisecond or two; larger ones would hold up other callers."""


async def predict(request: Call) -> Response:
    state = request.state
    context, request_id = state["context"], state["request_id"]
    loaded = context.slot.require()
    body = await read_body(request, context.settings.max_row_bytes)
    output = loaded.predictor.one(loaded.validator.row(body))
    if not math.isfinite(output):
        raise PredictionFailed("the model gave no finite number for this row")
    loaded.distribution.add(output)
    outcome = loaded.outcome(output)
    if context.capture is not None:
        context.capture.take(loaded, body, outcome, 1, request_id, state["began"])
    return _json(_answer(loaded, outcome, request_id))


async def predict_batch(request: Call) -> Response:
    state = request.state
    context, request_id = state["context"], state["request_id"]
    loaded = context.slot.require()
    body = await read_body(request, context.settings.max_body_bytes)
    if len(body) <= INLINE_BYTES:
        outputs, answer = _batch(loaded, body, request_id)
    else:
        loop = asyncio.get_running_loop()
        outputs, answer = await loop.run_in_executor(context.batches, _batch, loaded, body, request_id)
    loaded.distribution.add_many(outputs)
    if context.capture is not None:
        context.capture.take(loaded, body, outputs, len(outputs), request_id, state["began"])
    return _json(answer)


def _answer(loaded: Loaded, outcome: bytes, request_id: str) -> bytes:
    """Written by hand: an id has no character that needs escaping."""
    return b'{%s,"model":%s,"request_id":"%s"}' % (outcome, loaded.identity_json, request_id.encode())


def _batch(loaded: Loaded, body: bytes, request_id: str) -> tuple[Vector, bytes]:
    outputs = loaded.predictor.many(loaded.validator.columns(body))
    if not np.isfinite(outputs).all():
        index = int(np.flatnonzero(~np.isfinite(outputs))[0])
        raise PredictionFailed(f"the model gave no finite number for row {index}")
    answer: dict[str, Any]
    if loaded.schema.task == "binary":
        classes = (outputs >= loaded.schema.output.threshold).astype(int)
        answer = {"predictions": classes.tolist(), "probabilities": outputs.tolist()}
    else:
        answer = {"predictions": outputs.tolist()}
    return outputs, to_json(answer | {"model": loaded.identity, "request_id": request_id})


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


ROUTES = [
    Route("/predict", predict, methods=["POST"]),
    Route("/predict/batch", predict_batch, methods=["POST"]),
]
