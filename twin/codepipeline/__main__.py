"""`python -m twin.codepipeline FOLDER`: serves the twin of that folder until it is ended."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

from twin.cloud import Cloud
from twin.codepipeline.api import Api
from twin.codepipeline.engine import Engine
from twin.codepipeline.server import server
from twin.codepipeline.store import Store
from twin.emulator.pace import seconds
from twin.folder import Twin


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    twin = Twin.load(Path(sys.argv[1]).resolve())
    minute = seconds(1)
    woken = threading.Event()
    store = Store(twin.folder / "codepipeline", changed=woken.set)
    Engine(store, Cloud(twin), minute=minute, woken=woken).start()
    server(Api(store, minute=minute), port=twin.pipeline, token=twin.token).serve_forever()


if __name__ == "__main__":
    main()
