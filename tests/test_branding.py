"""What Windows and macOS are told of the programs, read as they would, without them."""

from __future__ import annotations

import plistlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6 import QtWidgets

PACKAGING = Path(__file__).parent.parent / "packaging"
sys.path.insert(0, str(PACKAGING))

import branding  # noqa: E402
import icons  # noqa: E402


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("0.1.0", (0, 1, 0, 0)), ("1.2", (1, 2, 0, 0)), ("1.2.3rc1", (1, 2, 3, 0)), ("1.2.3.4.5", (1, 2, 3, 4))],
)
def test_windows_counts_versions_in_four_numbers(version: str, numbers: tuple[int, ...]) -> None:
    assert branding.quad(version) == numbers


@pytest.mark.parametrize("program", branding.DESCRIPTIONS)
def test_the_version_resource_names_the_program_and_its_version(program: str) -> None:
    def node(*values: object, **named: object) -> SimpleNamespace:
        return SimpleNamespace(values=values, **named)

    kinds = ("VSVersionInfo", "FixedFileInfo", "StringFileInfo", "StringTable", "StringStruct", "VarFileInfo", "VarStruct")
    read = eval(branding.version_info(program, "1.2.3rc1"), dict.fromkeys(kinds, node))  # as PyInstaller does
    assert read.ffi.filevers == (1, 2, 3, 0)
    [table] = read.kids[0].values[0]
    told = dict(entry.values for entry in table.values[1])
    assert told["FileVersion"] == "1.2.3rc1"
    assert told["OriginalFilename"] == f"{program}.exe"


def test_windows_gets_its_files_and_linux_none(
    qapp: QtWidgets.QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert branding.program("lastvagt", tmp_path / "build", "1.2.3") == {}
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(sys, "platform", "win32")
    given = branding.program("lastvagt", tmp_path / "build", "1.2.3")
    assert Path(given["icon"]).read_bytes() == icons.ico()
    assert "1.2.3" in Path(given["version"]).read_text(encoding="utf-8")
    manifest = ET.parse(given["manifest"]).getroot()
    told = {element.tag.rpartition("}")[2]: element.text for element in manifest.iter()}
    assert told["activeCodePage"] == "UTF-8"
    assert told["longPathAware"] == "true"
    assert told["dpiAwareness"] == "PerMonitorV2"


def test_the_bundle_is_a_program_with_a_window(qapp: QtWidgets.QApplication, tmp_path: Path) -> None:
    given = branding.bundle(tmp_path, "1.2.3")
    assert Path(given["icon"]).read_bytes() == icons.icns()
    told = plistlib.loads(plistlib.dumps(given["info_plist"]))
    assert told["LSBackgroundOnly"] is False
    assert told["CFBundleVersion"] == given["version"] == "1.2.3"


def _agent(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run agent.sh with a launchctl that notes how it was called."""
    tools = home / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "launchctl").write_text(f'#!/bin/sh\necho "$*" >> "{home}/calls"\n[ "$1" != bootout ]\n', encoding="utf-8")
    (tools / "launchctl").chmod(0o755)
    environment = {
        "HOME": str(home),
        "PATH": f"{tools}:/usr/bin:/bin",
        "LASTVAGT_APP": str(home / "My Apps & more" / "Lastvagt.app"),
    }
    return subprocess.run(
        ["sh", str(PACKAGING / "macos" / "agent.sh"), *arguments], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no sh")
def test_the_agent_is_restarted_after_a_failure_only_and_goes_when_it_is_removed(tmp_path: Path) -> None:
    missing = _agent(tmp_path, "install")
    assert missing.returncode == 4
    assert "There is no engine" in missing.stderr
    program = tmp_path / "My Apps & more" / "Lastvagt.app" / "Contents" / "MacOS" / "lastvagt-engine"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)

    assert _agent(tmp_path, "install").returncode == 0
    plist = tmp_path / "Library" / "LaunchAgents" / "dk.lastvagt.engine.plist"
    told = plistlib.loads(plist.read_bytes())
    assert told["ProgramArguments"] == [str(program), "run"]
    assert told["KeepAlive"] == {"SuccessfulExit": False}
    assert told["ThrottleInterval"] >= 60
    assert told["ExitTimeOut"] > 10
    assert Path(told["StandardErrorPath"]).parent.is_dir()
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert [re.sub(r"gui/\d+", "gui/N", call) for call in calls] == [
        "bootout gui/N/dk.lastvagt.engine",
        f"bootstrap gui/N {plist}",
    ]
    assert _agent(tmp_path, "remove").returncode == 0
    assert not plist.exists()
    assert _agent(tmp_path, "start").returncode == 2


def test_scripts_are_sound() -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    subprocess.run(["shellcheck", *map(str, sorted((PACKAGING / "macos").glob("*.sh")))], check=True)
    entitlements = plistlib.loads((PACKAGING / "macos" / "entitlements.plist").read_bytes())
    assert entitlements == {"com.apple.security.cs.allow-unsigned-executable-memory": True}
