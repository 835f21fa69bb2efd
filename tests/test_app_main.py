"""The command line `lastvagt`, run as a user runs it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import filled_store
import pytest
from PySide6 import QtGui

from app import __main__ as program
from app.preferences import Preferences
from app.window import VIEWS
from engine.domain import Expected
from engine.site import Site

ROOT = Path(__file__).resolve().parent.parent
#: Where nobody has ever liked anything.
HOME = Path(tempfile.mkdtemp())
NOW = "2026-11-24T17:20:00Z"


def _run(*arguments: str | Path, code: str = "") -> subprocess.CompletedProcess[str]:
    """Without a display, and in a zone far from Denmark's."""
    start = ["-c", code] if code else ["-m", "app"]
    surroundings = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    surroundings |= {"TZ": "America/Los_Angeles", "QT_SCALE_FACTOR": "1", "XDG_CONFIG_HOME": str(HOME)}
    command = [sys.executable, *start, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(("language", "theme"), [("da", "light"), ("en", "dark")])
def test_pictures_of_all_views_are_written_without_a_display(tmp_path: Path, language: str, theme: str) -> None:
    filled_store.fill(tmp_path / "data", days=20)
    done = _run(
        "--data-dir", tmp_path / "data", "--now", NOW, "--screenshot", tmp_path / "out", "--language", language,
        "--theme", theme, "--size", "1100x700",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = [tmp_path / "out" / f"{view}-{theme}-{language}-1100x700.png" for view in VIEWS]
    assert done.stdout.split() == [str(path) for path in expected]
    for path in expected:
        image = QtGui.QImage(str(path))
        assert (image.width(), image.height()) == (1100, 700)
        assert len({image.pixel(x, y) for x in range(0, 1100, 3) for y in range(120, 700, 20)}) > 8


def test_a_picture_shows_the_area_that_was_asked_for(tmp_path: Path) -> None:
    filled_store.fill(tmp_path / "data", days=16, late=True)
    pictures = []
    for number, asked in enumerate((["--area", "Aalborg"], ["--area", "851", "--type", "household"], ["--area", "1082"])):
        done = _run(
            "--data-dir", tmp_path / "data", "--now", NOW, "--screenshot", tmp_path / str(number), "--language", "en", *asked
        )
        assert done.returncode == 0, done.stderr
        pictures.append(QtGui.QImage(done.stdout.split()[VIEWS.index("forecast")]))
    assert pictures[0] == pictures[1], "the name of a municipality is enough"
    assert pictures[0] != pictures[2]


def test_a_folder_without_a_database_gives_pictures_too(tmp_path: Path) -> None:
    done = _run("--data-dir", tmp_path / "none", "--screenshot", tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*.png"))) == len(VIEWS)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("wrong", [["--size", "big"], ["--now", "2026-11-24T17:20"], ["--config", "no.toml"]])
def test_a_wrong_setting_is_said_in_one_line(tmp_path: Path, wrong: list[str]) -> None:
    done = _run("--data-dir", tmp_path, *wrong)
    assert done.returncode == 2
    assert done.stderr.startswith("lastvagt: ")
    assert len(done.stderr.splitlines()) == 1


def wants(words: dict[str, object], kept: Preferences, *arguments: str) -> tuple[argparse.Namespace, bool]:
    """What is left of the command line where a site wants something, and whether a first start asks."""
    options = program._parser().parse_args(arguments)
    return options, program._as_the_site_wants(options, kept, Site(Path("site.toml"), "", {}, {}, words))


def test_a_site_says_how_windows_start_where_nobody_else_does() -> None:
    words = {
        "connect": "https://x:1",
        "token_file": "t",
        "language": "da",
        "theme": "dark",
        "wall": "overview",
        "turn": 9,
        "welcome": False,
    }
    options, asks = wants(words, Preferences())
    assert (options.connect, options.token_file, options.ca) == ("https://x:1", Path("t"), None)
    assert (options.language, options.theme, options.wall, options.turn, asks) == ("da", "dark", "overview", 9, False)
    options, _ = wants(words, Preferences(language="en"), "--theme", "light", "--connect", "https://y:1", "--turn", "5")
    assert (options.connect, options.token_file) == ("https://y:1", None)
    assert (options.language, options.theme, options.turn) == (None, "light", 5)
    assert wants(words, Preferences(), "--data-dir", "d")[0].connect is None
    assert wants({}, Preferences())[1]


@pytest.mark.parametrize(("name", "value"), [("language", "de"), ("theme", "pink")])
def test_what_a_site_cannot_want_is_told_with_its_place(name: str, value: str) -> None:
    with pytest.raises(Expected, match=rf"'{value}' is no value of '{name}' in \[app\] of site.toml"):
        wants({name: value}, Preferences())


def test_a_site_that_does_not_count_keeps_the_window_shut(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("[required]\nprot = 1\n")
    done = _run("--data-dir", tmp_path, "--site", tmp_path / "site.toml")
    assert done.returncode == 2
    assert "Unknown setting 'prot' in [required] of" in done.stderr


#: Runs the window until the first snapshot is shown, and does something.
_SESSION = """
import sys
from PySide6 import QtCore
from app import __main__ as program
show = program.Window.show_snapshot
def once(window, snapshot):
    show(window, snapshot)
    {then}
program.Window.show_snapshot = once
sys.exit(program.main(sys.argv[1:]))
"""


def test_the_window_opens_and_closes_cleanly(tmp_path: Path) -> None:
    filled_store.fill(tmp_path, days=16)
    done = _run(
        "--data-dir",
        tmp_path,
        "--no-engine",
        code="import os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\n"
        + _SESSION.format(then="QtCore.QTimer.singleShot(300, window.close)"),
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_is_measured_until_the_window_is_painted(tmp_path: Path) -> None:
    filled_store.fill(tmp_path, days=16)
    code = (
        "import os, sys; os.environ['QT_QPA_PLATFORM'] = 'offscreen'; from app.__main__ import main; sys.exit(main(sys.argv[1:]))"
    )
    done = _run("--data-dir", tmp_path, "--no-engine", "--until-painted", code=code)
    assert (done.returncode, done.stdout) == (0, "painted\n"), done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_of_ours_is_logged_and_said_and_the_window_lives(tmp_path: Path) -> None:
    filled_store.fill(tmp_path, days=16)
    then = """QtCore.QTimer.singleShot(0, lambda: 1 / 0)
    look = QtCore.QTimer(window, interval=20)
    look.timeout.connect(lambda: "has a fault" in (said := window._notices.accessibleName()) and (print(said), window.close()))
    look.start()"""
    code = "import os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\n" + _SESSION.format(then=then)
    done = _run("--data-dir", tmp_path, "--no-engine", "--language", "en", code=code)
    assert done.returncode == 0, done.stderr
    assert "Lastvagt has a fault" in done.stdout
    assert "ZeroDivisionError" in (tmp_path / "app.log").read_text("utf-8")


#: Starts the app as for the first time, answers the assistant, starts no engine in truth, and closes soon.
_FIRST = """
import sys
from PySide6 import QtCore
from app import __main__ as program
def ask(language, folder, doctor):
    print("asked", doctor[-1])
    return program.welcome.Choices("da", "dark", "DK2", (), True, folder / "mine")
program.welcome.ask = ask
program.EngineLink._launch = lambda link, more: print("engine", *link._command[-3:])
start = program.Session.start
def start_and_end(session):
    start(session)
    QtCore.QTimer.singleShot(800, lambda: (print("shown", session.language.code, session.window.chosen.area), session.window.quit()))
program.Session.start = start_and_end
sys.exit(program.main([]))
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="where settings and data lie is told by the environment there alone"
)
def test_a_first_start_asks_once_and_works_where_it_was_told_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(sys.modules[__name__], "HOME", tmp_path / "settings")
    code = "import os; os.environ['QT_QPA_PLATFORM'] = 'offscreen'\n" + _FIRST
    first, second = (_run(code=code) for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    mine = tmp_path / "data" / "lastvagt" / "mine"
    lines = first.stdout.splitlines()
    assert lines[0].startswith("asked")
    assert lines[-1] == "shown da DK2"
    assert f"engine --data-dir {mine} --simulated" in lines
    assert "asked" not in second.stdout
    assert any(line.startswith("engine") and line.endswith(str(mine)) for line in second.stdout.splitlines())
