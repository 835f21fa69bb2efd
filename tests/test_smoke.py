"""The checks of a frozen program find what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6 import QtGui, QtWidgets

PACKAGING = Path(__file__).parent.parent / "packaging"
sys.path.insert(0, str(PACKAGING))

import smoke  # noqa: E402


def draw(path: Path, text: str = "") -> smoke.Picture:
    image = QtGui.QImage(200, 60, QtGui.QImage.Format.Format_RGB32)
    image.fill(QtGui.QColor("#eef1f4"))
    painter = QtGui.QPainter(image)
    painter.drawText(10, 30, text)
    painter.end()
    assert image.save(str(path))
    return smoke.Picture.read(path)


def test_a_blank_picture_has_no_detail_and_words_have(qapp: QtWidgets.QApplication, tmp_path: Path) -> None:
    blank, words, other = (draw(tmp_path / "a.png", text) for text in ("", "Vestdanmark", "Western Denmark"))
    assert blank.detail < smoke.DETAIL < words.detail
    assert words.rows != other.rows
    (tmp_path / "b.png").write_bytes(b"GIF89a")
    with pytest.raises(smoke.Wrong, match="no PNG"):
        smoke.Picture.read(tmp_path / "b.png")


@pytest.fixture
def place(tmp_path: Path) -> smoke.Place:
    for name in ("program", "home/.config", "tmp", "work"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "program" / "lastvagt-engine").write_text("#!/bin/sh\necho lastvagt-engine 1.2\nexit 2\n")
    (tmp_path / "program" / "lastvagt-engine").chmod(0o755)
    return smoke.Place(tmp_path / "program", tmp_path)


def test_what_is_written_elsewhere_is_found(place: smoke.Place) -> None:
    before = smoke.files(place.program)
    (place.folder / "home" / ".config" / "window.json").touch()
    assert ".config/window.json" in smoke.nothing_elsewhere(place, before)
    for path, told in (
        ("tmp/_MEI1/x", "left in tmp"),
        ("work/core", "left in work"),
        ("home/x", "home"),
        ("program/new", "changed"),
    ):
        (place.folder / path).parent.mkdir(exist_ok=True)
        (place.folder / path).touch()
        with pytest.raises(smoke.Wrong, match=told):
            smoke.nothing_elsewhere(place, before)
        (place.folder / path).unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is a shell script")
def test_another_exit_code_is_found(place: smoke.Place, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(smoke.Wrong, match="ended with 2, not 0"):
        smoke.versions(place)
    assert "1.2" in place.run("lastvagt-engine", "dance", code=2)
    assert not smoke.passes("versions", lambda: smoke.versions(place))
    assert capsys.readouterr().out.startswith("FAIL")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces are of Linux alone")
def test_who_calls_other_machines_is_found() -> None:
    code = f"""if True:
        import socket, sys
        from pathlib import Path
        sys.path.insert(0, {str(PACKAGING)!r})
        import smoke
        told, counted = smoke.isolate(Path({str(PACKAGING)!r}))
        if not counted:
            sys.exit(told)
        listener = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(listener.getsockname()).close()
        assert smoke.loopback_only()
        for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
            before = smoke.sent_elsewhere()
            assert socket.socket(family).connect_ex((address, 443))
            assert smoke.sent_elsewhere() > before, address"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if "namespaces are refused" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
