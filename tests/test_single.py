"""A second start on a folder calls the first window to the front and ends; a window that was killed holds up nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app import single
from engine.lock import AlreadyRuns

ROOT = Path(__file__).resolve().parent.parent
#: A window that begins minimised and says when it is called back, and whether it then can be seen.
_FIRST = """
import sys
from app import __main__ as program
come_back, show = program.Window.come_back, program.Window.show
def heard(window):
    come_back(window)
    print("called", window.isVisible() and not window.isMinimized(), flush=True)
program.Window.come_back = heard
def shown(window):
    program.Window.show = show
    window.showMinimized()
    print("shown", flush=True)
program.Window.show = shown
sys.exit(program.main(sys.argv[1:]))
"""


def test_a_second_one_calls_the_first(tmp_path: Path, qtbot: QtBot) -> None:
    folder, places = tmp_path / "data", tmp_path / "places"
    with single.alone(folder, places) as calls:
        for _ in range(3):
            with qtbot.waitSignal(calls.came), pytest.raises(AlreadyRuns), single.alone(folder, places):
                pass
        with single.alone(tmp_path / "other", places) as other:
            assert other is not calls, "a window for each folder"
    with single.alone(folder, places):
        pass


def test_where_no_lock_can_be_kept_there_may_be_several(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with single.alone(tmp_path, tmp_path / "file" / "places"), single.alone(tmp_path, tmp_path / "file" / "places"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
@pytest.mark.long
@pytest.mark.gate("C7", "A second window", target="calls the first to the front and ends with 0; after a kill the next one opens")
def test_a_second_start_ends_and_the_first_window_comes_back(tmp_path: Path, gate: Callable[[str], None]) -> None:
    surroundings = os.environ | {"XDG_CONFIG_HOME": str(tmp_path / "config"), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", _FIRST, "--no-engine", "--language", "en", "--data-dir", str(tmp_path / "data")]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(command, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    first = start()
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "shown\n"
        second = start()
        out, said = second.communicate(timeout=120)
        called = first.stdout.readline()
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    third = start()
    try:
        assert third.stdout is not None
        opened = third.stdout.readline()
        third.send_signal(signal.SIGTERM)
        ended = third.wait(30)
    finally:
        third.kill()
        third.communicate()
    gate(
        f"second start ended with {second.returncode}, first window {called.strip()}; after a kill the next one was {opened.strip()}"
    )
    assert (second.returncode, out, called, opened, ended) == (0, "", "called True\n", "shown\n", 0)
    assert "open already" in said
