"""GET / shows the model and lets a person try it; GET /docs does so for the API. Nothing comes from another host."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import Response
from starlette.routing import Route

from service.context import Call

WEB = Path(__file__).parent.parent / "web"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def page_routes() -> list[Route]:
    """The page's files, read once."""
    return [
        _file("/", "index.html", "text/html"),
        _file("/docs", "docs.html", "text/html"),
        _file("/web/docs.js", "docs.js", "text/javascript"),
        _file("/web/page.css", "page.css", "text/css"),
        _file("/web/page.js", "page.js", "text/javascript"),
        _file("/web/icon.svg", "icon.svg", "image/svg+xml"),
    ]


def _file(path: str, name: str, media_type: str) -> Route:
    content = (WEB / name).read_bytes()

    async def serve_file(_request: Call) -> Response:
        return Response(content, media_type=media_type, headers=_HEADERS)

    return Route(path, serve_file, methods=["GET"], name=name)
