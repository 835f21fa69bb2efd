"""Lets tests of the app run without a display, at one scale, and tests of training on one thread; gives an empty store."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import site
from engine.store import Reader, Writer

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_SCALE_FACTOR"] = "1"
# Threads of OpenMP that wait for a busy core spin: a tiny model then takes minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def _no_site() -> Iterator[None]:
    """What the administrator of this machine set is none of a test's business."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "folders", lambda: ())
        yield


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    made = Writer(tmp_path / "lastvagt.sqlite")
    yield made
    made.close()


@pytest.fixture
def reader(writer: Writer) -> Iterator[Reader]:
    made = Reader(writer.path)
    yield made
    made.close()
