"""Lets tests of the app run without a display, at one scale, and tests of training on one thread; gives an empty store.

A test marked `gate` proves a promise of the trust report; what it found is kept under `out/trust` (see `trust_report`). Where
nothing but gates run, those that took longest begin first.
"""

import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import bundles
import pytest
import trust_report
from hypothesis import HealthCheck, settings
from pytestqt.qtbot import QtBot

from engine import site
from engine.store import Reader, Writer

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_SCALE_FACTOR"] = "1"
# Threads of OpenMP that wait for a busy core spin: a tiny model then takes minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A busy machine may take long for what comes: only what never comes is a failure.
for _wait in (QtBot.waitSignal, QtBot.waitUntil):
    _wait.__kwdefaults__["timeout"] = 30_000


def pytest_configure(config: pytest.Config) -> None:
    """Quick tests try properties on the same examples each time, lest one fail by chance, and long ones on others; one that fails
    prints how to try it again. How quick they are is no property."""
    settings.register_profile(
        "lastvagt",
        deadline=None,
        derandomize=config.option.markexpr == "not long",
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    settings.load_profile("lastvagt")


@pytest.fixture(scope="session", autouse=True)
def _no_site() -> Iterator[None]:
    """What the administrator of this machine set is none of a test's business."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "folders", lambda: ())
        yield


@pytest.fixture(scope="session", autouse=True)
def _keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Bundles that tests sign serve as those of the program do."""
    folder = tmp_path_factory.mktemp("keys")
    for path in site.keys_in(site.SHIPPED_MODELS):
        shutil.copy(path, folder)
    (folder / "tests.pub").write_text(bundles.KEY.public("tests").text(), encoding="ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "SHIPPED_MODELS", folder)
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


@pytest.fixture
def gate(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes the figure that a proof has measured, as the trust report shows it; call it before the asserts."""
    return lambda figure: record_property("figure", figure)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if (mark := item.get_closest_marker("gate")) is not None:
            item.user_properties.append(("gate", trust_report.words(mark)))
    if all(item.get_closest_marker("gate") or item.get_closest_marker("long") for item in items):
        took_s = trust_report.took_s()
        items.sort(key=lambda item: took_s.get(item.nodeid, math.inf), reverse=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Keep how long the processor worked for a test."""
    begin = sum(os.times()[:4])
    try:
        return (yield)
    finally:
        item.user_properties.append(("processor_s", sum(os.times()[:4]) - begin))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep what a gate found; where tests run in several processes, in the one that hears of all."""
    if "PYTEST_XDIST_WORKER" not in os.environ and (report.when == "call" or not report.passed):
        trust_report.keep(report)
