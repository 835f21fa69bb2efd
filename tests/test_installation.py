"""Where a program runs from is told by its folders, and another version is started in the environment this one was started in."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from engine import installation
from engine.installation import Form


@pytest.mark.parametrize(
    ("platform", "program", "more", "form", "root"),
    [
        ("linux", "lastvagt/versions/1.2.3/lastvagt-engine", "lastvagt/bin", Form.PORTABLE, "lastvagt"),
        ("linux", "dist/lastvagt/lastvagt-engine", "", Form.FOLDER, "dist/lastvagt"),
        ("linux", "versions/1.2.3/lastvagt-engine", "", Form.FOLDER, "versions/1.2.3"),
        ("win32", "Lastvagt/lastvagt-engine", "Lastvagt/uninstall.exe", Form.WINDOWS, "Lastvagt"),
        ("win32", "Lastvagt/lastvagt-engine", "", Form.FOLDER, "Lastvagt"),
        ("win32", "Program Files/L/lastvagt-engine", "Program Files/L/uninstall.exe", Form.FOLDER, "Program Files/L"),
        ("darwin", "Lastvagt.app/Contents/MacOS/lastvagt-engine", "", Form.MACOS, "Lastvagt.app/Contents/MacOS"),
    ],
)
def test_each_form_is_known_by_its_folders(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, program: str, more: str, form: Form, root: str
) -> None:
    (tmp_path / program).parent.mkdir(parents=True)
    if more:
        (tmp_path / more).mkdir()
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sys, "executable", str(tmp_path / program))
    assert installation.here() == installation.Installation(form, tmp_path / root)


@pytest.mark.parametrize(("folder", "form"), [("lastvagt", Form.DEB), ("lastvagt-engine", Form.DEB_ENGINE)])
def test_the_folders_of_packages_are_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str, form: Form) -> None:
    monkeypatch.setattr(installation, "_LIB", tmp_path)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / folder / "lastvagt-engine"))
    assert installation.here().form is form


def test_a_checkout_runs_by_its_python() -> None:
    here = installation.here()
    assert here.form is Form.SOURCE
    assert here.engine == [sys.executable, "-m", "engine"]


def test_a_frozen_program_passes_on_the_environment_it_was_started_in(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {
        "PATH": "/bin",
        "_PYI_ARCHIVE_FILE": "/old/lastvagt",
        "LD_LIBRARY_PATH": "/old/_internal",
        "LD_LIBRARY_PATH_ORIG": "/opt/lib",
        "LASTVAGT_PORT": "9",
    }
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert installation.outer_environment(own) == {
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/opt/lib",
        "LASTVAGT_PORT": "9",
        "PYINSTALLER_RESET_ENVIRONMENT": "1",
    }
    del own["LD_LIBRARY_PATH_ORIG"]
    assert "LD_LIBRARY_PATH" not in installation.outer_environment(own)
