"""CodePipeline's interface on loopback, for the emulator alone, which has asked IAM before it passes a request on."""

from __future__ import annotations

import hmac
import json
import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from twin.codepipeline.api import Api, Caller
from twin.codepipeline.requests import RefusedError
from twin.folder import ACCOUNT, LOOPBACK, REGION

TOKEN, CALLER = "X-Twin-Token", "X-Twin-Caller"
KIND = "application/x-amz-json-1.1"
log = logging.getLogger(__name__)


def server(api: Api, *, port: int, token: str) -> ThreadingHTTPServer:
    """Answers POST / with X-Amz-Target, in which the last word is the operation; `token` is the twin's."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not hmac.compare_digest(self.headers.get(TOKEN, "").encode(), token.encode()):
                self._reply(403, {"__type": "AccessDeniedException", "message": "ask the emulator, not its back end"})
                return
            self._reply(*self._answer(body))

        def _answer(self, body: bytes) -> tuple[int, Any]:
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            caller = Caller(arn=self.headers.get(CALLER, ""), region=REGION, account=ACCOUNT)
            try:
                return 200, api.call(operation, json.loads(body or b"{}"), caller)
            except RefusedError as refused:
                return 400, {"__type": refused.code, "message": str(refused)}
            except json.JSONDecodeError as error:
                return 400, {"__type": "SerializationException", "message": str(error)}
            except Exception as error:
                log.exception("%s failed", operation)
                return 500, {"__type": "InternalFailure", "message": repr(error)}

        def _reply(self, status: int, document: Any) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", KIND)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_request(self, *_: Any) -> None:
            """Every look of somebody who waits is one: not worth a line."""

    return ThreadingHTTPServer((LOOPBACK, port), Handler)
