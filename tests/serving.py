"""An engine that serves from a thread of the test and has no job to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from engine.clock import SystemClock
from engine.config import Config
from engine.service import Service
from engine.store import Reader
from engine.store.reader import EngineState


@contextmanager
def serving(config: Config) -> Iterator[tuple[Service, EngineState]]:
    """The service and what it says of itself, while it serves."""
    with pytest.MonkeyPatch.context() as patch, Service(config, SystemClock()) as service:
        patch.setattr(Service, "tick", lambda *_: [])
        thread = threading.Thread(target=service.serve)
        thread.start()
        reader = Reader(config.database)
        end = time.monotonic() + 120
        while (state := reader.engine()) is None and time.monotonic() < end:
            time.sleep(0.02)
        reader.close()
        assert state is not None
        yield service, state
        service.stop()
        thread.join(30)
        assert not thread.is_alive()
