"""GET /model: everything that is known of the model that answers."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from service.context import Call


async def model(request: Call) -> Response:
    loaded = request.state["context"].slot.require()
    manifest = loaded.bundle.manifest
    return JSONResponse(
        {
            "model": loaded.identity,
            "origin": loaded.origin,
            "loaded_at": loaded.loaded_at,
            "card": loaded.card,
            "metrics": loaded.card.get("metrics", {}),
            "schema": loaded.schema.model_dump(mode="json"),
            "manifest": manifest.model_dump(mode="json"),
        }
    )


ROUTES = [Route("/model", model, methods=["GET"])]
