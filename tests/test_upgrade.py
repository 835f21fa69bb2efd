"""A version that is ready takes over and proves itself, or gives way; a kill at any step leaves a program that works."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import versions

from engine import upgrade
from engine.config import Config
from engine.domain import Expected
from engine.installation import Form, Installation
from engine.lock import exclusive, holder
from engine.store import former
from engine.updates import Memory, Stand, Updates
from engine.upgrade import Trial

NOW = 1_795_000_000
_WAIT_S = 60.0


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def _nobody_looks_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """No supervisor starts an engine here, so that none need be waited for."""
    monkeypatch.setattr(upgrade, "_SUPERVISED_S", 0.1)


@pytest.fixture
def ready(tmp_path: Path) -> Callable[[str], Updates]:
    """Makes a portable installation of version 0.1.0 in which a version 0.2.0 of a kind is ready."""

    def make(kind: str) -> Updates:
        versions.publish(tmp_path / "site", "0.2.0", versions.archive("0.2.0", kind))
        place = versions.install(tmp_path / "lastvagt", "0.1.0")
        config = Config(data_dir=tmp_path / "data", update_url=(tmp_path / "site").as_uri())
        updates = Updates(config, place, (versions.KEY.public("releases"),), "0.1.0")
        updates.check(NOW)
        updates.stage()
        return updates

    return make


@contextlib.contextmanager
def engine(updates: Updates) -> Iterator[subprocess.Popen[bytes]]:
    """An engine that serves the data folder, and whoever takes its place."""
    data = updates.config.data_dir
    process = subprocess.Popen([*updates.installation.engine, *words(updates)])
    try:
        until(lambda: story(updates) != [])
        yield process
    finally:
        for pid in {holder(data), process.pid} - {None}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def words(updates: Updates) -> list[str]:
    return ["run", "--data-dir", str(updates.config.data_dir)]


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + _WAIT_S
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def story(updates: Updates) -> list[str]:
    """Versions of the engines that ran on the data, in turn."""
    path = updates.config.data_dir / "story"
    return path.read_text().split() if path.exists() else []


def used(updates: Updates) -> str:
    """The version that the launcher starts."""
    said = subprocess.run([*updates.installation.engine, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split()[-1]


def files(updates: Updates) -> set[str]:
    return {path.name for path in updates.installation.root.iterdir()} - {"bin", "versions", "current", "update.lock"}


def quiet(_: str) -> None:
    """Say nothing."""


def test_a_running_engine_becomes_the_new_version_and_the_way_back_is_open(ready: Callable[[str], Updates]) -> None:
    updates, said = ready("GOOD"), []
    with engine(updates) as process:
        assert upgrade.apply(updates, words(updates), said.append).version == "0.2.0"
        assert used(updates) == "0.2.0"
        assert holder(updates.config.data_dir) == process.pid, "it is the same process, for whoever looks after it"
        assert files(updates) == {"former"}
        newer = Updates(updates.config, updates.installation, updates.keys, "0.2.0")
        assert upgrade.former(updates.installation) == "0.1.0"
        assert newer.state().stand is Stand.CURRENT
        assert upgrade.roll_back(newer, words(updates), quiet) == "0.1.0"
        until(lambda: story(updates) == ["0.1.0", "0.2.0", "0.1.0"])
        assert holder(updates.config.data_dir) == process.pid
    assert files(updates) == set()
    assert updates.state().stand is Stand.REFUSED, "what was taken back is not taken again"
    assert said[0] == "Version 0.2.0 takes the place of 0.1.0."
    with pytest.raises(Expected, match="No version before this one is kept"):
        upgrade.roll_back(newer, words(updates), quiet)


def test_without_an_engine_the_new_version_is_started_to_prove_itself_and_stopped(ready: Callable[[str], Updates]) -> None:
    updates = ready("GOOD")
    upgrade.apply(updates, words(updates), quiet)
    assert story(updates) == ["0.2.0"]
    assert holder(updates.config.data_dir) is None
    assert used(updates) == "0.2.0"
    assert files(updates) == {"former"}


def test_a_version_that_dies_gives_way_and_the_one_before_serves_again(ready: Callable[[str], Updates]) -> None:
    updates = ready("DIES")
    with engine(updates) as process:
        with pytest.raises(Expected, match=r"Version 0\.2\.0 was taken back: Its engine ended"):
            upgrade.apply(updates, words(updates), quiet)
        assert process.wait() == 7
        until(lambda: story(updates) == ["0.1.0", "0.2.0", "0.1.0"])
        assert holder(updates.config.data_dir) not in (None, process.pid)
    assert used(updates) == "0.1.0"
    assert updates.state().memory.refused == {"0.2.0": "Its engine ended."}


@pytest.mark.long
def test_a_version_that_never_serves_gives_way_in_time(ready: Callable[[str], Updates]) -> None:
    updates = ready("HANGS")
    with pytest.raises(Expected, match=r"It did not serve within 1 seconds"):
        upgrade.apply(updates, words(updates), quiet, watched_s=1.0)
    assert used(updates) == "0.1.0"
    assert holder(updates.config.data_dir) is None
    assert updates.state().stand is Stand.REFUSED


def test_the_database_goes_back_with_the_version(ready: Callable[[str], Updates]) -> None:
    updates = ready("MOVED")
    with engine(updates):
        upgrade.apply(updates, words(updates), quiet)
        assert former.is_newer(updates.config.database)
        newer = Updates(updates.config, updates.installation, updates.keys, "0.2.0")
        upgrade.roll_back(newer, words(updates), quiet)
        until(lambda: story(updates)[-1] == "0.1.0")
    assert not former.is_newer(updates.config.database)
    assert list(updates.config.data_dir.glob("*.of-schema-*"))
    assert "the newer file is" in updates.state().memory.refused["0.2.0"]


@pytest.mark.long
def test_a_killed_update_leaves_an_engine_that_proves_itself_alone(ready: Callable[[str], Updates], tmp_path: Path) -> None:
    updates = ready("GOOD")
    root = updates.installation.root
    driver = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent)]!r}
import versions
from pathlib import Path
from engine import upgrade
from engine.config import Config
from engine.installation import Form, Installation
from engine.updates import Updates
updates = Updates(Config(data_dir=Path({str(updates.config.data_dir)!r}), update_url={updates.config.update_url!r}),
                  Installation(Form.PORTABLE, Path({str(root)!r})), (versions.KEY.public("releases"),), "0.1.0")
upgrade._Engine.watch = lambda *_: sys.stdin.read()
upgrade.apply(updates, {words(updates)!r}, print)
"""
    with engine(updates):
        update = subprocess.Popen([sys.executable, "-uc", driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert update.stdout is not None
        assert b"takes the place" in update.stdout.readline()
        assert b"seconds to serve" in update.stdout.readline()
        update.kill()
        update.communicate()
        until(lambda: story(updates) == ["0.1.0", "0.2.0"] and "trial" not in files(updates))
    assert used(updates) == "0.2.0"


@pytest.mark.long
def test_a_version_that_dies_while_nobody_watches_gives_way_after_three_starts(ready: Callable[[str], Updates]) -> None:
    updates = ready("DIES")
    root = updates.installation.root
    upgrade._point(root / "former", "0.1.0")
    upgrade._begin(root, "0.2.0")
    upgrade._point(root / "current", "0.2.0")
    for _ in range(3):
        assert subprocess.run([*updates.installation.engine, *words(updates)], check=False).returncode == 7
    with engine(updates):
        until(lambda: story(updates)[-1] == "0.1.0" and "trial" not in files(updates))
    assert story(updates) == ["0.2.0"] * 3 + ["0.1.0"]
    assert "started three times" in updates.state().memory.refused["0.2.0"]
    assert used(updates) == "0.1.0"


class _Patient(upgrade._Engine):
    """An engine that does what it is told, for nothing but the steps of the update matters."""

    def renew(self) -> None:
        with (self.place.root / "trial").open("a") as trial:
            trial.write("start\n")

    def watch(self, version: str, watched_s: float) -> str:
        return "It hums."

    def come_back(self, at_once: bool) -> None:
        upgrade.settle(Config(data_dir=Path(self.folder)), self.place, "0.1.0")


@pytest.mark.parametrize("step", range(20))
def test_a_kill_at_any_step_leaves_a_version_that_is_whole_and_the_next_start_cleans_up(
    ready: Callable[[str], Updates], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Of an update and of the way back, which follow each other here."""
    updates, left = ready("GOOD"), [step]
    place, data = updates.installation, updates.config.data_dir

    def count(act: Callable[..., object]) -> Callable[..., object]:
        def acted(*args: object, **more: object) -> object:
            if not left[0]:
                raise Killed
            left[0] -= 1
            return act(*args, **more)

        return acted

    with monkeypatch.context() as patched:
        patched.setattr(upgrade._Engine, "find", lambda *_: _Patient(place, True, 0, [], str(data), {}))
        for owner, name in ((Path, "replace"), (Path, "symlink_to"), (Path, "unlink"), (os, "fsync")):
            patched.setattr(owner, name, count(getattr(owner, name)))
        with contextlib.suppress(Killed, Expected):
            upgrade.apply(updates, words(updates), quiet)
    version = used(updates)
    assert version in ("0.1.0", "0.2.0")
    upgrade.settle(updates.config, place, version)  # as the engine does that is started next
    if upgrade.on_trial(place, version):
        upgrade.prove(place)
    assert used(updates) == version
    if Trial.read(place.root) is not None:  # it was to give way, and does when it is started
        with engine(updates):
            until(lambda: Trial.read(place.root) is None)
        version = used(updates)
        assert version == "0.1.0"
    if version == "0.1.0":
        with contextlib.suppress(Expected):
            updates.stage(again=True)
        monkeypatch.setattr(upgrade._Engine, "watch", lambda *_: "")
        monkeypatch.setattr(upgrade._Engine, "renew", lambda *_: None)
        upgrade.apply(updates, words(updates), quiet)
        assert used(updates) == "0.2.0"


def test_one_update_at_a_time_and_none_beside_another_command(ready: Callable[[str], Updates]) -> None:
    updates = ready("GOOD")
    with exclusive(updates.installation.root, "update.lock"), pytest.raises(Expected, match="Another update"):
        upgrade.apply(updates, words(updates), quiet)
    with exclusive(updates.config.data_dir), pytest.raises(Expected, match="A command works on"):
        upgrade.apply(updates, words(updates), quiet)
    assert used(updates) == "0.1.0"
    assert files(updates) == set()


def test_nothing_is_applied_that_is_not_ready(ready: Callable[[str], Updates]) -> None:
    updates = ready("GOOD")
    Memory().write(updates.folder)
    with pytest.raises(Expected, match="No newer version is ready"):
        upgrade.apply(updates, words(updates), quiet)


def test_other_forms_know_no_trial(tmp_path: Path) -> None:
    place = Installation(Form.DEB, tmp_path)
    (tmp_path / "trial").write_text("0.2.0\nstart\n")
    assert not upgrade.on_trial(place, "0.2.0")
    assert upgrade.settle(Config(data_dir=tmp_path / "data"), place, "0.1.0") == ""
    assert upgrade.former(place) == ""
