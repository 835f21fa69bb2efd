"""The mark in every form, and what a Linux desktop is told of the program."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

import pytest
from PySide6 import QtGui, QtWidgets

PACKAGING = Path(__file__).parent.parent / "packaging"
sys.path.insert(0, str(PACKAGING))

import desktop  # noqa: E402
import icons  # noqa: E402

TODAY = date(2026, 11, 29)


def test_the_kept_svg_is_the_mark_the_app_draws() -> None:
    assert icons.SVG.read_text(encoding="utf-8") == icons.svg()


def test_the_svg_looks_like_the_picture(qapp: QtWidgets.QApplication, tmp_path: Path) -> None:
    if not (program := shutil.which("rsvg-convert")):
        pytest.skip("rsvg-convert, which draws the SVG, is not installed")
    subprocess.run([program, "-w", "128", "-o", str(tmp_path / "drawn.png"), str(icons.SVG)], check=True)
    drawn, own = QtGui.QImage(str(tmp_path / "drawn.png")), QtGui.QImage.fromData(icons.png(128))
    spots = [(x, y) for x in range(0, 128, 3) for y in range(0, 128, 3)]
    far = [spot for spot in spots if abs(drawn.pixelColor(*spot).lightness() - own.pixelColor(*spot).lightness()) > 48]
    assert len(far) < len(spots) / 100


def test_windows_finds_every_size(qapp: QtWidgets.QApplication) -> None:
    data = icons.ico()
    assert struct.unpack_from("<HHH", data) == (0, 1, len(icons.ICO_SIZES))
    for i, size in enumerate(icons.ICO_SIZES):
        width, height, _, _, _, bits, length, offset = struct.unpack_from("<BBBBHHII", data, 6 + 16 * i)
        assert (width or 256, height or 256, bits) == (size, size, 32)
        picture = QtGui.QImage.fromData(
            data[:4] + b"\x01\0" + data[6 + 16 * i : 18 + 16 * i] + struct.pack("<I", 22) + data[offset : offset + length]
        )
        assert (picture.width(), picture.height()) == (size, size)
        middle = picture.pixelColor(size // 2, size - 2)
        assert middle.name() == QtGui.QImage.fromData(icons.png(size)).pixelColor(size // 2, size - 2).name()


def test_macos_finds_pictures_of_the_size_their_kind_says(qapp: QtWidgets.QApplication) -> None:
    data = icons.icns()
    assert data[:4] == b"icns"
    assert struct.unpack_from(">I", data, 4) == (len(data),)
    at, kinds = 8, []
    while at < len(data):
        kind, length = data[at : at + 4].decode("ascii"), struct.unpack_from(">I", data, at + 4)[0]
        assert QtGui.QImage.fromData(data[at + 8 : at + length]).width() == icons.ICNS_KINDS[kind]
        kinds.append(kind)
        at += length
    assert kinds == list(icons.ICNS_KINDS)


def test_a_release_has_its_day_and_one_that_is_being_made_that_of_today() -> None:
    changelog = "# Changes\n\n## 0.2.0, unreleased\n\n* Much.\n\n## 0.1.0, 2026-10-01\n\nFirst whole\npath.\n\n* More.\n"
    made, out = desktop.releases(changelog, TODAY)
    assert made.attrib == {"version": "0.2.0", "date": "2026-11-29", "type": "development"}
    assert made.find("description") is None
    assert out.attrib == {"version": "0.1.0", "date": "2026-10-01", "type": "stable"}
    assert out.findtext("description/p") == "First whole path."


def test_the_desktop_is_told_in_both_languages_and_finds_pictures(qapp: QtWidgets.QApplication, tmp_path: Path) -> None:
    desktop.write(tmp_path, TODAY)
    entry = (tmp_path / "applications" / f"{desktop.APP_ID}.desktop").read_text(encoding="utf-8")
    english = re.findall(r"^(GenericName|Comment|Keywords)=", entry, re.MULTILINE)
    assert english == re.findall(r"^(\w+)\[da\]=", entry, re.MULTILINE)[:3]
    root = ET.parse(tmp_path / "metainfo" / f"{desktop.APP_ID}.metainfo.xml").getroot()
    for image in root.iterfind("screenshots/screenshot/image"):
        assert (PACKAGING / "screenshots" / Path(image.text or "").name).exists()
    for size in icons.PNG_SIZES:
        assert QtGui.QImage(str(tmp_path / f"icons/hicolor/{size}x{size}/apps/lastvagt.png")).width() == size


@pytest.mark.parametrize(
    ("program", "arguments", "what"),
    [
        ("desktop-file-validate", [], "applications/{}.desktop"),
        ("appstreamcli", ["validate", "--no-net"], "metainfo/{}.metainfo.xml"),
    ],
)
def test_validators_agree(qapp: QtWidgets.QApplication, tmp_path: Path, program: str, arguments: list[str], what: str) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    desktop.write(tmp_path, TODAY)
    told = subprocess.run([program, *arguments, str(tmp_path / what.format(desktop.APP_ID))], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


def test_the_app_bears_the_name_of_its_desktop_entry() -> None:
    source = (PACKAGING.parent / "app" / "__main__.py").read_text(encoding="utf-8")
    assert f'setDesktopFileName("{desktop.APP_ID}")' in source
